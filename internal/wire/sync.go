package wire

import "github.com/groupcast/groupcast/internal/protocol"

// Sizes of a SYNC's body.
const (
	SyncFixedBytes = 55
	RepairBytes    = 5
	MaxRepairs     = 250
)

// ParseSyncBody reads the body of a SYNC. Package seal has removed and checked sequence number and
// signature before, and sets the sequence in the result afterwards:
//
//	 0  8 sent_at        17 1 backoff       38 4 window_low      54 1 repairs: count × {
//	 8  1 flags          18 8 rate          42 4 window_high          block 4
//	 9  4 grtt           26 6 range_first   46 4 front                symbols to come 1 }
//	13  4 group_size     32 6 range_last    50 4 report_interval
func ParseSyncBody(b []byte) (Sync, error) {
	if len(b) < SyncFixedBytes {
		return Sync{}, ErrLength
	}
	r := reader{b}
	s := Sync{
		SentAt:         r.u64(),
		Flags:          SyncFlags(r.u8()),
		GRTT:           r.u32(),
		GroupSize:      r.u32(),
		Backoff:        r.u8(),
		Rate:           r.u64(),
		RangeFirst:     protocol.PacketNumber(r.u48()),
		RangeLast:      protocol.PacketNumber(r.u48()),
		WindowLow:      protocol.BlockNumber(r.u32()),
		WindowHigh:     protocol.BlockNumber(r.u32()),
		Front:          protocol.BlockNumber(r.u32()),
		ReportInterval: r.u32(),
	}
	n, _ := r.list(RepairBytes)
	if n > MaxRepairs {
		return Sync{}, errField("repairs", n)
	}
	if len(r.b) != n*RepairBytes {
		return Sync{}, ErrLength
	}
	s.Repairs = parseRepairs(&r, n)
	return s, nil
}

func parseRepairs(r *reader, n int) []Repair {
	if n == 0 {
		return nil
	}
	out := make([]Repair, n)
	for i := range out {
		out[i] = Repair{Block: protocol.BlockNumber(r.u32()), Symbols: r.u8()}
	}
	return out
}

// AppendSyncBody writes the body of a SYNC. Repairs past MaxRepairs are left out: a repair
// that is not advertised costs a NACK, never a block.
func AppendSyncBody(dst []byte, s Sync) []byte {
	dst = be.AppendUint64(dst, s.SentAt)
	dst = append(dst, byte(s.Flags))
	dst = be.AppendUint32(dst, s.GRTT)
	dst = be.AppendUint32(dst, s.GroupSize)
	dst = append(dst, s.Backoff)
	dst = be.AppendUint64(dst, s.Rate)
	dst = append48(dst, uint64(s.RangeFirst))
	dst = append48(dst, uint64(s.RangeLast))
	dst = be.AppendUint32(dst, uint32(s.WindowLow))
	dst = be.AppendUint32(dst, uint32(s.WindowHigh))
	dst = be.AppendUint32(dst, uint32(s.Front))
	dst = be.AppendUint32(dst, s.ReportInterval)
	repairs := s.Repairs[:min(len(s.Repairs), MaxRepairs)]
	dst = append(dst, byte(len(repairs)))
	for _, r := range repairs {
		dst = be.AppendUint32(dst, uint32(r.Block))
		dst = append(dst, r.Symbols)
	}
	return dst
}
