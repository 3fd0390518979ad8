package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// maxInboxRead bounds one reading of the inbox.
const maxInboxRead = 10_000

// Entry is one line of the inbox: what came, when, and what became of it.
type Entry struct {
	ID       int64               `json:"id"`
	At       time.Time           `json:"at"`
	Group    string              `json:"group"`
	Path     string              `json:"path"`
	Name     string              `json:"name"` // where it lies below DIR/GROUP
	Size     uint64              `json:"size"`
	Digest   protocol.Digest     `json:"digest"`
	Hash     groupcast.FileHash  `json:"hash"` // that the digest is of
	Transfer protocol.TransferNo `json:"transfer"`
	Outcome  string              `json:"outcome"` // received, kept both, already had, superseded, refused
	Reason   string              `json:"reason,omitempty"`
}

// Inbox lists the newest entries first, at most limit (0: 100); of every group for "".
func (l *Ledger) Inbox(ctx context.Context, group string, limit int) (out []Entry, err error) {
	if limit <= 0 {
		limit = 100
	}
	rows, err := l.db.QueryContext(ctx, `SELECT id, at, group_name, path, name, size, digest, transfer_no, outcome, reason,
		blake3 FROM inbox WHERE $1 = '' OR group_name = $1 ORDER BY at DESC, id DESC LIMIT $2`,
		group, min(limit, maxInboxRead))
	if err != nil {
		return nil, l.file.Explain(fmt.Errorf("read the inbox: %w", err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e, err := entry(rows)
		if err != nil {
			return nil, fmt.Errorf("read the inbox: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func entry(rows *sql.Rows) (e Entry, err error) {
	var at, size, no int64
	var digest string
	var blake3 bool
	err = rows.Scan(&e.ID, &at, &e.Group, &e.Path, &e.Name, &size, &digest, &no, &e.Outcome, &e.Reason, &blake3)
	if err != nil {
		return e, err
	}
	if e.Hash = groupcast.SHA256; blake3 {
		e.Hash = groupcast.BLAKE3
	}
	e.At, e.Size, e.Transfer = time.UnixMicro(at), uint64(size), protocol.TransferNo(no)
	if e.Name == "" {
		e.Name = e.Path
	}
	return e, e.Digest.UnmarshalText([]byte(digest))
}

// maxReceipts bounds the receipts that wait for one server.
const maxReceipts = 10_000

// KeepReceipt keeps a receipt until the server acknowledged it; it replaces an earlier one of
// the same transfer. Of too many the oldest go: what they were for is asked for again.
func (l *Ledger) KeepReceipt(ctx context.Context, server protocol.ServerID, r groupcast.Receipt) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keep a receipt: %w", err)
	}
	return l.change(ctx, "keep a receipt", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO receipts (server, transfer_no, receipt) VALUES ($1, $2, $3)
			ON CONFLICT (server, transfer_no) DO UPDATE SET receipt = excluded.receipt`,
			server.String(), int64(r.Transfer), string(text))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM receipts WHERE server = $1 AND transfer_no <=
			(SELECT transfer_no FROM receipts
			WHERE server = $1 ORDER BY transfer_no DESC LIMIT 1 OFFSET $2)`, server.String(), maxReceipts)
		return err
	})
}

// Receipts lists the receipts that a server has not acknowledged, oldest transfer first.
func (l *Ledger) Receipts(ctx context.Context, server protocol.ServerID) (out []groupcast.Receipt, err error) {
	rows, err := l.db.QueryContext(ctx, "SELECT receipt FROM receipts WHERE server = $1 ORDER BY transfer_no",
		server.String())
	if err != nil {
		return nil, l.file.Explain(fmt.Errorf("read the receipts: %w", err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var text string
		var r groupcast.Receipt
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read the receipts: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return nil, fmt.Errorf("read the receipts: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// DropReceipt forgets an acknowledged receipt, and the entries that it counts.
func (l *Ledger) DropReceipt(ctx context.Context, server protocol.ServerID, no protocol.TransferNo) error {
	return l.change(ctx, "drop a receipt", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM entries WHERE server = $1 AND transfer_no = $2", server.String(),
			int64(no)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM receipts WHERE server = $1 AND transfer_no = $2", server.String(),
			int64(no))
		return err
	})
}

// ForgetReceipts forgets all receipts to a server: they are signed for a login that is over.
func (l *Ledger) ForgetReceipts(ctx context.Context, server protocol.ServerID) error {
	return l.change(ctx, "forget receipts", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM receipts WHERE server = $1", server.String())
		return err
	})
}
