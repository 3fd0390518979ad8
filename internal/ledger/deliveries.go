package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
)

// maxInbox bounds the rows of the inbox; the oldest go first.
const maxInbox = 200_000

// Deliveries is the part of the ledger for one server and group, which a spool uses.
type Deliveries struct {
	ledger *Ledger
	server string
	group  string
	name   string // of the group, for the inbox
}

var _ spool.Ledger = (*Deliveries)(nil)

// Deliveries returns the part of the ledger for one server and group.
func (l *Ledger) Deliveries(server protocol.ServerID, group protocol.GroupID, name string) *Deliveries {
	return &Deliveries{ledger: l, server: server.String(), group: group.String(), name: name}
}

// Lookup gives what was delivered under a path.
func (d *Deliveries) Lookup(path string) (found spool.Delivered, known bool, err error) {
	all, err := d.LookupAll([]string{path})
	found, known = all[path]
	return found, known, err
}

// lookupStep bounds the paths of one query.
const lookupStep = 4000

// LookupAll gives what was delivered under those of the paths that are known.
func (d *Deliveries) LookupAll(paths []string) (map[string]spool.Delivered, error) {
	out := map[string]spool.Delivered{}
	for chunk := range slices.Chunk(paths, lookupStep) {
		if err := d.lookupChunk(chunk, out); err != nil {
			return nil, d.ledger.file.Explain(fmt.Errorf("look up %d paths: %w", len(chunk), err))
		}
	}
	return out, nil
}

