package delivery

import (
	"context"

	"github.com/groupcast/groupcast"
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

// noteForging keeps what a session knows of packets that a member forged: it stands on the transfer, also when it
// is over.
func (e *Engine) noteForging(ctx context.Context, r *run, f *groupcast.Forging) {
	if f == nil {
		return
	}
	first, more := e.forges(r, *f)
	if !more {
		return
	}
	if first {
		e.log.Warn("a member of the group forges packets; which one cannot be determined", "transfer", r.no, "session", r.session)
	}
	if err := e.store.NoteForged(ctx, e.site(), r.no, *f); err != nil && ctx.Err() == nil {
		e.log.Error("forged packets could not be noted", "transfer", r.no, "err", err)
	}
}

// forges says whether it is the first that is known of a session's forged packets, and whether it is more.
func (e *Engine) forges(r *run, f groupcast.Forging) (first, more bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	first, more = r.forging.Devices == 0, f.Devices > r.forging.Devices || f.Blocks > r.forging.Blocks
	r.forging = f
	return first, more
}
