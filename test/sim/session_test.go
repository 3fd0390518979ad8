package sim

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

const groupAddress = "239.192.7.7:7441"

// packet is something on the group's address.
type packet struct {
	bytes  []byte
	sync   *wire.Sync // once somebody verified it: 70 µs are spent once, not by each device
	forged bool
	of     *transfer // nil: of none that the server made
}

// session is the driver of one send.Sender.
type session struct {
	w        *world
	server   *server
	life     *process
	transfer *transfer
	content  *content // what it sends
	offer    wire.Offer
	offered  groupcast.Offered
	secret   seal.Secret
	keys     *seal.Session
	machine  *send.Sender
	code     *fec.Code
	version  uint64 // of the membership, when it was made
	feedback map[protocol.FeedbackID]*channel
	byDevice map[int]protocol.FeedbackID
	latest   *wire.Sync
	begun    bool
	stopped  bool // nothing more is sealed
	finished bool
	tick     uint64
	newest   *packet
	index    int

	// Oracles.
	sealed protocol.PacketNumber // the highest number sealed
	rows   map[send.SymbolRef]bool
	data   uint64
}

type channel struct {
	device int
	opener *seal.FeedbackOpener
}

func newSession(s *server, t *transfer) *session {
	w := s.w
	w.count("session: opened")
	s.sessions++
	run := &session{
		w: w, server: s, life: s.process, transfer: t, content: t.content, secret: w.secret(), code: fec.NewCode(),
		version: s.version, feedback: map[protocol.FeedbackID]*channel{}, byDevice: map[int]protocol.FeedbackID{},
		rows: map[send.SymbolRef]bool{}, index: s.sessions,
	}
	o := s.terms(t)
	o.Flags = wire.OfferMulticast
	o.Tag = protocol.SessionTag(w.rnd.Uint32())
	o.KeyCheck = seal.KeyCheck(run.secret, s.id, o.Session)
	o.Source, o.FeedbackPort = netip.MustParseAddr("10.0.0.1"), protocol.ControlPort
	run.offer, run.offered = o, s.sign(o)
	s.past = append(s.past, run.offered)
	w.note("session", uint64(run.index), uint64(t.no), uint64(o.Number), uint64(o.Floor))
	var err error
	if run.keys, err = seal.NewSession(run.secret, run.offered.Offer); err != nil {
		w.fail("the session's own key: %v", err)
	}
	layout := t.content.layout
	run.machine = send.New(send.Config{
		Blocks: layout.Blocks(), Length: func(b protocol.BlockNumber) int { n, _ := layout.Length(b); return n },
		SymbolSize: w.plan.symbol, Head: int(layout.FirstStream()), Rate: w.plan.rate, Zeros: layout.Zeros(),
	}, w.clock.Now(), rand.New(rand.NewPCG(w.rnd.Uint64(), 2)))
	return run
}

// begin lets data flow.
func (r *session) begin() {
	r.begun = true
	r.pump()
}

// stop ends a session at once: nothing more is sealed under its key.
func (r *session) stop() {
	r.stopped = true
	r.finish()
}

// finish forgets a session that seals nothing more, once.
func (r *session) finish() {
	if r.finished {
		return
	}
	r.finished = true
	r.collect()
	delete(r.server.open, r.offer.Number)
	delete(r.server.runs, r.offer.Session)
	r.w.note("session over", uint64(r.index))
}

// over comes when a session ended by itself.
func (r *session) over() {
	r.w.count("session: over")
	r.stop()
	r.server.change(func(sch *schedule.Scheduler, now time.Time) {
		sch.Ended(now, r.transfer.no, r.offer.Session, schedule.Reason{Code: schedule.SessionEnded})
	})
}

