package delivery

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/bandwidth"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/delivery/deliverytest"
	"github.com/groupcast/groupcast/internal/presence"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/wire"
)

// by is who does things in tests.
const by = "the tester"

const maxStreams = 4 // downloads of one device at once

// world is an engine with a store and devices, and sessions without packets.
type world struct {
	*testing.T
	*Engine
	ctx      context.Context
	db       *sqlite.Store
	lib      *content.Library
	presence *presence.Agents
	events   *presence.Events
	made     deliverytest.Sessions
	key      seal.SigningKey
	dir      string
	stop     func()

	ahead  atomic.Int64 // how far the engine's clock is ahead
	mu     sync.Mutex
	plain  [][]byte    // what was announced
	logged lockedBytes // what was logged

	// What a test changes before boot.
	change func(*Config)
	watch  chan struct{} // of the network; nil: none
	speaks groupcast.Speaks
	source func(store.Transfer) (content.Blocks, error)
	reads  readings // of paged transfers
}

// lockedBytes is a log that many write to.
type lockedBytes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBytes) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBytes) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// network is a watch that tests hold.
type network struct{ c chan struct{} }

func (n network) C() <-chan struct{} { return n.c }
func (n network) Close()             {}

func inBubble(t *testing.T, f func(w *world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, dir)
		w.boot()
		defer func() { w.stop() }()
		f(w)
	})
}

func newWorld(t *testing.T, dir string) *world {
	return &world{
		T: t, dir: dir, key: seal.NewSigningKey(), speaks: groupcast.Spoken(), watch: make(chan struct{}),
		reads:  readings{steps: make(chan deliverytest.Step)},
		source: func(store.Transfer) (content.Blocks, error) { return deliverytest.Blocks{}, nil },
	}
}

// withContent is a world whose transfers have content: dir holds files to send.
func withContent(t *testing.T, give map[string]string, f func(w *world, dir string)) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range give {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	inBubble(t, func(w *world) {
		w.source = func(tr store.Transfer) (content.Blocks, error) { return w.lib.Open(tr.Content) }
		w.group("g")
		f(w, dir)
	})
}

func (w *world) boot() {
	w.Helper()
	var err error
	w.db, err = sqlite.Open(w.T.Context(), filepath.Join(w.dir, "db.sqlite"))
	w.must(err)
	w.openLibrary()
	now := func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	w.events = presence.NewEvents(auth.Bounds{What: "streams", All: 10, Each: 10}, now)
	w.presence = presence.NewAgents(presence.AgentsConfig{
		Now: now, Speaks: w.speaks, Every: time.Millisecond, Burst: 1000,
		Streams: auth.Bounds{What: "receivers", All: 1000, Each: 1000},
		Left:    func(dev protocol.DeviceID) { w.Left(dev) },
	})
	cfg := Config{
		Server: protocol.ServerID{0xaa}, Key: w.key, Store: w.db, Content: w.lib, Agents: w.presence, Screens: w.events,
		Lines: bandwidth.New(now, 0, func(uint64) {}), Timing: schedule.DefaultTiming(), Now: now,
		Slots: presence.NewCatchUpSlots(auth.Bounds{
			What: "downloads", All: 128, Each: 32, Line: 1024, Wait: 20 * time.Second,
		}, maxStreams),
		Log: slog.New(slog.NewTextHandler(io.MultiWriter(w.T.Output(), &w.logged), nil)),
		OpenOffer: func(
			ctx context.Context, in store.SiteEpoch, no protocol.TransferNo,
		) (protocol.OfferNo, protocol.OfferNo, error) {
			return w.db.OpenOffer(ctx, in, no, now())
		},
		NewSender: func(c sender.Config) (Session, error) { return w.made.Make(c), nil },
		NewPaged: func(c PagedSession) (Session, error) {
			return w.made.Add(deliverytest.NewPaged(c.Key, c.Terms, c.OnEvent)), nil
		},
		OpenPaged:  w.openFake,
		OpenSource: func(_ context.Context, tr store.Transfer) (content.Blocks, error) { return w.source(tr) },
		SendPlain: func(_ context.Context, _ netip.AddrPort, packet []byte) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.plain = append(w.plain, packet)
			return nil
		},
		OpenWatch: func() Watch { return network{w.watch} },
	}
	if w.change != nil {
		w.change(&cfg)
	}
	w.Engine = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	w.ctx = ctx
	w.must(w.Resume(ctx))
	done := make(chan struct{})
	go func() { w.Engine.Run(ctx); close(done) }()
	w.stop = func() {
		cancel()
		w.presence.Close()
		w.events.Close()
		<-done
		w.must(errors.Join(w.lib.Uploads.Close(), w.db.Close()))
	}
	synctest.Wait()
}

