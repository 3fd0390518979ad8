package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/groupcast/groupcast/internal/nodes"
	"github.com/groupcast/groupcast/internal/tenure"
)

// rows are nodes.Rows in PostgreSQL. They have connections of their own: a renewal does not wait behind others' work.
type rows struct {
	db   *sql.DB
	self nodes.Self
}

var _ nodes.Rows = (*rows)(nil)

// nodeOfConnection is what PostgreSQL calls the connections by which a node works.
func nodeOfConnection(id string) string { return "groupcast " + id }

func openRows(address Address, self nodes.Self) *rows {
	c := address.config()
	for name, value := range map[string]string{"statement_timeout": "4s", "lock_timeout": "3s"} {
		c.RuntimeParams[name] = value
	}
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(2)
	self.Name, self.Address, self.Version = cleaned(self.Name), cleaned(self.Address), cleaned(self.Version)
	return &rows{db, self}
}

// clockNow is the database's time in microseconds: those of the nodes differ.
const clockNow = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

// join writes what this node says of itself.
func (r *rows) join(ctx context.Context) error {
	_, err := r.db.ExecContext(ctx, "INSERT INTO nodes (id, name, address, version, beat, seen_at) "+
		"VALUES ($1, $2, $3, $4, 0, "+clockNow+") ON CONFLICT (id) DO UPDATE SET name = excluded.name, "+
		"address = excluded.address, version = excluded.version, seen_at = excluded.seen_at",
		r.self.ID, r.self.Name, r.self.Address, r.self.Version)
	return explain(err)
}

const rowOfActive = "SELECT a.node, a.epoch, COALESCE(n.beat, 0), a.free FROM active_node a " +
	"LEFT JOIN nodes n ON n.id = a.node WHERE a.one = 1"

func scan(row *sql.Row) (out tenure.Row, err error) {
	return out, row.Scan(&out.Node, &out.Epoch, &out.Beat, &out.Free)
}

func (r *rows) Look(ctx context.Context) (tenure.Row, error) {
	_, err := r.db.ExecContext(ctx, "UPDATE nodes SET seen_at = "+clockNow+" WHERE id = $1 AND seen_at < "+clockNow+
		" - 4000000", r.self.ID)
	if err != nil {
		return tenure.Row{}, explain(err)
	}
	row, err := scan(r.db.QueryRowContext(ctx, rowOfActive))
	return row, explain(err)
}

// under runs f with the row of the active node, which stays as it is until f's transaction ends.
func (r *rows) under(ctx context.Context, lock string, f func(*sql.Tx, tenure.Row) (bool, error)) (
	row tenure.Row, done bool, err error,
) {
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return row, false, explain(err)
	}
	defer func() { _ = tx.Rollback() }() // it is over by then, but for an error
	// a copy of the database that takes its place must know of it
	if _, err := tx.ExecContext(ctx, "SET LOCAL synchronous_commit = remote_apply"); err != nil {
		return row, false, explain(err)
	}
	if _, err := tx.ExecContext(ctx, "SELECT 1 FROM active_node WHERE one = 1 FOR "+lock); err != nil {
		return row, false, explain(err)
	}
	// a statement of its own reads it as it is under the lock
	if row, err = scan(tx.QueryRowContext(ctx, rowOfActive)); err != nil {
		return row, false, explain(err)
	}
	if done, err = f(tx, row); err != nil || !done {
		return row, false, explain(err)
	}
	return row, true, explain(tx.Commit())
}

func (r *rows) Take(ctx context.Context, seen tenure.Row) (row tenure.Row, taken bool, err error) {
	r.cutOff(ctx, seen.Node)
	row, taken, err = r.under(ctx, "UPDATE", func(tx *sql.Tx, row tenure.Row) (bool, error) {
		if row != seen {
			return false, nil
		}
		_, err := tx.ExecContext(ctx, "UPDATE active_node SET node = $1, epoch = epoch + 1, since = "+clockNow+
			", free = false WHERE one = 1", r.self.ID)
		return err == nil, err
	})
	if taken {
		row = tenure.Row{Node: r.self.ID, Epoch: row.Epoch + 1}
	}
	return row, taken, err
}

// cutOff ends the connections of a node whose place is taken: one that was stopped in the middle of a transaction
// holds locks. Another user's PostgreSQL does not let it end; it ends those itself after a minute.
func (r *rows) cutOff(ctx context.Context, node string) {
	if node == "" {
		return
	}
	_, _ = r.db.ExecContext(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "+
		"WHERE datname = current_database() AND application_name = $1", nodeOfConnection(node))
}

func (r *rows) Renew(ctx context.Context, epoch uint64) (row tenure.Row, renewed bool, err error) {
	return r.under(ctx, "SHARE", func(tx *sql.Tx, row tenure.Row) (bool, error) {
		if row.Epoch != epoch || row.Free {
			return false, nil
		}
		_, err := tx.ExecContext(ctx, "UPDATE nodes SET beat = beat + 1, seen_at = "+clockNow+" WHERE id = $1", r.self.ID)
		return err == nil, err
	})
}

func (r *rows) Free(ctx context.Context, epoch uint64) error {
	_, err := r.db.ExecContext(ctx, "UPDATE active_node SET free = true WHERE one = 1 AND epoch = $1", epoch)
	return explain(err)
}

func (r *rows) Nodes(ctx context.Context) (out []nodes.Node, err error) {
	found, err := r.db.QueryContext(ctx, "SELECT n.id, n.name, n.address, n.version, a.node IS NOT NULL, "+
		clockNow+" - n.seen_at FROM nodes n LEFT JOIN active_node a ON a.node = n.id AND NOT a.free "+
		"ORDER BY a.node IS NULL, n.name, n.id LIMIT 100")
	if err != nil {
		return nil, explain(err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var n nodes.Node
		var ago int64
		if err := found.Scan(&n.ID, &n.Name, &n.Address, &n.Version, &n.Active, &ago); err != nil {
			return nil, err
		}
		n.Seen = max(0, time.Duration(ago)*time.Microsecond)
		out = append(out, n)
	}
	return out, explain(found.Err())
}
