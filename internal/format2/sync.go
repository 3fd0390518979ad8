package format2

import (
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Element is one of a session's hash chain.
type Element [16]byte

// SyncFlags are the flags of a SYNC.
type SyncFlags uint16

// Flags of a SYNC.
const (
	SyncPassDone SyncFlags = 1 << iota
	SyncEnd
	SyncSolicit
	SyncStarved    // the source is behind
	SyncFinal      // the last page that is declared is the final one
	knownSyncFlags = SyncPassDone | SyncEnd | SyncSolicit | SyncStarved | SyncFinal
)

// Sizes of a SYNC.
const (
	SyncHeadBytes  = 8 + 4 + 16 // sequence, index, element
	syncFixedBytes = 66         // of the body, with three counts
	MinSyncPacket  = protocol.GroupHeaderBytes + SyncHeadBytes + syncFixedBytes + signatureBytes + protocol.TagBytes
)

// Gap is packet numbers that never left.
type Gap struct{ First, Last protocol.PacketNumber }

// Sync is what a sender says of a session: that of format 1, with an element of the chain, and the pages.
type Sync struct {
	wire.Sync // its Flags are not used
	Flags     SyncFlags
	Index     uint32 // of the element
	Element   Element
	Pages     uint32 // there are
	PageFront uint32 // of them, all symbols were sent once
	Lengths   []int  // of the newest ones, up to the last
	Gaps      []Gap
}

// ParseSyncHead reads what is looked at before a SYNC's signature.
func ParseSyncHead(b []byte) (sequence uint64, index uint32, e Element, err error) {
	if len(b) < SyncHeadBytes+syncFixedBytes+signatureBytes {
		return 0, 0, e, ErrLength
	}
	r := reader{b: b}
	return r.u64(), r.u32(), Element(r.take(16)), nil
}

// ParseSync reads what is signed of a SYNC, without the signature:
//
//	 0  8 sequence      8  4 chain index   12 16 element
//	28  8 sent_at      36  2 flags         38  4 grtt          42  4 group_size    46  1 backoff
//	47  8 rate         55  6 range_first   61  6 range_last    67  4 window_low    71  4 window_high
//	75  4 front        79  4 interval      83  4 pages         87  4 page_front
//	91  1 lengths × 3   1 gaps × 12   1 repairs × 5
func ParseSync(b []byte) (Sync, error) {
	if len(b) < SyncHeadBytes+syncFixedBytes {
		return Sync{}, ErrLength
	}
	var s Sync
	r := reader{b: b}
	s.Sequence, s.Index, s.Element = r.u64(), r.u32(), Element(r.take(16))
	s.SentAt = r.u64()
	if s.Flags = SyncFlags(r.u16()); s.Flags&^knownSyncFlags != 0 {
		return Sync{}, ErrNewer
	}
	s.GRTT, s.GroupSize, s.Backoff, s.Rate = r.u32(), r.u32(), r.u8(), r.u64()
	s.RangeFirst, s.RangeLast = protocol.PacketNumber(r.u48()), protocol.PacketNumber(r.u48())
	s.WindowLow, s.WindowHigh = protocol.BlockNumber(r.u32()), protocol.BlockNumber(r.u32())
	s.Front, s.ReportInterval = protocol.BlockNumber(r.u32()), r.u32()
	s.Pages, s.PageFront = r.u32(), r.u32()
	if err := s.parseLists(&r); err != nil {
		return Sync{}, err
	}
	return s, s.check()
}

func (s *Sync) parseLists(r *reader) error {
	n, err := r.count(uint32(r.u8()), MaxSyncLengths, 3)
	if err != nil {
		return err
	}
	for range n {
		s.Lengths = append(s.Lengths, r.u24())
	}
	if n, err = r.count(uint32(r.u8()), MaxSyncGaps, 12); err != nil {
		return err
	}
	for range n {
		s.Gaps = append(s.Gaps, Gap{protocol.PacketNumber(r.u48()), protocol.PacketNumber(r.u48())})
	}
	if n, err = r.count(uint32(r.u8()), MaxSyncRepairs, 5); err != nil {
		return err
	}
	for range n {
		s.Repairs = append(s.Repairs, wire.Repair{Block: protocol.BlockNumber(r.u32()), Symbols: r.u8()})
	}
	return r.end()
}

func (s *Sync) check() error {
	switch {
	case s.Flags&SyncStarved != 0 && s.Flags&SyncPassDone != 0:
		return errField("flags", s.Flags)
	case s.Pages > MaxPages || s.PageFront > s.Pages || len(s.Lengths) > int(s.Pages):
		return errField("pages", s.Pages)
	}
	for _, n := range s.Lengths {
		if n < MinPageBytes || n > MaxPageBytes {
			return errField("length of a page", n)
		}
	}
	next := s.RangeFirst
	for _, g := range s.Gaps {
		if g.First < next || g.Last < g.First || g.Last > s.RangeLast {
			return errField("gap", g)
		}
		next = g.Last + 2 // those that touch are one
	}
	return nil
}

// AppendSync writes what is signed of a SYNC. Repairs that make it longer than most bytes, or are more than
// MaxSyncRepairs, are left out: a repair that is not advertised costs a NACK.
func AppendSync(dst []byte, s Sync, most int) []byte {
	start := len(dst)
	dst = be.AppendUint64(dst, s.Sequence)
	dst = be.AppendUint32(dst, s.Index)
	dst = append(dst, s.Element[:]...)
	dst = be.AppendUint64(dst, s.SentAt)
	dst = be.AppendUint16(dst, uint16(s.Flags))
	dst = be.AppendUint32(dst, s.GRTT)
	dst = be.AppendUint32(dst, s.GroupSize)
	dst = append(dst, s.Backoff)
	dst = be.AppendUint64(dst, s.Rate)
	dst = append48(dst, uint64(s.RangeFirst))
	dst = append48(dst, uint64(s.RangeLast))
	for _, v := range []uint32{
		uint32(s.WindowLow), uint32(s.WindowHigh), uint32(s.Front), s.ReportInterval, s.Pages, s.PageFront,
	} {
		dst = be.AppendUint32(dst, v)
	}
	dst = append(dst, byte(len(s.Lengths)))
	for _, n := range s.Lengths {
		dst = append24(dst, n)
	}
	dst = append(dst, byte(len(s.Gaps)))
	for _, g := range s.Gaps {
		dst = append48(append48(dst, uint64(g.First)), uint64(g.Last))
	}
	room := max(0, (most-(len(dst)-start)-1)/5)
	repairs := s.Repairs[:min(len(s.Repairs), MaxSyncRepairs, room)]
	dst = append(dst, byte(len(repairs)))
	for _, r := range repairs {
		dst = append(be.AppendUint32(dst, uint32(r.Block)), r.Symbols)
	}
	return dst
}

// MaxSync is how long what is signed of a SYNC may be in a session with such symbols: the packet is never
// longer than one with data.
func MaxSync(symbol int) int {
	return symbol + protocol.DataHeaderBytes - signatureBytes
}
