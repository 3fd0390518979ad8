package relaytest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/httpapi"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/relay"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/server"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite"
)

// soon bounds whatever must happen.
const soon = 30 * time.Second

var local = groupcast.Principal{Local: true, Scope: groupcast.ScopeCLI, From: "local"}

// passwords is quick: the real one takes 26 ms each.
type passwords struct{}

func (passwords) Hash(_ context.Context, pw groupcast.Password) (string, error) {
	sum := sha256.Sum256([]byte(string(pw)))
	return hex.EncodeToString(sum[:]), nil
}

func (p passwords) Verify(ctx context.Context, _, _ string, pw groupcast.Password, hash string) (bool, error) {
	h, err := p.Hash(ctx, pw)
	return h == hash, err
}

// world is a server with a site "depot", a group "lab" and a device of it in that site.
type world struct {
	*testing.T
	*server.Server
	store   store.Store
	address string
	files   string
	pin     protocol.ServerID
	device  groupcast.Device
	agent   apiclient.Token
	started time.Time // the newest relay: reports from before do not count
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, files: filepath.Join(t.TempDir(), "files")}
	folder := filepath.Join(t.TempDir(), "home", "server")
	w.must(os.MkdirAll(folder, 0o700))
	authority, err := pki.Open(pki.Options{Folder: folder, Hosts: pki.LocalHosts()})
	w.must(err)
	w.pin = authority.ID()
	db, err := sqlite.Open(t.Context(), filepath.Join(folder, "db.sqlite"))
	w.must(err)
	w.store = db
	loopback := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 0)
	endpoint, err := sender.OpenEndpoint(sender.EndpointConfig{Interface: "127.0.0.1", Feedback: loopback})
	w.must(err)
	w.Server, err = server.New(server.Config{
		Home: filepath.Dir(folder), Dir: folder, Store: db, Identity: authority, Passwords: passwords{},
		Endpoint: endpoint, Gather: time.Hour, GatherMax: time.Hour, Log: slog.New(slog.DiscardHandler),
		About: func() groupcast.ServerAbout { return groupcast.ServerAbout{Addresses: []string{w.address}} },
	})
	w.must(err)
	api, err := httpapi.Listen(httpapi.Config{
		Service: w.Server, Listen: "127.0.0.1:0", TLS: authority.ServerTLS(), Knows: authority.KnowsHost,
		Log: slog.New(slog.DiscardHandler),
	})
	w.must(err)
	w.address = "https://" + api.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { endpoint.Run(ctx) })
	all.Go(func() { _ = w.Server.Run(ctx) })
	all.Go(func() { _ = api.Serve(ctx) })
	t.Cleanup(func() {
		cancel()
		all.Wait()
		_, _ = endpoint.Close(), db.Close()
	})
	w.people()
	return w
}

// people makes the site, the group, and the device that is owed what the group is sent.
func (w *world) people() {
	w.Helper()
	ctx := w.Context()
	w.must(w.store.AddSite(ctx, protocol.SiteID{1}, "depot"))
	_, err := w.AddGroup(ctx)
	w.must(err)
	_, err = w.AddUser(ctx, local, groupcast.NewUser{Name: "ann", Password: "a good password"})
	w.must(err)
	_, err = w.AddMember(ctx, local, "lab", "ann")
	w.must(err)
	in, err := w.Login(ctx, "127.0.0.1", groupcast.Login{
		User: "ann", Password: "a good password", Device: "pc", PublicKey: seal.NewSigningKey().Public().Bytes(),
		ControlVersion: groupcast.ControlVersion, WireVersion: protocol.Version,
	})
	w.must(err)
	w.device, w.agent = in.Device, apiclient.Token(in.AgentToken)
	w.must(w.store.MoveDevice(ctx, in.Device.ID, protocol.SiteID{1}, 0))
	p, err := w.Authenticate(ctx, "127.0.0.1", in.AgentToken)
	w.must(err)
	stream, err := w.AgentEvents(ctx, p, groupcast.Attach{Speaks: groupcast.Spoken()})
	w.must(err)
	w.Cleanup(func() { stream.Close() })
	w.must(w.GrantSite(ctx, local, "depot", "lab"))
}

