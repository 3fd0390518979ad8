package spool

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
		{"nothing lost", [][2]uint32{{recordWritten, 7}, {recordWritten, 8}, {recordBarrier, 1}}, list{7}, list{8}},
		{
			"lost, then a barrier",
			[][2]uint32{{recordWritten, 7}, {recordWritten, 8}, {recordLost, 7}, {recordWritten, 9}, {recordBarrier, 3}},
			list{voided, 8, 9},
			nil,
		},
		{
			"lost and written again",
			[][2]uint32{{recordWritten, 7}, {recordLost, 7}, {recordWritten, 7}, {recordBarrier, 2}},
			list{voided, 7},
			nil,
		},
		{
			"lost twice",
			[][2]uint32{{recordWritten, 7}, {recordLost, 7}, {recordWritten, 7}, {recordLost, 7}, {recordBarrier, 2}},
			list{voided, voided},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := past{moving: map[int]bool{}, settled: map[int]bool{}}
			new(journal).replay(records(c.records...), &p)
			if !slices.Equal(p.trusted, c.trusted) || !slices.Equal(p.doubtful, c.doubtful) {
				t.Fatalf("trusts %v and doubts %v, want %v and %v", p.trusted, p.doubtful, c.trusted, c.doubtful)
			}
		})
	}
}
