package receiver

import (
	"net/netip"
	"time"

	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

// arrival is what the socket says of packets that were read together.
type arrival struct {
	from     netip.AddrPort
	segment  int    // bytes of each but the last
	marked   bool   // ECN: a queue on their way was filling up
	overruns uint32 // packets the socket has dropped so far
}

// opened is a packet that is sealed with the session's key. Its body lies where the packet was.
type opened struct {
	number protocol.PacketNumber
	kind   wire.Kind
	body   []byte
	plain  []byte // its clear bytes, and the body behind them
}

// gate says which packets of a session are opened. It is renewed with each SYNC.
type gate struct {
	first, last protocol.PacketNumber
	ports       sourcePorts
}

// moveGate renews the gate; the lock is held.
func (r *Receiver) moveGate() {
	g := gate{ports: r.format.ports()}
	g.first, g.last = r.machine.Window()
	r.gate.Store(&g)
}

// open checks a run of packets of this session's tag in the order that docs/security.md gives ("Order of
// checks"), up to the key, and opens them in place: the bodies are valid as long as the run is. It
// appends those that are sealed with the session's key to dst. It may be called from several goroutines
// at once.
func (r *Receiver) open(dst []opened, now time.Time, a arrival, run []byte) []opened {
	keys, g := r.keys.Load(), r.gate.Load()
	if keys == nil {
		return dst // closed
	}
	for len(run) > 0 {
		p := run[:min(a.segment, len(run))]
		run = run[len(p):]
		h, err := r.header(p)
		if why, ok := r.precheck(now, g, h, err, a.from, p); !ok {
			r.drops.Add(why)
			continue
		}
		_, body, err := keys.Open(p[protocol.GroupHeaderBytes:protocol.GroupHeaderBytes], p)
		if err != nil {
			r.drops.Add(drops.Key)
			continue
		}
		dst = append(dst, opened{h.Number, h.Kind, body, p[:protocol.GroupHeaderBytes+len(body)]})
	}
	return dst
}

// header reads the clear part of a packet of the session's format.
func (r *Receiver) header(p []byte) (wire.Header, error) {
	if r.offer.paged {
		return format2.ParseHeader(p)
	}
	return wire.ParseHeader(p)
}

// precheck does the checks that need no key.
func (r *Receiver) precheck(
	now time.Time, g *gate, h wire.Header, err error, from netip.AddrPort, p []byte,
) (drops.Reason, bool) {
	switch {
	case err != nil || h.Kind == wire.KindDigest:
		return drops.Kind, false
	case h.Kind == wire.KindData && len(p) != r.offer.data,
		h.Kind == wire.KindSync && (len(p) < r.offer.sync[0] || len(p) > r.offer.sync[1]):
		return drops.Length, false
	case from.Addr() != r.offer.source, r.offer.port != 0 && from.Port() != r.offer.port,
		h.Kind == wire.KindData && !g.ports.from(now, from.Port()):
		return drops.Source, false
	case h.Tag != r.offer.tag:
		return drops.Tag, false
	case r.cfg.Endpoint.cfg.Drop != nil && r.cfg.Endpoint.cfg.Drop(h.Number):
		return drops.Injected, false
	case h.Number < g.first || h.Number > g.last:
		return drops.Number, false
	}
	return 0, true
}

// take gives opened packets to the state machine, in the order in which the socket had them.
func (r *Receiver) take(a arrival, packets []opened) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return
	}
	now := time.Now() // under the lock, so that the machine's time never goes back
	r.noteOverruns(now, a.overruns)
	for _, p := range packets {
		if a.marked {
			r.machine.Marked()
		}
		r.handle(now, a.from.Port(), p)
	}
	r.drain(now)
	if at, ok := r.machine.NextTimeout(); ok && at.Before(r.armed) {
		r.wakeLoop()
	}
}

// handle hands one packet to the machine.
func (r *Receiver) handle(now time.Time, port uint16, p opened) {
	if p.kind == wire.KindSync {
		r.format.hearSync(now, port, p.body)
		return
	}
	if !r.machine.Accepts(p.number) { // a SYNC has moved the window since it was opened
		r.drops.Add(drops.Number)
		return
	}
	if r.marked != nil {
		r.hold(now, p)
		return
	}
	d, err := wire.ParseData(p.body)
	if err != nil {
		r.drops.Add(drops.Body)
		return
	}
	r.machine.HandleData(now, p.number, d)
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
	r.packet = r.format.seal(r.packet[:0], r.feedback, f)
	_ = r.reporter.Send(r.packet) // feedback that is lost is repeated
	if f.Flags&wire.FeedbackDone != 0 {
		r.end(errDone)
	}
	asks := len(f.NACKs)+len(f.Ranges) > 0
	if r.httpsToo && (asks || !r.reportAsks) {
		r.report, r.reportAsks = r.format.body(f), asks
		r.wakeLoop()
	}
}