// AddGroup makes the group "lab".
func (w *world) AddGroup(ctx context.Context) (groupcast.Group, error) {
	return w.CreateGroup(ctx, local, groupcast.NewGroup{Name: "lab"})
}

func (w *world) client(token apiclient.Token) *apiclient.Client {
	w.Helper()
	c, err := apiclient.New(apiclient.Config{Address: w.address, Pin: pki.Pin{ID: w.pin}, Token: token})
	w.must(err)
	w.Cleanup(c.Close)
	return c
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// write writes a file that transfers are made of; equal seeds give equal bytes.
func (w *world) write(name string, bytes int, seed uint64) {
	w.Helper()
	b := make([]byte, bytes)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b) //nolint:errcheck // it never fails
	path := filepath.Join(w.files, name)
	w.must(os.MkdirAll(filepath.Dir(path), 0o755))
	w.must(os.WriteFile(path, b, 0o600))
}

// send makes a transfer of files.
func (w *world) send(names ...string) groupcast.Transfer {
	w.Helper()
	paths := make([]string, len(names))
	for i, n := range names {
		paths[i] = filepath.Join(w.files, n)
	}
	tr, err := w.AddTransfer(w.Context(), local, groupcast.NewTransfer{Group: "lab", Paths: paths})
	w.must(err)
	return tr
}

func (w *world) invite(name string) string {
	w.Helper()
	in, err := w.AddRelay(w.Context(), local, groupcast.NewRelay{Site: "depot", Name: name})
	w.must(err)
	return in.Code
}

// box is the machine of a relay.
type box struct {
	w      *world
	folder string
	quota  uint64
	cancel context.CancelFunc
	done   chan error

	mu   sync.Mutex
	said []string
}

func (w *world) box() *box { return &box{w: w, folder: w.TempDir(), quota: 1 << 30} }

// config is what the machine's relay runs with.
func (b *box) config(code string) relay.Config {
	note := func(text string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.said = append(b.said, text)
	}
	cache := filepath.Join(b.folder, "cache")
	b.w.must(os.MkdirAll(cache, 0o700))
	return relay.Config{
		Folder: b.folder, Cache: cache, Quota: b.quota, Code: code, Say: note, Warn: note, Every: 50 * time.Millisecond,
	}
}

// start runs the relay until stop.
func (b *box) start(code string) {
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel, b.done = cancel, make(chan error, 1)
	cfg := b.config(code)
	b.w.started = time.Now()
	go func() { b.done <- relay.Run(ctx, cfg) }()
	b.w.Cleanup(b.stop)
}

func (b *box) stop() {
	if b.cancel == nil {
		return
	}
	b.cancel()
	if err := <-b.done; err != nil {
		b.w.Errorf("the relay ended: %v", err)
	}
	b.cancel = nil
}

// words are all that the relay said.
func (b *box) words() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.said, "\n")
}

// listed gives a relay as an administrator sees it.
func (w *world) listed(name string) groupcast.Relay {
	w.Helper()
	all, err := w.Relays(w.Context(), local)
	w.must(err)
	for _, r := range all {
		if r.Name == name && r.State != groupcast.RelayRevoked {
			return r
		}
	}
	return groupcast.Relay{}
}

// await waits until a relay's report is as it should be.
func (w *world) await(name, what string, is func(groupcast.RelayReport) bool) groupcast.RelayReport {
	w.Helper()
	end := time.Now().Add(soon)
	for {
		r := w.listed(name)
		if r.Report != nil && r.SeenAt.After(w.started) && is(*r.Report) {
			return *r.Report
		}
		if time.Now().After(end) {
			w.Fatalf("%s: not within %v: %s %+v", what, soon, r.State, r.Report)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// whole says whether a transfer is all there.
func whole(no protocol.TransferNo) func(groupcast.RelayReport) bool {
	return func(r groupcast.RelayReport) bool {
		for _, h := range r.Transfers {
			if h.Transfer == no {
				return h.Whole
			}
		}
		return false
	}
}
