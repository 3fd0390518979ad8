package agent_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/httpapi"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/server"
	"github.com/groupcast/groupcast/internal/store/sqlite"
)

// A call that hangs does so for as long as a test looks, and an agent that ends does not wait for it. Those tests that
// run side by side wait for pauses of the agent, not for the machine.
func TestMain(m *testing.M) {
	agent.SetTimes(patience, time.Second)
	goleak.VerifyTestMain(m)
}

// patience is for a slow machine with the race detector and much else to do.
const patience = time.Minute

var local = groupcast.Principal{Local: true, From: "test"}

// world is a whole server on loopback: database, keys, sockets, API.
type world struct {
	t         *testing.T
	dir       string
	authority *pki.Authority
	server    *server.Server
	address   string
	group     string
	stop      func()
	speaks    *groupcast.Speaks        // what the server says of itself, if it is not the truth
	spoken    groupcast.Speaks         // what the server speaks; zero: what this program does
	newer     bool                     // offers come in an encoding that no device reads
	forge     func(*groupcast.Offered) // changes every offer, if it is set
	list      func() io.Reader         // gives manifests instead of the server, if it is set; nil goes on
	receipt   func() error             // answers receipts before the server does, if it is set; nil goes on
	ready     func(groupcast.Ready)    // hears what devices say to offers before the server does, if it is set
	tamper    tampered                 // changes what the server answers about paged transfers, if it is set
	hung      hung
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "gc")
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := &world{t: t, dir: dir, group: "lab"}
	w.start("127.0.0.1:0")
	_, err = w.server.CreateGroup(t.Context(), local, groupcast.NewGroup{Name: w.group})
	check(t, err)
	return w
}

// between stands between the API and the server.
type between struct {
	groupcast.Service
	w *world
}

func (b between) AgentEvents(
	ctx context.Context, p groupcast.Principal, a groupcast.Attach,
) (groupcast.AgentStream, error) {
	s, err := b.Service.AgentEvents(ctx, p, a)
	return fromTomorrow{s, b.w.newer, b.w.speaks, b.w.forge}, err
}

func (b between) AgentState(ctx context.Context, p groupcast.Principal) (groupcast.AgentState, error) {
	if err := b.w.hung.wait(ctx, p, "state"); err != nil {
		return groupcast.AgentState{}, err
	}
	s, err := b.Service.AgentState(ctx, p)
	for i := range s.Offers {
		if b.w.newer {
			s.Offers[i].Offer = []byte{9}
		}
		if b.w.forge != nil {
			b.w.forge(&s.Offers[i])
		}
	}
	return s, err
}

type fromTomorrow struct {
	groupcast.AgentStream
	newer  bool
	speaks *groupcast.Speaks
	forge  func(*groupcast.Offered)
}

func (f fromTomorrow) Next(ctx context.Context) (groupcast.AgentEvent, error) {
	e, err := f.AgentStream.Next(ctx)
	if f.speaks != nil && e.Kind == groupcast.AgentHello {
		e.Server = f.speaks
	}
	if f.forge != nil && e.Offer != nil {
		o := *e.Offer
		f.forge(&o)
		e.Offer = &o
	}
	if f.newer && e.Offer != nil {
		o := *e.Offer
		o.Offer = []byte{9}
		e.Offer = &o
	}
	return e, err
}

func (b between) Manifest(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (io.ReadCloser, error) {
	if b.w.list != nil {
		if r := b.w.list(); r != nil {
			return io.NopCloser(r), nil
		}
	}
	return b.Service.Manifest(ctx, p, no)
}

func (b between) Receipt(ctx context.Context, p groupcast.Principal, r groupcast.Receipt) error {
	if err := b.w.hung.wait(ctx, p, "receipt"); err != nil {
		return err
	}
	if b.w.receipt != nil {
		if err := b.w.receipt(); err != nil {
			return err
		}
	}
	return b.Service.Receipt(ctx, p, r)
}

// start opens the server's home and serves it; stop ends it and waits.
func (w *world) start(listen string) {
	w.t.Helper()
	home := filepath.Join(w.dir, "s")
	check(w.t, os.MkdirAll(home, 0o700))
	var err error
	w.authority, err = pki.Open(pki.Options{Folder: home, Hosts: pki.LocalHosts()})
	check(w.t, err)
	db, err := sqlite.Open(w.t.Context(), filepath.Join(home, "db.sqlite"))
	check(w.t, err)
	endpoint, err := sender.OpenEndpoint(sender.EndpointConfig{
		Interface: "127.0.0.1", Feedback: netip.MustParseAddrPort("127.0.0.1:0"),
	})
	check(w.t, err)
	w.server, err = server.New(server.Config{
		Home: w.dir, Dir: home, Store: db, Identity: w.authority, Passwords: auth.NewPasswords(time.Now), Endpoint: endpoint,
		Interface: "lo", Gather: 50 * time.Millisecond, GatherMax: 200 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Speaks: w.spoken,
	})
	check(w.t, err)
	api, err := httpapi.Listen(httpapi.Config{
		Service: between{w.server, w}, Listen: listen, TLS: w.authority.ServerTLS(), Knows: w.authority.KnowsHost,
		Log: slog.New(slog.DiscardHandler),
	})
	check(w.t, err)
	w.address = api.Addr().(*net.TCPAddr).String()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, run := range []func(context.Context) error{endpoint.Run, w.server.Run, api.Serve} {
		all.Go(func() {
			if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				w.t.Errorf("server: %v", err)
			}
		})
	}
	w.stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
		if err := errors.Join(endpoint.Close(), db.Close()); err != nil {
			w.t.Errorf("closing the server: %v", err)
		}
	})
	w.t.Cleanup(w.stop)
}

