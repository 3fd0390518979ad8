package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
)

// Group is a group that something was delivered to.
type Group struct {
	Server protocol.ServerID
	ID     protocol.GroupID
	Name   string // of its folder
}

// Row is what is known of one path of a group.
type Row struct {
	Path string
	spool.Delivered
}

func (d *Deliveries) keepName(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO group_names (server, group_id, name) VALUES ($1, $2, $3)
		ON CONFLICT (server, group_id) DO UPDATE SET name = excluded.name WHERE name <> excluded.name`,
		d.server, d.group, d.name)
	return err
}

// Groups lists the groups that something was delivered to, by name.
func (l *Ledger) Groups(ctx context.Context) (out []Group, err error) {
	const query = "SELECT server, group_id, name FROM group_names ORDER BY name, server, group_id"
	err = l.each(ctx, "list the groups", query, func(scan func(...any) error) error {
		var g Group
		var server, id string
		if err := scan(&server, &id, &g.Name); err != nil {
			return err
		}
		out = append(out, g)
		at := &out[len(out)-1]
		return errors.Join(at.Server.UnmarshalText([]byte(server)), at.ID.UnmarshalText([]byte(id)))
	})
	return out, err
}

// Count is how many paths are known, and how many bytes they have.
func (d *Deliveries) Count(ctx context.Context) (paths int, bytes uint64, err error) {
	var sum int64
	row := d.ledger.db.QueryRowContext(ctx,
		"SELECT COUNT(*), COALESCE(SUM(size), 0) FROM paths WHERE server = $1 AND group_id = $2", d.server, d.group)
	_, err = d.ledger.one(ctx, "count what was delivered", row, &paths, &sum)
	return paths, uint64(sum), err
}

// After lists the paths behind one, in order, at most so many.
func (d *Deliveries) After(ctx context.Context, path string, limit int) (out []Row, err error) {
	const query = `SELECT path, transfer_no, digest, size, mtime_ns, name, former_digest, former_size, blake3
		FROM paths WHERE server = $1 AND group_id = $2 AND path > $3 ORDER BY path LIMIT $4`
	err = d.ledger.each(ctx, "read what was delivered", query, func(scan func(...any) error) error {
		var r Row
		var err error
		r.Delivered, err = delivered(func(into ...any) error { return scan(append([]any{&r.Path}, into...)...) })
		out = append(out, r)
		return err
	}, d.server, d.group, path, limit)
	return out, err
}

// Each shows everything that was delivered, by path. Whoever is shown it must not ask the ledger meanwhile.
func (d *Deliveries) Each(ctx context.Context, show func(path string, d spool.Delivered) error) error {
	const query = `SELECT path, transfer_no, digest, size, mtime_ns, name, former_digest, former_size, blake3
		FROM paths WHERE server = $1 AND group_id = $2 ORDER BY path`
	return d.ledger.each(ctx, "read what was delivered", query, func(scan func(...any) error) error {
		var path string
		is, err := delivered(func(into ...any) error { return scan(append([]any{&path}, into...)...) })
		if err != nil {
			return err
		}
		return show(path, is)
	}, d.server, d.group)
}

// Beside returns those of some names that are delivered files under another name.
func (d *Deliveries) Beside(ctx context.Context, names []string) (map[string]bool, error) {
	list, err := json.Marshal(names)
	if err != nil {
		return nil, fmt.Errorf("look up %d names: %w", len(names), err)
	}
	out := map[string]bool{}
	err = d.ledger.each(ctx, "look up names", `SELECT name FROM paths WHERE server = $1 AND group_id = $2 AND name <> ''
		AND name IN (SELECT value FROM json_each($3))`, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		out[name] = true
		return err
	}, d.server, d.group, string(list))
	return out, err
}
