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
	"github.com/groupcast/groupcast/internal/store/sqlite"
)

// owing makes a group of one user with so many devices, and a transfer to them.
func owing(t testing.TB, s store.Store, devices int) (protocol.TransferNo, []groupcast.Delivery) {
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

// signed is a device's receipt.
func signed(no protocol.TransferNo, dev protocol.DeviceID) *store.SignedReceipt {
	return &store.SignedReceipt{Transfer: no, Device: dev, Sequence: 1, Signed: dev[:], Signature: dev[:], Key: dev[:]}
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
				Signed: signed(no, dev),
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

// BenchmarkAllAtOnce is 400 hand-outs and 400 receipts that come at the same time: to the store itself, and
// by way of what makes few transactions of them.
func BenchmarkAllAtOnce(b *testing.B) {
	const devices = 400
	for _, together := range []bool{false, true} {
		name := map[bool]string{false: "each alone", true: "together"}[together]
		b.Run(name, func(b *testing.B) {
			var commits, rows int64
			for b.Loop() {
				b.StopTimer()
				gathering, below := open(b)
				var s store.Store = below
				if together {
					s = gathering
				}
				no, owed := owing(b, s, devices)
				start := written(b, below)
				b.StartTimer()
				atOnce(b, s, no, owed)
				b.StopTimer()
				end := written(b, below)
				commits, rows = commits+end.Commits-start.Commits, rows+end.Rows-start.Rows
				b.StartTimer()
			}
			b.ReportMetric(float64(commits)/float64(b.N*devices), "commits/delivery")
			b.ReportMetric(float64(rows)/float64(b.N*devices), "rows/delivery")
		})
	}
}

func written(t testing.TB, s *sqlite.Store) sqlite.Written {
	t.Helper()
	w, err := s.Written(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// atOnce hands keys to all devices and closes what they are owed.
func atOnce(t testing.TB, s store.Store, no protocol.TransferNo, owed []groupcast.Delivery) {
	now, session := time.UnixMicro(1_800_000_001_000_000), protocol.NewSessionID()
	var all sync.WaitGroup
	for _, d := range owed {
		all.Go(func() {
			h := store.Handout{Transfer: no, Session: session, Version: 1, Device: d.DeviceID}
			if err := s.AddHandouts(t.Context(), []store.Handout{h}, now)[0]; err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, d := range owed {
		all.Go(func() {
			if _, err := s.CloseDelivery(t.Context(), store.Closing{
				Transfer: no, Device: d.DeviceID, State: groupcast.DeliveryVerified, Receipt: make([]byte, 300),
				Signed: signed(no, d.DeviceID),
			}, now); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
