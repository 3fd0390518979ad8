package spool_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// smallFiles is a transfer of n files of 1 KB in one folder.
func smallFiles(b *testing.B, n int) *transfer {
	files := map[string][]byte{}
	for i := range n {
		files[fmt.Sprintf("tree/f%05d", i)] = noise(1024, uint64(i))
	}
	return makeTransfer(b, files)
}

// fastDisk is a folder on tmpfs where there is one, as the bench has it.
func fastDisk(b *testing.B) string {
	if dir, err := os.MkdirTemp("/dev/shm", "spool"); err == nil {
		b.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	return b.TempDir()
}

// BenchmarkDeliver10kSmall is all that a receiver does with 10,000 files of 1 KB once their
// blocks are verified: stage, write, commit, remove. With the real ledger, and with one in
// memory, which shows the spool's part.
func BenchmarkDeliver10kSmall(b *testing.B) {
	tr := smallFiles(b, 10_000)
	var blocks [][]byte
	for n := tr.layout.FirstStream(); int(n) < tr.layout.Blocks(); n++ {
		blocks = append(blocks, tr.block(n))
	}
	for _, kind := range []string{"ledger", "memory"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				dir := fastDisk(b)
				var book spool.Ledger = spooltest.NewLedger()
				if kind == "ledger" {
					l, err := ledger.Open(b.Context(), filepath.Join(dir, "ledger.db"), time.Now)
					if err != nil {
						b.Fatal(err)
					}
					b.Cleanup(func() { _ = l.Close() })
					book = l.Deliveries(protocol.ServerID{1}, protocol.GroupID{2}, "lab")
				}
				s, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Ledger: book, Reserve: -1})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = s.Close() })
				b.StartTimer()
				deliverBlocks(b, s, tr, blocks)
				b.StopTimer()
				_ = os.RemoveAll(dir)
				b.StartTimer()
			}
		})
	}
}

func deliverBlocks(b *testing.B, s *spool.Spool, tr *transfer, blocks [][]byte) {
	g, err := s.Stage(context.Background(), 1, tr.layout)
	if err != nil {
		b.Fatal(err)
	}
	for i, data := range blocks {
		if err := g.WriteBlock(tr.layout.FirstStream()+protocol.BlockNumber(i), data); err != nil {
			b.Fatal(err)
		}
	}
	if err := g.Commit(context.Background()); err != nil {
		b.Fatal(err)
	}
	if !g.Done() {
		b.Fatal("not done after the last block")
	}
	if err := g.Remove(); err != nil {
		b.Fatal(err)
	}
}
