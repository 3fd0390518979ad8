package spool_test

import (
	"sync"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Pages and blocks come from several goroutines while files are committed, as a session and a catch-up bring them.
func TestPagedBlocksComeTogether(t *testing.T) {
	files := map[string][]byte{}
	for _, name := range []string{"a", "b", "c", "d"} {
		files[name] = noise(20*protocol.BlockSize, uint64(name[0]))
	}
	for i := range 40 {
		files["small/"+string(rune('A'+i))] = noise(9_000, uint64(i))
	}
	s, p := openPaged(t, t.TempDir(), nil), pagedOf(t, 1, files, nil)
	g, err := p.stage(s)
	must(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		for _, raw := range p.pages {
			_, err := g.AddPage(raw)
			must(t, err)
		}
	})
	for first := range uint32(4) {
		all.Go(func() {
			for b := first; int(b) < p.cut.Blocks(); b += 4 {
				for ok := false; !ok; { // its page may still have to come
					var err error
					ok, err = g.WriteBlock(b, p.block(b))
					must(t, err)
				}
			}
		})
	}
	over := make(chan struct{})
	var commits sync.WaitGroup
	commits.Go(func() {
		for done := false; !done; {
			select {
			case <-over:
				done = true
			default:
			}
			err := g.Commit(t.Context())
			must(t, err)
			must(t, g.Sync())
		}
	})
	all.Wait()
	close(over)
	commits.Wait()
	if !g.Done() || g.Missing() > 0 {
		t.Errorf("done %v, %d blocks are missing", g.Done(), g.Missing())
	}
	must(t, g.Close())
}
