package journal

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// records encodes journal records as add does.
func records(pairs ...[2]uint32) (b []byte) {
	for i, p := range pairs {
		b = binary.BigEndian.AppendUint32(b, p[0])
		b = binary.BigEndian.AppendUint32(b, p[1])
		b = binary.BigEndian.AppendUint32(b, recordSum(uint32(i), p[0], p[1]))
	}
	return b
}

// A block that was lost in a crash must not come back to trust with the barrier of a later
// life (seed 54 of test/sim).
func TestBarrierDoesNotVouchForLostBlocks(t *testing.T) {
	type list = []protocol.BlockNumber
	for _, c := range []struct {
		name              string
		records           [][2]uint32
		trusted, doubtful list
	}{
		{"nothing lost", [][2]uint32{{Written, 7}, {Written, 8}, {barrierRecord, 1}}, list{7}, list{8}},
		{
			"lost, then a barrier",
			[][2]uint32{{Written, 7}, {Written, 8}, {Lost, 7}, {Written, 9}, {barrierRecord, 3}},
			list{Voided, 8, 9},
			nil,
		},
		{
			"lost and written again",
			[][2]uint32{{Written, 7}, {Lost, 7}, {Written, 7}, {barrierRecord, 2}},
			list{Voided, 7},
			nil,
		},
		{
			"lost twice",
			[][2]uint32{{Written, 7}, {Lost, 7}, {Written, 7}, {Lost, 7}, {barrierRecord, 2}},
			list{Voided, Voided},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := emptyPast()
			new(Journal).replay(records(c.records...), &p)
			if !slices.Equal(p.Trusted, c.trusted) || !slices.Equal(p.Doubtful, c.doubtful) {
				t.Fatalf("trusts %v and doubts %v, want %v and %v", p.Trusted, p.Doubtful, c.trusted, c.doubtful)
			}
		})
	}
}
