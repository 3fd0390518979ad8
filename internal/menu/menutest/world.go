// Package menutest is a server for tests of the menu: the real API in front of a service that has a
// few groups, people and transfers, changes nothing and remembers what it was asked to change.
package menutest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/httpapi"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
)

// World is the server.
type World struct {
	*httpapitest.Service
	Client *apiclient.Client // of its administrator; it also answers what a receiver's user asks

	mu         sync.Mutex
	restored   bool
	changes    []string
	transfers  []groupcast.Transfer
	deliveries map[protocol.TransferNo][]groupcast.Delivery // in place of those that are made up
	mine       []groupcast.Received
	upload     groupcast.Upload
	data       map[string][]byte // of the upload, by path
	accepts    int               // so many more calls with bytes of it, then none
	bad        []groupcast.LeftOut

	authority *pki.Authority
	address   string
}

// authority is that of all servers of a test: making its keys takes longer than most tests.
var authority = sync.OnceValues(func() (*pki.Authority, error) {
	dir, err := os.MkdirTemp("", "gc")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // it is read once
	return pki.Open(pki.Options{Folder: dir})
})

// New starts a server that ends with the test.
func New(t testing.TB) *World {
	t.Helper()
	dir, err := os.MkdirTemp("", "gc") // paths of sockets are short, those of TempDir are not
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	authority, err := authority()
	if err != nil {
		t.Fatal(err)
	}
	w := &World{
		Service: httpapitest.New(), transfers: slices.Clone(transfers), accepts: 1 << 30, authority: authority,
		deliveries: map[protocol.TransferNo][]groupcast.Delivery{}, data: map[string][]byte{},
	}
	socket := filepath.Join(dir, "server.sock")
	server, err := httpapi.Listen(httpapi.Config{
		Service: w, Calls: httpapitest.NewCalls(), Listen: "127.0.0.1:0", TLS: authority.ServerTLS(),
		Knows: authority.KnowsHost, Socket: socket,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	w.Client, w.address = apiclient.Local(socket), server.Addr().String()
	t.Cleanup(func() {
		w.Client.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return w
}

// SetBack has the server wait for its memberships to be confirmed, or no longer.
func (w *World) SetBack(restored bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.restored = restored
}

// Remote is an administrator's client on another machine.
func (w *World) Remote(t testing.TB) *apiclient.Client {
	t.Helper()
	c, err := apiclient.New(apiclient.Config{Address: w.address, Pin: pki.Pin{ID: w.authority.ID()}, Token: "cli-admin"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Put has the server know a transfer, in place of one with the same number, and who is owed it; nil
// keeps those that are made up.
func (w *World) Put(t groupcast.Transfer, deliveries []groupcast.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if deliveries != nil {
		w.deliveries[t.No] = deliveries
	}
	if i := slices.IndexFunc(w.transfers, func(x groupcast.Transfer) bool { return x.No == t.No }); i >= 0 {
		w.transfers[i] = t
		return
	}
	w.transfers = append(w.transfers, t)
}

// Deliver has the user who asks been owed these.
func (w *World) Deliver(mine ...groupcast.Received) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mine = mine
}

// Accept breaks an upload off after so many more calls with bytes of it.
func (w *World) Accept(calls int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accepts = calls
}

// Spoil has a path name entries that cannot be sent.
func (w *World) Spoil(bad ...groupcast.LeftOut) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bad = bad
}

// LeftOut lists them again for a transfer.
func (w *World) LeftOut(ctx context.Context, p groupcast.Principal, no protocol.TransferNo, win groupcast.Window) (
	groupcast.LeftOutPage, error,
) {
	_, err := w.Service.LeftOut(ctx, p, no, win)
	w.mu.Lock()
	defer w.mu.Unlock()
	return groupcast.LeftOutPage{Entries: w.bad, Total: len(w.bad), Listed: len(w.bad)}, err
}

// Uploaded is what has come of an upload, by path.
func (w *World) Uploaded() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]string{}
	for path, b := range w.data {
		out[path] = string(b)
	}
	return out
}

func (w *World) state() groupcast.Upload {
	out := groupcast.Upload{ID: w.upload.ID}
	for _, e := range w.upload.Entries {
		e.Offset = uint64(len(w.data[e.Path]))
		out.Entries = append(out.Entries, e)
	}
	return out
}

// CreateUpload begins one.
func (w *World) CreateUpload(ctx context.Context, p groupcast.Principal, entries []groupcast.UploadEntry) (
	groupcast.Upload, error,
) {
	if _, err := w.Service.CreateUpload(ctx, p, entries); err != nil {
		return groupcast.Upload{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.upload = groupcast.Upload{ID: "u1", Entries: entries}
	w.data = map[string][]byte{}
	return w.state(), nil
}

// Upload is the one that was begun last.
func (w *World) Upload(_ context.Context, _ groupcast.Principal, id string) (groupcast.Upload, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.upload.ID != id {
		return groupcast.Upload{}, groupcast.Errorf(groupcast.ENotFound, "there is no upload %s", id)
	}
	return w.state(), nil
}

// WriteUpload takes a piece of it.
func (w *World) WriteUpload(
	_ context.Context, _ groupcast.Principal, _, path string, offset uint64, r io.Reader,
) (groupcast.UploadEntry, error) {
	b, err := io.ReadAll(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil:
		return groupcast.UploadEntry{}, err
	case w.accepts == 0:
		return groupcast.UploadEntry{}, groupcast.Errorf(groupcast.EInvalid, "no more of it")
	case offset != uint64(len(w.data[path])):
		return groupcast.UploadEntry{}, groupcast.Errorf(groupcast.EConflict, "wrong offset")
	}
	w.accepts--
	w.data[path] = append(w.data[path], b...)
	return groupcast.UploadEntry{Path: path, Offset: uint64(len(w.data[path]))}, nil
}

// CompleteUpload ends it.
func (w *World) CompleteUpload(ctx context.Context, p groupcast.Principal, id string) (groupcast.Upload, error) {
	if _, err := w.Service.CompleteUpload(ctx, p, id); err != nil {
		return groupcast.Upload{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state(), nil
}

// AddTransfer makes one of a file.
func (w *World) AddTransfer(ctx context.Context, p groupcast.Principal, n groupcast.NewTransfer) (
	groupcast.Transfer, error,
) {
	_, err := w.Service.AddTransfer(ctx, p, n)
	t := groupcast.Transfer{No: 14, Name: "one.txt", Group: n.Group, Files: 1, Bytes: 4, State: groupcast.TransferWaiting}
	if n.Hold {
		t.State = groupcast.TransferHeld
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t.LeftOut = n.LeftOutCount
	if n.SkipBad {
		t.LeftOut = len(w.bad)
	}
	return t, err
}

// SendTransfer sends one.
func (w *World) SendTransfer(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (
	groupcast.Transfer, error,
) {
	if _, err := w.Service.SendTransfer(ctx, p, no); err != nil {
		return groupcast.Transfer{}, err
	}
	return w.Transfer(ctx, p, no)
}

func (w *World) listed(f groupcast.TransferFilter) []groupcast.Transfer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.transfers), func(t groupcast.Transfer) bool {
		return f.Group != "" && t.Group != f.Group || f.Open && !t.State.Open()
	})
}

// reads are the calls that change nothing at a server.
var reads = []string{
	"Me", "GroupsOnOffer", "Users", "UserGroups", "Devices", "Groups", "Group", "Members", "Requests", "Transfers",
	"Transfer", "Deliveries", "Files", "TransferProof", "LossMap", "CheckTransfer", "PlanTransfer", "LeftOut", "DeliveryEntries",
	"Pending", "Check", "Audit", "ServerStatus", "MyDeliveries", "SignIns", "Series", "KeyHolders", "KeySessions",
	"Savings", "Events",
}

// Changes are the calls so far that would have changed something, with what they were about.
func (w *World) Changes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.Calls() {
		if !slices.Contains(reads, c.Method) {
			w.changes = append(w.changes, c.Method+fmt.Sprint(c.Args))
		}
	}
	return slices.Clone(w.changes)
}

// The groups: lab has three members, exam is held back, open has no members.
var groups = []groupcast.Group{
	{Name: "lab", Members: 3, Active: 2, Pending: 4, Description: "room 2"},
	{Name: "exam", Members: 3, Active: 2, Pending: 3},
	{Name: "open"},
}

// Groups lists them.
func (w *World) Groups(ctx context.Context, p groupcast.Principal) ([]groupcast.Group, error) {
	_, err := w.Service.Groups(ctx, p)
	return groups, err
}

// Group is one of them.
func (w *World) Group(ctx context.Context, p groupcast.Principal, name string) (groupcast.Group, error) {
	g, err := w.Service.Group(ctx, p, name)
	if i := slices.IndexFunc(groups, func(g groupcast.Group) bool { return g.Name == name }); i >= 0 {
		g = groups[i]
	}
	return g, err
}

// Users are ada, who administers, and three members.
func (w *World) Users(ctx context.Context, p groupcast.Principal, win groupcast.Window) (
	groupcast.Page[groupcast.User], error,
) {
	_, err := w.Service.Users(ctx, p, win)
	return page([]groupcast.User{
		{Name: "ada", Role: groupcast.RoleAdmin},
		{Name: "alice", Role: groupcast.RoleMember},
		{Name: "bob", Role: groupcast.RoleMember},
		{Name: "carol", Role: groupcast.RoleMember, Disabled: true},
	}), err
}

// Members are alice, bob and carol.
func (w *World) Members(ctx context.Context, p groupcast.Principal, group string, win groupcast.Window) (
	groupcast.Page[groupcast.Member], error,
) {
	_, err := w.Service.Members(ctx, p, group, win)
	return page([]groupcast.Member{
		{Group: group, User: "alice", Devices: 1, Active: 1},
		{Group: group, User: "bob", Devices: 1, Active: 1},
		{Group: group, User: "carol", Devices: 1},
	}), err
}

// Devices are one, pc-a.
func (w *World) Devices(ctx context.Context, p groupcast.Principal, f groupcast.DeviceFilter, win groupcast.Window) (
	groupcast.Page[groupcast.Device], error,
) {
	_, err := w.Service.Devices(ctx, p, f, win)
	return page([]groupcast.Device{{
		ID: protocol.DeviceID{1}, User: f.User, Name: "pc-a", OS: "linux", Active: true,
		Labels: groupcast.Labels{"room": "2"},
	}}), err
}

// LabelDevices answers with what is set.
func (w *World) LabelDevices(ctx context.Context, p groupcast.Principal, c groupcast.LabelChange) (
	[]groupcast.DeviceResult, error,
) {
	_, err := w.Service.LabelDevices(ctx, p, c)
	return []groupcast.DeviceResult{{DeviceID: c.Devices[0], User: "alice", Device: "pc-a", Labels: c.Set}}, err
}

// Requests are one to join, and one of a member's new device.
func (w *World) Requests(ctx context.Context, p groupcast.Principal, s groupcast.RequestState, win groupcast.Window) (
	groupcast.Page[groupcast.JoinRequest], error,
) {
	_, err := w.Service.Requests(ctx, p, s, win)
	return page([]groupcast.JoinRequest{
		{Group: "lab", User: "dave", State: groupcast.RequestOpen, Text: "PC 12"},
		{Group: "exam", User: "alice", Device: "pc-b", State: groupcast.RequestOpen},
	}), err
}

var transfers = []groupcast.Transfer{
	{
		No: 12, Name: "ubuntu.iso", Group: "lab", Bytes: 4_000_000, Files: 1, State: groupcast.TransferSending, Owed: 2,
		Verified: 1, Summary: "carol/pc-c gets it when it is back", Session: &groupcast.SessionStatus{Rate: 8_000_000},
	},
	{
		No: 13, Name: "exam.zip", Group: "exam", Bytes: 5_000_000, Files: 2, State: groupcast.TransferHeld, Hold: true,
		Owed: 3, Cause: groupcast.CauseHeld, Summary: "held",
	},
	{
		No: 11, Name: "course", Group: "lab", Bytes: 9_000_000, Files: 9, State: groupcast.TransferFailed, Failed: 1,
		Verified: 2, Summary: "carol/pc-c failed",
	},
}

// Transfers are one that is sent, one that is held, and one that failed.
func (w *World) Transfers(ctx context.Context, p groupcast.Principal, f groupcast.TransferFilter) (
	groupcast.Page[groupcast.Transfer], error,
) {
	_, err := w.Service.Transfers(ctx, p, f)
	return page(w.listed(f)), err
}

// Transfer is one of them.
func (w *World) Transfer(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (
	groupcast.Transfer, error,
) {
	t, err := w.Service.Transfer(ctx, p, no)
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.IndexFunc(w.transfers, func(t groupcast.Transfer) bool { return t.No == no }); i >= 0 {
		t = w.transfers[i]
	}
	return t, err
}

// Deliveries are those to three devices, one of which is away.
func (w *World) Deliveries(ctx context.Context, p groupcast.Principal, no protocol.TransferNo, win groupcast.Window) (
	groupcast.Page[groupcast.Delivery], error,
) {
	if _, err := w.Service.Deliveries(ctx, p, no, win); err != nil {
		return groupcast.Page[groupcast.Delivery]{}, err
	}
	w.mu.Lock()
	own := w.deliveries[no]
	w.mu.Unlock()
	if own != nil {
		return page(own), nil
	}
	t, err := w.Transfer(ctx, p, no)
	states := map[groupcast.TransferState]groupcast.DeliveryState{
		groupcast.TransferSending: groupcast.DeliveryReceiving, groupcast.TransferHeld: groupcast.DeliveryQueued,
		groupcast.TransferFailed: groupcast.DeliveryFailed,
	}
	var out []groupcast.Delivery
	for i, user := range []string{"alice", "bob", "carol"} {
		d := groupcast.Delivery{
			Transfer: no, Group: t.Group, User: user, UserID: user, DeviceID: protocol.DeviceID{byte(i + 1)},
			Device: "pc-" + user[:1], State: states[t.State], Active: user != "carol", Path: groupcast.PathMulticast,
		}
		if t.State == groupcast.TransferHeld {
			d.Cause = groupcast.CauseHeld
		}
		if user == "alice" && t.State != groupcast.TransferHeld {
			d.State = groupcast.DeliveryVerified
		}
		out = append(out, d)
	}
	return page(out), err
}

// Pending is what is owed.
func (w *World) Pending(ctx context.Context, p groupcast.Principal, group string, win groupcast.Window) (
	groupcast.Page[groupcast.PendingTransfer], error,
) {
	if _, err := w.Service.Pending(ctx, p, group, win); err != nil {
		return groupcast.Page[groupcast.PendingTransfer]{}, err
	}
	out, rows := []groupcast.PendingTransfer{}, 0
	for _, t := range w.listed(groupcast.TransferFilter{Group: group}) {
		if !t.State.Open() {
			continue
		}
		owed, err := w.Deliveries(ctx, p, t.No, groupcast.Window{})
		if err != nil {
			return groupcast.Page[groupcast.PendingTransfer]{}, err
		}
		owed.Rows = slices.DeleteFunc(owed.Rows, func(d groupcast.Delivery) bool { return !d.State.Owed() })
		out, rows = append(out, groupcast.PendingTransfer{Transfer: t, Deliveries: owed.Rows}), rows+len(owed.Rows)
	}
	return groupcast.Page[groupcast.PendingTransfer]{Rows: out, Total: rows}, nil
}

// CheckTransfer finds what Spoil said, piece by piece.
func (w *World) CheckTransfer(
	ctx context.Context, p groupcast.Principal, n groupcast.NewTransfer, win groupcast.Window,
) (groupcast.LeftOutPage, error) {
	_, err := w.Service.CheckTransfer(ctx, p, n, win)
	w.mu.Lock()
	defer w.mu.Unlock()
	from := min(win.From, len(w.bad))
	piece := w.bad[from:min(len(w.bad), from+win.Limit)]
	return groupcast.LeftOutPage{Entries: piece, Total: len(w.bad), Listed: len(w.bad)}, err
}

// GroupsOnOffer are lab, which the user is in, and open, which they are not.
func (w *World) GroupsOnOffer(ctx context.Context, p groupcast.Principal, mine bool) ([]groupcast.GroupOnOffer, error) {
	_, err := w.Service.GroupsOnOffer(ctx, p, mine)
	return []groupcast.GroupOnOffer{
		{Name: "lab", Membership: groupcast.MembershipMember, Since: time.Now()},
		{Name: "open", Description: "for everybody", Membership: groupcast.MembershipNone},
	}, err
}

// MyDeliveries are those of Deliver.
func (w *World) MyDeliveries(ctx context.Context, p groupcast.Principal) ([]groupcast.Received, error) {
	_, err := w.Service.MyDeliveries(ctx, p)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mine, err
}

// ServerStatus counts three devices.
func (w *World) ServerStatus(ctx context.Context, p groupcast.Principal) (groupcast.ServerStatus, error) {
	_, err := w.Service.ServerStatus(ctx, p)
	w.mu.Lock()
	defer w.mu.Unlock()
	return groupcast.ServerStatus{Devices: 3, Active: 2, Restored: w.restored}, err
}

func page[T any](rows []T) groupcast.Page[T] { return groupcast.Page[T]{Rows: rows, Total: len(rows)} }
