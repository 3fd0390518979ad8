package wire

import "github.com/groupcast/groupcast/internal/protocol"

// Sizes of a feedback packet's parts.
const (
	FeedbackHeaderBytes = 15
	FeedbackFixedBytes  = 44 // with the three counts
	NACKBytes           = 6
	RangeBytes          = 8
	BitmapBytes         = 29
	BarBytes            = 64
	maxListed           = 255 // a count is one byte
)

// FeedbackHeader is the clear part of a feedback packet, and its AAD.
type FeedbackHeader struct {
	ID      protocol.FeedbackID
	Counter uint64 // 48 bits
}

// ParseFeedbackHeader reads the clear part of a feedback packet and bounds the packet:
//
//	0  1 version (4 bits, = 1) │ kind (4 bits, = 8)
//	1  8 feedback ID
//	9  6 counter
func ParseFeedbackHeader(packet []byte) (FeedbackHeader, error) {
	if len(packet) < protocol.FeedbackOverhead+FeedbackFixedBytes || len(packet) > protocol.MaxFeedbackPacket {
		return FeedbackHeader{}, ErrLength
	}
	if _, err := checkFirst(packet[0], KindFeedback); err != nil {
		return FeedbackHeader{}, err
	}
	return FeedbackHeader{ID: protocol.FeedbackID(packet[1:9]), Counter: get48(packet[9:])}, nil
}

// AppendFeedbackHeader writes the clear part of a feedback packet.
func AppendFeedbackHeader(dst []byte, h FeedbackHeader) []byte {
	dst = append(dst, firstByte(KindFeedback))
	dst = append(dst, h.ID[:]...)
	return append48(dst, h.Counter)
}

// ParseFeedback reads the body of a feedback packet:
//
//	 0  8 sync_seq    26  4 received     41 1 nacks   × { block 4 │ deficit 1 │ highest parity 1 }
//	 8  4 sync_age    30  4 overrun         1 ranges  × { first 4 │ count 4 }
//	12  6 high        34  4 delay           1 bitmaps × { block 4 │ missing 25 }
//	18  4 verified    38  2 backlog        64 bar, if flagged
//	22  4 declared    40  1 flags
func ParseFeedback(body []byte) (Feedback, error) {
	if len(body) < FeedbackFixedBytes || len(body) > protocol.MaxFeedbackBody {
		return Feedback{}, ErrLength
	}
	r := reader{body}
	f := Feedback{
		SyncSequence: r.u64(),
		SyncAge:      r.u32(),
		High:         protocol.PacketNumber(r.u48()),
		Verified:     r.u32(),
		Declared:     r.u32(),
		Received:     r.u32(),
		Overrun:      r.u32(),
		Delay:        r.u32(),
		Backlog:      r.u16(),
		Flags:        FeedbackFlags(r.u8()),
	}
	if !f.parseLists(&r) {
		return Feedback{}, ErrLength
	}
	if f.Flags&FeedbackBar != 0 {
		if len(r.b) != BarBytes {
			return Feedback{}, ErrLength
		}
		f.Bar = [BarBytes]byte(r.take(BarBytes))
	}
	if len(r.b) != 0 {
		return Feedback{}, ErrLength
	}
	return f, nil
}

func (f *Feedback) parseLists(r *reader) bool {
	return f.parseNACKs(r) && f.parseRanges(r) && f.parseBitmaps(r)
}

func (f *Feedback) parseNACKs(r *reader) bool {
	n, ok := r.list(NACKBytes)
	if !ok || n == 0 {
		return ok
	}
	f.NACKs = make([]NACK, n)
	for i := range f.NACKs {
		f.NACKs[i] = NACK{Block: protocol.BlockNumber(r.u32()), Deficit: r.u8(), HighParity: r.u8()}
	}
	return true
}

func (f *Feedback) parseRanges(r *reader) bool {
	n, ok := r.list(RangeBytes)
	if !ok || n == 0 {
		return ok
	}
	f.Ranges = make([]protocol.Range, n)
	for i := range f.Ranges {
		f.Ranges[i] = protocol.Range{First: protocol.BlockNumber(r.u32()), Count: r.u32()}
	}
	return true
}

func (f *Feedback) parseBitmaps(r *reader) bool {
	n, ok := r.list(BitmapBytes)
	if !ok || n == 0 {
		return ok
	}
	f.Bitmaps = make([]Bitmap, n)
	for i := range f.Bitmaps {
		f.Bitmaps[i] = Bitmap{Block: protocol.BlockNumber(r.u32()), Missing: [25]byte(r.take(25))}
	}
	return true
}

// Fit gives how many NACKs, ranges and bitmaps of f one packet holds, in that order of
// preference; the bar, if flagged, always fits.
func (f *Feedback) Fit() (nacks, ranges, bitmaps int) {
	room := protocol.MaxFeedbackBody - FeedbackFixedBytes
	if f.Flags&FeedbackBar != 0 {
		room -= BarBytes
	}
	nacks = min(len(f.NACKs), maxListed, room/NACKBytes)
	room -= nacks * NACKBytes
	ranges = min(len(f.Ranges), maxListed, room/RangeBytes)
	room -= ranges * RangeBytes
	return nacks, ranges, min(len(f.Bitmaps), maxListed, room/BitmapBytes)
}

// AppendFeedback writes the body of a feedback packet. What does not fit (see Fit) is left
// out: it will be asked for again.
func AppendFeedback(dst []byte, f Feedback) []byte {
	dst = appendReport(dst, &f)
	nacks, ranges, bitmaps := f.Fit()
	dst = append(dst, byte(nacks))
	for _, n := range f.NACKs[:nacks] {
		dst = be.AppendUint32(dst, uint32(n.Block))
		dst = append(dst, n.Deficit, n.HighParity)
	}
	dst = append(dst, byte(ranges))
	for _, r := range f.Ranges[:ranges] {
		dst = be.AppendUint32(dst, uint32(r.First))
		dst = be.AppendUint32(dst, r.Count)
	}
	dst = append(dst, byte(bitmaps))
	for i := range f.Bitmaps[:bitmaps] {
		dst = be.AppendUint32(dst, uint32(f.Bitmaps[i].Block))
		dst = append(dst, f.Bitmaps[i].Missing[:]...)
	}
	if f.Flags&FeedbackBar != 0 {
		dst = append(dst, f.Bar[:]...)
	}
	return dst
}

func appendReport(dst []byte, f *Feedback) []byte {
	dst = be.AppendUint64(dst, f.SyncSequence)
	dst = be.AppendUint32(dst, f.SyncAge)
	dst = append48(dst, uint64(f.High))
	dst = be.AppendUint32(dst, f.Verified)
	dst = be.AppendUint32(dst, f.Declared)
	dst = be.AppendUint32(dst, f.Received)
	dst = be.AppendUint32(dst, f.Overrun)
	dst = be.AppendUint32(dst, f.Delay)
	dst = be.AppendUint16(dst, f.Backlog)
	return append(dst, byte(f.Flags))
}
