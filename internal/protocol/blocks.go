package protocol

import "math/bits"

// PacketBytes is the size of a data packet with symbols of so many bytes on the wire, with the headers of
// IP and UDP: the MTU that it needs.
func PacketBytes(symbol int, six bool) int {
	const ip4, ip6, udp = 20, 40, 8
	if six {
		return symbol + DataOverhead + udp + ip6
	}
	return symbol + DataOverhead + udp + ip4
}

// SymbolFor gives the symbol size for cards that hold so many bytes; 0 stands for not known. Cards
// too small for either are not served over multicast.
func SymbolFor(mtu int, six bool) int {
	if mtu > 0 && mtu < PacketBytes(DefaultSymbol, six) {
		return TunnelSymbol
	}
	return DefaultSymbol
}

// SourceSymbols gives k, the number of source symbols of a block of length bytes with
// symbols of size bytes. A block of no bytes has none.
func SourceSymbols(length, size int) int { return (length + size - 1) / size }

// BlockSet is a set of blocks out of a fixed number of them. The zero value is the empty
// set of no blocks. It is not safe for concurrent use.
type BlockSet struct {
	words []uint64
	n     int // blocks the set is about
	count int // members
}

// NewBlockSet makes an empty set out of n blocks.
func NewBlockSet(n int) *BlockSet {
	return &BlockSet{words: make([]uint64, (n+63)/64), n: n}
}

// Len is the number of blocks the set is about; Count is how many of them are in it.
func (s *BlockSet) Len() int   { return s.n }
func (s *BlockSet) Count() int { return s.count }

// Has says whether b is in the set; a block out of range is not.
func (s *BlockSet) Has(b BlockNumber) bool {
	return int(b) < s.n && s.words[b/64]&(1<<(b%64)) != 0
}

// Add puts b in and says whether it was not there before; out of range it does nothing.
func (s *BlockSet) Add(b BlockNumber) bool {
	if int(b) >= s.n || s.Has(b) {
		return false
	}
	s.words[b/64] |= 1 << (b % 64)
	s.count++
	return true
}

// Remove takes b out and says whether it was there.
func (s *BlockSet) Remove(b BlockNumber) bool {
	if !s.Has(b) {
		return false
	}
	s.words[b/64] &^= 1 << (b % 64)
	s.count--
	return true
}

// AddRange puts every block of r in that is in range.
func (s *BlockSet) AddRange(r Range) {
	for b := uint64(r.First); b < uint64(r.First)+uint64(r.Count) && b < uint64(s.n); b++ {
		s.Add(BlockNumber(b))
	}
}

// Next gives the first member at or after b.
func (s *BlockSet) Next(b BlockNumber) (BlockNumber, bool) {
	for i := int(b) / 64; i < len(s.words); i++ {
		w := s.words[i]
		if i == int(b)/64 {
			w &= ^uint64(0) << (b % 64)
		}
		if w != 0 {
			return BlockNumber(i*64 + bits.TrailingZeros64(w)), true
		}
	}
	return 0, false
}

// NextMissing gives the first block at or after b that is not in the set.
func (s *BlockSet) NextMissing(b BlockNumber) (BlockNumber, bool) {
	for i := int(b) / 64; i < len(s.words); i++ {
		w := ^s.words[i]
		if i == int(b)/64 {
			w &= ^uint64(0) << (b % 64)
		}
		if w != 0 {
			m := BlockNumber(i*64 + bits.TrailingZeros64(w))
			return m, int(m) < s.n
		}
	}
	return 0, false
}

// Missing lists the blocks that are not in the set as ranges, in order, at most limit of
// them; past the limit the last range is widened to the end, which asks for too much and
// never for too little.
func (s *BlockSet) Missing(limit int) []Range {
	var out []Range
	for b := 0; b < s.n; {
		if s.Has(BlockNumber(b)) {
			b++
			continue
		}
		e := b + 1
		for e < s.n && !s.Has(BlockNumber(e)) {
			e++
		}
		if len(out) == limit-1 {
			return append(out, Range{BlockNumber(b), uint32(s.n - b)})
		}
		out = append(out, Range{BlockNumber(b), uint32(e - b)})
		b = e
	}
	return out
}

// Members lists the members as ranges, in order.
func (s *BlockSet) Members() []Range {
	var out []Range
	for b, ok := s.Next(0); ok; b, ok = s.Next(b) {
		first := b
		for s.Has(b) {
			b++
		}
		out = append(out, Range{first, uint32(b - first)})
	}
	return out
}

// Clone is a copy of the set.
func (s *BlockSet) Clone() *BlockSet {
	return &BlockSet{words: append([]uint64(nil), s.words...), n: s.n, count: s.count}
}
