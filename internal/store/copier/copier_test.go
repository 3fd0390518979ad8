package copier_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/sqlfile"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/copier"
	"github.com/groupcast/groupcast/internal/store/postgres"
	"github.com/groupcast/groupcast/internal/store/postgres/pgtest"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/store/sqlite/look"
	"github.com/groupcast/groupcast/internal/store/storetest/crowd"
)

var now = time.UnixMicro(1_800_000_000_000_000).UTC()

func inPostgres(t *testing.T, address string) *postgres.Store {
	t.Helper()
	a, err := postgres.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// lived makes a file with the state of a server that has lived.
func lived(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.sqlite")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	crowd.Run(t, s, crowd.Options{Seed: rand.Uint64(), Workers: 4, Each: 60})
	users, err := s.Users(t.Context(), groupcast.Window{})
	if err != nil {
		t.Fatal(err)
	}
	u, id := users.Rows[0], protocol.NewDeviceID()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = s.AddDevice(t.Context(), groupcast.Device{ID: id, UserID: u.ID, Name: "größer", PublicKey: nil}, now)
	check(err)
	_, err = s.LabelDevices(t.Context(), groupcast.LabelChange{
		Devices: []protocol.DeviceID{id}, Set: groupcast.Labels{"room": "a-1"},
	})
	check(err)
	check(s.AddToken(t.Context(), store.Token{UserID: u.ID, Device: id, Scope: groupcast.ScopeAgent, CreatedAt: now}))
	check(s.AddToken(t.Context(), store.Token{Hash: store.TokenHash{1}, UserID: u.ID, CreatedAt: now}))
	check(s.UpdateDevices(t.Context(), []groupcast.Device{{ID: id, LossPercent: 2.5, FreeBytes: 1 << 50, LastSeen: now}}))
	for i := range 450 { // more than one statement takes
		check(s.AppendAudit(t.Context(), groupcast.AuditEntry{At: now, Actor: "root", Action: "a.b", Object: fmt.Sprint(i)}))
	}
	check(s.DeleteAudit(t.Context(), 7))
	check(s.SetSetting(t.Context(), "server", "this one"))
	check(s.Close())
	return path
}

func TestThereAndBack(t *testing.T) {
	server := pgtest.Shared(t)
	path := lived(t)
	there := inPostgres(t, server.Schema(t))
	first, err := copier.FromFile(t.Context(), path, there)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, table := range first.Tables {
		rows[table.Name] = table.Rows
	}
	if rows["audit"] != 443 || rows["sites"] != 1 || rows["counters"] != 2 || rows["labels"] != 1 || rows["users"] != 12 ||
		rows["transfers"] == 0 || rows["deliveries"] == 0 || rows["settings"] != 1 || first.Texts != 0 {
		t.Fatalf("%+v", first)
	}
	back := filepath.Join(t.TempDir(), "back.sqlite")
	if err := (copier.Backed{Store: there}).Backup(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	if a, b := all(t, path), all(t, back); a != b {
		t.Fatalf("what came back is not what went:\n%s\n%s", a, b)
	}

	// What is drawn next is behind what was drawn.
	if err := there.AppendAudit(t.Context(), groupcast.AuditEntry{At: now, Action: "x"}); err != nil {
		t.Fatal(err)
	}
	newest, err := there.Audit(t.Context(), store.AuditFilter{Limit: 1})
	if err != nil || newest[0].ID != 451 {
		t.Fatal(newest, err)
	}
}

// all is what a store says of everything, in words.
func all(t *testing.T, path string) string {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out strings.Builder
	say := func(v any, err error) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%+v\n", v)
	}
	ctx := context.Background()
	say(s.Users(ctx, groupcast.Window{}))
	say(s.Devices(ctx, "", groupcast.Window{}))
	say(s.Groups(ctx))
	say(s.OwedAll(ctx))
	say(s.Transfers(ctx, groupcast.TransferFilter{Limit: 1000}))
	say(s.Audit(ctx, store.AuditFilter{Limit: 1000}))
	say(s.LastOffer(ctx))
	say(s.LastTransferNo(ctx))
	say(s.Sites(ctx))
	say(s.Setting(ctx, "server"))
	for no := range protocol.TransferNo(200) {
		if list, err := s.Deliveries(ctx, no, groupcast.Window{}); err == nil {
			say(list, nil)
		}
	}
	return out.String()
}

func TestATargetWithSomethingInIt(t *testing.T) {
	server := pgtest.Shared(t)
	path := lived(t)
	there := inPostgres(t, server.Schema(t))
	if _, err := there.AddUser(t.Context(), store.NewUser{Name: "ann", Role: groupcast.RoleMember}, now); err != nil {
		t.Fatal(err)
	}
	_, err := copier.FromFile(t.Context(), path, there)
	if groupcast.ErrorCode(err) != groupcast.EConflict || !strings.Contains(err.Error(), "is not empty") {
		t.Fatal(err)
	}
	if _, err := copier.ToFile(t.Context(), there, path); groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Fatal(err)
	}
	if groups, err := there.Groups(t.Context()); err != nil || len(groups) != 0 {
		t.Fatal(groups, err)
	}
}

// TestTextsThatPostgreSQLDoesNotTake: SQLite keeps them.
func TestTextsThatPostgreSQLDoesNotTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetSetting(t.Context(), "odd", "a\x00b\xff"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	there := inPostgres(t, pgtest.Shared(t).Schema(t))
	copied, err := copier.FromFile(t.Context(), path, there)
	if err != nil || copied.Texts != 1 {
		t.Fatal(copied, err)
	}
	if v, err := there.Setting(t.Context(), "odd"); err != nil || v != "a\ufffdb\ufffd" {
		t.Fatalf("%q %v", v, err)
	}
}

// TestAnOlderFile copies what an older program wrote, and leaves the file as it is.
func TestAnOlderFile(t *testing.T) {
	const older = 31
	file := sqlfile.File{
		Path: filepath.Join(t.TempDir(), "db.sqlite"), Name: "database", Migrations: sqlite.Migrations(),
	}
	db := file.Pool(1)
	if err := file.MigrateTo(t.Context(), db, older); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO settings (name, value) VALUES ('server', 'old')"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	there := inPostgres(t, pgtest.Shared(t).Schema(t))
	if _, err := copier.FromFile(t.Context(), file.Path, there); err != nil {
		t.Fatal(err)
	}
	if v, err := there.Setting(t.Context(), "server"); err != nil || v != "old" {
		t.Fatal(v, err)
	}
	if found, err := look.At(t.Context(), file.Path); err != nil || found.Tables != older {
		t.Fatal(found, err)
	}
	if left, err := filepath.Glob(file.Path + ".*"); err != nil || len(left) != 0 {
		t.Fatal(left, err)
	}
}
