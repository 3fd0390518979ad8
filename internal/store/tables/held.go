package tables

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// heldStretch is how many files one row of held_files has.
const heldStretch = 1000

// KeepFiles keeps what a transfer held from an entry on.
func (s *Store) KeepFiles(
	ctx context.Context, no protocol.TransferNo, from int, files []groupcast.FileEntry,
) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if from == 0 {
			if err := q.ForgetHeldFiles(ctx, int64(no)); err != nil {
				return err
			}
		}
		for first := 0; first < len(files); first += heldStretch {
			some := files[first:min(first+heldStretch, len(files))]
			packed, err := packFiles(some)
			if err != nil {
				return err
			}
			err = q.AddHeldFiles(ctx, queries.AddHeldFilesParams{
				TransferNo: int64(no), First: int64(from + first), Files: int64(len(some)), Entries: packed,
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func packFiles(files []groupcast.FileEntry) ([]byte, error) {
	var b bytes.Buffer
	z, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return nil, fmt.Errorf("pack the files of a transfer: %w", err)
	}
	if err := json.NewEncoder(z).Encode(files); err != nil {
		return nil, fmt.Errorf("pack the files of a transfer: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack the files of a transfer: %w", err)
	}
	return b.Bytes(), nil
}

// HeldFiles gives a stretch of what a transfer held.
func (s *Store) HeldFiles(
	ctx context.Context, no protocol.TransferNo, w groupcast.Window,
) (out groupcast.Page[groupcast.FileEntry], err error) {
	end := int64(math.MaxInt64)
	if w.Limit > 0 && w.From < math.MaxInt64-w.Limit {
		end = int64(w.From + w.Limit)
	}
	err = s.read(ctx, func(q *queries.Queries) error {
		total, err := q.CountHeldFiles(ctx, int64(no))
		if err != nil {
			return err
		}
		out.Total, out.Rows = int(total), nil // it may be read again
		rows, err := q.HeldFiles(ctx, queries.HeldFilesParams{TransferNo: int64(no), Before: end, After: int64(w.From)})
		if err != nil {
			return err
		}
		for _, r := range rows {
			var files []groupcast.FileEntry
			if err := json.NewDecoder(flate.NewReader(bytes.NewReader(r.Entries))).Decode(&files); err != nil {
				return fmt.Errorf("the files of transfer %d: %w", no, err)
			}
			files = files[:min(int64(len(files)), end-r.First)]
			out.Rows = append(out.Rows, files[min(max(int64(w.From)-r.First, 0), int64(len(files))):]...)
		}
		return nil
	})
	return out, err
}
