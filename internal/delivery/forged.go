package delivery

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/forging"
	"github.com/groupcast/groupcast/internal/protocol"
)

// failed says whether a session of the transfer knows that all these blocks came with a wrong digest: the devices
// reported it to the session, not to the download.
func (e *Engine) failed(no protocol.TransferNo, blocks protocol.Range) bool {
	for _, r := range e.current() {
		if r.no == no && r.sender.Failed(blocks) {
			return true
		}
	}
	return false
}

// noteForging follows what a session knows of packets that a member forged, and says whether it is to begin anew.
func (e *Engine) noteForging(ctx context.Context, r *run, f *groupcast.Forging) (anew bool) {
	o := r.sender.Offer()
	return e.forging.Note(ctx, forging.Session{
		ID: r.session, Transfer: r.no, Group: r.offered.Group, Paged: o.Paged, MACs: o.MACs,
	}, f)
}
