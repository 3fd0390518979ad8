package ledger_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFoldersAreKnownByTheirIdentity(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	if _, known, err := l.Folder(t.Context(), "/a"); known || err != nil {
		t.Fatal("a new ledger knows a folder:", known, err)
	}
	one, two := spool.Identity{1}, spool.Identity{2}
	must(t, l.KeepFolder(t.Context(), "/a", one))
	must(t, l.KeepFolder(t.Context(), "/b", one))
	must(t, l.KeepFolder(t.Context(), "/a", two)) // adopted anew
	if id, known, err := l.Folder(t.Context(), "/a"); !known || err != nil || id != two {
		t.Errorf("%v %v %v", id, known, err)
	}
	want := map[string]spool.Identity{"/a": two, "/b": one}
	if all, err := l.Folders(t.Context()); err != nil || !maps.Equal(all, want) {
		t.Errorf("got %v, %v, want %v", all, err, want)
	}
}

func TestServersAreThoseOfOffersAndReceipts(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	if all, err := l.Servers(t.Context()); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	must(t, l.RaiseFloor(t.Context(), here, 1))
	must(t, second(l.NextSequence(t.Context(), there)))
	must(t, l.RaiseFloor(t.Context(), here, 2))
	all, err := l.Servers(t.Context())
	slices.SortFunc(all, func(a, b protocol.ServerID) int { return int(a[0]) - int(b[0]) })
	if err != nil || !slices.Equal(all, []protocol.ServerID{here, there}) {
		t.Errorf("%v, %v", all, err)
	}
}

// The newest offer of each transfer is remembered until the transfer is over: an older one is not taken again.
func TestTakenOffersAreForgottenWithTheirTransfers(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	for _, k := range []struct {
		server protocol.ServerID
		no     protocol.TransferNo
		offer  protocol.OfferNo
	}{{here, 1, 5}, {here, 1, 4}, {here, 2, 7}, {here, 3, 8}, {there, 1, 2}} {
		must(t, l.KeepOffer(t.Context(), k.server, k.no, k.offer, []byte("o"), []byte("s")))
	}
	taken := func(server protocol.ServerID, no protocol.TransferNo, want protocol.OfferNo) {
		t.Helper()
		if got, err := l.Taken(t.Context(), server, no); err != nil || got != want {
			t.Errorf("of transfer %d offer %d was taken, %v, want %d", no, got, err, want)
		}
	}
	taken(here, 1, 5)
	taken(here, 9, 0)
	var asked []protocol.TransferNo
	must(t, l.ForgetTaken(t.Context(), here, func(no protocol.TransferNo) bool {
		asked = append(asked, no)
		return no == 2
	}))
	slices.Sort(asked)
	if !slices.Equal(asked, []protocol.TransferNo{1, 2, 3}) {
		t.Errorf("asked of %v", asked)
	}
	taken(here, 1, 0)
	taken(here, 2, 7)
	taken(here, 3, 0)
	taken(there, 1, 2)
	must(t, l.ForgetTaken(t.Context(), here, func(protocol.TransferNo) bool { return true }))
	taken(here, 2, 7)
}

func TestEntriesOfAReceipt(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	entries := make([]groupcast.DeliveryEntry, 25)
	for i := range entries {
		entries[i] = groupcast.DeliveryEntry{
			Path: fmt.Sprintf("d/%02d", i), Kind: "file", Result: groupcast.EntryMissing, Reason: "no such \"thing\"",
		}
	}
	must(t, l.KeepEntries(t.Context(), here, 7, entries))
	must(t, l.KeepReceipt(t.Context(), here, groupcast.Receipt{Transfer: 7}))
	for _, c := range []struct{ from, limit, first, n int }{
		{0, 10, 0, 10}, {10, 10, 10, 10}, {20, 10, 20, 5}, {25, 10, 0, 0}, {0, 100, 0, 25},
	} {
		t.Run(fmt.Sprint(c.from, " ", c.limit), func(t *testing.T) {
			got, err := l.Entries(t.Context(), here, 7, c.from, c.limit)
			if err != nil || !slices.Equal(got, entries[c.first:c.first+c.n]) {
				t.Errorf("%d entries, %v", len(got), err)
			}
		})
	}
	count := func(server protocol.ServerID, no protocol.TransferNo, want int) {
		t.Helper()
		if got, err := l.Entries(t.Context(), server, no, 0, 1000); err != nil || len(got) != want {
			t.Errorf("transfer %d has %d entries, %v, want %d", no, len(got), err, want)
		}
	}
	count(there, 7, 0)
	must(t, l.KeepEntries(t.Context(), here, 7, entries[:3])) // a later receipt of the same transfer
	count(here, 7, 3)
	must(t, l.KeepEntries(t.Context(), here, 8, entries[:2])) // and no receipt: the agent ended in between
	count(here, 8, 2)
	must(t, l.KeepEntries(t.Context(), here, 9, entries[:1]))
	count(here, 8, 0)
	count(here, 7, 3)
	must(t, l.DropReceipt(t.Context(), here, 7))
	count(here, 7, 0)
	must(t, l.KeepEntries(t.Context(), here, 9, nil))
	count(here, 9, 0)
}

