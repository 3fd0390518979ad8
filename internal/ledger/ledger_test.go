package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
)

var (
	here  = protocol.ServerID{1}
	there = protocol.ServerID{2}
	lab   = protocol.GroupID{3}
	start = time.UnixMicro(1_800_000_000_000_000)
)

func clock() time.Time { return start }

func open(t testing.TB, path string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), path, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func file(path string, no protocol.TransferNo, r spool.Result) spool.Outcome {
	return spool.Outcome{
		Path: path, Name: path, Kind: manifest.KindFile, Result: r, Transfer: no,
		Digest: protocol.Digest{byte(no)}, Size: 10, MTime: time.Unix(1, 123456789),
	}
}

func record(t testing.TB, b *ledger.Deliveries, outcomes ...spool.Outcome) {
	t.Helper()
	if err := b.Record(outcomes); err != nil {
		t.Fatal(err)
	}
}

// By which hash a file is known changes with whatever is delivered last.
func TestByWhichHashAPathIsKnown(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	b := l.Deliveries(here, lab, "lab")
	for no, blake3 := range []bool{false, true, false} {
		o := file("a", protocol.TransferNo(no+1), spool.Committed)
		o.BLAKE3 = blake3
		record(t, b, o)
		d, _, err := b.Lookup("a")
		rows, err2 := b.After(t.Context(), "", 10)
		if err = errors.Join(err, err2); err != nil || d.BLAKE3 != blake3 || len(rows) != 1 || rows[0].BLAKE3 != blake3 {
			t.Fatalf("transfer %d: %+v, %+v, %v", no+1, d, rows, err)
		}
	}
	came, err := l.Inbox(t.Context(), "", 10)
	if err != nil || len(came) != 3 || came[0].Hash != groupcast.SHA256 || came[1].Hash != groupcast.BLAKE3 {
		t.Errorf("the inbox has %+v, %v", came, err)
	}
	again := file("a", 3, spool.Committed) // the transfer was retried, and the file had changed
	again.Digest, again.Size, again.BLAKE3 = protocol.Digest{9}, 11, true
	record(t, b, again)
	came, err = l.Inbox(t.Context(), "", 10)
	if err != nil || len(came) != 3 || came[0].Digest != again.Digest || came[0].Size != 11 || came[0].Hash != "blake3" {
		t.Errorf("after a retry the inbox has %+v, %v", came, err)
	}
}

func TestAPathNeverGoesBack(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	b := l.Deliveries(here, lab, "lab")
	for _, c := range []struct {
		name string
		put  spool.Outcome
		want protocol.TransferNo
	}{
		{"first", file("a", 5, spool.Committed), 5},
		{"older", file("a", 4, spool.Committed), 5},
		{"newer", file("a", 6, spool.Committed), 6},
		{"superseded says nothing of what lies there", file("a", 7, spool.Superseded), 6},
		{"refused neither", file("a", 8, spool.Rejected), 6},
		{"already had", file("a", 9, spool.AlreadyHad), 9},
	} {
		record(t, b, c.put)
		d, known, err := b.Lookup("a")
		if err != nil || !known || d.Transfer != c.want {
			t.Fatalf("%s: %+v %v %v, want transfer %d", c.name, d, known, err, c.want)
		}
	}
	d, _, err := b.Lookup("a")
	if err != nil || !d.MTime.Equal(time.Unix(1, 123456789)) || d.Size != 10 || d.Digest != (protocol.Digest{9}) ||
		d.Name != "" {
		t.Fatalf("%+v %v", d, err)
	}
	for _, other := range []*ledger.Deliveries{
		l.Deliveries(there, lab, "lab"),
		l.Deliveries(here, protocol.GroupID{9}, "lab"),
	} {
		if _, known, err := other.Lookup("a"); known || err != nil {
			t.Fatal("the entry of one server and group shows in another", err)
		}
	}
}

// While a delivery lies beside, it stays known what was delivered under the name itself.
func TestWhatALostNameHeldStaysKnown(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "l")).Deliveries(here, lab, "lab")
	beside := func(no protocol.TransferNo) spool.Outcome {
		o := file("a", no, spool.KeptBoth)
		o.Name = "a (groupcast)"
		return o
	}
	for _, c := range []struct {
		put    spool.Outcome
		former spool.Former
	}{
		{beside(1), spool.Former{}},
		{file("a", 2, spool.Committed), spool.Former{}},
		{beside(3), spool.Former{Digest: protocol.Digest{2}, Size: 10}},
		{beside(3), spool.Former{Digest: protocol.Digest{2}, Size: 10}},
		{beside(4), spool.Former{Digest: protocol.Digest{2}, Size: 10}},
		{file("a", 5, spool.Committed), spool.Former{}},
	} {
		record(t, b, c.put)
		if d, _, err := b.Lookup("a"); err != nil || d.Former != c.former {
			t.Fatalf("after transfer %d: %+v %v, want %+v", c.put.Transfer, d, err, c.former)
		}
	}
}

