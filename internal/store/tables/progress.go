package tables

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// KeepProgress keeps how far the devices of open transfers are.
func (s *Store) KeepProgress(ctx context.Context, devices map[protocol.TransferNo][]byte) error {
	return s.loosely(ctx, func(ctx context.Context, q *queries.Queries) error {
		for no, b := range devices {
			if err := q.KeepProgress(ctx, queries.KeepProgressParams{Devices: b, No: int64(no)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// KeptProgress gives what KeepProgress kept of open transfers.
func (s *Store) KeptProgress(ctx context.Context) (map[protocol.TransferNo][]byte, error) {
	out := map[protocol.TransferNo][]byte{}
	err := s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.KeptProgress(ctx)
		for _, r := range rows {
			out[protocol.TransferNo(r.TransferNo)] = r.Devices
		}
		return err
	})
	return out, err
}

// NoteProgress notes how far deliveries got that are given up.
func (s *Store) NoteProgress(ctx context.Context, last []groupcast.Delivery, over ...protocol.TransferNo) error {
	return s.loosely(ctx, func(ctx context.Context, q *queries.Queries) error {
		for _, d := range last {
			path := d.Path
			if path == groupcast.PathUnknown {
				path = ""
			}
			if err := q.NoteProgress(ctx, queries.NoteProgressParams{
				Path: string(path), Blocks: int64(d.Blocks), Bytes: int64(d.Bytes), Loss: d.LossPercent, Bar: d.Bar,
				TransferNo: int64(d.Transfer), DeviceID: deviceText(d.DeviceID),
			}); err != nil {
				return err
			}
		}
		for _, no := range over {
			if err := q.ForgetProgress(ctx, int64(no)); err != nil {
				return err
			}
		}
		return nil
	})
}
