package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/nodes"
	"github.com/groupcast/groupcast/internal/store/postgres/pgtest"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
	"github.com/groupcast/groupcast/internal/tenure"
)

func parse(t *testing.T, text string) Address {
	t.Helper()
	a, err := ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestOneServerADatabase(t *testing.T) {
	server := pgtest.Shared(t)
	text := server.Schema(t)
	address := parse(t, text)
	first, err := Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), address); groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Fatalf("two servers have one database: %v", err)
	}
	if err := first.SetSetting(t.Context(), "who", "the first"); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Open(t.Context(), address) // the first gave its place back
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

// hand is a node that does what is due when the test says so, by a clock of the test.
type hand struct {
	*nodes.Keeper
	rows *rows
}

func joined(t *testing.T, address Address, id string, now *atomic.Int64) hand {
	t.Helper()
	r := openRows(address, nodes.Self{ID: id, Name: "node " + id, Address: id + ":7440", Version: "1"})
	t.Cleanup(func() { _ = r.db.Close() })
	if err := r.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	return hand{nodes.New(r, id, func() time.Duration { return time.Duration(now.Load()) }), r}
}

func (h hand) try(t *testing.T, want tenure.State) {
	t.Helper()
	if _, err := h.Try(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, _ := h.Status(); s.State != want {
		t.Fatalf("%s is in state %d, want %d", h.rows.self.ID, s.State, want)
	}
}

func TestAnotherTakesOver(t *testing.T) {
	server := pgtest.Shared(t)
	address := parse(t, server.Schema(t))
	if err := migrate(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	var now atomic.Int64
	pass := func(d time.Duration) { now.Add(int64(d)) }
	a, b := joined(t, address, "a", &now), joined(t, address, "b", &now)
	a.try(t, tenure.Active)
	b.try(t, tenure.Standby)
	for range 10 { // a renews: b stands by for as long
		pass(tenure.Every)
		a.try(t, tenure.Active)
		b.try(t, tenure.Standby)
	}
	pass(tenure.Lease + time.Second)
	b.try(t, tenure.Standby)
	if s, _ := a.Status(); s.State != tenure.Paused {
		t.Fatal(s)
	}
	pass(time.Second)
	b.try(t, tenure.Active)
	a.try(t, tenure.Standby) // its renewal is refused
	list, err := a.Nodes(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != "b" || !list[0].Active || list[1].Active {
		t.Fatal(list, err)
	}
	if err := b.rows.Free(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	pass(time.Second)
	a.try(t, tenure.Active)
	if s, _ := a.Status(); s.Epoch != 3 {
		t.Fatal(s)
	}
}

// isolations are all ways in which a change is made.
var isolations = []kind{
	{isolation: sql.LevelSerializable},
	{isolation: sql.LevelSerializable, loses: true},
	{isolation: sql.LevelReadCommitted},
	{isolation: sql.LevelReadCommitted, loses: true},
}

// TestNothingOfAnOldEpochIsKept stops transactions of the active node at every place, takes over, and lets them go on.
func TestNothingOfAnOldEpochIsKept(t *testing.T) {
	server := pgtest.Shared(t)
	text := server.Schema(t)
	address := parse(t, text)
	m, err := Join(t.Context(), address, nodes.Self{ID: "a", Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	reached, goOn := make(chan struct{}, 100), make(chan struct{})
	errs := make([]error, len(isolations))
	var all sync.WaitGroup
	for i, k := range isolations {
		all.Go(func() {
			errs[i] = s.machine.write(t.Context(), k, func(ctx context.Context, tx *sql.Tx, _ *queries.Queries) error {
				_, err := tx.ExecContext(ctx, "INSERT INTO settings (name, value) VALUES ($1, 'old')", fmt.Sprint(i))
				reached <- struct{}{}
				<-goOn
				return err
			})
		})
	}
	for range isolations {
		<-reached
	}
	db := server.Open(t, text)
	if _, err := db.ExecContext(t.Context(), "UPDATE active_node SET node = 'b', epoch = epoch + 1"); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	all.Wait()
	for i, err := range errs {
		if groupcast.ErrorCode(err) != groupcast.EUnavailable {
			t.Errorf("%v is kept: %v", isolations[i], err)
		}
	}
	var kept int
	err = db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM settings WHERE value = 'old'").Scan(&kept)
	if err != nil || kept != 0 {
		t.Fatal(kept, err)
	}
}

// TestATakeWaitsForWhatIsBeingKept lets a transaction look at its epoch first: the other node takes over only when that
// transaction has ended, or it ends it.
func TestATakeWaitsForWhatIsBeingKept(t *testing.T) {
	server := pgtest.Shared(t)
	address := parse(t, server.Schema(t))
	m, err := Join(t.Context(), address, nodes.Self{ID: "held", Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tx, err := s.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO settings (name, value) VALUES ('k', 'old')"); err != nil {
		t.Fatal(err)
	}
	if err := s.machine.fence(t.Context(), tx, new(sql.NullString)); err != nil {
		t.Fatal(err)
	}
	var now atomic.Int64
	b := joined(t, address, "b", &now)
	if _, _, err := b.rows.under(t.Context(), "UPDATE", func(*sql.Tx, tenure.Row) (bool, error) {
		return true, nil
	}); groupcast.ErrorCode(err) != groupcast.EBusy {
		t.Fatalf("the epoch's row can be changed while a transaction of that epoch ends: %v", err)
	}
	for range 5 { // the first one renews meanwhile, which this node sees each time
		row, err := b.rows.Look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, taken, err := b.rows.Take(t.Context(), row); err != nil {
			t.Fatal(err)
		} else if taken {
			break
		}
	}
	if tx.Commit() == nil {
		t.Fatal("a transaction was kept after another node had taken over")
	}
	var kept int
	err = b.rows.db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM settings WHERE name = 'k'").Scan(&kept)
	if err != nil || kept != 0 {
		t.Fatal(kept, err)
	}
}
