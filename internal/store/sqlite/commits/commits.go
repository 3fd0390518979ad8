package commits

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/groupcast/groupcast/internal/sqlfile"
	"github.com/groupcast/groupcast/internal/store/tables/engine"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// write is a change that waits for its turn.
type write struct {
	run     func(ctx context.Context, tx *sql.Tx, q *queries.Queries) error
	durable bool
	done    chan error
}

// queue has the writes that wait. Writers take turns in Go, because SQLite's own waiting sleeps and is
// not fair; the writer that has its turn commits for all that wait. When 400 devices answer an
// offer or hand in their receipts at once, that is a few commits in place of 400.
type queue struct {
	turn    chan struct{} // holds one token: whoever has it may write
	mu      sync.Mutex
	waiting []*write
}

func newQueue() *queue {
	q := &queue{turn: make(chan struct{}, 1)}
	q.turn <- struct{}{}
	return q
}

func (q *queue) add(w *write) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, w)
}

// leave removes a write that has not begun.
func (q *queue) leave(w *write) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(q.waiting, w)
	if at >= 0 {
		q.waiting = slices.Delete(q.waiting, at, at+1)
	}
	return at >= 0
}

// next takes those that have waited longest.
func (q *queue) next() []*write {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), engine.MostTogether)
	batch := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return batch
}

// Durably makes a change that is on the disk when Durably returns.
func (d *DB) Durably(ctx context.Context, c engine.Change) error { return d.write(ctx, c, true) }

// Quickly makes a change that the power may still take.
func (d *DB) Quickly(ctx context.Context, c engine.Change) error { return d.write(ctx, c, false) }

// Loosely is Quickly: here nobody writes at the same time.
func (d *DB) Loosely(ctx context.Context, c engine.Change) error { return d.write(ctx, c, false) }

func (d *DB) write(ctx context.Context, c engine.Change, durable bool) error {
	return d.wait(ctx, &write{
		run:     func(ctx context.Context, _ *sql.Tx, q *queries.Queries) error { return c(ctx, q) },
		durable: durable, done: make(chan error, 1),
	})
}

// Together makes changes in one transaction, one after another, and then what follows from them, if
// anything does. One that fails is undone alone; it says how each went.
func (d *DB) Together(
	ctx context.Context, changes []engine.Change, then func(context.Context, *queries.Queries, []error) error,
	durable bool,
) []error {
	failed := make([]error, len(changes))
	err := d.wait(ctx, &write{durable: durable, done: make(chan error, 1), run: func(
		ctx context.Context, tx *sql.Tx, q *queries.Queries,
	) (err error) {
		for i, c := range changes {
			if failed[i], err = apart(ctx, tx, q, c); err != nil {
				return err
			}
			if sqlfile.NoRoom(failed[i]) { // all of it is tried again when there is room
				return failed[i]
			}
		}
		if then == nil {
			return nil
		}
		return then(ctx, q, failed)
	}})
	for i := range failed {
		failed[i] = cmp.Or(err, d.file.Explain(failed[i]))
	}
	return failed
}

// wait queues a write, makes it or has it made, and says how it went.
func (d *DB) wait(ctx context.Context, w *write) error {
	d.writes.add(w)
	for {
		select {
		case err := <-w.done:
			return d.file.Explain(err)
		case <-d.writes.turn:
			d.serve(context.WithoutCancel(ctx))
		case <-ctx.Done():
			if d.writes.leave(w) {
				return ctx.Err()
			}
			return d.file.Explain(<-w.done)
		}
	}
}

// serve has the turn, uses it for those that wait and gives it back.
func (d *DB) serve(ctx context.Context) {
	defer func() { d.writes.turn <- struct{}{} }()
	d.commit(ctx, d.writes.next())
}

// errAborted is the error of changes in a commit in which another change panicked.
var errAborted = errors.New("the commit was aborted")

// commit makes the changes of a batch in one transaction and gives each its error. Durable changes that
// find the disk full are repeated as long as room can be made.
func (d *DB) commit(ctx context.Context, batch []*write) {
	if len(batch) == 0 {
		return
	}
	durable := slices.ContainsFunc(batch, func(w *write) bool { return w.durable })
	failed := make([]error, len(batch))
	err := errAborted
	defer func() {
		for i, w := range batch {
			w.done <- cmp.Or(err, failed[i])
		}
	}()
	for {
		err = d.attempt(ctx, batch, failed, durable)
		full := sqlfile.NoRoom(err) || slices.ContainsFunc(failed, sqlfile.NoRoom)
		if !durable || !full || !d.room() {
			return
		}
	}
}

func (d *DB) attempt(ctx context.Context, batch []*write, failed []error, durable bool) error {
	pool := &d.quick
	if durable {
		pool = &d.durable
	}
	err := pool.transaction(ctx, func(tx *sql.Tx, q *queries.Queries) error {
		for i, w := range batch {
			var err error
			c := func(ctx context.Context, q *queries.Queries) error { return w.run(ctx, tx, q) }
			if failed[i], err = apart(ctx, tx, q, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		d.commits.Add(1)
	}
	return err
}

// apart makes a change so that only what it did is undone if it fails. An error of SQLite's own
// that makes it impossible to undo the change is fatal to the transaction.
func apart(ctx context.Context, tx *sql.Tx, q *queries.Queries, c engine.Change) (failed, fatal error) {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT apart"); err != nil {
		return nil, fmt.Errorf("begin a change: %w", err)
	}
	if failed = c(ctx, q); failed != nil {
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO apart"); err != nil {
			return nil, errors.Join(failed, fmt.Errorf("undo a change: %w", err))
		}
	}
	if _, err := tx.ExecContext(ctx, "RELEASE apart"); err != nil {
		return nil, fmt.Errorf("end a change: %w", err)
	}
	return failed, nil
}
