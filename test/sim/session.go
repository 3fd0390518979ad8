package sim

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// emptyFor is how long a session without devices stays.
const emptyFor = time.Second

// packet is something on the group's address.
type packet struct {
	bytes  []byte
	sync   *wire.Sync // once somebody verified it: 70 µs are spent once, not by each device
	forged bool
}

// session is the driver of one send.Sender.
type session struct {
	w        *world
	server   *server
	transfer *transfer
	signed   signedOffer
	offer    wire.Offer
	secret   seal.Secret
	keys     *seal.Session
	machine  *send.Sender
	code     *fec.Code
	version  uint64 // of the membership, when it was opened
	feedback map[protocol.FeedbackID]*channel
	byDevice map[int]protocol.FeedbackID
	begun    bool
	stopped  bool
	opened   time.Time
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

// handout is what a device gets over TLS.
type handout struct {
	secret  seal.Secret
	key     seal.Secret
	id      protocol.FeedbackID
	first   wire.Sync
	started bool
}

// sign makes an offer; without a session it only vouches for what is fetched over HTTPS.
func (s *server) sign(t *transfer, run *session) signedOffer {
	o := wire.Offer{
		Server: s.id, Group: s.group, MembershipVersion: s.version, Transfer: t.no,
		SymbolSize: uint16(s.w.plan.symbol), MaxK: uint8(t.content.maxK(s.w.plan.symbol)),
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
		GroupAddr: netip.MustParseAddrPort("239.192.7.7:7441"), Source: netip.MustParseAddr("10.0.0.1"),
		FeedbackPort: protocol.ControlPort,
	}
	t.content.layout.Fill(&o)
	s.offerNo++
	o.Number = s.offerNo
	s.w.bytes(o.Session[:])
	if run != nil {
		s.open[o.Number] = true
		o.Flags = wire.OfferMulticast
		o.Tag = protocol.SessionTag(s.w.rnd.Uint32())
		o.KeyCheck = seal.KeyCheck(run.secret, s.id, o.Session)
	}
	o.Floor = s.floor()
	b := wire.AppendOffer(nil, o)
	signed := signedOffer{o.Number, b, seal.SignOffer(s.key, b)}
	if run != nil {
		run.offer, run.signed = o, signed
		s.past = append(s.past, signed)
	}
	return signed
}

// floor is the lowest offer still open.
func (s *server) floor() protocol.OfferNo {
	low := s.offerNo
	for n := range s.open {
		low = min(low, n)
	}
	return low
}

func newSession(s *server, t *transfer) *session {
	w := s.w
	w.count("session: opened")
	s.sessions++
	run := &session{
		w: w, server: s, transfer: t, secret: w.secret(), code: fec.NewCode(), version: s.version,
		feedback: map[protocol.FeedbackID]*channel{}, byDevice: map[int]protocol.FeedbackID{},
		opened: w.clock.Now(), rows: map[send.SymbolRef]bool{}, index: s.sessions,
	}
	s.sign(t, run)
	w.note("session", uint64(run.index), uint64(t.no), uint64(run.offer.Number), uint64(run.offer.Floor))
	var err error
	if run.keys, err = seal.NewSession(run.secret, run.signed.bytes); err != nil {
		w.fail("the session's own key: %v", err)
	}
	run.machine = send.New(send.Config{
		Blocks:     t.content.layout.Blocks(),
		Length:     func(b protocol.BlockNumber) int { n, _ := t.content.layout.Length(b); return n },
		SymbolSize: w.plan.symbol, Head: int(t.content.layout.FirstStream()), Rate: w.plan.rate,
		Zeros: t.content.layout.Zeros(),
	}, w.clock.Now(), rand.New(rand.NewPCG(w.rnd.Uint64(), 2)))
	w.clock.After(askFor, run.begin)
	return run
}

func (r *session) begin() {
	r.begun = true
	r.pump()
}

// endIfEmpty ends a session that nobody took up.
func (r *session) endIfEmpty() {
	if r.begun && r.machine.Status().Devices == 0 && r.w.clock.Now().Sub(r.opened) > emptyFor {
		r.over()
	}
}

func (r *session) over() {
	r.w.count("session: over")
	for i := range r.transfer.deliveries {
		if l := &r.transfer.deliveries[i]; l.place == multicast {
			if l.runs++; l.runs >= maxRuns {
				l.https = true
			}
		}
	}
	r.server.drop()
}

// ready answers a device with the keys, or with nothing: it will be offered again.
func (r *session) ready(i int, lacks []protocol.Range, all bool) {
	w, s := r.w, r.server
	if r.stopped || !s.entitled(r.transfer.no, i) || r.version != s.version && w.sabotage != IgnoreRemoval {
		w.count("hand-out: refused")
		return
	}
	l := &r.transfer.deliveries[i]
	l.place = multicast
	r.forget(i)
	h := handout{secret: r.secret, key: w.secret(), started: r.begun}
	w.bytes(h.id[:])
	r.feedback[h.id] = &channel{i, seal.NewFeedbackOpener(h.key, h.id)}
	r.byDevice[i] = h.id
	r.machine.Attach(w.clock.Now(), send.Device(i), lacks, all)
	h.first = r.machine.Preview(w.clock.Now())
	h.first.Repairs = append([]wire.Repair(nil), h.first.Repairs...)
	w.count("hand-out: given")
	w.note("hand-out", uint64(r.index), uint64(i))
	d := w.devices[i]
	d.tell(func() { d.handout(r.offer.Session, h) })
	r.pump()
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
	r.machine.Complete(r.w.clock.Now(), send.Device(i))
	r.pump()
}

// hear takes a feedback packet off the wire.
func (s *server) hear(b []byte) {
	h, err := wire.ParseFeedbackHeader(b)
	if err != nil {
		s.w.fail("feedback without a header: %v", err)
		return
	}
	if s.session == nil || s.session.feedback[h.ID] == nil {
		s.w.count("feedback: of no session")
		return
	}
	c := s.session.feedback[h.ID]
	f, err := c.opener.Open(b)
	if errors.Is(err, seal.ErrReplay) {
		s.w.count("feedback: replayed")
		return
	}
	if err != nil {
		s.w.fail("feedback of device %d: %v", c.device, err)
		return
	}
	s.w.count("feedback: opened")
	s.session.machine.HandleFeedback(s.w.clock.Now(), send.Device(c.device), f)
	s.session.pump()
}

// pump does what the machine wants done.
func (r *session) pump() {
	if !r.begun || r.stopped {
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
			if tick == r.tick && !r.stopped {
				r.machine.HandleTimeout(r.w.clock.Now())
				r.pump()
			}
		})
	}
}

