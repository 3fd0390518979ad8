package tables

import (
	"context"
	"database/sql"
	"errors"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// entryOverhead is what a row of an entry takes besides its texts, about.
const entryOverhead = 64

// AddEntries keeps entries of an owed delivery. The closing that counts them makes them durable.
func (s *Store) AddEntries(ctx context.Context, e groupcast.EntryPage, dev protocol.DeviceID, most int64) error {
	return s.quickly(ctx, func(ctx context.Context, q *queries.Queries) error {
		no, device := int64(e.Transfer), deviceText(dev)
		bytes, err := q.EntryBytes(ctx, queries.EntryBytesParams{TransferNo: no, DeviceID: device})
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("delivery that is owed of transfer", e.Transfer)
		}
		if err != nil {
			return err
		}
		if e.From == 0 {
			bytes = 0
		}
		for _, one := range e.Entries {
			bytes += int64(len(one.Path)+len(one.Kind)+len(one.Name)+len(one.Reason)) + entryOverhead
		}
		if bytes > most {
			return groupcast.Errorf(groupcast.EConflict, "no more entries of transfer %d are kept for one device", e.Transfer)
		}
		if err := q.DropEntries(ctx,
			queries.DropEntriesParams{TransferNo: no, DeviceID: device, FromN: int64(e.From)}); err != nil {
			return err
		}
		for i, one := range e.Entries {
			if err := q.AddEntry(ctx, queries.AddEntryParams{
				TransferNo: no, DeviceID: device, N: int64(e.From + i), Path: one.Path, Kind: one.Kind,
				Result: string(one.Result), Name: one.Name, Reason: one.Reason,
			}); err != nil {
				return err
			}
		}
		return q.SetEntryBytes(ctx, queries.SetEntryBytesParams{EntryBytes: bytes, TransferNo: no, DeviceID: device})
	})
}

// Entries lists what is kept of a delivery's entries.
func (s *Store) Entries(
	ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, w groupcast.Window,
) (out []groupcast.DeliveryEntry, kept int, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		n, err := q.CountEntries(ctx, queries.CountEntriesParams{TransferNo: int64(no), DeviceID: deviceText(dev)})
		if err != nil {
			return err
		}
		kept, out = int(n), nil // it may be read again
		rows, err := q.Entries(ctx,
			queries.EntriesParams{TransferNo: int64(no), DeviceID: deviceText(dev), Most: most(w), Skip: skip(w.From)})
		if err != nil {
			return err
		}
		for _, r := range rows {
			out = append(out, groupcast.DeliveryEntry{
				Path: r.Path, Kind: r.Kind, Result: groupcast.EntryResult(r.Result), Name: r.Name, Reason: r.Reason,
			})
		}
		return nil
	})
	return out, kept, err
}
