package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// KeepEntries stores the entries that did not get their names, in place of an earlier list of the same
// transfer, until its receipt is dropped. Call it right before KeepReceipt. Lists without a receipt are
// deleted.
func (l *Ledger) KeepEntries(
	ctx context.Context, server protocol.ServerID, no protocol.TransferNo, entries []groupcast.DeliveryEntry,
) error {
	return l.change(ctx, "keep the entries of a receipt", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM entries WHERE server = $1 AND (transfer_no = $2
			OR transfer_no NOT IN (SELECT transfer_no FROM receipts WHERE server = $1))`, server.String(), int64(no))
		if err != nil || len(entries) == 0 {
			return err
		}
		put, err := tx.PrepareContext(ctx, "INSERT INTO entries (server, transfer_no, n, entry) VALUES ($1, $2, $3, $4)")
		if err != nil {
			return err
		}
		for n, e := range entries {
			text, err := json.Marshal(e)
			if err == nil {
				_, err = put.ExecContext(ctx, server.String(), int64(no), n, string(text))
			}
			if err != nil {
				return errors.Join(err, put.Close())
			}
		}
		return put.Close()
	})
}

// Entries lists what was kept of a transfer, from one on, at most so many.
func (l *Ledger) Entries(
	ctx context.Context, server protocol.ServerID, no protocol.TransferNo, from, limit int,
) (out []groupcast.DeliveryEntry, err error) {
	rows, err := l.db.QueryContext(ctx, `SELECT entry FROM entries WHERE server = $1 AND transfer_no = $2 AND n >= $3
		ORDER BY n LIMIT $4`, server.String(), int64(no), from, limit)
	if err != nil {
		return nil, l.file.Explain(fmt.Errorf("read the entries of a receipt: %w", err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var text string
		var e groupcast.DeliveryEntry
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read the entries of a receipt: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			return nil, fmt.Errorf("read the entries of a receipt: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}
