package edition

import (
	"context"
	"slices"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// comparedMost bounds how many entries are read to find what a transfer replaces. What is not compared stays
// owed; devices let a newer file stand.
const comparedMost = 4 * protocol.MaxFiles

// Covered lists those of some transfers whose every path is one of a newer transfer, too. One whose list cannot be
// read is not among them.
func (e *Editions) Covered(ctx context.Context, newer store.Transfer, all []store.Transfer) (out []protocol.TransferNo) {
	left := comparedMost
	for _, older := range all {
		if left <= 0 {
			e.Log.Warn("a transfer has too many files to be compared with all that are open", "transfer", newer.Name)
			break
		}
		covers, read, err := e.Library.Covers(ctx, newer.Content, older.Content)
		left -= read
		if err != nil {
			e.Log.Warn("an open transfer could not be compared with a newer one",
				"transfer", older.No, "err", err)
			continue
		}
		if covers {
			out = append(out, older.No)
		}
	}
	slices.Sort(out)
	return out
}
