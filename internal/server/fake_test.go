package server

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/delivery/deliverytest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/selection"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/wire"
)

type fakeIdentity struct{ key seal.SigningKey }

func (fakeIdentity) ID() protocol.ServerID         { return protocol.ServerID{0xaa} }
func (i fakeIdentity) SigningKey() seal.SigningKey { return i.key }
func (fakeIdentity) SigningChain() [][]byte        { return [][]byte{{1}} }

// fakePasswords is quick: the real ones take 26 ms each.
type fakePasswords struct{}

func (fakePasswords) Hash(_ context.Context, pw groupcast.Password) (string, error) {
	sum := sha256.Sum256([]byte(string(pw)))
	return hex.EncodeToString(sum[:]), nil
}

func (p fakePasswords) Verify(ctx context.Context, _, _ string, pw groupcast.Password, hash string) (bool, error) {
	h, err := p.Hash(ctx, pw)
	return h == hash, err
}

// world is a server with a store of its own and sessions without packets.
type world struct {
	ahead atomic.Int64 // how far the server's clock is ahead of the bubble's
	*testing.T
	*Server
	ctx    context.Context
	made   deliverytest.Sessions
	plain  [][]byte
	mu     sync.Mutex
	stop   func()
	dir    string
	key    seal.SigningKey
	real   bool // no bubble, real sessions
	speaks groupcast.Speaks

	witnesses []string                      // of the next boot
	wrap      func(store.Store) store.Store // of the next boot's database; nil: itself
}

// settle waits until nothing moves any more.
func (w *world) settle() {
	if !w.real {
		synctest.Wait()
	}
}

var local = groupcast.Principal{Local: true, Scope: groupcast.ScopeCLI, From: "local"}

func inBubble(t *testing.T, f func(w *world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, dir)
		defer w.shutDown()
		f(w)
	})
}

func newWorld(t *testing.T, dir string) *world {
	t.Helper()
	w := &world{T: t, dir: dir, key: seal.NewSigningKey()}
	w.boot()
	return w
}

// clock is the server's; a test moves it ahead.
func (w *world) clock() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) boot() {
	w.Helper()
	db, err := sqlite.Open(w.T.Context(), filepath.Join(w.dir, "db.sqlite"))
	if err != nil {
		w.Fatal(err)
	}
	var kept store.Store = db
	if w.wrap != nil {
		kept = w.wrap(db)
	}
	s, err := New(Config{Now: w.clock, Home: w.dir, Dir: w.dir, Witnesses: w.witnesses, Speaks: w.speaks, Store: kept, Identity: fakeIdentity{w.key}, Passwords: fakePasswords{}, Log: slog.New(slog.NewTextHandler(w.T.Output(), nil))})
	if err != nil {
		w.Fatal(err)
	}
	w.Server = s
	s.openSource = func(context.Context, store.Transfer) (content.Blocks, error) { return deliverytest.Blocks{}, nil }
	s.sendPlain = func(_ context.Context, _ netip.AddrPort, p []byte) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.plain = append(w.plain, p)
		return nil
	}
	s.newSender, s.openWatch = w.fakeSession, func() delivery.Watch { return quiet{} }
	ctx, cancel := context.WithCancel(context.Background())
	w.ctx = ctx
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.Error(err)
		}
		if err := db.Close(); err != nil {
			w.Error(err)
		}
	}
	synctest.Wait()
}

func (w *world) shutDown() { w.stop() }

// reboot stops the server and starts it again on the same store.
func (w *world) reboot() {
	w.stop()
	w.boot()
}

func (w *world) fakeSession(cfg sender.Config) (delivery.Session, error) {
	return w.made.Make(cfg), nil
}

// sender gives the newest session.
func (w *world) sender() *deliverytest.Session {
	w.Helper()
	return w.made.Newest(w.T)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// agent is a receiver without a disk.
type agent struct {
	w      *world
	p      groupcast.Principal
	cli    groupcast.Principal
	key    seal.SigningKey
	token  string
	stream groupcast.AgentStream
	number uint64
}

const password = "a good password"

// enrol makes a user who is a member of the group, with one device.
func (w *world) enrol(name, group string) *agent {
	w.Helper()
	_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: name, Password: password})
	w.must(err)
	_, err = w.AddMember(w.ctx, local, group, name)
	w.must(err)
	return w.login(name)
}

func (w *world) login(name string) *agent {
	w.Helper()
	key := seal.NewSigningKey()
	in, err := w.Login(w.ctx, "192.0.2.1", groupcast.Login{
		User: name, Password: password, Device: "pc-" + name, PublicKey: ed25519.PublicKey(key.Public().Bytes()),
		ControlVersion: groupcast.ControlVersion, WireVersion: protocol.Version,
	})
	w.must(err)
	a := &agent{w: w, key: key, token: in.AgentToken}
	a.p, err = w.Authenticate(w.ctx, "192.0.2.1", in.AgentToken)
	w.must(err)
	a.cli, err = w.Authenticate(w.ctx, "192.0.2.1", in.CLIToken)
	w.must(err)
	return a
}

// attach opens the device's stream.
func (a *agent) attach() *agent {
	a.w.Helper()
	var err error
	a.stream, err = a.w.AgentEvents(a.w.ctx, a.p, groupcast.Attach{})
	a.w.must(err)
	synctest.Wait()
	return a
}

