// Package demo walks the whole workflow on one machine, over real sockets on loopback with packets
// lost at each receiver: a server, users, receivers, a transfer, and a check of the files on the disks.
package demo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/daemon"
	"github.com/groupcast/groupcast/internal/device"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// What is shown.
const (
	receivers  = 4
	imageBytes = 32 << 20
	patience   = 3 * time.Minute // a slow machine, busy with other things
)

// Outcome is what the demo came to.
type Outcome struct {
	Receivers   int     `json:"receivers"`
	Bytes       uint64  `json:"bytes"`
	WireBytes   uint64  `json:"wire_bytes"`
	HTTPSBytes  uint64  `json:"https_bytes"`
	CopiesBytes uint64  `json:"copies_bytes"` // what a copy for each would have been
	LossPercent float64 `json:"loss_percent"`
	Seconds     float64 `json:"seconds"`
	Verified    bool    `json:"verified"`
}

// demo is the stage.
type demo struct {
	dir   string
	admin *apiclient.Client
	url   string
	pin   string
	loss  float64
	say   func(line string)
	mu    sync.Mutex // of what the receivers say
}

// Run does the steps and prints each. Everything is in a temporary folder, which is removed.
func Run(ctx context.Context, loss float64, say func(line string)) (out Outcome, err error) {
	dir, err := os.MkdirTemp("", "gcdemo")
	if err != nil {
		return out, fmt.Errorf("make the demo's folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("the demo took too long on this machine"))
	defer cancel()
	d := &demo{dir: dir, loss: loss, say: say}
	var daemons sync.WaitGroup
	defer daemons.Wait()
	defer cancel()
	if err := d.startServer(ctx, &daemons); err != nil {
		return out, err
	}
	defer d.admin.Close()
	out, err = d.walk(ctx, &daemons)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return out, err
}

func (d *demo) tell(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.say(fmt.Sprintf(format, args...))
}

func (d *demo) startServer(ctx context.Context, daemons *sync.WaitGroup) error {
	h, err := home.Open(filepath.Join(d.dir, "server"))
	if err != nil {
		return err
	}
	port, err := daemon.FreePort()
	if err != nil {
		return err
	}
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	s, err := daemon.Open(ctx, h, daemon.Options{Listen: listen, TTL: 1}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	daemons.Go(func() {
		_ = errors.Join(s.Run(ctx, nil), s.Close()) // what goes wrong shows in what the demo waits for
	})
	d.admin, d.url, d.pin = apiclient.Local(h.Socket()), "https://"+listen, s.ID().String()
	d.tell("1. A server on %s, with a CA of its own; fingerprint %s…", listen, d.pin[:16])
	return nil
}

// walk is the workflow, as its users do it.
func (d *demo) walk(ctx context.Context, daemons *sync.WaitGroup) (out Outcome, err error) {
	g, err := d.admin.CreateGroup(ctx, groupcast.NewGroup{Name: "lab"})
	if err != nil {
		return out, err
	}
	d.tell("2. The administrator makes the group %s at %s", g.Name, g.Address)
	if err := d.enrol(ctx, daemons); err != nil {
		return out, err
	}
	path, sum, err := d.material()
	if err != nil {
		return out, err
	}
	start := time.Now()
	t, err := d.admin.AddTransfer(ctx,
		groupcast.NewTransfer{Group: "lab", Paths: []string{path, filepath.Join(d.dir, "course")}, Hold: true})
	if err != nil {
		return out, err
	}
	d.tell("5. Pending for the group: %s and a folder, %s in %s", t.Name, ui.Size(t.Bytes), ui.Contents(t))
	d.tell("6. Send it: encrypted, one copy by multicast, %g %% of the packets lost at each receiver", d.loss)
	if _, err := d.admin.SendPending(ctx, "lab"); err != nil {
		return out, err
	}
	if t, err = d.untilDone(ctx, t); err != nil {
		return out, err
	}
	return d.conclude(t, sum, time.Since(start))
}

// enrol makes the users, logs their machines in, has them ask, and approves.
func (d *demo) enrol(ctx context.Context, daemons *sync.WaitGroup) error {
	for i := 1; i <= receivers; i++ {
		user, pw := fmt.Sprintf("pc%d", i), rand.Text()
		if _, err := d.admin.AddUser(ctx, groupcast.NewUser{Name: user, Password: groupcast.Password(pw)}); err != nil {
			return err
		}
		machine := device.Machine{Home: filepath.Join(d.dir, user), Warn: func(string) {}, Note: func(string) {}}
		if err := d.join(ctx, machine, user, groupcast.Password(pw)); err != nil {
			return err
		}
		d.startAgent(ctx, machine, user, daemons)
	}
	d.tell("3. Four users log in, each on their own machine, check the fingerprint and ask to join")
	for i := 1; i <= receivers; i++ {
		if _, err := d.admin.Approve(ctx, "lab", fmt.Sprintf("pc%d", i)); err != nil {
			return err
		}
	}
	d.tell("4. The administrator approves; the receivers are up")
	return d.until(ctx, func() (bool, error) {
		g, err := d.admin.Group(ctx, "lab")
		return g.Active == receivers, err
	})
}

// join logs a machine in and asks to join the group.
func (d *demo) join(ctx context.Context, machine device.Machine, user string, pw groupcast.Password) error {
	_, err := machine.LogIn(ctx, device.Login{
		Address: d.url, Trust: d.pin, User: user,
		Password: func(string) (groupcast.Password, error) { return pw, nil },
	})
	if err != nil {
		return err
	}
	client, err := machine.Own()
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Join(ctx, "lab", "")
	return err
}

func (d *demo) startAgent(ctx context.Context, machine device.Machine, user string, daemons *sync.WaitGroup) {
	cfg := agent.Config{
		Dir: filepath.Join(d.dir, user+"-files"), Reserve: -1, Drop: receiver.Loss(d.loss, uint64(len(user)+int(user[2]))),
		Log: slog.New(slog.DiscardHandler),
		Say: func(l agent.Line) {
			if l.Kind == "done" || l.Kind == "failed" || l.Kind == "refused" {
				d.tell("   %s  %s", user, ui.Clean(l.Text))
			}
		},
	}
	daemons.Go(func() {
		_ = machine.Receive(ctx, cfg, false, false) // what goes wrong shows in what the demo waits for
	})
}

// material makes fresh random content: a large file and a small folder.
func (d *demo) material() (path string, sum [32]byte, err error) {
	path = filepath.Join(d.dir, "image.bin")
	f, err := os.Create(path)
	if err != nil {
		return "", sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, h), rand.Reader, imageBytes); err != nil {
		return "", sum, err
	}
	for i := range 20 {
		name := filepath.Join(d.dir, "course", fmt.Sprintf("lesson-%02d.txt", i+1))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return "", sum, err
		}
		if err := os.WriteFile(name, []byte(strings.Repeat("lesson\n", 50+i)), 0o644); err != nil {
			return "", sum, err
		}
	}
	return path, [32]byte(h.Sum(nil)), nil
}

func (d *demo) untilDone(ctx context.Context, t groupcast.Transfer) (groupcast.Transfer, error) {
	last := -1
	err := d.until(ctx, func() (done bool, err error) {
		if t, err = d.admin.Transfer(ctx, t.No); err != nil {
			return false, err
		}
		if s := t.Session; s != nil && int(s.Progress*10) != last {
			last = int(s.Progress * 10)
			d.tell("   %3.0f %%  %s, loss %.1f %%", 100*s.Progress, units.FormatRate(s.Rate), s.LossPercent)
		}
		if t.State == groupcast.TransferFailed {
			return false, groupcast.Errorf(groupcast.EInternal, "the transfer failed: %s", t.Reason)
		}
		return t.State == groupcast.TransferDone, nil
	})
	return t, err
}

func (d *demo) until(ctx context.Context, ok func() (bool, error)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// conclude compares the files on the receivers' disks with what was sent, and the traffic with that of N
// copies.
func (d *demo) conclude(t groupcast.Transfer, sum [32]byte, took time.Duration) (out Outcome, err error) {
	for i := 1; i <= receivers; i++ {
		dir := filepath.Join(d.dir, fmt.Sprintf("pc%d-files", i), "lab")
		have, err := digestOf(filepath.Join(dir, "image.bin"))
		if err != nil {
			return out, err
		}
		if have != sum {
			return out, groupcast.Errorf(groupcast.EInternal, "pc%d has a wrong file", i)
		}
		if lessons, err := os.ReadDir(filepath.Join(dir, "course")); err != nil || len(lessons) != 20 {
			return out, groupcast.Errorf(groupcast.EInternal, "pc%d has %d of 20 lessons", i, len(lessons)).Wrap(err)
		}
	}
	copies := t.Bytes * receivers
	out = Outcome{
		Receivers: receivers, Bytes: t.Bytes, WireBytes: t.WireBytes, HTTPSBytes: t.HTTPSBytes, CopiesBytes: copies,
		LossPercent: d.loss, Seconds: took.Seconds(), Verified: true,
	}
	d.tell("7. All four have every file, digests equal. %s", took.Round(10*time.Millisecond))
	d.tell("   On the wire: %s once (×%.2f of the files, repair and encryption included); four copies would have been %s",
		ui.Size(t.WireBytes+t.HTTPSBytes), float64(t.WireBytes+t.HTTPSBytes)/float64(t.Bytes), ui.Size(copies))
	return out, nil
}

func digestOf(path string) (sum [32]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return [32]byte(h.Sum(nil)), nil
}