// lookupChunk asks first how much is known between the first path and the last. Of a folder that never came before
// nothing is. Where little else is known than what is asked for, one walk along the rows takes two thirds of the time
// of a search for each path.
func (d *Deliveries) lookupChunk(paths []string, out map[string]spool.Delivered) error {
	ctx := context.Background() // the spool's interface has none; the file is local
	first, last := slices.Min(paths), slices.Max(paths)
	var rows int
	if err := d.ledger.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM paths
		WHERE server = $1 AND group_id = $2 AND path BETWEEN $3 AND $4 LIMIT $5)`,
		d.server, d.group, first, last, 2*len(paths)+1).Scan(&rows); err != nil || rows == 0 {
		return err
	}
	if rows > 2*len(paths) {
		list, err := json.Marshal(paths)
		if err != nil {
			return err
		}
		return d.lookupRows(ctx, out, nil, "path IN (SELECT value FROM json_each($3))", string(list))
	}
	asked := make(map[string]bool, len(paths))
	for _, p := range paths {
		asked[p] = true
	}
	return d.lookupRows(ctx, out, asked, "path BETWEEN $3 AND $4", first, last)
}

// lookupRows reads rows of the group; those of asked, if there is one.
func (d *Deliveries) lookupRows(
	ctx context.Context, out map[string]spool.Delivered, asked map[string]bool, where string, args ...any,
) (err error) {
	rows, err := d.ledger.db.QueryContext(ctx, `SELECT path, transfer_no, digest, size, mtime_ns, name, former_digest,
		former_size, blake3 FROM paths WHERE server = $1 AND group_id = $2 AND `+where,
		append([]any{d.server, d.group}, args...)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var path string
		d, err := delivered(func(into ...any) error { return rows.Scan(append([]any{&path}, into...)...) })
		if err != nil {
			return err
		}
		if asked == nil || asked[path] {
			out[path] = d
		}
	}
	return rows.Err()
}

// delivered reads the columns of one row.
func delivered(scan func(into ...any) error) (d spool.Delivered, err error) {
	var no, size, mtime, formerSize int64
	var digest, former string
	if err := scan(&no, &digest, &size, &mtime, &d.Name, &former, &formerSize, &d.BLAKE3); err != nil {
		return d, err
	}
	if d.Former.Size = uint64(formerSize); former != "" {
		if err := d.Former.Digest.UnmarshalText([]byte(former)); err != nil {
			return d, err
		}
	}
	d.Transfer, d.Size, d.MTime = protocol.TransferNo(no), uint64(size), protocol.TimeOf(mtime)
	return d, d.Digest.UnmarshalText([]byte(digest))
}

// rowsAtOnce is how many rows one statement writes: many save statements, but the driver
// looks every parameter up among all of them.
const rowsAtOnce = 25

// Record keeps the outcomes of one batch, all or none.
func (d *Deliveries) Record(batch []spool.Outcome) error {
	ctx := context.Background()
	at := d.ledger.now().UnixMicro()
	return d.ledger.change(ctx, "record what was delivered", func(tx *sql.Tx) error {
		paths := bulk{tx: tx, head: pathHead, row: "(?, ?, ?, ?, ?, ?, ?, ?, ?)", tail: pathTail}
		inbox := bulk{tx: tx, head: inboxHead, row: "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", tail: inboxTail}
		for _, o := range batch {
			if err := d.keep(ctx, &paths, &inbox, o, at); err != nil {
				return fmt.Errorf("%s: %w", o.Path, err)
			}
		}
		if err := errors.Join(paths.flush(ctx), inbox.flush(ctx)); err != nil {
			return err
		}
		if err := d.keepName(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM inbox WHERE id <= (SELECT MAX(id) FROM inbox) - $1", maxInbox)
		return err
	})
}

const (
	pathHead = "INSERT INTO paths (server, group_id, path, transfer_no, digest, size, mtime_ns, name, blake3) VALUES "
	// A path never goes back to an older transfer. The columns of what was there before are those of
	// spool.Delivered.After.
	pathTail = ` ON CONFLICT (server, group_id, path) DO UPDATE SET transfer_no = excluded.transfer_no,
			digest = excluded.digest, size = excluded.size, mtime_ns = excluded.mtime_ns, name = excluded.name,
			blake3 = excluded.blake3,
			former_digest = CASE WHEN excluded.name = '' THEN '' WHEN paths.name = '' THEN paths.digest
				ELSE paths.former_digest END,
			former_size = CASE WHEN excluded.name = '' THEN 0 WHEN paths.name = '' THEN paths.size ELSE paths.former_size END
		WHERE excluded.transfer_no >= paths.transfer_no`
	inboxHead = "INSERT INTO inbox (at, server, group_id, group_name, path, name, size, digest, transfer_no, outcome, " +
		"reason, blake3) VALUES "
	// The same outcome recorded again after a crash stays one row. A transfer that was retried may bring another file.
	inboxTail = ` ON CONFLICT (server, transfer_no, path) DO UPDATE SET outcome = excluded.outcome,
			reason = excluded.reason, name = excluded.name, size = excluded.size, digest = excluded.digest,
			blake3 = excluded.blake3, at = CASE WHEN inbox.digest = excluded.digest THEN inbox.at ELSE excluded.at END`
)

// bulk writes rows of one table, rowsAtOnce of them with a statement.
type bulk struct {
	tx              *sql.Tx
	head, row, tail string
	full            *sql.Stmt // for rowsAtOnce rows; closed with the transaction
	rows            int
	args            []any
}

func (k *bulk) add(ctx context.Context, args ...any) (err error) {
	k.args = append(k.args, args...)
	if k.rows++; k.rows < rowsAtOnce {
		return nil
	}
	if k.full == nil {
		if k.full, err = k.tx.PrepareContext(ctx, k.statement()); err != nil {
			return err
		}
	}
	_, err = k.full.ExecContext(ctx, k.args...)
	k.rows, k.args = 0, k.args[:0]
	return err
}

// statement writes as many rows as wait.
func (k *bulk) statement() string {
	return k.head + strings.Repeat(k.row+", ", k.rows-1) + k.row + k.tail
}

// flush writes what is left.
func (k *bulk) flush(ctx context.Context) error {
	if k.rows == 0 {
		return nil
	}
	_, err := k.tx.ExecContext(ctx, k.statement(), k.args...)
	return err
}

func (d *Deliveries) keep(ctx context.Context, paths, inbox *bulk, o spool.Outcome, at int64) error {
	name := o.Name
	if name == o.Path {
		name = ""
	}
	digest := o.Digest.String()
	lies := o.Result == spool.Committed || o.Result == spool.KeptBoth || o.Result == spool.AlreadyHad
	// A link, too: its digest says whether it still points where it was let point. A folder has
	// the digest 0: it says that groupcast made it.
	if lies && !o.Foreign {
		if err := paths.add(ctx, d.server, d.group, o.Path, int64(o.Transfer),
			digest, int64(o.Size), protocol.FileTime(o.MTime), name, o.BLAKE3); err != nil {
			return err
		}
	}
	if o.Kind == manifest.KindFolder {
		return nil
	}
	return inbox.add(ctx, at, d.server, d.group, d.name, o.Path, name, int64(o.Size),
		digest, int64(o.Transfer), word(o.Result), o.Reason, o.BLAKE3)
}

// word is how the inbox calls a result.
func word(r spool.Result) string {
	switch r {
	case spool.Committed:
		return "received"
	case spool.KeptBoth:
		return "kept both"
	case spool.AlreadyHad:
		return "already had"
	case spool.Superseded:
		return "superseded"
	case spool.Rejected:
		return "refused"
	case spool.Void:
		return "not delivered"
	}
	return fmt.Sprintf("result %d", r)
}
