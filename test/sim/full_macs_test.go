package sim

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// The chain of a simulated session with MACs, and how much of its packets a device holds.
const (
	macSlot    = 50 * time.Millisecond
	macLag     = 3
	macLife    = 20 * time.Minute
	macHeld    = 1 << 20
	macReports = 30 * time.Second // between two questions for the sender's clock
)

// Sabotages of sessions with MACs.
const (
	TakeUnjudged Sabotage = "take a packet before its key is disclosed"
	SkipMACs     Sabotage = "do not look at the MAC"
	TrustClock   Sabotage = "take a packet whose key may be known already"
	BelieveSyncs Sabotage = "believe a SYNC with a disclosed element and no signature"
)

// MACSabotages are those.
var MACSabotages = []Sabotage{TakeUnjudged, SkipMACs, TrustClock, BelieveSyncs}

// newMACWorld is a world whose sessions have MACs, with a member who forges all the time.
func newMACWorld(seed uint64, s Sabotage, member bool) *fullWorld {
	w := newFullWorld(seed, s)
	w.plan.macs, w.plan.member, w.plan.forger = true, member, false
	return w
}

// markedSession is what a session with MACs has at its sender.
type markedSession struct {
	keys    *seal.Session
	chain   *seal.Chain
	id      protocol.SessionID
	begun   time.Time
	heard   format2.Sync // the newest SYNC, as the forger hears it
	genuine marked       // the newest data packet, the same
}

// marked is a packet as it is opened.
type marked struct {
	number protocol.PacketNumber
	plain  []byte // with the slot's byte
	mac    format2.MAC
}

// mark begins the chain of a session.
func (x *fullSession) mark() {
	w := x.s.w
	id := protocol.SessionID(bytes.Repeat([]byte{byte(1 + x.life)}, 16))
	secret := seal.Secret(bytes.Repeat([]byte{byte(x.life)}, 32))
	end := format2.Element(bytes.Repeat([]byte{byte(w.rnd.Uint32())}, 16))
	chain := seal.NewChainFrom(id, uint32(macLife/macSlot)+macLag, end)
	offer := format2.AppendOffer(nil, format2.Offer{
		Session: id, Tag: 1, KeyCheck: seal.KeyCheck2(secret, protocol.ServerID{}, id), Anchor: chain.Anchor(),
		SlotMS: uint16(macSlot.Milliseconds()), Lag: macLag, SkeletonBytes: 100, Edition: 1, Pages: 8, SymbolSize: 1408,
		MaxK: 164, LifeSeconds: 60, Codec: format2.CodecCauchyRS, Hash: format2.HashBLAKE3, AEAD: format2.AEADAES256GCM,
		Cutter: format2.CutterFixed, Flags: format2.OfferMulticast | format2.OfferMACs,
		GroupAddr: netip.MustParseAddrPort("239.1.2.3:7441"), Source: netip.MustParseAddrPort("10.0.0.1:9"),
	})
	keys, err := seal.NewSession2(secret, offer)
	if err != nil {
		w.fail("the keys of a session: %v", err)
		return
	}
	x.marked = &markedSession{keys: keys, chain: chain, id: id, begun: w.clock.Now()}
}

// now is the session's clock.
func (m *markedSession) now(at time.Time) time.Duration { return at.Sub(m.begun) }

// element gives that of a slot.
func (m *markedSession) element(i uint32) format2.Element {
	e, _ := m.chain.Element(i)
	return e
}

// say puts the element of its slot into a SYNC.
func (m *markedSession) say(s *format2.Sync) {
	at := uint32(time.Duration(s.SentAt) * time.Microsecond / macSlot)
	s.Index = max(at, macLag) - macLag
	s.Element = m.element(s.Index)
}

// packet is a data packet of a slot with the MAC of an element.
func (m *markedSession) packet(n protocol.PacketNumber, d wire.Data, slot uint32, e format2.Element) marked {
	h := wire.Header{Kind: wire.KindData, Tag: 1, Number: n}
	plain := wire.AppendData(format2.AppendHeader(nil, h), d)
	plain = append(plain, byte(slot))
	return marked{n, plain, m.keys.MACKey(slot, e).Sum(n, plain)}
}

