package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/groupcast/groupcast/internal/nodes"
	"github.com/groupcast/groupcast/internal/store/tables/engine"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

const (
	// attempts is how often a transaction is begun: once, and five times more.
	attempts = 6
	// crowded are the attempts that a change makes beside others of this server; from there on it is alone.
	crowded = 2
	// writers are the changes that are made at the same time.
	writers = 8
	// longest bounds a transaction, so that a network that swallows everything ends it.
	longest = time.Minute
)

// machine makes transactions. What must be as if nothing else was written at the same time is SERIALIZABLE, and
// begins again when PostgreSQL finds that it was not so: beside others first, then alone in this server.
type machine struct {
	db    *sql.DB
	turns *semaphore.Weighted
	epoch uint64 // in which this server is the active one; 0: whoever has the database may write
}

var _ engine.Engine = (*machine)(nil)

func newMachine(db *sql.DB) *machine { return &machine{db: db, turns: semaphore.NewWeighted(writers)} }

// kind is how a transaction is made.
type kind struct {
	isolation sql.IsolationLevel
	readOnly  bool
	loses     bool // the power may take it after it was committed
}

// Read runs f on one state of the database.
func (m *machine) Read(ctx context.Context, f func(q *queries.Queries) error) error {
	var err error
	for n := range attempts {
		if err = pause(ctx, n); err != nil {
			return err
		}
		err = m.transaction(ctx, kind{isolation: sql.LevelRepeatableRead, readOnly: true},
			func(_ context.Context, _ *sql.Tx, q *queries.Queries) error { return f(q) })
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if !again(err) {
			break
		}
	}
	return explain(err)
}

// Durably makes a change that is on the disk when it returns.
func (m *machine) Durably(ctx context.Context, c engine.Change) error {
	return m.write(ctx, kind{isolation: sql.LevelSerializable}, only(c))
}

// Quickly makes a change that the power may still take.
func (m *machine) Quickly(ctx context.Context, c engine.Change) error {
	return m.write(ctx, kind{isolation: sql.LevelSerializable, loses: true}, only(c))
}

// Loosely makes a change whose statements stand each for themselves.
func (m *machine) Loosely(ctx context.Context, c engine.Change) error {
	return m.write(ctx, kind{isolation: sql.LevelReadCommitted, loses: true}, only(c))
}

// work is what happens in a transaction.
type work func(ctx context.Context, tx *sql.Tx, q *queries.Queries) error

func only(c engine.Change) work {
	return func(ctx context.Context, _ *sql.Tx, q *queries.Queries) error { return c(ctx, q) }
}

// errUndone is the end of a transaction of several changes of which one failed: it begins again, with a savepoint
// for each.
var errUndone = errors.New("a change of several failed")

// Together makes changes in one transaction, one after another. Those that end well, which is nearly always all of
// them, need no savepoints.
func (m *machine) Together(
	ctx context.Context, changes []engine.Change, then func(context.Context, *queries.Queries, []error) error,
	durable bool,
) []error {
	failed, apart := make([]error, len(changes)), false
	err := m.write(ctx, kind{isolation: sql.LevelReadCommitted, loses: !durable}, func(
		ctx context.Context, tx *sql.Tx, q *queries.Queries,
	) error {
		clear(failed)
		for i, c := range changes {
			if apart {
				failed[i] = savepoint(ctx, tx, q, c)
			} else if err := c(ctx, q); err != nil {
				apart = !again(err)
				return cmp.Or(retried(err), errUndone)
			}
			if again(failed[i]) {
				return failed[i]
			}
		}
		if then == nil {
			return nil
		}
		return then(ctx, q, failed)
	})
	for i := range failed {
		failed[i] = cmp.Or(err, explain(failed[i]))
	}
	return failed
}

// retried is err if the transaction begins again because of it.
func retried(err error) error {
	if again(err) {
		return err
	}
	return nil
}

// savepoint makes a change so that only what it did is undone if it fails.
func savepoint(ctx context.Context, tx *sql.Tx, q *queries.Queries, c engine.Change) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT apart"); err != nil {
		return err
	}
	failed := c(ctx, q)
	end := "RELEASE SAVEPOINT apart"
	if failed != nil {
		end = "ROLLBACK TO SAVEPOINT apart"
	}
	if _, err := tx.ExecContext(ctx, end); err != nil {
		return errors.Join(err, failed)
	}
	return failed
}

// write makes a transaction, again and again if it has to be. It goes on when the caller's time is over: who asked
// for a change hears what became of it.
func (m *machine) write(ctx context.Context, k kind, w work) error {
	var err error
	for n := range attempts {
		if err := pause(ctx, n); err != nil {
			return err
		}
		weight := int64(1)
		if n >= crowded {
			weight = writers
		}
		if err := m.turns.Acquire(ctx, weight); err != nil {
			return err
		}
		err = m.transaction(context.WithoutCancel(ctx), k, w)
		m.turns.Release(weight)
		if !again(err) && !errors.Is(err, errUndone) {
			break
		}
	}
	return explain(err)
}

// pause waits before another attempt, longer each time.
func pause(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(attempt) * (2*time.Millisecond + rand.N(8*time.Millisecond))):
		return nil
	}
}

func (m *machine) transaction(ctx context.Context, k kind, w work) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	tx, err := m.db.BeginTx(ctx, &sql.TxOptions{Isolation: k.isolation, ReadOnly: k.readOnly})
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it is over by then, but for an error or a panic
	if k.loses {
		if _, err := tx.ExecContext(ctx, "SET LOCAL synchronous_commit = off"); err != nil {
			return err
		}
	}
	if err := w(ctx, tx, queries.New(clean{tx})); err != nil {
		return err
	}
	return m.commit(ctx, tx, k)
}

// commit ends a transaction. Nothing of an epoch that has passed is committed: the row of the active node stays as it
// is from the look at it until the commit. If the connection is lost over it, PostgreSQL is asked what became of it.
func (m *machine) commit(ctx context.Context, tx *sql.Tx, k kind) error {
	if k.readOnly {
		return tx.Commit()
	}
	var id sql.NullString
	if err := m.fence(ctx, tx, &id); err != nil {
		return err
	}
	err := tx.Commit()
	if err == nil || !id.Valid || !lost(err) {
		return err
	}
	return m.outcome(ctx, id.String, err)
}

// fence says in which transaction of the database tx writes, or that this server may not write any more.
func (m *machine) fence(ctx context.Context, tx *sql.Tx, id *sql.NullString) error {
	const own = "SELECT pg_current_xact_id_if_assigned()::text"
	if m.epoch == 0 {
		return tx.QueryRowContext(ctx, own).Scan(id)
	}
	var epoch uint64
	var free bool
	var who string
	err := tx.QueryRowContext(ctx, own+", a.epoch, a.free, "+
		"COALESCE((SELECT n.name FROM nodes n WHERE n.id = a.node), '') FROM active_node a WHERE a.one = 1 FOR SHARE").
		Scan(id, &epoch, &free, &who)
	if err == nil && (epoch != m.epoch || free) {
		return nodes.Taken(who)
	}
	return err
}

// outcome says how a transaction ended whose connection was lost as it was committed.
func (m *machine) outcome(ctx context.Context, id string, err error) error {
	for n := range attempts {
		if wait := pause(ctx, n*n); wait != nil {
			break
		}
		var status sql.NullString
		if m.db.QueryRowContext(ctx, "SELECT pg_xact_status($1::text::xid8)", id).Scan(&status) != nil {
			continue
		}
		switch status.String {
		case "committed":
			return nil
		case "aborted":
			return err // again
		}
	}
	return unknown(err)
}
