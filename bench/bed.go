package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/groupcast/groupcast/test/netlab"
)

// bed is what one run lies on: a lab, a folder on tmpfs, a file never seen before.
type bed struct {
	ctx    context.Context
	cancel context.CancelFunc
	cell   cell
	lab    *netlab.Lab
	dir    string
	file   string
	sum    [32]byte
	procs  []*exec.Cmd
}

func newBed(ctx context.Context, c cell) (*bed, error) {
	wire := c.Wire
	if wire == "none" {
		wire = ""
	}
	lab, err := netlab.Up(netlab.Config{Name: "gcbench", Receivers: c.N, Rate: wire, Loss: c.Loss, GRO: true})
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/dev/shm", "gcb")
	if err != nil {
		lab.Down()
		return nil, err
	}
	b := &bed{cell: c, lab: lab, dir: dir}
	b.ctx, b.cancel = context.WithTimeout(ctx, patience)
	if b.file, b.sum, err = randomFile(dir, int64(c.MiB)<<20); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func randomFile(dir string, size int64) (path string, sum [32]byte, err error) {
	path = filepath.Join(dir, "data.bin")
	f, err := os.Create(path)
	if err != nil {
		return "", sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, h), rand.Reader, size); err != nil {
		return "", sum, err
	}
	return path, [32]byte(h.Sum(nil)), nil
}

// close ends what is still running by its own id and removes lab and folder.
func (b *bed) close() {
	for i := len(b.procs) - 1; i >= 0; i-- {
		stop(b.procs[i])
	}
	b.cancel()
	b.lab.Down()
	_ = os.RemoveAll(b.dir)
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

// clock measures one piece of work: time, CPU of the whole machine, bytes on the wire.
type clock struct {
	b     *bed
	start time.Time
	cpu   float64
	sent  uint64
}

func (b *bed) clock() (*clock, error) {
	if err := b.warm(); err != nil {
		return nil, err
	}
	sent, err := b.lab.SentBytes()
	if err != nil {
		return nil, err
	}
	return &clock{b: b, start: time.Now(), cpu: busy(), sent: sent}, nil
}

// warm has the machine's host hand over the memory that the receivers' files will need: on a
// virtual machine the first touch of a page that was given back costs ten times the copy,
// and whichever tool runs first would pay for it.
func (b *bed) warm() error {
	path := filepath.Join(b.dir, "warm")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer f.Close()
	zero := make([]byte, 1<<20)
	for range b.cell.MiB * (b.cell.N + 1) {
		if _, err := f.Write(zero); err != nil {
			return err
		}
	}
	return nil
}

func (c *clock) stop(r *result, end time.Time) error {
	r.Seconds = end.Sub(c.start).Seconds()
	r.CPU = busy() - c.cpu
	sent, err := c.b.lab.SentBytes()
	r.Wire = float64(sent-c.sent) / float64(int64(c.b.cell.MiB)<<20)
	return err
}

// busy is the CPU seconds that the whole machine has used.
func busy() float64 {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	var total float64
	for i, f := range strings.Fields(strings.SplitN(string(text), "\n", 2)[0])[1:9] {
		if i == 3 || i == 4 || i == 7 { // idle, waiting for disks, stolen
			continue
		}
		v, _ := strconv.ParseFloat(f, 64)
		total += v
	}
	return total / 100
}

// landed waits until the paths exist in full and gives the moment when the last one did.
func (b *bed) landed(paths []string) (time.Time, error) {
	want := int64(b.cell.MiB) << 20
	for b.ctx.Err() == nil {
		all := true
		for _, p := range paths {
			if fi, err := os.Stat(p); err != nil || fi.Size() != want {
				all = false
				break
			}
		}
		if all {
			return time.Now(), nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Time{}, fmt.Errorf("not everyone had it within %v", patience)
}

// compare checks every receiver's file by its digest, outside the measured time.
func (b *bed) compare(paths []string) error {
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return err
		}
		if [32]byte(h.Sum(nil)) != b.sum {
			return fmt.Errorf("%s differs from what was sent", p)
		}
	}
	return nil
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
