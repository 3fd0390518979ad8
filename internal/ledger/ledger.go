// Package ledger is what an agent remembers for good: which transfer wrote which path, the
// inbox, the floor of offers and the receipts that no server has acknowledged yet. It is one
// SQLite file. It is not the spool: it knows no block and opens no delivered file.
package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/sqlfile"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Ledger is one ledger file. It is safe for concurrent use. Whatever it wrote is durable when
// the method returns.
type Ledger struct {
	file sqlfile.File
	db   *sql.DB
	now  func() time.Time
}

// Open opens the ledger file, makes it if it is not there and brings its tables up to date.
// now is the clock for the inbox.
func Open(ctx context.Context, path string, now func() time.Time) (*Ledger, error) {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	f := sqlfile.File{
		Path: path, Name: "ledger", Migrations: folder,
		IfDamaged: "move it away and start again: what was delivered so far then counts as yours and is never overwritten",
		IfNewer:   "start the newer program",
	}
	if err := f.Make(); err != nil {
		return nil, err
	}
	l := &Ledger{file: f, db: f.Pool(1, sqlfile.Immediate, sqlfile.Durable), now: now}
	if err := f.Prepare(ctx, l.db); err != nil {
		return nil, errors.Join(err, l.db.Close())
	}
	return l, nil
}

// Close closes the file.
func (l *Ledger) Close() error { return l.db.Close() }

// change runs f in one transaction.
func (l *Ledger) change(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err == nil {
		if err = f(tx); err == nil {
			err = tx.Commit()
		} else {
			err = errors.Join(err, tx.Rollback())
		}
	}
	if err != nil {
		return l.file.Explain(fmt.Errorf("%s: %w", what, err))
	}
	return nil
}

// one reads one row; no row leaves the destinations as they are and is false.
func (l *Ledger) one(ctx context.Context, what string, row *sql.Row, into ...any) (bool, error) {
	err := row.Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, l.file.Explain(fmt.Errorf("%s: %w", what, err))
	}
	return true, nil
}

// touchServer makes sure that a server has its row.
func touchServer(ctx context.Context, tx *sql.Tx, server protocol.ServerID) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO servers (server, floor, sequence, offer_no) VALUES ($1, 0, 0, 0)
		ON CONFLICT (server) DO NOTHING`, server.String())
	return err
}

// Floor is the highest floor of a server's offers so far, 0 for none.
func (l *Ledger) Floor(ctx context.Context, server protocol.ServerID) (floor protocol.OfferNo, err error) {
	_, err = l.one(ctx, "read the floor of offers",
		l.db.QueryRowContext(ctx, "SELECT floor FROM servers WHERE server = $1", server.String()), &floor)
	return floor, err
}

// RaiseFloor keeps a floor; call it before acting on the offer that carries it (security.md
// O3). A lower one than the one kept changes nothing.
func (l *Ledger) RaiseFloor(ctx context.Context, server protocol.ServerID, floor protocol.OfferNo) error {
	return l.change(ctx, "keep the floor of offers", func(tx *sql.Tx) error {
		if err := touchServer(ctx, tx, server); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE servers SET floor = $1 WHERE server = $2 AND floor < $1",
			int64(floor), server.String())
		return err
	})
}

// KeepOffer keeps the newest signed offer, which is shown to the server on attach: a server
// restored from an old backup learns from it (security.md O4), and notes it as the newest of its
// transfer. An older one is passed over.
func (l *Ledger) KeepOffer(
	ctx context.Context, server protocol.ServerID, no protocol.TransferNo, number protocol.OfferNo, offer,
	signature []byte,
) error {
	return l.change(ctx, "keep the newest offer", func(tx *sql.Tx) error {
		if err := touchServer(ctx, tx, server); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE servers SET offer_no = $1, offer = $2, signature = $3
			WHERE server = $4 AND offer_no < $1`, int64(number), offer, signature, server.String())
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO taken (server, transfer_no, offer_no) VALUES ($1, $2, $3)
			ON CONFLICT (server, transfer_no) DO UPDATE SET offer_no = excluded.offer_no WHERE offer_no < excluded.offer_no`,
			server.String(), int64(no), int64(number))
		return err
	})
}

// NewestOffer gives what KeepOffer kept; nil for none.
func (l *Ledger) NewestOffer(ctx context.Context, server protocol.ServerID) (offer, signature []byte, err error) {
	_, err = l.one(ctx, "read the newest offer", l.db.QueryRowContext(ctx,
		"SELECT offer, signature FROM servers WHERE server = $1", server.String()), &offer, &signature)
	return offer, signature, err
}

// NextSequence draws the next sequence number of receipts to a server: the time in milliseconds,
// or one more than the last. A ledger that was lost continues past what it had drawn: a server takes
// no receipt of a delivery with a lower number than one before.
func (l *Ledger) NextSequence(ctx context.Context, server protocol.ServerID) (n uint64, err error) {
	err = l.change(ctx, "draw a sequence number", func(tx *sql.Tx) error {
		if err := touchServer(ctx, tx, server); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx,
			"UPDATE servers SET sequence = MAX(sequence + 1, $2) WHERE server = $1 RETURNING sequence",
			server.String(), l.now().UnixMilli()).Scan(&n)
	})
	return n, err
}
