package ledger

import (
	"context"
	"database/sql"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Epoch is the highest epoch of a server's site that an offer was acted on of; 0 for none.
func (l *Ledger) Epoch(ctx context.Context, server protocol.ServerID, site protocol.SiteID) (epoch uint64, err error) {
	_, err = l.one(ctx, "read the epoch of a site", l.db.QueryRowContext(ctx,
		"SELECT epoch FROM sites WHERE server = $1 AND site = $2", server.String(), site.String()), &epoch)
	return epoch, err
}

// RaiseEpoch keeps a site's epoch; call it before acting on the offer that carries it. A lower one than the one kept
// changes nothing.
func (l *Ledger) RaiseEpoch(ctx context.Context, server protocol.ServerID, site protocol.SiteID, epoch uint64) error {
	return l.change(ctx, "keep the epoch of a site", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO sites (server, site, epoch) VALUES ($1, $2, $3)
			ON CONFLICT (server, site) DO UPDATE SET epoch = excluded.epoch WHERE epoch < excluded.epoch`,
			server.String(), site.String(), int64(epoch))
		return err
	})
}
