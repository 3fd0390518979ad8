package server

import (
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// pagedCalls are the calls of a device about paged transfers.
func (w *world) pagedCalls(
	no protocol.TransferNo, session protocol.SessionID,
) map[string]func(groupcast.Principal) error {
	return map[string]func(groupcast.Principal) error{
		"Skeleton":      func(p groupcast.Principal) error { _, err := w.Skeleton(w.ctx, p, no); return err },
		"TransferPages": func(p groupcast.Principal) error { _, err := w.TransferPages(w.ctx, p, no, 0); return err },
		"Stream": func(p groupcast.Principal) error {
			_, err := w.Stream(w.ctx, p, no, protocol.Range{Count: 1})
			return err
		},
		"KeepLacks":    func(p groupcast.Principal) error { return w.KeepLacks(w.ctx, p, no, nil) },
		"SessionClock": func(p groupcast.Principal) error { _, err := w.SessionClock(w.ctx, p, session); return err },
	}
}

func TestCallsAboutPagedTransfersNeedAnAgent(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g")
		for name, call := range w.pagedCalls(1, protocol.SessionID{}) {
			for who, p := range map[string]groupcast.Principal{
				"nobody": {}, "their login": ann.cli, "the local administrator": local,
			} {
				if err := call(p); groupcast.ErrorCode(err) != groupcast.EForbidden {
					t.Errorf("%s as %s: %v", name, who, err)
				}
			}
		}
	})
}

// Of a transfer of format 1 nothing of these calls is answered, to those who are owed it and to others.
func TestATransferThatIsNotPagedHasNoPages(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		w.group("other")
		eve := w.enrol("eve", "other").attach()
		for name, call := range w.pagedCalls(tr.No, offers[0].Session) {
			for who, p := range map[string]groupcast.Principal{"one who is owed it": agents[0].p, "one who is not": eve.p} {
				if err := call(p); groupcast.ErrorCode(err) != groupcast.ENotFound {
					t.Errorf("%s by %s: %v", name, who, err)
				}
			}
		}
		_, err := w.SessionClock(w.ctx, agents[0].p, protocol.SessionID{9})
		if groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Errorf("the clock of a session that is not there: %v", err)
		}
	})
}
