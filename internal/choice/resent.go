package choice

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// The bounds of what is compared.
const (
	atOnce   = 100  // transfers read from the store at a time
	heldMost = 4096 // entries of a list in the store that are read at a time
	readMost = 4 * protocol.MaxFiles
	heldCost = 8 // an entry of a list in the store counts as so many: it is unpacked first
)

// resent says whether a file of a new transfer was sent to its group before, or promised to it.
//
// It costs no more than reading lists once: the new files are sorted, and so are the lists of earlier transfers, on
// disk or in the store. Both are gone through side by side, to the first file that they have in common or to the end
// of the shorter one; nothing is kept of it. What is sent again mostly shares its first file, and what is called
// otherwise ends where the names part (`go test ./internal/content -bench Million` measures a million entries that
// share nothing with a million others). readMost entries of earlier transfers are read at most: a group with longer
// lists of other files than that gets its transfers as if they were sent again.
func (c *Choice) resent(ctx context.Context, g groupcast.Group, files Files) (Reason, error) {
	left := readMost
	for from := 0; ; from += atOnce {
		page, err := c.Store.Transfers(ctx, groupcast.TransferFilter{Group: g.Name, From: from, Limit: atOnce})
		if err != nil {
			return Resent, err
		}
		for _, tr := range page.Rows {
			if tr.GroupID != g.ID {
				continue // of a group that had the name before
			}
			if left <= 0 {
				return Unseen, nil
			}
			shares, read, err := c.shares(ctx, tr, files)
			if err != nil {
				return Resent, err
			}
			if shares {
				return Resent, nil
			}
			left -= read
		}
		if len(page.Rows) < atOnce {
			return None, nil
		}
	}
}

// shares compares files with those of one transfer. One whose list is not known any more shares none: that costs
// at most that something is sent once more.
func (c *Choice) shares(ctx context.Context, tr store.Transfer, files Files) (bool, int, error) {
	if tr.ContentGone {
		shares, read, err := c.sharesHeld(ctx, tr.No, files)
		return shares, heldCost * read, err
	}
	shares, read, err := files.SharesFiles(ctx, tr.Content)
	if ctx.Err() != nil {
		return false, read, err
	}
	return shares && err == nil, read, nil
}

func (c *Choice) sharesHeld(
	ctx context.Context, no protocol.TransferNo, files Files,
) (shares bool, read int, err error) {
	for {
		page, err := c.Store.HeldFiles(ctx, no, groupcast.Window{From: read, Limit: heldMost})
		if err != nil {
			return false, read, err
		}
		read += len(page.Rows)
		for _, e := range page.Rows {
			f, more, err := files.From(e.Path)
			switch {
			case err != nil || !more:
				return false, read, err
			case f.Path == e.Path && f.Kind == manifest.KindFile && e.Kind == "file":
				return true, read, nil
			}
		}
		if len(page.Rows) < heldMost {
			return false, read, nil
		}
	}
}