// attach takes a device in, or gives one that takes part new keys.
func (r *session) attach(i int, lacks []protocol.Range, all bool) handout {
	w := r.w
	now := w.clock.Now()
	delete(r.feedback, r.byDevice[i])
	h := handout{secret: r.secret, key: w.secret(), started: r.begun}
	w.bytes(h.id[:])
	r.feedback[h.id] = &channel{i, seal.NewFeedbackOpener(h.key, h.id)}
	r.byDevice[i] = h.id
	r.machine.Attach(now, send.Device(i), lacks, all)
	if r.latest == nil { // none was sent yet: one is sealed for hand-outs, with a number of its own
		m, n, _ := r.machine.NextSync(now)
		r.number(n)
		r.keep(m)
	}
	h.first = *r.latest
	h.first.Repairs = append([]wire.Repair(nil), h.first.Repairs...)
	w.note("hand-out", uint64(r.index), uint64(i))
	r.pump()
	return h
}

// keep keeps the newest SYNC for hand-outs; the machine uses the memory of its repairs again.
func (r *session) keep(m wire.Sync) {
	m.Repairs = append([]wire.Repair(nil), m.Repairs...)
	r.latest = &m
}

// forget ends a device's feedback key.
func (r *session) forget(i int) {
	if id, ok := r.byDevice[i]; ok {
		delete(r.feedback, id)
		delete(r.byDevice, i)
		r.machine.Detach(r.w.clock.Now(), send.Device(i), "it has gone")
		r.pump()
	}
}

func (r *session) complete(i int) {
	if _, ok := r.byDevice[i]; ok {
		r.machine.Complete(r.w.clock.Now(), send.Device(i))
		r.pump()
	}
}

// hear takes a feedback packet off the wire.
func (s *server) hear(b []byte) {
	h, err := wire.ParseFeedbackHeader(b)
	if err != nil {
		s.w.fail("feedback without a header: %v", err)
		return
	}
	for _, r := range s.runs {
		if c := r.feedback[h.ID]; c != nil {
			r.hear(c, b)
			return
		}
	}
	s.w.count("feedback: of no session")
}

func (r *session) hear(c *channel, b []byte) {
	f, err := c.opener.Open(b)
	if errors.Is(err, seal.ErrReplay) {
		r.w.count("feedback: replayed")
		return
	}
	if err != nil {
		r.w.fail("feedback of device %d: %v", c.device, err)
		return
	}
	r.w.count("feedback: opened")
	r.heard(c.device, f)
}

func (r *session) heard(i int, f wire.Feedback) {
	r.machine.HandleFeedback(r.w.clock.Now(), send.Device(i), f)
	r.pump()
}

// pump does what the machine wants done. What it says goes to the schedule, as from a goroutine of its own.
func (r *session) pump() {
	if !r.begun || r.stopped || r.server.process != r.life {
		return
	}
	now := r.w.clock.Now()
	var refs [44]send.SymbolRef
	for busy := true; busy && !r.stopped && r.w.err == nil; {
		busy = false
		for e, ok := r.machine.NextEvent(); ok; e, ok = r.machine.NextEvent() {
			r.event(e)
		}
		if r.stopped {
			return
		}
		if m, n, ok := r.machine.NextSync(now); ok {
			busy = true
			r.sendSync(m, n)
		}
		if t, ok := r.machine.NextTrain(now, refs[:0]); ok {
			busy = true
			r.sendTrain(t)
		}
	}
	r.arm()
}

func (r *session) arm() {
	r.tick++
	tick := r.tick
	if t, ok := r.machine.NextTimeout(); ok {
		r.w.clock.At(t, func() {
			if tick == r.tick && !r.stopped && r.server.process == r.life {
				r.machine.HandleTimeout(r.w.clock.Now())
				r.pump()
			}
		})
	}
}

func (r *session) event(e send.Event) {
	r.w.note("sender", uint64(r.index), uint64(e.Kind), uint64(e.Device))
	no, dev := r.transfer.no, deviceID(int(e.Device))
	switch e.Kind {
	case send.DeviceDone:
		r.w.count("event: device done")
		r.server.change(func(sch *schedule.Scheduler, now time.Time) { sch.Stored(now, no, dev) })
	case send.DeviceBehind:
		r.w.counts["behind: "+string(e.Cause)]++
		r.w.leftBehind[int(e.Device)] = true
		r.server.change(func(sch *schedule.Scheduler, now time.Time) {
			sch.Behind(now, no, dev, e.Reason, e.Cause == send.CauseSilent)
		})
	case send.DeviceBack: // it is detached already
	case send.Over:
		r.over()
	}
}