// genuine is a packet of the sender's.
func (x *fullSession) genuine(n protocol.PacketNumber, d wire.Data) marked {
	m := x.marked
	slot := uint32(m.now(x.s.w.clock.Now()) / macSlot)
	m.genuine = m.packet(n, d, slot, m.element(slot))
	return m.genuine
}

// markedDevice is what a device has of a session with MACs.
type markedDevice struct {
	held   *recv.Held
	chain  *seal.ChainEnd
	budget recv.SyncBudget
	newest uint64
	keys   map[uint32]*seal.MACKey
}

// beginMarked takes the SYNC of the hand-out, and asks for the sender's clock.
func (d *fullDevice) beginMarked(x *fullSession, first format2.Sync) {
	d.marked = &markedDevice{
		held:   recv.NewHeld(macSlot, macLag, first.Index, macHeld),
		chain:  seal.NewChainEnd(x.marked.id, first.Index, first.Element),
		newest: first.Sequence, keys: map[uint32]*seal.MACKey{},
	}
	d.askClock(x)
}

// askClock asks for the sender's clock, again and again: this device's own may be slower.
func (d *fullDevice) askClock(x *fullSession) {
	w := d.w
	if d.session != x || d.done || !x.alive() {
		return
	}
	now := w.clock.Now()
	c := recv.Clock{Asked: now.Add(-within(w.rnd, 40*time.Millisecond)), Stamp: x.marked.now(now)}
	if w.sabotage == TrustClock {
		c.Stamp -= 4 * macSlot
	}
	d.marked.held.SetClock(now, c)
	w.clock.After(macReports, func() { d.askClock(x) })
}

// hearMarked takes a packet with a MAC.
func (d *fullDevice) hearMarked(x *fullSession, p marked) {
	if d.session != x || !d.machine.Accepts(p.number) {
		return
	}
	w, now := d.w, d.w.clock.Now()
	if w.sabotage == TakeUnjudged {
		d.judged(p.number, p.plain)
		d.pump()
		return
	}
	switch d.marked.held.Keep(now, p.number, p.plain, p.mac) {
	case recv.Late:
		w.count("packets that came late")
	case recv.Full:
		w.count("packets without room")
	case recv.Kept:
	}
	if n := d.marked.held.Bytes(); n > macHeld {
		w.fail("device %d holds %d bytes", d.index, n)
	}
}

// hearMarkedSync takes a SYNC, and what it discloses the key of.
func (d *fullDevice) hearMarkedSync(x *fullSession, s format2.Sync, signed bool) {
	if d.session != x || s.Sequence <= d.marked.newest {
		return
	}
	w, now, m := d.w, d.w.clock.Now(), d.marked
	fresh, err := m.chain.Check(now.Unix(), s.Index, s.Element)
	if err != nil {
		if signed {
			w.fail("device %d: the server's SYNC: %v", d.index, err)
		}
		return
	}
	if !m.budget.Check(now.UnixNano()/int64(macSlot), s.Index, fresh) {
		if signed {
			w.count("SYNCs that were not looked at")
		}
		return
	}
	if !signed && w.sabotage != BelieveSyncs {
		d.machine.ForgedSync()
		w.count("SYNCs that the server did not sign")
		return
	}
	m.budget.Good()
	first := m.chain.Index() + 1
	for i, e := range m.chain.Since(s.Index, s.Element) {
		m.keys[first+uint32(i)] = x.marked.keys.MACKey(first+uint32(i), e)
	}
	m.chain.Take(s.Index, s.Element)
	m.newest = s.Sequence
	d.machine.SampleDelay(now, s.SentAt)
	if s.Flags&format2.SyncEnd != 0 {
		d.takeSync(s)
	} else {
		m.held.KeepSync(s)
	}
	d.release(s)
	d.pump()
}