func TestReceiptsWaitPerServerAndAreBounded(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	keep := func(server protocol.ServerID, no protocol.TransferNo, reason string) {
		t.Helper()
		must(t, l.KeepReceipt(t.Context(), server, groupcast.Receipt{Transfer: no, Reason: reason}))
	}
	keep(here, 9, "first")
	keep(here, 2, "")
	keep(here, 9, "second")
	keep(there, 5, "")
	list, err := l.Receipts(t.Context(), here)
	if err != nil || len(list) != 2 || list[0].Transfer != 2 || list[1].Reason != "second" {
		t.Fatalf("%+v, %v", list, err)
	}
	must(t, l.DropReceipt(t.Context(), here, 2))
	must(t, l.DropReceipt(t.Context(), here, 2)) // acknowledged twice
	must(t, l.ForgetReceipts(t.Context(), here))
	if list, err := l.Receipts(t.Context(), here); err != nil || len(list) != 0 {
		t.Errorf("after the login ended: %+v, %v", list, err)
	}
	if list, err := l.Receipts(t.Context(), there); err != nil || len(list) != 1 {
		t.Errorf("another server's: %+v, %v", list, err)
	}
}

func TestTheInboxIsReadInPieces(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	b := l.Deliveries(here, lab, "lab")
	var batch []spool.Outcome
	for i := range 150 {
		batch = append(batch, file(fmt.Sprintf("%03d", i), 1, spool.Committed))
	}
	record(t, b, batch...)
	for _, c := range []struct{ limit, n int }{{0, 100}, {-3, 100}, {1, 1}, {1000, 150}, {1 << 40, 150}} {
		t.Run(fmt.Sprint(c.limit), func(t *testing.T) {
			list, err := l.Inbox(t.Context(), "", c.limit)
			if err != nil || len(list) != c.n || list[0].Path != "149" {
				t.Errorf("%d lines, %v", len(list), err)
			}
		})
	}
	if list, err := l.Inbox(t.Context(), "nobody's", 10); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestEveryOutcomeHasItsWord(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	for want, r := range map[string]spool.Result{
		"received": spool.Committed, "kept both": spool.KeptBoth, "already had": spool.AlreadyHad,
		"superseded": spool.Superseded, "refused": spool.Rejected, "result 99": spool.Result(99),
	} {
		t.Run(want, func(t *testing.T) {
			record(t, l.Deliveries(here, protocol.GroupID{byte(r) + 1}, want), file("a", protocol.TransferNo(r)+1, r))
			if list, err := l.Inbox(t.Context(), want, 1); err != nil || len(list) != 1 || list[0].Outcome != want {
				t.Errorf("%+v, %v", list, err)
			}
		})
	}
}

// What was recorded and recorded again after a crash is one line, with what became of it at last.
func TestAnOutcomeRecordedTwiceIsOneLine(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	b := l.Deliveries(here, lab, "lab")
	refused := file("a", 1, spool.Rejected)
	refused.Reason = "the disk is full"
	record(t, b, refused)
	record(t, b, file("a", 1, spool.Committed))
	list, err := l.Inbox(t.Context(), "", 10)
	if err != nil || len(list) != 1 || list[0].Outcome != "received" || list[0].Reason != "" {
		t.Errorf("%+v, %v", list, err)
	}
}

// A file that is no ledger is refused with the way out, and is left as it is.
func TestWhatIsNoLedgerIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	text := []byte("this is a letter, which is longer than the header of a database is, and is nobody's ledger")
	must(t, os.WriteFile(path, text, 0o600))
	l, err := openAt(t, path)
	if err == nil {
		l.Close()
		t.Fatal("a letter is a ledger")
	}
	if left, err := os.ReadFile(path); err != nil || string(left) != string(text) {
		t.Errorf("it was changed: %q, %v", left, err)
	}
}

func TestALedgerIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func openAt(t *testing.T, path string) (*ledger.Ledger, error) {
	t.Helper()
	return ledger.Open(t.Context(), path, clock)
}

// A site's epoch only rises, each site of each server for itself, and stays when the ledger is opened again.
func TestEpochsOfSites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	l := open(t, path)
	site, other := protocol.SiteID{}, protocol.SiteID{1}
	must(t, l.RaiseEpoch(t.Context(), here, site, 3))
	must(t, l.RaiseEpoch(t.Context(), here, site, 2))
	must(t, l.RaiseEpoch(t.Context(), here, other, 9))
	must(t, l.Close())
	l = open(t, path)
	for _, c := range []struct {
		server protocol.ServerID
		site   protocol.SiteID
		want   uint64
	}{{here, site, 3}, {here, other, 9}, {there, site, 0}} {
		if epoch, err := l.Epoch(t.Context(), c.server, c.site); err != nil || epoch != c.want {
			t.Errorf("%v %v: %d, %v, not %d", c.server, c.site, epoch, err, c.want)
		}
	}
}
