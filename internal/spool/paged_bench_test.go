package spool_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
)

// BenchmarkPaged20kSmall is all that a device of which nothing is known does with 20,000 files of 1 KB once their
// blocks came: stage, take pages and blocks, commit as they come, remove. "plain" writes the same files as an
// archiver does, with their times, and makes nothing durable one by one.
func BenchmarkPaged20kSmall(b *testing.B) {
	files := aTree(20_000)
	p := pagedOf(b, 1, files, nil)
	b.Run("paged", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			dir := fastDisk(b)
			l, err := ledger.Open(b.Context(), filepath.Join(dir, "ledger.db"), time.Now)
			must(b, err)
			s, err := spool.Open(spool.Config{
				Dir: dir, Group: "lab", Reserve: -1, Adopt: true,
				Ledger: l.Deliveries(protocol.ServerID{1}, protocol.GroupID{2}, "lab"),
			})
			must(b, err)
			b.StartTimer()
			p.deliver(b, s)
			b.StopTimer()
			must(b, s.Close())
			must(b, l.Close())
			must(b, os.RemoveAll(dir))
			b.StartTimer()
		}
	})
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			dir := fastDisk(b)
			must(b, os.MkdirAll(filepath.Join(dir, "tree"), 0o755))
			for _, e := range p.entries {
				name := filepath.Join(dir, e.Path)
				must(b, os.WriteFile(name, files[e.Path], 0o640))
				at := protocol.TimeOf(e.MTime)
				must(b, os.Chtimes(name, at, at))
			}
			b.StopTimer()
			must(b, os.RemoveAll(dir))
			b.StartTimer()
		}
	})
}

// deliver brings pages and blocks in their order; what is finished is committed after each page.
func (p *paged) deliver(b *testing.B, s *spool.Spool) {
	g, err := p.stage(s)
	must(b, err)
	for _, raw := range p.pages {
		c, err := g.AddPage(raw)
		must(b, err)
		for _, n := range wants(c) {
			_, err := g.WriteBlock(n, p.block(n))
			must(b, err)
		}
		err = g.Commit(b.Context())
		must(b, err)
	}
	if !g.Done() {
		b.Fatal("not done")
	}
	must(b, g.Remove())
}
