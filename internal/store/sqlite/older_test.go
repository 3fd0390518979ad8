package sqlite_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/store/sqlite/look"
)

// older makes a database from what an older program wrote.
func older(t *testing.T, dump string) string {
	t.Helper()
	words, err := os.ReadFile(filepath.Join("testdata", dump))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "db.sqlite")
	if _, err := raw(t, path).Exec(string(words)); err != nil {
		t.Fatal(err)
	}
	return path
}

// figures is all that was counted of a transfer before there were sites.
type figures struct{ wire, https, owed, verified, failed, incomplete, forgedDevices, forgedBlocks uint64 }

func figuresOf(t store.Transfer) figures {
	f := figures{
		t.WireBytes, t.HTTPSBytes, uint64(t.Owed), uint64(t.Verified), uint64(t.Failed), uint64(t.Incomplete), 0, 0,
	}
	if t.Forging != nil {
		f.forgedDevices, f.forgedBlocks = uint64(t.Forging.Devices), uint64(t.Forging.Blocks)
	}
	return f
}

// A database from before there were sites keeps all figures: they are counted at the server's own.
func TestSitesKeepWhatWasCounted(t *testing.T) {
	path := older(t, "version18.sql")
	rows, err := raw(t, path).Query(`SELECT no, wire_bytes, https_bytes, owed, verified, failed, incomplete,
		forged_devices, forged_blocks FROM transfers`)
	if err != nil {
		t.Fatal(err)
	}
	want := map[protocol.TransferNo]figures{}
	for rows.Next() {
		var no protocol.TransferNo
		var f figures
		if err := rows.Scan(&no, &f.wire, &f.https, &f.owed, &f.verified, &f.failed, &f.incomplete, &f.forgedDevices,
			&f.forgedBlocks); err != nil {
			t.Fatal(err)
		}
		want[no] = f
	}
	if len(want) != 4 || want[1] != (figures{1_235_567, 89_000, 3, 2, 1, 1, 3, 17}) {
		t.Fatalf("the dump is another: %+v", want)
	}
	s := open(t, path)
	defer s.Close()
	if _, err := look.Check(t.Context(), path, sqlite.Migrations()); err != nil {
		t.Error(err)
	}
	got := map[protocol.TransferNo]figures{}
	list, err := s.Transfers(t.Context(), groupcast.TransferFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range list.Rows {
		got[tr.No] = figuresOf(tr)
		sites, err := s.CountsBySite(t.Context(), tr.No)
		if err != nil || len(sites) != 1 || sites[0].Site != (protocol.SiteID{}) {
			t.Errorf("transfer %d: %+v, %v", tr.No, sites, err)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	goesOn(t, s)
}

// goesOn uses what was migrated as a server does.
func goesOn(t *testing.T, s *sqlite.Store) {
	t.Helper()
	ctx, now := t.Context(), time.UnixMicro(1_800_000_100_000_000)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	held, err := s.Handouts(ctx, 1)
	if err != nil || len(held) != 6 {
		t.Errorf("%d were handed keys, %v", len(held), err)
	}
	here, err := s.TakeSite(ctx, protocol.SiteID{})
	ok(err)
	number, floor, err := s.OpenOffer(ctx, here, 1, now)
	ok(err)
	if number != 3 || floor != 3 {
		t.Errorf("offer %d and floor %d: offers of before are still open", number, floor)
	}
	eve := protocol.DeviceID{3, 1}
	ok(s.AddTransferBytes(ctx, here, 1, 10, 0))
	ok(s.AddHandouts(ctx, []store.Handout{{Transfer: 1, Session: protocol.SessionID{9}, Device: eve, Site: here}}, now)[0])
	owed, err := s.CloseDelivery(ctx, store.Closing{Transfer: 1, Device: eve, State: groupcast.DeliveryVerified}, now)
	if err != nil || owed != 2 {
		t.Errorf("%d are owed, %v", owed, err)
	}
	tr, err := s.Transfer(ctx, 1)
	ok(err)
	if f := figuresOf(tr); f != (figures{1_235_577, 89_000, 2, 3, 1, 1, 3, 17}) {
		t.Errorf("after it went on: %+v", f)
	}
}
