package receiver

import (
	"net/netip"
	"time"

	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// arrival is what the socket says of packets that came together.
type arrival struct {
	from     netip.AddrPort
	segment  int    // bytes of each but the last
	marked   bool   // a queue on their way was filling up
	overruns uint32 // packets the socket has dropped so far
}

// packets takes a run of packets of this session's tag.
func (r *Receiver) packets(a arrival, run []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return
	}
	now := time.Now() // under the lock: the machine's time never goes back
	r.follow(now, a.overruns)
	for len(run) > 0 {
		n := min(a.segment, len(run))
		if r.take(now, a.from, run[:n]) && a.marked {
			r.machine.Marked()
		}
		run = run[n:]
	}
	r.drain(now)
	if at, ok := r.machine.NextTimeout(); ok && at.Before(r.armed) {
		r.poke()
	}
}

// follow tells the machine how many packets the socket dropped.
func (r *Receiver) follow(now time.Time, total uint32) {
	if !r.heard {
		r.heard, r.overruns = true, total
	}
	if n := total - r.overruns; n != r.overrun {
		r.overrun = n
		r.machine.Overrun(now, n)
	}
}

// take brings one packet through the checks ("Order of checks" in docs/security.md) and says
// whether it is of a member of the group.
func (r *Receiver) take(now time.Time, from netip.AddrPort, p []byte) bool {
	h, err := wire.ParseHeader(p)
	if why, ok := r.cheap(now, h, err, from, p); !ok {
		r.drops.Add(why)
		return false
	}
	_, body, err := r.seal.Open(r.opened[:0], p)
	if err != nil {
		r.drops.Add(drops.Key)
		return false
	}
	if h.Kind == wire.KindSync {
		r.takeSync(now, from.Port(), body)
		return true
	}
	d, err := wire.ParseData(body)
	if err != nil {
		r.drops.Add(drops.Body)
		return true
	}
	r.machine.HandleData(now, h.Number, d)
	return true
}

// cheap are the checks that need no key.
func (r *Receiver) cheap(now time.Time, h wire.Header, err error, from netip.AddrPort, p []byte) (drops.Reason, bool) {
	switch {
	case err != nil || h.Kind == wire.KindDigest:
		return drops.Kind, false
	case h.Kind == wire.KindData && len(p) != int(r.offer.SymbolSize)+protocol.DataOverhead,
		h.Kind == wire.KindSync && (len(p) < protocol.MinSyncPacket || len(p) > protocol.MaxSyncPacket):
		return drops.Length, false
	case from.Addr() != r.source, h.Kind == wire.KindData && !r.syncs.from(now, from.Port()):
		return drops.Source, false
	case h.Tag != r.offer.Tag:
		return drops.Tag, false
	case r.cfg.Endpoint.cfg.Drop != nil && r.cfg.Endpoint.cfg.Drop(h.Number):
		return drops.Injected, false
	case !r.machine.Accepts(h.Number):
		return drops.Number, false
	}
	return 0, true
}

// takeSync checks what is cheap, and the budget, before a SYNC's signature, which is dear.
func (r *Receiver) takeSync(now time.Time, port uint16, body []byte) {
	sequence, err := seal.SyncSequence(body)
	if err != nil {
		r.drops.Add(drops.Body)
		return
	}
	if why, ok := r.syncs.admit(now, sequence, port); !ok {
		r.drops.Add(why)
		return
	}
	sync, err := r.seal.VerifySync(r.cfg.Verify, body)
	if err != nil {
		r.syncs.failed(sequence)
		r.machine.ForgedSync()
		r.drops.Add(drops.Signature)
		return
	}
	r.syncs.verified(now, sequence, port)
	r.machine.HandleSync(now, sync)
}

// drain takes what the machine wants done; r.mu is held.
func (r *Receiver) drain(now time.Time) {
	r.events(now)
	for r.feedback != nil {
		f, ok := r.machine.NextFeedback(now)
		if !ok {
			return
		}
		r.events(now) // it may be the one that says that UDP is not heard
		r.tell(f)
	}
}

func (r *Receiver) events(now time.Time) {
	for {
		e, ok := r.machine.NextEvent()
		if !ok {
			return
		}
		r.event(now, e)
	}
}

func (r *Receiver) event(now time.Time, e recv.Event) {
	switch e.Kind {
	case recv.BlockReady:
		r.jobs = append(r.jobs, e) // bounded by the machine's pool
		r.machine.Backlog(len(r.jobs) + r.working)
		r.changed.Signal()
	case recv.Done:
		r.farewell = now.Add(farewellTime)
		r.poke()
	case recv.Ended:
		r.end(ErrSessionOver)
	case recv.Unheard:
		r.unheard = true
	default:
		r.notices = append(r.notices, e)
		r.poke()
	}
}

// tell sends a feedback by UDP, and once UDP brings no answer by the other road too.
func (r *Receiver) tell(f wire.Feedback) {
	r.packet = r.feedback.Seal(r.packet[:0], f)
	_ = r.reporter.Send(r.packet) // lost feedback is repeated; a closed port says so here, too
	if f.Flags&wire.FeedbackDone != 0 {
		r.end(errDone)
	}
	asks := len(f.NACKs)+len(f.Ranges) > 0
	if r.unheard && (asks || !r.asks) {
		r.report, r.asks = wire.AppendFeedback(nil, f), asks
		r.poke()
	}
}