// collect takes the machine's counters when the session ends.
func (r *session) collect() {
	c := r.machine.Status().Counters
	r.w.counts.sender(c)
	r.w.wire += c.Bytes
}

// number is the oracle of nonces: no packet number is sealed twice in a session.
func (r *session) number(n protocol.PacketNumber) {
	if n <= r.sealed {
		r.w.fail("session %d seals packet number %d after %d", r.index, n, r.sealed)
	}
	r.sealed = n
	r.mayFlow()
}

func (r *session) sendSync(m wire.Sync, n protocol.PacketNumber) {
	r.number(n)
	r.keep(m)
	r.w.note("sync", uint64(r.index), uint64(n), uint64(m.Front), uint64(m.Rate), uint64(len(m.Repairs)))
	r.put(&packet{bytes: r.keys.SealSync(r.server.key, n, m)})
}

func (r *session) sendTrain(t send.Train) {
	var body []byte
	for i, ref := range t.Refs {
		n := t.First + protocol.PacketNumber(i)
		if r.w.sabotage == RedrawPacketKeys && i > 0 && chance(r.w.rnd, 0.001) {
			n--
		}
		r.number(n)
		block := r.content.block(ref.Block)
		k := protocol.SourceSymbols(len(block), r.w.plan.symbol)
		if r.w.sabotage == ReuseParity && int(ref.Index) > k {
			ref.Index = protocol.SymbolIndex(k)
		}
		r.fresh(ref, k)
		body = wire.AppendDataHeader(body[:0], ref.Block, len(block), ref.Index)
		body = append(body, r.symbol(block, k, ref)...)
		h := wire.Header{Kind: wire.KindData, Tag: r.offer.Tag, Number: n}
		r.data++
		r.w.note("data", uint64(n), uint64(ref.Block), uint64(ref.Index))
		r.put(&packet{bytes: r.keys.Seal(nil, h, body)})
	}
}

// fresh is the oracle of parity: no row of a block is sent twice in a session.
func (r *session) fresh(ref send.SymbolRef, k int) {
	if int(ref.Index) < k {
		return
	}
	if r.rows[ref] {
		r.w.fail("session %d sends parity row %d of block %d again", r.index, ref.Index, ref.Block)
	}
	r.rows[ref] = true
}

func (r *session) symbol(block []byte, k int, ref send.SymbolRef) []byte {
	out := make([]byte, r.w.plan.symbol)
	if int(ref.Index) < k {
		copy(out, block[int(ref.Index)*len(out):])
		return out
	}
	if err := r.code.Parity(block, k, len(out), ref.Index, out); err != nil {
		r.w.fail("parity %d of block %d: %v", ref.Index, ref.Block, err)
	}
	return out
}

func (r *session) put(p *packet) {
	r.newest, p.of = p, r.transfer
	r.w.broadcast(p)
}

// broadcast puts a packet onto the group's address.
func (w *world) broadcast(p *packet) {
	for i, d := range w.devices {
		outside := !w.server.members[i] || p.of.passesOver(i)
		if len(d.listening) == 0 && !outside || !d.alive || d.plan.deaf {
			continue
		}
		d.down.Send(len(p.bytes)+28, func() {
			if !d.alive {
				return
			}
			// Who is admitted again gets the key of the session that runs, and may open with it
			// what he recorded of it (security.md K3).
			if outside && (!w.server.members[i] || p.of.passesOver(i)) {
				d.eavesdrop(p)
				return
			}
			d.hear(p)
		})
	}
}

// announce tells the group that there is an offer: who missed the event reads the state.
func (w *world) announce(n protocol.OfferNo) {
	for _, d := range w.devices {
		if d.alive && !d.plan.deaf {
			d.down.Send(100, func() { d.heardAnnounce(n) })
		}
	}
}
