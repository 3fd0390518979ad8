// Package storetest is the conformance suite of store.Store: what every database must do, in
// words of the interface. It is not about one of them; package sqlite runs it on its own.
package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// Run checks everything that package store promises. open gives an empty store and closes it
// when the test ends.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.test(&world{T: t, s: open(t), ctx: t.Context(), now: time.UnixMicro(1_800_000_000_000_000).UTC()})
		})
	}
}

var cases = []struct {
	name string
	test func(w *world)
}{
	{"accounts", accounts},
	{"the last administrator stays", lastAdministrator},
	{"tokens", tokens},
	{"a revoked device's token is void", revokedToken},
	{"devices have names of their own", deviceNames},
	{"copies of a device", copies},
	{"a receiver's login outlives what it is owed", quietLogins},
	{"groups", groups},
	{"membership raises the version", membershipVersion},
	{"groups on offer", groupsOnOffer},
	{"requests", requests},
	{"requests are bounded", requestBounds},
	{"new devices wait where they are to be approved", newDevicesWait},
	{"a member's first device waits, too", firstDeviceWaits},
	{"new devices stay out", newDevicesStayOut},
	{"requests of devices and of users", deviceAndJoinRequests},
	{"logins of a device are bounded", tokensAreBounded},
	{"a transfer is owed to every device", owedToAll},
	{"the first device takes over", takeOver},
	{"a second device is owed too", secondDevice},
	{"the last device gives back", giveBack},
	{"a removed member is owed nothing", removedMember},
	{"who comes back is owed again", backAgain},
	{"entitled: now or not at all", entitled},
	{"what is held is nobody's to know of", heldIsHidden},
	{"what a device refused for", refusals},
	{"progress does not reopen", progress},
	{"progress of a running transfer is kept as one", progressAsOne},
	{"what was given up keeps what it had", givenUp},
	{"closing counts down", closing},
	{"an incomplete delivery", incomplete},
	{"entries are bounded", entriesBounded},
	{"receipts are kept, and none is taken twice", receipts},
	{"signed offers are kept", signedOffers},
	{"closings share a transaction", closings},
	{"receipts in any order and twice", closingsAgain},
	{"hand-outs share a transaction", handoutsTogether},
	{"sites", sites},
	{"sites are counted apart", sitesCount},
	{"sites end", sitesEnd},
	{"an older epoch writes nothing", olderEpoch},
	{"devices move between sites", devicesMove},
	{"relays", relays},
	{"what a relay may fetch", relayMay},
	{"leases", leases},
	{"transfers move", transferStates},
	{"retry", retry},
	{"pause, and another rate", pause},
	{"a newer transfer replaces an older one", replacements},
	{"what was replaced is owed again", replacedAgain},
	{"a held transfer replaces when it is released", heldReplaces},
	{"seats of a group", seats},
	{"seats go with their devices", seatsGo},
	{"labels", labels},
	{"a selection narrows a transfer", selection},
	{"a selection is frozen, and judges who comes later", selectionLater},
	{"a selection and members without a device", selectionWithoutDevice},
	{"a narrowed transfer replaces for its own devices", selectionReplaces},
	{"a selection is what is shown before", selectionAsShown},
	{"deleting a group", deleteGroup},
	{"deleting a user", deleteUser},
	{"offers and their floor", offers},
	{"transfer numbers", transferNumbers},
	{"editions of a transfer", editions},
	{"paged transfers", pagedTransfers},
	{"pages are kept", pagesKept},
	{"what must not become a page", pagesRefused},
	{"pages of editions", pagesOfEditions},
	{"editions that may have been used", editionsSkipped},
	{"two writers of one page", pageWriters},
	{"paged receipts and offers", pagedReceipts},
	{"paged transfers that are retried", pagedRetries},
	{"tokens of a user", tokensOfUser},
	{"deliveries of a user", deliveriesOfUser},
	{"deliveries of a device", deliveriesOfDevice},
	{"transfers below a number", transfersBefore},
	{"lists piece by piece", windows},
	{"what a transfer held", held},
	{"a series is kept", seriesKept},
	{"who was handed a session's key", handouts},
	{"what multicast spared", traffic},
	{"audit log", audit},
	{"settings", settings},
	{"calls with a key", keyedCalls},
	{"calls with a key are bounded", keyedCallsBounded},
	{"many at once", manyAtOnce},
	{"one of many fails", oneOfManyFails},
}

