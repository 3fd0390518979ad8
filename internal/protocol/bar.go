package protocol

// A bar is progress at a glance: barBuckets times two bits, each for one part of the blocks.
const (
	BarBytes   = 64
	barBuckets = BarBytes * 4
)

// BarBucket is the part of the bar that a block out of n counts in.
func BarBucket(b BlockNumber, n int) int { return int(uint64(b) * barBuckets / uint64(n)) }

// BarOf draws a bar of n blocks: of each part none (0), some (1), most (2) or all (3). count
// says how many of the blocks lo to hi-1, those of a part, are there. With fewer blocks than
// parts each part is that of the block which covers it.
func BarOf(n int, count func(bucket int, lo, hi BlockNumber) int) (out [BarBytes]byte) {
	if n <= 0 {
		return out
	}
	for i := range uint64(barBuckets) {
		lo, hi := (i*uint64(n)+barBuckets-1)/barBuckets, ((i+1)*uint64(n)+barBuckets-1)/barBuckets
		if lo == hi {
			lo = i * uint64(n) / barBuckets
			hi = lo + 1
		}
		have := count(int(i), BlockNumber(lo), BlockNumber(hi))
		out[i/4] |= level(have, int(hi-lo)) << (i % 4 * 2)
	}
	return out
}

func level(have, of int) byte {
	switch {
	case have >= of:
		return 3
	case 2*have >= of:
		return 2
	case have > 0:
		return 1
	}
	return 0
}

// Bar draws the blocks from first on.
func (s *BlockSet) Bar(first BlockNumber) [BarBytes]byte {
	return BarOf(s.n-int(first), func(_ int, lo, hi BlockNumber) (have int) {
		for b := lo; b < hi; b++ {
			if s.Has(first + b) {
				have++
			}
		}
		return have
	})
}
