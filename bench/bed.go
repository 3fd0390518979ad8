package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/groupcast/groupcast/bench/relay"
	"github.com/groupcast/groupcast/test/netlab"
)

// bed is what one run uses: a lab, a folder on tmpfs, files never seen before.
type bed struct {
	ctx    context.Context
	cancel context.CancelFunc
	alarm  *time.Timer // ends the context
	cell   cell
	lab    *netlab.Lab
	dir    string
	load   payload
	images images // of a delta
	procs  []*exec.Cmd
	meter  *exec.Cmd // stays on the sender's host, so that the counters of its card can be read
}

func newBed(ctx context.Context, c cell, kind string) (*bed, error) {
	network := labOf(c)
	if kind == "aria2" { // its receivers send to one another
		network.Uplinks = network.Rate
	}
	lab, err := netlab.Up(network)
	if err != nil {
		return nil, err
	}
	base := "/dev/shm"
	if c.Disk {
		base = "/var/tmp"
	}
	dir, err := os.MkdirTemp(base, "gcb")
	if err != nil {
		lab.Down()
		return nil, err
	}
	b := &bed{cell: c, lab: lab, dir: dir}
	b.ctx, b.cancel = context.WithCancel(ctx)
	b.alarm = time.AfterFunc(preparing+c.patience(), b.cancel)
	if b.load, b.images, err = newContent(dir, c); err != nil {
		b.close()
		return nil, err
	}
	if err := b.startMeter(); err != nil {
		b.close()
		return nil, err
	}
	if c.Line != nil {
		if err := b.relay(*c.Line); err != nil {
			b.close()
			return nil, err
		}
	}
	return b, nil
}

// preparing is how long it may take until the clock starts; from then on a cell's patience counts.
const preparing = 2 * time.Minute

// labOf is the network that a cell needs.
func labOf(c cell) netlab.Config {
	cfg := netlab.Config{
		Name: labName, Receivers: c.N, Rate: c.Wire, Loss: c.Loss, GRO: true, LoseTCP: true,
		Burst: c.Burst, PortRate: c.Port, PortQueue: c.Queue, Relay: c.Line != nil,
		Segmentation: c.Segmentation,
	}
	if c.Wire == "none" {
		cfg.Rate = ""
	}
	switch c.Trouble {
	case "slowport":
		cfg.SlowPort = map[int]string{c.N: "20mbit"}
	case "lossy":
		cfg.LossAt = map[int]float64{c.N: 30}
	}
	return cfg
}

// relay starts the program that carries the frames of the long line.
func (b *bed) relay(l relay.Config) error {
	_, log, err := b.start("x", self(), "relay", "-delay", l.Delay.String(), "-jitter", l.Jitter.String(), "-reorder",
		fmt.Sprint(l.Reorder),
		"-late", l.Late.String(), "-burst-begins", fmt.Sprint(l.GoodToBad), "-burst-ends", fmt.Sprint(l.BadToGood))
	if err != nil {
		return err
	}
	return b.await(log, "ready")
}

// self is this very program, for the parts of it that run on the lab's hosts.
func self() string {
	exe, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return exe
}

// close ends what is still running by its own id and removes lab and folder.
func (b *bed) close() {
	offspring := b.offspring()
	for i := len(b.procs) - 1; i >= 0; i-- {
		stop(b.procs[i])
	}
	endOrphans(offspring)
	b.alarm.Stop()
	b.cancel()
	b.lab.Down()
	_ = os.RemoveAll(b.dir)
}

// offspring are the processes that those of the bed have started, each with its parent.
func (b *bed) offspring() map[int]int {
	all, from, parents := processes(), map[int]bool{}, map[int]int{}
	for _, p := range b.procs {
		if p.ProcessState == nil {
			from[p.Process.Pid] = true
		}
	}
	for pid := range all {
		if !from[pid] && all.descends(pid, from) {
			parents[pid] = all[pid].parent
		}
	}
	return parents
}

// endOrphans ends those of these processes that have outlived who started them: a server's process for
// a client that was broken off waits for it for ever.
func endOrphans(parents map[int]int) {
	all := processes()
	for pid, parent := range parents {
		_, inFamily := parents[parent]
		if st, there := all[pid]; there && (inFamily || st.parent != parent) {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill() // it may have ended meanwhile
			}
		}
	}
}

func stop(cmd *exec.Cmd) {
	if cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait()
}

// out makes receiver i's folder.
func (b *bed) out(i int) string {
	dir := filepath.Join(b.dir, "r"+strconv.Itoa(i))
	_ = os.MkdirAll(dir, 0o755) // a failure shows as a missing file
	return dir
}

// command prepares a command on a host.
func (b *bed) command(host string, argv ...string) *exec.Cmd {
	cmd := b.lab.Command(b.ctx, host, argv...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "GROUPCAST_HOME="+filepath.Join(b.dir, "home-"+host), "NO_COLOR=1")
	return cmd
}

// start starts a command that stays up; its output goes to a log that await can look at.
func (b *bed) start(host string, argv ...string) (*exec.Cmd, string, error) {
	log := filepath.Join(b.dir, fmt.Sprintf("log-%s-%d", host, len(b.procs)))
	f, err := os.Create(log)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	cmd := b.command(host, argv...)
	cmd.Stdout, cmd.Stderr = f, f
	bound(cmd)
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	b.procs = append(b.procs, cmd)
	return cmd, log, nil
}

func (b *bed) await(log, text string) error {
	for b.ctx.Err() == nil {
		if have, _ := os.ReadFile(log); bytes.Contains(have, []byte(text)) {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	have, _ := os.ReadFile(log)
	return fmt.Errorf("no %q in: %s", text, tail(have))
}

func tail(b []byte) string {
	if len(b) > 400 {
		b = b[len(b)-400:]
	}
	return string(bytes.TrimSpace(b))
}

// peak is a process's largest resident memory in bytes.
func peak(cmd *exec.Cmd) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	var kb uint64
	_, _ = fmt.Sscanf(after, "%d", &kb)
	return kb << 10
}
