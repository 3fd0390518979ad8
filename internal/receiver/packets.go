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

// arrival is what the socket says of packets that were read together.
type arrival struct {
	from     netip.AddrPort
	segment  int    // bytes of each but the last
	marked   bool   // ECN: a queue on their way was filling up
	overruns uint32 // packets the socket has dropped so far
}

// handleRun takes a run of packets of this session's tag.
func (r *Receiver) handleRun(a arrival, run []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return
	}
	now := time.Now() // under the lock, so that the machine's time never goes back
	r.noteOverruns(now, a.overruns)
	for len(run) > 0 {
		n := min(a.segment, len(run))
		if r.handlePacket(now, a.from, run[:n]) && a.marked {
			r.machine.Marked()
		}
		run = run[n:]
	}
	r.drain(now)
	if at, ok := r.machine.NextTimeout(); ok && at.Before(r.armed) {
		r.wakeLoop()
	}
}

// noteOverruns gives the state machine how many packets the socket dropped since the session began.
func (r *Receiver) noteOverruns(now time.Time, total uint32) {
	if !r.based {
		r.based, r.base = true, total
	}
	if n := total - r.base; n != r.overrun {
		r.overrun = n
		r.machine.Overrun(now, n)
	}
}

// handlePacket checks one packet in the order that docs/security.md gives ("Order of checks") and
// hands it to the machine. It says whether the packet was sealed with the session's key.
func (r *Receiver) handlePacket(now time.Time, from netip.AddrPort, p []byte) bool {
	h, err := wire.ParseHeader(p)
	if why, ok := r.precheck(now, h, err, from, p); !ok {
		r.drops.Add(why)
		return false
	}
	_, body, err := r.seal.Open(r.opened[:0], p)
	if err != nil {
		r.drops.Add(drops.Key)
		return false
	}
	if h.Kind == wire.KindSync {
		r.handleSync(now, from.Port(), body)
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

// precheck does the checks that need no key.
func (r *Receiver) precheck(
	now time.Time, h wire.Header, err error, from netip.AddrPort, p []byte,
) (drops.Reason, bool) {
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

// handleSync checks everything else about a SYNC, and the limits of checking, before its signature:
// that takes much time.
func (r *Receiver) handleSync(now time.Time, port uint16, body []byte) {
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

// drain does what the machine asks for; the lock is held.
func (r *Receiver) drain(now time.Time) {
	r.events(now)
	for r.feedback != nil {
		f, ok := r.machine.NextFeedback(now)
		if !ok {
			return
		}
		r.events(now) // the event that UDP does not reach the server comes with a feedback
		r.sendFeedback(f)
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
		r.jobs = append(r.jobs, e) // the machine's pool bounds them
		r.machine.Backlog(len(r.jobs) + r.working)
		r.changed.Signal()
	case recv.Done:
		r.lingerUntil = now.Add(lingerTime)
		r.wakeLoop()
	case recv.Ended:
		r.end(ErrSessionOver)
	case recv.Unheard:
		r.httpsToo = true
	default:
		r.notices = append(r.notices, e)
		r.wakeLoop()
	}
}

// sendFeedback sends a feedback by UDP. Once UDP does not seem to reach the server, it is posted over
// HTTPS, too.
func (r *Receiver) sendFeedback(f wire.Feedback) {
	r.packet = r.feedback.Seal(r.packet[:0], f)
	_ = r.reporter.Send(r.packet) // feedback that is lost is repeated
	if f.Flags&wire.FeedbackDone != 0 {
		r.end(errDone)
	}
	asks := len(f.NACKs)+len(f.Ranges) > 0
	if r.httpsToo && (asks || !r.reportAsks) {
		r.report, r.reportAsks = wire.AppendFeedback(nil, f), asks
		r.wakeLoop()
	}
}
