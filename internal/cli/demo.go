package cli

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/daemon"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// What the demo shows.
const (
	demoReceivers = 4
	demoBytes     = 32 << 20
	demoPatience  = 3 * time.Minute // a slow machine, busy with other things
)

func (a *app) demo() *cobra.Command {
	var loss float64
	c := &cobra.Command{
		Use:   "demo",
		Short: "A server and four receivers with packet loss on this machine, to the verified end",
		Args:  cobra.NoArgs,
		Long: `Runs a server and four receivers on this machine over real sockets on loopback, with packet loss
injected at each receiver, and walks the whole workflow: group, accounts, log in, ask, approve, add
pending files, send, verify. Everything lies in a temporary folder that is removed at the end.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.runDemo(c.Context(), loss) },
	}
	c.Flags().Float64Var(&loss, "loss", 5, "percent of packets that each receiver loses")
	return c
}

// demo is the stage of the demo.
type demo struct {
	*app
	dir   string
	admin *apiclient.Client
	url   string
	pin   string
	loss  float64
	mu    sync.Mutex // of what the receivers say
}

func (a *app) runDemo(ctx context.Context, loss float64) (err error) {
	dir, err := os.MkdirTemp("", "gcdemo")
	if err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithTimeoutCause(ctx, demoPatience, errors.New("the demo took too long on this machine"))
	defer cancel()
	d := &demo{app: a, dir: dir, loss: loss}
	var daemons sync.WaitGroup
	defer daemons.Wait()
	defer cancel()
	if err := d.startServer(ctx, &daemons); err != nil {
		return err
	}
	defer d.admin.Close()
	err = d.walk(ctx, &daemons)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// quiet is the app as the demo's daemons and commands see it: what they print is the demo's
// to tell.
func (d *demo) quiet(home string) *app {
	return &app{
		home: filepath.Join(d.dir, home), verbose: d.verbose,
		Streams: terminal.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard},
	}
}

func (d *demo) tell(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.JSON {
		fmt.Fprintf(d.Out, format+"\n", args...)
	}
}

func (d *demo) startServer(ctx context.Context, daemons *sync.WaitGroup) error {
	q := d.quiet("server")
	h, err := q.openHome()
	if err != nil {
		return err
	}
	port, err := freePort()
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

// freePort finds a port that is free for TCP and UDP now. Until it is used nobody else is likely
// to get it: it is below those that systems give to outgoing connections.
func freePort() (int, error) {
	for range 20 {
		port := 20_000 + mathrand.IntN(12_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err := errors.Join(l.Close(), err); err != nil {
			continue
		}
		return port, u.Close()
	}
	return 0, errors.New("no port is free for TCP and UDP")
}

// walk is the workflow, as its users do it.
func (d *demo) walk(ctx context.Context, daemons *sync.WaitGroup) error {
	g, err := d.admin.CreateGroup(ctx, groupcast.NewGroup{Name: "lab"})
	if err != nil {
		return err
	}
	d.tell("2. The administrator makes the group %s at %s", g.Name, g.Address)
	if err := d.enrol(ctx, daemons); err != nil {
		return err
	}
	path, sum, err := d.material()
	if err != nil {
		return err
	}
	start := time.Now()
	t, err := d.admin.AddTransfer(ctx,
		groupcast.NewTransfer{Group: "lab", Paths: []string{path, filepath.Join(d.dir, "course")}, Hold: true})
	if err != nil {
		return err
	}
	d.tell("5. Pending for the group: %s and a folder, %s in %s", t.Name, ui.Size(t.Bytes), ui.Contents(t))
	d.tell("6. Send it: encrypted, one copy by multicast, %g %% of the packets lost at each receiver", d.loss)
	if _, err := d.admin.SendPending(ctx, "lab"); err != nil {
		return err
	}
	if t, err = d.untilDone(ctx, t); err != nil {
		return err
	}
	return d.conclude(t, sum, time.Since(start))
}

// enrol makes the users, logs their machines in, has them ask, and approves.
func (d *demo) enrol(ctx context.Context, daemons *sync.WaitGroup) error {
	for i := 1; i <= demoReceivers; i++ {
		user, pw := fmt.Sprintf("pc%d", i), rand.Text()
		if _, err := d.admin.AddUser(ctx, groupcast.NewUser{Name: user, Password: groupcast.Password(pw)}); err != nil {
			return err
		}
		q := d.quiet(user)
		q.In = strings.NewReader(pw + "\n")
		if err := q.logIn(ctx, d.url, loginOptions{user: user, trust: d.pin, stdin: true}); err != nil {
			return err
		}
		if err := d.join(ctx, q); err != nil {
			return err
		}
		if err := d.startAgent(ctx, q, user, daemons); err != nil {
			return err
		}
	}
	d.tell("3. Four users log in, each on a machine of his own, check the fingerprint and ask to join")
	for i := 1; i <= demoReceivers; i++ {
		if _, err := d.admin.Approve(ctx, "lab", fmt.Sprintf("pc%d", i)); err != nil {
			return err
		}
	}
	d.tell("4. The administrator approves; the receivers are up")
	return d.until(ctx, func() (bool, error) {
		g, err := d.admin.Group(ctx, "lab")
		return g.Active == demoReceivers, err
	})
}

func (d *demo) join(ctx context.Context, q *app) error {
	client, err := q.own()
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Join(ctx, "lab", "")
	return err
}

func (d *demo) startAgent(ctx context.Context, q *app, user string, daemons *sync.WaitGroup) error {
	h, login, err := q.loggedIn()
	if err != nil {
		return err
	}
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
		_ = q.runAgent(ctx, h, login, cfg, false) // what goes wrong shows in what the demo waits for
	})
	return nil
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
	if _, err := io.CopyN(io.MultiWriter(f, h), rand.Reader, demoBytes); err != nil {
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

// conclude compares what lies on the receivers' disks with what was sent, and the wire with N
// copies.
func (d *demo) conclude(t groupcast.Transfer, sum [32]byte, took time.Duration) error {
	for i := 1; i <= demoReceivers; i++ {
		dir := filepath.Join(d.dir, fmt.Sprintf("pc%d-files", i), "lab")
		have, err := digestOf(filepath.Join(dir, "image.bin"))
		if err != nil {
			return err
		}
		if have != sum {
			return groupcast.Errorf(groupcast.EInternal, "pc%d has a wrong file", i)
		}
		if lessons, err := os.ReadDir(filepath.Join(dir, "course")); err != nil || len(lessons) != 20 {
			return groupcast.Errorf(groupcast.EInternal, "pc%d has %d of 20 lessons", i, len(lessons)).Wrap(err)
		}
	}
	copies := t.Bytes * demoReceivers
	if d.JSON {
		return d.PrintJSON(map[string]any{
			"receivers": demoReceivers, "bytes": t.Bytes, "wire_bytes": t.WireBytes, "https_bytes": t.HTTPSBytes,
			"copies_bytes": copies,
			"loss_percent": d.loss, "seconds": took.Seconds(), "verified": true,
		})
	}
	d.tell("7. All four have every file, digests equal. %s", took.Round(10*time.Millisecond))
	d.tell("   On the wire: %s once (×%.2f of the files, repair and encryption included); four copies would have been %s",
		ui.Size(t.WireBytes+t.HTTPSBytes), float64(t.WireBytes+t.HTTPSBytes)/float64(t.Bytes), ui.Size(copies))
	return nil
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