func TestInbox(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	kept := file("a", 1, spool.KeptBoth)
	kept.Name, kept.Reason = "a (groupcast 1)", "edited"
	folder := file("d", 1, spool.Committed)
	folder.Kind = manifest.KindFolder
	record(t, l.Deliveries(here, lab, "lab"), kept, folder)
	record(t, l.Deliveries(here, lab, "lab"), kept) // after a crash, once more
	record(t, l.Deliveries(here, protocol.GroupID{4}, "all"), file("b", 2, spool.Committed))
	list, err := l.Inbox(t.Context(), "", 0)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	want := ledger.Entry{
		ID: list[1].ID, At: start, Group: "lab", Path: "a", Name: "a (groupcast 1)", Size: 10,
		Digest: protocol.Digest{1}, Hash: groupcast.SHA256, Transfer: 1, Outcome: "kept both", Reason: "edited",
	}
	if list[1] != want || list[0].Name != "b" {
		t.Fatalf("got  %+v\nwant %+v", list[1], want)
	}
	if list, err = l.Inbox(t.Context(), "all", 1); err != nil || len(list) != 1 || list[0].Group != "all" {
		t.Fatal(list, err)
	}
	if d, known, err := l.Deliveries(here, lab, "lab").Lookup("a"); err != nil || !known || d.Name != "a (groupcast 1)" {
		t.Fatal(d, known, err)
	}
}

func TestFloorOnlyRises(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	l := open(t, path)
	for _, c := range []struct{ raise, want protocol.OfferNo }{{0, 0}, {7, 7}, {3, 7}, {8, 8}} {
		if err := l.RaiseFloor(t.Context(), here, c.raise); err != nil {
			t.Fatal(err)
		}
		if got, err := l.Floor(t.Context(), here); err != nil || got != c.want {
			t.Fatalf("after %d: %d %v, want %d", c.raise, got, err, c.want)
		}
	}
	if got, err := l.Floor(t.Context(), there); err != nil || got != 0 {
		t.Fatal("another server's floor", got, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, path).Floor(t.Context(), here); err != nil || got != 8 {
		t.Fatal("after a restart", got, err)
	}
}

func TestNewestOfferAndSequence(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	if offer, _, err := l.NewestOffer(t.Context(), here); err != nil || offer != nil {
		t.Fatal(offer, err)
	}
	for _, n := range []protocol.OfferNo{4, 9, 6} {
		if err := l.KeepOffer(t.Context(), here, 1, n, []byte{byte(n)}, []byte{1, byte(n)}); err != nil {
			t.Fatal(err)
		}
	}
	offer, signature, err := l.NewestOffer(t.Context(), here)
	if err != nil || string(offer) != "\x09" || string(signature) != "\x01\x09" {
		t.Fatal(offer, signature, err)
	}
	first := uint64(start.UnixMilli())
	for want := first; want < first+3; want++ {
		if n, err := l.NextSequence(t.Context(), here); err != nil || n != want {
			t.Fatal(n, err, want)
		}
	}
	lost, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "l"),
		func() time.Time { return start.Add(time.Second) })
	if err != nil {
		t.Fatal(err)
	}
	defer lost.Close()
	if n, err := lost.NextSequence(t.Context(), here); err != nil || n <= first+2 {
		t.Fatal("a new ledger begins below what the old one drew", n, err)
	}
}

func TestReceiptsWait(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	keep := func(no protocol.TransferNo, outcome groupcast.DeliveryState) {
		t.Helper()
		r := groupcast.Receipt{Transfer: no, Outcome: outcome, Signature: []byte{1}, Sequence: 3}
		if err := l.KeepReceipt(t.Context(), here, r); err != nil {
			t.Fatal(err)
		}
	}
	keep(2, groupcast.DeliveryVerified)
	keep(1, groupcast.DeliveryFailed)
	keep(1, groupcast.DeliveryVerified)
	list, err := l.Receipts(t.Context(), here)
	if err != nil || len(list) != 2 || list[0].Transfer != 1 || list[0].Outcome != groupcast.DeliveryVerified ||
		list[0].Sequence != 3 {
		t.Fatal(list, err)
	}
	if err := l.DropReceipt(t.Context(), here, 1); err != nil {
		t.Fatal(err)
	}
	if list, err = l.Receipts(t.Context(), here); err != nil || len(list) != 1 || list[0].Transfer != 2 {
		t.Fatal(list, err)
	}
}

func TestDamageIsSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ledger.Open(t.Context(), path, clock)
	if err == nil || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), "move it away") {
		t.Fatalf("got %v", err)
	}
}

func many(n int) []spool.Outcome {
	out := make([]spool.Outcome, n)
	for i := range out {
		out[i] = file(fmt.Sprintf("folder/%05d", i), 1, spool.Committed)
	}
	return out
}

func TestTenThousandInOneBatch(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	b := l.Deliveries(here, lab, "lab")
	record(t, b, many(10_000)...)
	if d, known, err := b.Lookup("folder/09999"); err != nil || !known || d.Transfer != 1 {
		t.Fatal(d, known, err)
	}
	list, err := l.Inbox(t.Context(), "lab", 1_000_000)
	if err != nil || len(list) != 10_000 {
		t.Fatal(len(list), err)
	}
}

func BenchmarkRecordTenThousand(b *testing.B) {
	deliveries := open(b, filepath.Join(b.TempDir(), "l")).Deliveries(here, lab, "lab")
	batch := many(10_000)
	for b.Loop() {
		record(b, deliveries, batch...)
	}
}
