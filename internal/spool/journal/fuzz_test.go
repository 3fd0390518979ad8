package journal

import (
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// FuzzReplay: a journal that a crash or anybody else wrote anything into gives no block that
// no valid record names, and trusts none that no barrier covers.
func FuzzReplay(f *testing.F) {
	f.Add(records([2]uint32{Written, 7}, [2]uint32{barrierRecord, 1}, [2]uint32{Lost, 7},
		[2]uint32{Moving, 3}))
	f.Add(records([2]uint32{barrierRecord, 9}, [2]uint32{Written, 1 << 31}, [2]uint32{99, 0}))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := emptyPast()
		j := &Journal{}
		j.replay(b, &p)
		if int(j.records) > len(b)/recordBytes || int(j.written) != len(p.Trusted)+len(p.Doubtful) {
			t.Fatalf("%d records, %d written out of %d bytes", j.records, j.written, len(b))
		}
		again := emptyPast()
		cut := &Journal{}
		cut.replay(b[:int(j.records)*recordBytes], &again)
		if cut.records != j.records || len(again.Trusted) != len(p.Trusted) {
			t.Fatal("what was cut off counted")
		}
		named := map[protocol.BlockNumber]bool{Voided: true}
		for i := 0; i < int(j.records); i++ {
			named[protocol.BlockNumber(uint32(b[i*recordBytes+4])<<24|uint32(b[i*recordBytes+5])<<16|uint32(
				b[i*recordBytes+6])<<8|uint32(b[i*recordBytes+7]))] = true
		}
		for _, n := range append(p.Trusted, p.Doubtful...) {
			if !named[n] {
				t.Fatalf("block %d is named by no record", n)
			}
		}
	})
}