// release hands over what a SYNC discloses the key of.
func (d *fullDevice) release(s format2.Sync) {
	m, w := d.marked, d.w
	m.held.Release(s.Index, s.RangeLast, recv.Judge{
		Genuine: func(slot uint32, n protocol.PacketNumber, plain []byte, mac format2.MAC) bool {
			k := m.keys[slot]
			return k != nil && k.Verify(n, plain, mac) || w.sabotage == SkipMACs
		},
		Data: d.judged,
		Sync: d.takeSync,
		Forged: func() {
			w.count("packets with a wrong MAC")
			d.machine.ForgedPacket()
		},
		Beyond: func() { w.count("packets with a number that was not used") },
	})
	clear(m.keys)
}

// judged takes a packet that is the sender's.
func (d *fullDevice) judged(n protocol.PacketNumber, plain []byte) {
	data, err := wire.ParseData(plain[protocol.GroupHeaderBytes : len(plain)-1])
	if err != nil {
		d.w.fail("device %d takes a packet that is none: %v", d.index, err)
		return
	}
	if d.machine.Accepts(n) {
		d.machine.HandleData(d.w.clock.Now(), n, data)
	}
}

// takeSync gives a SYNC to the machine.
func (d *fullDevice) takeSync(s format2.Sync) {
	m := s.Sync
	m.Flags = wire.SyncFlags(s.Flags)
	d.machine.HandleSync(d.w.clock.Now(), m)
	d.declare(s)
}

// assault is what a member does who has the session's key, hears everything at once and is nearer to every device
// than the server: forged symbols with MACs of its own, with those of disclosed elements in their slots and in the
// present one, changed packets of the server's, and SYNCs that end the session, move the window or ask for silence.
func (w *fullWorld) assault() {
	s, x := w.server, w.server.session
	if w.finished() {
		return
	}
	w.clock.After(within(w.rnd, 20*time.Millisecond), w.assault)
	if !s.up || x == nil || x.over || x.marked == nil || len(x.marked.genuine.plain) == 0 {
		return
	}
	for range 1 + w.rnd.IntN(4) {
		w.forgeMarked(x)
	}
	w.forgeSync(x)
}

func (w *fullWorld) forgeMarked(x *fullSession) {
	m := x.marked
	d, err := wire.ParseData(m.genuine.plain[protocol.GroupHeaderBytes : len(m.genuine.plain)-1])
	if err != nil {
		w.fail("the server's packet: %v", err)
		return
	}
	d.Symbol = bytes.Clone(d.Symbol)
	for i := range d.Symbol {
		d.Symbol[i] = byte(w.rnd.Uint32())
	}
	now := uint32(m.now(w.clock.Now()) / macSlot)
	number, slot, e := m.genuine.number, now, m.heard.Element
	d.Index = protocol.SymbolIndex((int(d.Index) + w.rnd.IntN(3)) % 8)
	if chance(w.rnd, 0.5) {
		slot = m.heard.Index // whose key is known
	}
	p := m.packet(number, d, slot, e)
	switch w.rnd.IntN(4) {
	case 0: // the MAC of the server's own packet
		p.mac.Tag = m.genuine.mac.Tag
	case 1: // a number ahead
		p = m.packet(number+protocol.PacketNumber(w.rnd.IntN(100)), d, slot, e)
	}
	w.count("forged packets")
	for _, dev := range w.devices {
		w.clock.After(time.Microsecond, func() { dev.hearMarked(x, p) })
	}
}

func (w *fullWorld) forgeSync(x *fullSession) {
	s := x.marked.heard
	s.Sequence += uint64(1 + w.rnd.IntN(1000))
	s.Lengths, s.Repairs = nil, nil
	switch w.rnd.IntN(4) {
	case 0:
		s.Flags |= format2.SyncEnd
	case 1:
		s.WindowLow, s.WindowHigh, s.Front = 0, 0, protocol.BlockNumber(w.blocks())
	case 2:
		s.GRTT, s.Backoff = 1<<31, 255
	case 3:
		s.Element[0]++
	}
	w.count("forged SYNCs")
	for _, dev := range w.devices {
		w.clock.After(time.Microsecond, func() { dev.hearMarkedSync(x, s, false) })
	}
}
