package recent_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// owing makes a group of one user with so many devices, and a transfer to them.
func owing(t *testing.T, s store.Store, devices int) (protocol.TransferNo, []groupcast.Delivery) {
	t.Helper()
	now := time.UnixMicro(1_800_000_000_000_000)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	g, err := s.AddGroup(t.Context(), groupcast.Group{
		ID: protocol.NewGroupID(), Name: "g", Address: netip.MustParseAddrPort("239.192.1.1:7441"),
	}, now)
	ok(err)
	u, err := s.AddUser(t.Context(), store.NewUser{Name: "ann", Role: groupcast.RoleMember}, now)
	ok(err)
	_, _, err = s.AddMember(t.Context(), g.ID, u.ID, "root", now)
	ok(err)
	for i := range devices {
		id := protocol.NewDeviceID()
		name := fmt.Sprintf("pc-%d", i)
		_, _, err := s.AddDevice(t.Context(), groupcast.Device{ID: id, UserID: u.ID, Name: name, PublicKey: id[:]}, now)
		ok(err)
	}
	tr, owed, err := s.AddTransfer(t.Context(), store.Transfer{Transfer: groupcast.Transfer{
		GroupID: g.ID, State: groupcast.TransferWaiting, CreatedAt: now,
	}})
	ok(err)
	return tr.No, owed
}

// Every second receipt comes twice, and every tenth is of a device that is owed nothing: each hears what
// became of its own, and together they are few transactions.
func TestReceiptsThatComeTogether(t *testing.T) {
	const devices = 200
	s, below := open(t)
	no, owed := owing(t, s, devices)
	start, err := below.Written(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	answers, left := map[string]int{}, map[int]bool{}
	send := func(what string, dev protocol.DeviceID) {
		all.Go(func() {
			n, err := s.CloseDelivery(t.Context(), store.Closing{
				Transfer: no, Device: dev, State: groupcast.DeliveryVerified, Covers: groupcast.SignedOutcome,
				Signed: &store.SignedReceipt{Transfer: no, Device: dev, Sequence: 1, Signed: dev[:], Signature: dev[:],
					Key: dev[:]},
			}, time.UnixMicro(1_800_000_001_000_000))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				answers[what]++
				left[n] = true
				return
			}
			answers[what+" "+string(groupcast.ErrorCode(err))]++
		})
	}
	for i, d := range owed {
		send("owed", d.DeviceID)
		if i%2 == 0 {
			send("owed", d.DeviceID)
		}
		if i%10 == 0 {
			send("not owed", protocol.NewDeviceID())
		}
	}
	all.Wait()
	if answers["owed"] != devices || answers["owed conflict"] != devices/2 ||
		answers["not owed not_found"] != devices/10 ||
		len(answers) != 3 {
		t.Errorf("answers: %v", answers)
	}
	if len(left) != devices || !left[0] || !left[devices-1] {
		t.Errorf("%d different numbers were still owed", len(left))
	}
	end, err := below.Written(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, commits := end.Rows-start.Rows, end.Commits-start.Commits
	t.Logf("%d receipts: %d rows, %d commits", devices, rows, commits)
	if rows > 2*devices+commits {
		t.Errorf("%d rows for %d receipts in %d commits: two each and one a commit were to be", rows, devices, commits)
	}
	if kept, err := s.Receipts(t.Context(), no); err != nil || len(kept) != devices {
		t.Errorf("%d receipts are kept, %v", len(kept), err)
	}
}
