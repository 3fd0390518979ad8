package recv

import (
	"cmp"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

// HeldBytes is what a session with MACs may hold of packets whose key is not disclosed yet.
const HeldBytes = 64 << 20

// MostRoundTrip is how long the question for the sender's clock may take: behind a longer line packets would count as
// late.
const MostRoundTrip = 60 * time.Millisecond

// heldChunk is how much memory of a slot is taken at once.
const heldChunk = 256 << 10

// drift is how much faster than this device's the sender's clock may be.
const drift = 0.0002

// Clock is what a device knows of the sender's clock: it said Stamp in answer to a question asked at Asked.
type Clock struct {
	Asked time.Time
	Stamp time.Duration
}

// Latest is the most that the sender's clock can say at a time.
func (c Clock) Latest(t time.Time) time.Duration {
	d := t.Sub(c.Asked)
	return c.Stamp + d + time.Duration(float64(d)*drift)
}

// Verdict is what becomes of a packet with a MAC when it comes.
type Verdict uint8

// The verdicts.
const (
	Kept Verdict = iota + 1
	Late         // its key may be known already: it proves nothing, and says nothing about anybody
	Full         // there is no room for it
)

// Held keeps the packets of a session with MACs until the element of their slot is disclosed (docs/format-2.md §6),
// and SYNCs with them, so that the machine sees both in the order in which they were sent.
type Held struct {
	slot      time.Duration
	lag       uint32
	most      int // bytes
	clock     Clock
	known     bool // the clock
	disclosed uint32
	bytes     int
	slots     []*heldSlot // in order
	free      [][]byte
}

// heldSlot has what came of one slot, in the order in which it came.
type heldSlot struct {
	index  uint32
	chunks [][]byte
	items  []heldItem
}

// heldItem is a packet, or a SYNC with a good signature.
type heldItem struct {
	number protocol.PacketNumber
	plain  []byte // its clear bytes and its body up to the slot's byte
	mac    format2.MAC
	sync   *format2.Sync
}

// NewHeld makes it for slots of a length and with a lag; element disclosed, and those before it, are known already.
func NewHeld(slot time.Duration, lag uint8, disclosed uint32, most int) *Held {
	return &Held{slot: slot, lag: uint32(lag), disclosed: disclosed, most: most}
}

// SetClock takes an answer of the sender's clock. Of several the one that bounds it best counts.
func (h *Held) SetClock(now time.Time, c Clock) {
	if !h.known || c.Latest(now) < h.clock.Latest(now) {
		h.clock, h.known = c, true
	}
}

// Bytes is how much is held.
func (h *Held) Bytes() int { return h.bytes }

// Keep takes an opened packet that came now: its clear bytes and its body up to the slot's byte, and what stands
// behind that. It copies what it keeps.
func (h *Held) Keep(now time.Time, n protocol.PacketNumber, plain []byte, m format2.MAC) Verdict {
	i, safe := h.slotOf(now, m.Slot)
	switch {
	case !safe || i <= h.disclosed:
		return Late
	case h.bytes+len(plain) > h.most:
		return Full
	}
	s := h.at(i)
	s.items = append(s.items, heldItem{number: n, plain: h.copyInto(s, plain), mac: m})
	return Kept
}

// slotOf gives the number of a slot by its low byte, and whether nobody but the sender can know its element.
func (h *Held) slotOf(now time.Time, low uint8) (i uint32, safe bool) {
	latest := h.clock.Latest(now)
	if !h.known || latest < 0 {
		return 0, false
	}
	current := uint32(latest / h.slot)
	behind := uint32(uint8(current) - low)
	if behind > current {
		return 0, false
	}
	i = current - behind
	return i, latest < time.Duration(i+h.lag)*h.slot
}

// KeepSync takes a SYNC whose signature is good.
func (h *Held) KeepSync(s format2.Sync) {
	i := max(h.disclosed+1, uint32(time.Duration(s.SentAt)*time.Microsecond/h.slot))
	at := h.at(i)
	at.items = append(at.items, heldItem{sync: &s})
}

// at finds or makes a slot.
func (h *Held) at(i uint32) *heldSlot {
	n, found := slices.BinarySearchFunc(h.slots, i, func(s *heldSlot, i uint32) int {
		return cmp.Compare(s.index, i)
	})
	if !found {
		h.slots = slices.Insert(h.slots, n, &heldSlot{index: i})
	}
	return h.slots[n]
}

// copyInto copies bytes into a slot's memory.
func (h *Held) copyInto(s *heldSlot, b []byte) []byte {
	last := len(s.chunks) - 1
	if last < 0 || cap(s.chunks[last])-len(s.chunks[last]) < len(b) {
		s.chunks = append(s.chunks, h.chunk())
		last++
	}
	c := s.chunks[last]
	at := len(c)
	s.chunks[last] = append(c, b...)
	h.bytes += len(b)
	return s.chunks[last][at : at+len(b) : at+len(b)]
}

func (h *Held) chunk() []byte {
	if n := len(h.free) - 1; n >= 0 {
		c := h.free[n]
		h.free = h.free[:n]
		return c
	}
	return make([]byte, 0, heldChunk)
}

// Judge is what the driver does with what is released.
type Judge struct {
	// Genuine says whether a packet of a slot has the MAC of its element.
	Genuine func(slot uint32, n protocol.PacketNumber, plain []byte, m format2.MAC) bool
	Data    func(n protocol.PacketNumber, plain []byte)
	Sync    func(format2.Sync)
	Forged  func() // a packet has a wrong MAC
	Beyond  func() // a packet has a number that the sender has not used
}

// Release judges what is of slots up to index, whose element a SYNC with a good signature disclosed; last is the last
// packet number that the sender had used then.
func (h *Held) Release(index uint32, last protocol.PacketNumber, j Judge) {
	h.disclosed = max(h.disclosed, index)
	for len(h.slots) > 0 && h.slots[0].index <= index {
		s := h.slots[0]
		h.slots = h.slots[1:]
		for i := range s.items {
			judge(s.index, &s.items[i], last, j)
		}
		for _, c := range s.chunks {
			h.bytes -= len(c)
			h.free = append(h.free, c[:0])
		}
	}
}

func judge(slot uint32, p *heldItem, last protocol.PacketNumber, j Judge) {
	switch {
	case p.sync != nil:
		j.Sync(*p.sync)
	case p.number > last:
		j.Beyond()
	case !j.Genuine(slot, p.number, p.plain, p.mac):
		j.Forged()
	default:
		j.Data(p.number, p.plain)
	}
}

// ForgedPacket reports a packet with a wrong MAC of a slot whose key nobody but the sender knew: a member made it.
func (r *Receiver) ForgedPacket() { r.forges = true }

// SampleDelay takes how long a SYNC was under way that HandleSync gets later than it came (Config.Held).
func (r *Receiver) SampleDelay(now time.Time, sentAt uint64) { r.delay.sample(now, sentAt) }
