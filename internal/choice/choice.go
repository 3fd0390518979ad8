// Package choice says which transfers are paged: those that every device of their group can take; and of those, which
// are new to their group: the others are of mode delta.
package choice

import (
	"context"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// Wire is the version of the wire that paged transfers need.
const Wire = protocol.PagedVersion

// Choice is what a choice is made with.
type Choice struct {
	Store  Store
	Agents Agents
}

// Store is what is read of the store. Package store says what each does.
type Store interface {
	Devices(ctx context.Context, user string, w groupcast.Window) (groupcast.Page[groupcast.Device], error)
	Logins(
		ctx context.Context, user string, w groupcast.Window, held bool,
	) (map[protocol.DeviceID]store.DeviceLogin, error)
	Transfers(ctx context.Context, f groupcast.TransferFilter) (groupcast.Page[store.Transfer], error)
	HeldFiles(ctx context.Context, no protocol.TransferNo, w groupcast.Window) (groupcast.Page[groupcast.FileEntry], error)
}

// Agents knows what attached devices speak (*presence.Agents).
type Agents interface {
	Wire(dev protocol.DeviceID) (most int, attached bool)
}

// Files are those of a new transfer (*content.Comparison).
type Files interface {
	// SharesFiles says whether a file of older content has the path of one of them, after how many entries of that.
	SharesFiles(ctx context.Context, older string) (shares bool, read int, err error)
	// From gives the first entry whose path is not before some path; false: there is none.
	From(path string) (f manifest.File, ok bool, err error)
}

// Reason is why a transfer is not paged, or is of mode delta.
type Reason string

// The reasons.
const (
	None   Reason = ""         // it is paged, and new to its group
	TooOld Reason = "too-old"  // a device that it is owed to is too old for that, or not known to be new enough
	Resent Reason = "resent"   // a file of it was sent to the group before: only what changed has to be sent again
	Unseen Reason = "too-much" // the group was sent so much that it was not all compared
)

// Paged says how a new transfer of these files is sent: it is paged unless TooOld, and of mode delta unless None. Two
// that are made at the same moment do not see each other; then a file is sent twice, and nothing else happens.
func (c *Choice) Paged(
	ctx context.Context, g groupcast.Group, whom groupcast.Selection, files Files,
) (Reason, error) {
	able, err := c.Able(ctx, g, whom)
	if err != nil {
		return TooOld, err
	}
	if !able {
		return TooOld, nil
	}
	return c.resent(ctx, g, files)
}

// Able says whether all devices of a group whom a selection takes can take paged transfers: of an attached one its
// receiver's word counts, of another what that said when it was attached last. While there is none it is not known.
func (c *Choice) Able(ctx context.Context, g groupcast.Group, whom groupcast.Selection) (bool, error) {
	logins, err := c.Store.Logins(ctx, "", groupcast.Window{}, true)
	if err != nil {
		return false, err
	}
	all, err := c.Store.Devices(ctx, "", groupcast.Window{})
	if err != nil {
		return false, err
	}
	known := false
	for _, d := range all.Rows {
		if !slices.Contains(logins[d.ID].Groups, g.Name) || !whom.Takes(d) {
			continue
		}
		wire, attached := c.Agents.Wire(d.ID)
		if !attached {
			wire = d.Wire
		}
		if groupcast.EarlierOf(wire) != "" {
			return false, nil
		}
		known = true
	}
	return known, nil
}
