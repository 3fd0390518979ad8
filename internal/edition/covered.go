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
func (e *Editions) Covered(ctx context.Context, newer store.Transfer, all []store.Transfer) []protocol.TransferNo {
	out, _ := e.CoveredBy(func(older string) (bool, int, error) {
		return e.Library.Covers(ctx, newer.Content, older)
	}, all)
	return out
}

// CoveredBy is Covered for files of which no transfer was made yet: covers says whether they have every path of some
// content, after how many entries of it. It also says whether all were compared.
func (e *Editions) CoveredBy(
	covers func(older string) (covers bool, read int, err error), all []store.Transfer,
) (out []protocol.TransferNo, compared bool) {
	left, compared := comparedMost, true
	for _, older := range all {
		if left <= 0 {
			e.Log.Warn("a transfer has too many files to be compared with all that are open", "transfer", older.No)
			compared = false
			break
		}
		covered, read, err := covers(older.Content)
		left -= read
		switch {
		case err != nil:
			compared = false
			e.Log.Warn("an open transfer could not be compared with a newer one", "transfer", older.No, "err", err)
		case covered:
			out = append(out, older.No)
		}
	}
	slices.Sort(out)
	return out, compared
}