func (r *session) event(e send.Event) {
	r.w.note("sender", uint64(r.index), uint64(e.Kind), uint64(e.Device))
	switch e.Kind {
	case send.DeviceDone:
		r.w.count("event: device done")
	case send.DeviceBehind:
		r.w.counts["behind: "+string(e.Cause)]++
		r.w.leftBehind[int(e.Device)] = true
		r.behind(int(e.Device))
	case send.DeviceBack:
		r.w.count("event: device back")
		r.transfer.deliveries[e.Device].place = multicast
	case send.Over:
		r.over()
	}
}

func (r *session) behind(i int) {
	l := &r.transfer.deliveries[i]
	l.place = alone
	if d := r.w.devices[i]; d.attached {
		r.w.count("device: catch-up told")
		o := r.server.sign(r.transfer, nil)
		d.tell(func() { d.catchUp(r.transfer.no, o) })
		return
	}
	l.place = idle
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
}

func (r *session) sendSync(m wire.Sync, n protocol.PacketNumber) {
	r.number(n)
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
		block := r.transfer.content.block(ref.Block)
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
	r.newest = p
	r.w.broadcast(p)
}

// broadcast puts a packet onto the group's address.
func (w *world) broadcast(p *packet) {
	for i, d := range w.devices {
		outside := !w.server.members[i]
		if d.work == nil && !outside || !d.alive || d.plan.deaf {
			continue
		}
		d.down.Send(len(p.bytes)+28, func() {
			if !d.alive {
				return
			}
			// Who is admitted again gets the key of the session that runs, and may open with it
			// what he recorded of it (security.md K3).
			if outside && !w.server.members[i] {
				d.eavesdrop(p)
				return
			}
			d.hear(p)
		})
	}
}