// world is a store with a clock that only the test moves.
type world struct {
	*testing.T
	s    store.Store
	ctx  context.Context
	now  time.Time
	here store.SiteEpoch // the server's own site
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) fails(err error, code groupcast.Code) {
	w.Helper()
	if err == nil {
		w.Fatalf("no error, want %s", code)
	}
	if got := groupcast.ErrorCode(err); got != code {
		w.Fatalf("%v has code %s, want %s", err, got, code)
	}
}

func (w *world) tick() time.Time {
	w.now = w.now.Add(time.Second)
	return w.now
}

func (w *world) user(name string) groupcast.User {
	w.Helper()
	u, err := w.s.AddUser(w.ctx, store.NewUser{Name: name, Role: groupcast.RoleMember, Hash: "$argon2id$x"}, w.tick())
	w.ok(err)
	return u
}

func (w *world) admin(name string) groupcast.User {
	w.Helper()
	u := w.user(name)
	w.ok(w.s.SetRole(w.ctx, u.ID, groupcast.RoleAdmin))
	return u
}

func (w *world) device(u groupcast.User, name string) groupcast.Device {
	w.Helper()
	id := protocol.NewDeviceID()
	d, _, err := w.s.AddDevice(w.ctx, groupcast.Device{ID: id, UserID: u.ID, Name: name, PublicKey: id[:], OS: "linux"},
		w.tick())
	w.ok(err)
	return d
}

var groupsMade byte

var filesMade int

func (w *world) group(name string) groupcast.Group {
	w.Helper()
	groupsMade++
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, 1, groupsMade}), protocol.DataPort)
	g, err := w.s.AddGroup(w.ctx, groupcast.Group{ID: protocol.NewGroupID(), Name: name, Address: address}, w.tick())
	w.ok(err)
	return g
}

func (w *world) join(g groupcast.Group, u groupcast.User) []groupcast.Delivery {
	w.Helper()
	_, owed, err := w.s.AddMember(w.ctx, g.ID, u.ID, "root", w.tick())
	w.ok(err)
	return owed
}

func (w *world) transfer(g groupcast.Group) (store.Transfer, []groupcast.Delivery) {
	w.Helper()
	filesMade++
	t, owed, err := w.s.AddTransfer(w.ctx, store.Transfer{
		Transfer: groupcast.Transfer{
			GroupID: g.ID, Name: fmt.Sprintf("file-%d", filesMade), Files: 1, Bytes: 1 << 20,
			Blocks: 5, State: groupcast.TransferWaiting, Via: groupcast.ViaAuto, CreatedBy: "root",
			CreatedAt: w.tick(), ExpiresAt: w.now.Add(time.Hour), Root: protocol.Digest{1, 2, 3},
		},
		Source: "somewhere", Content: fmt.Sprintf("content-%d", filesMade), ManifestBytes: 300, ManifestBlocks: 1,
	})
	w.ok(err)
	return t, owed
}

func (w *world) owed(no protocol.TransferNo) int {
	w.Helper()
	t, err := w.s.Transfer(w.ctx, no)
	w.ok(err)
	list, err := rows(w.s.Deliveries(w.ctx, no, groupcast.Window{}))
	w.ok(err)
	n := 0
	for _, d := range list {
		if d.State.Owed() {
			n++
		}
	}
	if n != t.Owed {
		w.Fatalf("the transfer counts %d owed, its deliveries are %d", t.Owed, n)
	}
	return n
}

func equal[T comparable](w *world, what string, got, want T) {
	w.Helper()
	if got != want {
		w.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// rows gives the rows of a page.
func rows[T any](p groupcast.Page[T], err error) ([]T, error) { return p.Rows, err }
