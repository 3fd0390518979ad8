package spool_test

import (
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// BenchmarkWriteBlock stores one verified block of a large file: its bytes and its line in the
// journal.
func BenchmarkWriteBlock(b *testing.B) {
	tr := makeTransfer(b, map[string][]byte{"large": noise(32<<20, 1)})
	g := stageForWriting(b, tr)
	first, blocks := tr.layout.FirstStream(), tr.layout.Blocks()
	data := make([][]byte, blocks)
	for n := first; int(n) < blocks; n++ {
		data[n] = tr.block(n)
	}
	b.SetBytes(protocol.BlockSize)
	b.ReportAllocs()
	n := first
	for b.Loop() {
		if int(n) == blocks {
			b.StopTimer()
			n, g = first, stageForWriting(b, tr)
			b.StartTimer()
		}
		if err := g.WriteBlock(n, data[n]); err != nil {
			b.Fatal(err)
		}
		n++
	}
}

// blockStore is what a session hands its blocks to.
type blockStore interface {
	WriteBlock(n protocol.BlockNumber, data []byte) error
}

func stageForWriting(b *testing.B, tr *transfer) blockStore {
	b.Helper()
	s := open(b, b.TempDir(), spooltest.NewLedger())
	g, err := s.Stage(b.Context(), 1, tr.layout)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = g.Close()
		_ = s.Close()
	})
	return g
}
