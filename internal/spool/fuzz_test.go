package spool

import (
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// FuzzReplay: a journal that a crash or anybody else wrote anything into gives no block that
// no valid record names, and trusts none that no barrier covers.
func FuzzReplay(f *testing.F) {
	f.Add(records([2]uint32{recordWritten, 7}, [2]uint32{recordBarrier, 1}, [2]uint32{recordLost, 7},
		[2]uint32{recordMoving, 3}))
	f.Add(records([2]uint32{recordBarrier, 9}, [2]uint32{recordWritten, 1 << 31}, [2]uint32{99, 0}))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := past{moving: map[int]bool{}, settled: map[int]bool{}, made: map[int]bool{}}
		j := &journal{}
		j.replay(b, &p)
		if int(j.records) > len(b)/recordBytes || int(j.written) != len(p.trusted)+len(p.doubtful) {
			t.Fatalf("%d records, %d written out of %d bytes", j.records, j.written, len(b))
		}
		again := past{moving: map[int]bool{}, settled: map[int]bool{}, made: map[int]bool{}}
		cut := &journal{}
		cut.replay(b[:int(j.records)*recordBytes], &again)
		if cut.records != j.records || len(again.trusted) != len(p.trusted) {
			t.Fatal("what was cut off counted")
		}
		named := map[protocol.BlockNumber]bool{voided: true}
		for i := 0; i < int(j.records); i++ {
			named[protocol.BlockNumber(uint32(b[i*recordBytes+4])<<24|uint32(b[i*recordBytes+5])<<16|uint32(
				b[i*recordBytes+6])<<8|uint32(b[i*recordBytes+7]))] = true
		}
		for _, n := range append(p.trusted, p.doubtful...) {
			if !named[n] {
				t.Fatalf("block %d is named by no record", n)
			}
		}
	})
}
