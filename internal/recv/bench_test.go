package recv_test

import (
	"fmt"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

// stream is a receiver that gets blocks of k symbols of the usual size, eight in turn as the
// sender interleaves them, and stores each at once.
type stream struct {
	r      *recv.Receiver
	n      protocol.PacketNumber
	k      int
	block  protocol.BlockNumber // first of the eight
	at     int
	row    int
	symbol []byte
	blocks int
}

const streamWidth = 8

func newStream(blocks, k int) *stream {
	l := make(layout, blocks)
	for b := range l {
		l[b] = k * protocol.DefaultSymbol
	}
	r := machine(l, func(c *recv.Config) {
		c.SymbolSize, c.MaxK, c.PoolBytes = protocol.DefaultSymbol, k, 3*streamWidth*k*protocol.DefaultSymbol
	})
	return &stream{r: r, k: k, symbol: make([]byte, protocol.DefaultSymbol), blocks: blocks}
}

// next handles one packet; one source symbol in lossOf comes as parity instead.
func (s *stream) next(lossOf int) {
	i := protocol.SymbolIndex(s.row)
	if lossOf > 0 && int(s.n)%lossOf == 0 {
		i = protocol.SymbolIndex(s.k + s.row/2)
	}
	s.n++
	b := s.block + protocol.BlockNumber(s.at)
	s.r.HandleData(at(1), s.n, wire.Data{Block: b, Length: s.k * protocol.DefaultSymbol, Index: i, Symbol: s.symbol})
	for e, ok := s.r.NextEvent(); ok; e, ok = s.r.NextEvent() {
		if e.Kind == recv.BlockReady {
			s.r.BlockStored(at(1), e.Block, recv.Stored)
		}
	}
	s.r.NextFeedback(at(1))
	s.r.NextTimeout()
	if s.at++; s.at == streamWidth {
		s.at, s.row = 0, s.row+1
	}
	if s.row == s.k {
		s.row, s.block = 0, s.block+streamWidth
	}
}

func (s *stream) over() bool { return int(s.block) >= s.blocks }

// A whole stream, blocks begun, completed and stored, costs an allocation a block at most, and
// none a packet.
func TestStreamAllocatesNothingPerPacket(t *testing.T) {
	const k = 164
	s := newStream(64*streamWidth, k)
	for range 2 * streamWidth * k { // slabs and lists exist
		s.next(0)
	}
	if a := testing.AllocsPerRun(20, func() {
		for range streamWidth * k {
			s.next(0)
		}
	}); a > 2*streamWidth {
		t.Errorf("%v allocations for %d packets of %d blocks", a, streamWidth*k, streamWidth)
	}
	for range 10 * streamWidth * k { // parity in the place of lost symbols
		s.next(20)
	}
	if st := s.r.Status(); st.Verified < 30*streamWidth || st.Drops != (recv.Drops{}) {
		t.Errorf("%d blocks are stored, dropped %+v", st.Verified, st.Drops)
	}
}

// BenchmarkHandleData is one data packet from the machine's door to its place in the block,
// the blocks' completion included.
func BenchmarkHandleData(b *testing.B) {
	for _, lossOf := range []int{0, 20} {
		b.Run(fmt.Sprintf("parity=1of%d", lossOf), func(b *testing.B) {
			s := newStream(4096, 164)
			b.SetBytes(protocol.DefaultSymbol)
			b.ReportAllocs()
			for b.Loop() {
				if s.over() {
					b.StopTimer()
					s = newStream(4096, 164)
					b.StartTimer()
				}
				s.next(lossOf)
			}
		})
	}
}

// BenchmarkHandleSync is a SYNC that advertises repair, in a group of ten thousand.
func BenchmarkHandleSync(b *testing.B) {
	s := newStream(4096, 164)
	for range 4 * 164 {
		s.next(0)
	}
	m := sync(1, 0, 64, 0)
	m.GroupSize, m.Backoff = 10_000, 6
	for n := range 20 {
		m.Repairs = append(m.Repairs, wire.Repair{Block: protocol.BlockNumber(n), Symbols: 2})
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Sequence++
		m.RangeFirst, m.RangeLast = m.RangeLast+2, m.RangeLast+50
		s.r.HandleSync(at(1), m)
	}
}