// device is one machine: a login, a ledger, a folder, and what its agent says.
type device struct {
	w      *world
	name   string
	cfg    agent.Config
	in     groupcast.LoggedIn
	mu     sync.Mutex
	lines  []agent.Line
	cancel context.CancelFunc
	err    error
	over   chan struct{}
}

// enrol makes a user, a member if asked, and logs a machine of his in.
func (w *world) enrol(name string, member bool) *device {
	w.t.Helper()
	ctx := w.t.Context()
	pw := groupcast.Password(rand.Text())
	_, err := w.server.AddUser(ctx, local, groupcast.NewUser{Name: name, Password: pw})
	check(w.t, err)
	if member {
		_, err = w.server.AddMember(ctx, local, w.group, name)
		check(w.t, err)
	}
	key := seal.NewSigningKey()
	pin := pki.Pin{ID: w.authority.ID()}
	client, err := apiclient.New(apiclient.Config{Address: w.address, Pin: pin})
	check(w.t, err)
	w.t.Cleanup(client.Close)
	in, err := client.Login(ctx, groupcast.Login{
		User: name, Password: pw, Device: name, PublicKey: key.Public().Bytes(), OS: "test",
		Version: groupcast.Version, ControlVersion: groupcast.ControlVersion, WireVersion: 1,
	})
	check(w.t, err)
	book, err := ledger.Open(ctx, filepath.Join(w.dir, name+".sqlite"), time.Now)
	check(w.t, err)
	w.t.Cleanup(func() { check(w.t, book.Close()) })
	d := &device{w: w, name: name, in: in}
	d.cfg = agent.Config{
		Client: client.WithToken(apiclient.Token(in.AgentToken)), Address: "https://" + w.address, Server: w.authority.ID(),
		Device: in.Device.ID,
		Key:    key, Ledger: book, Dir: filepath.Join(w.dir, name), Reserve: -1, VerifySigning: pin.VerifySigningLeaf,
		Say: d.hear,
	}
	check(w.t, os.Mkdir(d.cfg.Dir, 0o755))
	return d
}

// older makes a device's agent speak format 1 only.
func (d *device) older() *device {
	d.cfg.Attach.Speaks = groupcast.Spoken()
	d.cfg.Attach.Speaks.Wire = groupcast.Versions{Least: 1, Most: 1}
	return d
}

func (d *device) hear(l agent.Line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, l)
}

// run starts the agent and waits until it is attached.
func (d *device) run() *device {
	d.w.t.Helper()
	before := d.count("connected")
	d.launch()
	d.w.await(d.name+" to be connected", func() bool { return d.count("connected") > before })
	return d
}

func (d *device) launch() {
	d.w.t.Helper()
	g, err := agent.New(d.cfg)
	check(d.w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.over = cancel, make(chan struct{})
	go func(over chan struct{}) {
		defer close(over)
		d.err = g.Run(ctx)
	}(d.over)
	d.w.t.Cleanup(func() { d.end() })
}

// end stops the agent and gives what Run returned.
func (d *device) end() error {
	d.cancel()
	return d.wait()
}

func (d *device) wait() error {
	select {
	case <-d.over:
		return d.err
	case <-time.After(patience):
		return errors.New("the agent does not end")
	}
}

func (d *device) count(kind string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, l := range d.lines {
		if l.Kind == kind {
			n++
		}
	}
	return n
}

// said gives the last line of a kind.
func (d *device) said(kind string) (last agent.Line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lines {
		if l.Kind == kind {
			last = l
		}
	}
	return last
}

func (d *device) has(path string, want []byte) bool {
	have, err := os.ReadFile(filepath.Join(d.cfg.Dir, d.w.group, path))
	return err == nil && bytes.Equal(have, want)
}

func (w *world) await(what string, ok func() bool) {
	w.t.Helper()
	if !within(patience, ok) {
		w.t.Fatalf("gave up waiting for %s", what)
	}
}

// within tries for some time, and once more after it: the machine may have stood still.
func within(d time.Duration, ok func() bool) bool {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	time.Sleep(100 * time.Millisecond)
	return ok()
}

// file writes fresh random content to the server's disk.
func (w *world) file(name string, size int) (string, []byte) {
	w.t.Helper()
	data := make([]byte, size)
	rand.Read(data)
	path := filepath.Join(w.t.TempDir(), name)
	check(w.t, os.WriteFile(path, data, 0o644))
	return path, data
}

func (w *world) send(n groupcast.NewTransfer) groupcast.Transfer {
	w.t.Helper()
	n.Group = w.group
	t, err := w.server.AddTransfer(w.t.Context(), local, n)
	check(w.t, err)
	return t
}

func (w *world) delivery(t groupcast.Transfer, user string) groupcast.Delivery {
	w.t.Helper()
	all, err := rows(w.server.Deliveries(w.t.Context(), local, t.No, groupcast.Window{}))
	check(w.t, err)
	i := slices.IndexFunc(all, func(d groupcast.Delivery) bool { return d.User == user })
	if i < 0 {
		return groupcast.Delivery{Reason: fmt.Sprintf("%s is owed nothing", user)}
	}
	return all[i]
}

// until waits for the state of a user's delivery.
func (w *world) until(t groupcast.Transfer, user string, want groupcast.DeliveryState) groupcast.Delivery {
	w.t.Helper()
	var d groupcast.Delivery
	if !within(patience, func() bool { d = w.delivery(t, user); return d.State == want }) {
		w.t.Fatalf("%s's delivery is %s (%s), want %s", user, d.State, d.Reason, want)
	}
	return d
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rows gives the rows of a page.
func rows[T any](p groupcast.Page[T], err error) ([]T, error) { return p.Rows, err }
