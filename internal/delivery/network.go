package delivery

import (
	"context"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

const followEvery = 3 * time.Second // in case the system did not tell of a change

// followNetwork restarts sessions with packets that would be sent by another card or from another address
// than their offers say: because a card disappeared and came back, or an address changed.
func (e *Engine) followNetwork(ctx context.Context) {
	watch := e.cfg.OpenWatch()
	if watch == nil {
		return
	}
	defer watch.Close()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-watch.C():
		case <-tick.C:
		}
		e.moveSessions()
	}
}

func (e *Engine) moveSessions() {
	e.mu.Lock()
	var running []*run
	for _, r := range e.runs {
		if !r.stopped {
			running = append(running, r)
		}
	}
	e.mu.Unlock()
	var groups []protocol.GroupID
	for _, r := range running {
		if r.sender.Misplaced() {
			groups = append(groups, r.sender.Offer().Group)
			e.log.Warn("the network interface or its address is another one now: the session begins anew", "transfer", r.no)
		}
	}
	if len(groups) > 0 {
		e.stop(e.interrupt(groups, func(protocol.GroupID) {}))
	}
}

// packetBytes is how large the session's packets are on the wire.
func (r *run) packetBytes() int {
	offer := r.sender.Offer()
	if offer.MACs {
		offer.SymbolSize += format2.MACBytes
	}
	return protocol.PacketBytes(int(offer.SymbolSize), offer.GroupAddr.Addr().Unmap().Is6())
}