// openLibrary opens the content anew: nothing is held open of what was read before.
func (w *world) openLibrary() {
	w.Helper()
	if w.lib != nil {
		w.must(w.lib.Uploads.Close())
	}
	lib, err := content.OpenLibrary(w.dir, content.UploadLimits{}, func(uint64) error { return nil })
	w.must(err)
	w.lib = lib
}

// reboot stops the engine and starts another on the same store.
func (w *world) reboot() {
	w.Helper()
	w.stop()
	w.boot()
}

// bootWith starts it again with another configuration.
func (w *world) bootWith(change func(*Config)) {
	w.Helper()
	w.change = change
	w.reboot()
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// settle waits until nothing moves any more.
func (w *world) settle() { synctest.Wait() }

// sender gives the newest session.
func (w *world) sender() *deliverytest.Session {
	w.Helper()
	return w.made.Newest(w.T)
}

func (w *world) group(name string) groupcast.Group {
	w.Helper()
	g, err := w.db.AddGroup(w.ctx, groupcast.Group{
		ID: protocol.NewGroupID(), Name: name, Address: netip.MustParseAddrPort("239.192.0.7:29900"),
	}, w.now())
	w.must(err)
	return g
}

// member adds a user without a device to a group.
func (w *world) member(name, group string) groupcast.User {
	w.Helper()
	u, err := w.db.AddUser(w.ctx, store.NewUser{Name: name, Role: groupcast.RoleMember, Hash: "x"}, w.now())
	w.must(err)
	g, err := w.db.Group(w.ctx, group)
	w.must(err)
	w.must(w.admit(g, u))
	return u
}

// admit makes a user a member.
func (w *world) admit(g groupcast.Group, u groupcast.User) error {
	return w.Owe(func() ([]groupcast.Delivery, error) {
		_, owed, err := w.db.AddMember(w.ctx, g.ID, u.ID, by, w.now())
		return owed, err
	})
}

// expel ends a membership.
func (w *world) expel(g groupcast.Group, u groupcast.User) error {
	return w.Exclude(func() (Exclusion, error) {
		x := Exclusion{User: u.ID, Groups: []protocol.GroupID{g.ID}}
		return x, w.db.RemoveMember(w.ctx, g.ID, u.ID, w.now())
	})
}

// remove ends a membership.
func (w *world) remove(name, group string) {
	w.Helper()
	u, err := w.db.User(w.ctx, name)
	w.must(err)
	g, err := w.db.Group(w.ctx, group)
	w.must(err)
	w.must(w.expel(g, u))
}

// read reads all of a download.
func (w *world) read(r io.ReadCloser, err error) []byte {
	w.Helper()
	w.must(err)
	data, err := io.ReadAll(r)
	w.must(errors.Join(err, r.Close()))
	return data
}

// madeUp is a transfer of ten blocks in one file, to a group.
func (w *world) madeUp(group string) store.Transfer {
	w.Helper()
	g, err := w.db.Group(w.ctx, group)
	w.must(err)
	now := w.now()
	return store.Transfer{
		Transfer: groupcast.Transfer{
			GroupID: g.ID, Group: g.Name, Name: "x", Files: 1, Bytes: 500, Blocks: 10, Root: protocol.Digest{9},
			State: groupcast.TransferWaiting, CreatedAt: now, CreatedBy: by, ExpiresAt: now.Add(30 * 24 * time.Hour),
		},
		Content: "none", ManifestBytes: 100, ManifestBlocks: 1,
	}
}

// send promises made-up files to a group, now unless they are held.
func (w *world) send(group string, change func(*store.Transfer)) groupcast.Transfer {
	w.Helper()
	tr := w.madeUp(group)
	if change != nil {
		change(&tr)
	}
	if tr.Hold {
		tr.State = groupcast.TransferHeld
	}
	return w.add(tr, !tr.Hold)
}

func (w *world) add(tr store.Transfer, now bool) groupcast.Transfer {
	w.Helper()
	out, _, err := w.Add(w.ctx, tr, now)
	w.must(err)
	synctest.Wait()
	return w.shown(out.No)
}

// sendFiles promises what lies at paths to group g, now.
func (w *world) sendFiles(change func(*store.Transfer), paths ...string) groupcast.Transfer {
	w.Helper()
	tree, err := content.Scan(w.ctx, paths, content.ScanOptions{})
	w.must(err)
	b, err := w.lib.Build(w.ctx, tree, content.FromPath)
	w.must(err)
	defer w.lib.Made(b.Content)
	tr := w.madeUp("g")
	tr.Name, tr.Files, tr.Folders, tr.Bytes, tr.Blocks, tr.Root = b.Name, b.Files, b.Folders, b.Bytes, b.Blocks, b.Root
	tr.InPlace, tr.Source, tr.Content = b.InPlace, b.Source, b.Content
	tr.ManifestBytes, tr.ManifestBlocks = b.ManifestBytes, b.ManifestBlocks
	if change != nil {
		change(&tr)
	}
	return w.add(tr, true)
}

// shown is a transfer as it stands now.
func (w *world) shown(no protocol.TransferNo) groupcast.Transfer {
	w.Helper()
	tr, err := w.Transfer(w.ctx, no)
	w.must(err)
	return tr
}

// rows lists a transfer's deliveries.
func (w *world) rows(no protocol.TransferNo) []groupcast.Delivery {
	w.Helper()
	page, err := w.Deliveries(w.ctx, no, groupcast.Window{})
	w.must(err)
	return page.Rows
}

// deliveryOf gives a user's delivery of a transfer.
func (w *world) deliveryOf(no protocol.TransferNo, user string) groupcast.Delivery {
	w.Helper()
	for _, d := range w.rows(no) {
		if d.User == user {
			return d
		}
	}
	w.Fatalf("no delivery of %s", user)
	return groupcast.Delivery{}
}

// does what an administrator asks for a delivery.
func (w *world) does(
	no protocol.TransferNo, dev protocol.DeviceID, a groupcast.DeliveryAction,
) (groupcast.Delivery, error) {
	_, d, err := w.Act(w.ctx, no, dev, a, by)
	return d, err
}

// watching opens a screen's stream of events.
func (w *world) watching() groupcast.EventStream {
	w.Helper()
	st, err := w.events.Subscribe(groupcast.Principal{Local: true})
	w.must(err)
	return st
}

// running brings agents of group g into a running session.
func running(w *world, names ...string) (groupcast.Transfer, []*agent, []wire.Offer) {
	w.Helper()
	w.group("g")
	var agents []*agent
	for _, n := range names {
		agents = append(agents, w.enrol(n, "g").attach())
	}
	tr := w.send("g", nil)
	var offers []wire.Offer
	for _, a := range agents {
		o := a.offered()
		h, err := a.ready(o)
		w.must(err)
		if h.HTTPS || len(h.SessionSecret) == 0 {
			w.Fatalf("no keys were handed out: %+v", h)
		}
		offers = append(offers, o)
	}
	if !w.sender().Sealing() {
		w.Fatal("data does not flow though everybody answered")
	}
	return tr, agents, offers
}

func wantCode(t *testing.T, err error, code groupcast.Code) {
	t.Helper()
	if groupcast.ErrorCode(err) != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}
