package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
)

// Folder gives what a folder was known by when files went there; false if none ever did.
func (l *Ledger) Folder(ctx context.Context, dir string) (spool.Identity, bool, error) {
	var text string
	known, err := l.one(ctx, "look up a folder",
		l.db.QueryRowContext(ctx, "SELECT identity FROM folders WHERE dir = $1", dir), &text)
	if err != nil || !known {
		return spool.Identity{}, false, err
	}
	id, err := spool.ParseIdentity(text)
	return id, err == nil, err
}

// KeepFolder notes what a folder is known by from now on.
func (l *Ledger) KeepFolder(ctx context.Context, dir string, id spool.Identity) error {
	return l.change(ctx, "keep a folder", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO folders (dir, identity) VALUES ($1, $2)
			ON CONFLICT (dir) DO UPDATE SET identity = excluded.identity`, dir, id.String())
		return err
	})
}

// Folders lists the folders that files went to, with what each is known by.
func (l *Ledger) Folders(ctx context.Context) (out map[string]spool.Identity, err error) {
	out = map[string]spool.Identity{}
	err = l.each(ctx, "list the folders", "SELECT dir, identity FROM folders", func(scan func(...any) error) error {
		var dir, text string
		if err := scan(&dir, &text); err != nil {
			return err
		}
		id, err := spool.ParseIdentity(text)
		out[dir] = id
		return err
	})
	return out, err
}

// Servers lists the servers that this device ever had an offer of.
func (l *Ledger) Servers(ctx context.Context) (out []protocol.ServerID, err error) {
	err = l.each(ctx, "list the servers", "SELECT server FROM servers", func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		var id protocol.ServerID
		err := id.UnmarshalText([]byte(text))
		out = append(out, id)
		return err
	})
	return out, err
}

// Taken is the newest offer of a transfer that was taken; 0 for none.
func (l *Ledger) Taken(
	ctx context.Context, server protocol.ServerID, no protocol.TransferNo,
) (newest protocol.OfferNo, err error) {
	_, err = l.one(ctx, "look up an offer", l.db.QueryRowContext(ctx,
		"SELECT offer_no FROM taken WHERE server = $1 AND transfer_no = $2", server.String(), int64(no)), &newest)
	return newest, err
}

// ForgetTaken forgets the offers of transfers that are over.
func (l *Ledger) ForgetTaken(ctx context.Context, server protocol.ServerID, keep func(protocol.TransferNo) bool) error {
	var over []int64
	err := l.each(ctx, "list the offers that were taken", "SELECT transfer_no FROM taken WHERE server = $1",
		func(scan func(...any) error) error {
			var no int64
			err := scan(&no)
			if err == nil && !keep(protocol.TransferNo(no)) {
				over = append(over, no)
			}
			return err
		}, server.String())
	if err != nil || len(over) == 0 {
		return err
	}
	return l.change(ctx, "forget offers", func(tx *sql.Tx) error {
		for _, no := range over {
			if _, err := tx.ExecContext(ctx, "DELETE FROM taken WHERE server = $1 AND transfer_no = $2", server.String(),
				no); err != nil {
				return err
			}
		}
		return nil
	})
}

// each reads rows one after another.
func (l *Ledger) each(
	ctx context.Context, what, query string, row func(scan func(...any) error) error, args ...any,
) (err error) {
	rows, err := l.db.QueryContext(ctx, query, args...)
	if err != nil {
		return l.file.Explain(fmt.Errorf("%s: %w", what, err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return rows.Err()
}