// waiting takes the events that a stream holds now.
func waiting[T any](next func(context.Context) (T, error)) (out []T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		e, err := next(ctx)
		if err != nil {
			return out
		}
		out = append(out, e)
	}
}

// offers reads what the stream holds now and gives the offers in it.
func (a *agent) offers() []wire.Offer {
	a.w.Helper()
	synctest.Wait()
	var out []wire.Offer
	for _, e := range waiting(a.stream.Next) {
		if e.Kind == groupcast.AgentOffer {
			o, err := seal.VerifyOffer(a.w.key.Public(), e.Offer.Offer, e.Offer.Signature)
			a.w.must(err)
			out = append(out, o)
		}
	}
	return out
}

// offered expects exactly one offer and gives it.
func (a *agent) offered() wire.Offer {
	a.w.Helper()
	o := a.offers()
	if len(o) != 1 {
		a.w.Fatalf("%s: %d offers, want one", a.p.User.Name, len(o))
	}
	return o[0]
}

func (a *agent) ready(o wire.Offer) (groupcast.Handout, error) {
	h, err := a.w.Ready(a.w.ctx, a.p, groupcast.Ready{Transfer: o.Transfer, Session: o.Session, LacksAll: true})
	synctest.Wait()
	return h, err
}

func (a *agent) receipt(o wire.Offer, outcome groupcast.DeliveryState, path groupcast.Path) error {
	a.number++
	r := groupcast.Receipt{Transfer: o.Transfer, Root: o.IndexDigest, Outcome: outcome, Path: path, Sequence: a.number}
	r.Signature = seal.SignReceipt(a.key, seal.Receipt{
		Server: o.Server, Group: o.Group, Transfer: o.Transfer, Root: o.IndexDigest,
		Device: a.p.Device.ID, Outcome: string(outcome), Sequence: a.number,
	})
	return a.hand(r)
}

// hand hands a receipt in.
func (a *agent) hand(r groupcast.Receipt) error {
	err := a.w.Receipt(a.w.ctx, a.p, r)
	a.w.settle()
	return err
}

// signed signs all of a receipt with the agent's key.
func (a *agent) signed(o wire.Offer, r groupcast.Receipt, entries ...groupcast.DeliveryEntry) groupcast.Receipt {
	a.w.Helper()
	a.number++
	r.Transfer, r.Root, r.Sequence = o.Transfer, o.IndexDigest, a.number
	r.Version, r.List = groupcast.ReceiptVersion, groupcast.EntriesDigest(entries)
	var err error
	r.Signature, err = seal.SignFullReceipt(a.key, seal.FullReceipt{
		Receipt: seal.Receipt{
			Server: o.Server, Group: o.Group, Transfer: o.Transfer, Root: o.IndexDigest,
			Device: a.p.Device.ID, Outcome: string(r.Outcome), Sequence: r.Sequence,
		},
		Path: string(r.Path), Entries: uint32(r.Entries), Missing: uint32(r.Missing), Beside: uint32(r.Beside), Bytes: r.Bytes,
		Reason: groupcast.ReasonDigest(r.Reason), List: r.List,
	})
	a.w.must(err)
	return r
}

// send promises made-up files to a group, now.
func (w *world) send(group string, change func(*groupcast.NewTransfer)) groupcast.Transfer {
	w.Helper()
	g, err := w.store.Group(w.ctx, group)
	w.must(err)
	n := groupcast.NewTransfer{Group: group, Paths: []string{"/x"}, Now: true}
	if change != nil {
		change(&n)
	}
	w.must(checkTransfer(&n))
	b := content.Built{Name: "x", Files: 1, Bytes: 500, Blocks: 10, Root: protocol.Digest{9}, ManifestBytes: 100, ManifestBlocks: 1}
	chosen, err := selection.Read(w.ctx, w.store, g, n.Selection)
	w.must(err)
	tr, err := w.promise(w.ctx, local, chosen.Of(w.newTransfer(local, g, n, b)), n.Now)
	w.must(err)
	w.settle()
	return tr
}

func (w *world) group(name string) {
	w.Helper()
	_, err := w.CreateGroup(w.ctx, local, groupcast.NewGroup{Name: name})
	w.must(err)
}

// sessions counts the sessions that were opened.
func (w *world) sessions() int { return w.made.Count() }

// rows gives the rows of a page.
func rows[T any](p groupcast.Page[T], err error) ([]T, error) { return p.Rows, err }

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// settle is how long after a start package delivery lets nothing go out by itself.
const settle = 2 * time.Second

// quiet is a network of which nobody tells anything.
type quiet struct{}

func (quiet) C() <-chan struct{} { return nil }
func (quiet) Close()             {}

// sessionStatus is what a session says of a device that reported so many of its blocks, and has the
// first so many of ten.
func sessionStatus(dev protocol.DeviceID, blocks, have int) sender.DeviceStatus {
	s := protocol.NewBlockSet(10)
	s.AddRange(protocol.Range{Count: uint32(have)})
	return sender.DeviceStatus{Device: dev, Blocks: blocks, Bar: s.Bar(0)}
}

// auditOf gives the entries of a part of the audit log.
func auditOf(p groupcast.Page[groupcast.AuditEntry], err error) ([]groupcast.AuditEntry, error) {
	return p.Rows, err
}
