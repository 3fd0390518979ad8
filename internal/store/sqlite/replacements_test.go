package sqlite

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// TestReplacingIsOneTransaction: a server that is killed between the writes, or whose disk fails, has both
// transfers as they were before, or neither is half done.
func TestReplacingIsOneTransaction(t *testing.T) {
	for name, trigger := range map[string]string{
		"before the deliveries": "BEFORE UPDATE OF replaced_by ON deliveries",
		"before the transfer":   "BEFORE UPDATE OF replaced_by ON transfers",
		"at the end":            "AFTER UPDATE OF replaced_by ON transfers",
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), filepath.Join(t.TempDir(), "db"))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			at := time.UnixMicro(1_800_000_000_000_000)
			g, err := s.AddGroup(t.Context(), groupcast.Group{
				ID: protocol.NewGroupID(), Name: "g", Address: netip.MustParseAddrPort("239.192.0.1:29900"),
			}, at)
			if err != nil {
				t.Fatal(err)
			}
			u, err := s.AddUser(t.Context(), store.NewUser{Name: "ann", Role: groupcast.RoleMember, Hash: "x"}, at)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.AddMember(t.Context(), g.ID, u.ID, "root", at); err != nil {
				t.Fatal(err)
			}
			tr := store.Transfer{Transfer: groupcast.Transfer{GroupID: g.ID, State: groupcast.TransferWaiting, CreatedAt: at}}
			old, _, err := s.AddTransfer(t.Context(), tr)
			if err != nil {
				t.Fatal(err)
			}
			db := s.file.Pool(1)
			defer db.Close()
			if _, err := db.ExecContext(t.Context(),
				"CREATE TRIGGER killed "+trigger+" BEGIN SELECT RAISE(ABORT, 'killed'); END"); err != nil {
				t.Fatal(err)
			}
			tr.Replaces = []protocol.TransferNo{old.No}
			if _, _, err := s.AddTransfer(t.Context(), tr); err == nil {
				t.Fatal("it was added")
			}
			all, err := s.Transfers(t.Context(), groupcast.TransferFilter{})
			if err != nil || len(all.Rows) != 1 || all.Rows[0].State != groupcast.TransferWaiting || all.Rows[0].Owed != 1 {
				t.Fatalf("%+v, %v", all.Rows, err)
			}
		})
	}
}
