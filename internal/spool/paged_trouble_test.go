package spool_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// Any error in any operation on one entry refuses that entry with its reason, and every other one arrives.
func TestAnErrorOfOnePagedEntryIsItsOwn(t *testing.T) {
	tree := moodyTree(1)
	extra := make([]skeleton.Entry, len(tree.extra))
	copy(extra, tree.extra)
	for _, c := range entryTroubles {
		if c.op == "allocate" {
			continue // no space is reserved for files that may have holes
		}
		for _, errno := range anyErrors {
			if errors.Is(errno, syscall.ENOENT) && (c.op == "lstat" || c.op == "write") {
				continue // that is no error, or no system answers it
			}
			t.Run(fmt.Sprintf("%s %s: %v", c.op, c.name, errno), func(t *testing.T) {
				p := pagedOf(t, 1, tree.files, nil, slices.Clone(extra)...)
				disk := newDisk()
				m := &moody{disk, func(op, name string) error {
					if op == c.op && (name == c.name || c.name[0] == '/' && strings.HasSuffix(name, c.name)) {
						return errno
					}
					return nil
				}}
				g, err := p.stage(openOn(t, m, spooltest.NewLedger()))
				must(t, err)
				_, out := p.receive(t, g)
				for path, o := range out {
					bad := slices.Contains(c.entries, path)
					if bad != (o.Result == spool.Rejected) || o.Path != path {
						t.Errorf("%s: %+v", path, o)
					}
					if bad && (o.Cause == "" || !strings.Contains(o.Reason, errno.Error())) {
						t.Errorf("%s: cause %q, reason %q", path, o.Cause, o.Reason)
					}
				}
				if len(out) != len(p.entries) {
					t.Errorf("%d outcomes of %d entries", len(out), len(p.entries))
				}
			})
		}
	}
}

// What the disk as a whole answers ends the work with its kind, wherever it begins, and loses nothing.
func TestAnErrorOfTheDiskEndsAPagedTransfer(t *testing.T) {
	p := pagedLives(t)[0]
	for n := 0; ; n += 3 {
		l := newPagedLife(t, 0, p)
		disk, left := l.disk, n
		disk.EachStep = func() {
			if left--; left < 0 {
				disk.Sick = &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
			}
		}
		err := l.receive()
		disk.EachStep, disk.Sick = nil, nil
		if err == nil && left >= 0 {
			return
		}
		var sick *spool.DiskError
		if err != nil && (!errors.As(spool.Hindrance(err), &sick) || sick.Kind != spool.DiskSpace) {
			t.Fatalf("after %d operations: %v", n, err)
		}
		if err := l.receive(); err != nil {
			t.Fatalf("after %d operations, when all is well: %v", n, err)
		}
		if err := l.wrong(true); err != nil {
			t.Fatalf("after %d operations: %v", n, err)
		}
	}
}

// caughtPaged leaves a transfer of format 2 as a crash does between the renames and the ledger.
func (l *lab) caughtPaged(s *spool.Spool) *paged {
	l.t.Helper()
	p := pagedOf(l.t, 1, map[string][]byte{"f": []byte("two"), "g": noise(1<<20+1, 1)}, nil)
	g, err := p.stage(s)
	l.do(err)
	for _, raw := range p.pages {
		_, err := g.AddPage(raw)
		l.do(err)
	}
	for _, b := range wants(g.Known()) {
		_, err := g.WriteBlock(b, p.block(b))
		l.do(err)
	}
	l.l.Fail = errors.New("the power is out")
	if err := g.Commit(l.t.Context()); err == nil {
		l.t.Fatal("the ledger took it")
	}
	l.l.Fail = nil
	l.do(g.Close())
	return p
}

// What a crash caught of a transfer of format 2 is groupcast's for every other transfer, and for whoever drops it.
func TestWhatACrashCaughtOfAPagedTransfer(t *testing.T) {
	t.Run("a newer one comes first", func(t *testing.T) {
		l := newLab(t)
		l.caughtPaged(l.inGroup("lab", 1, l.l))
		l.s = l.inGroup("lab", 1, l.l)
		l.send(4, map[string]string{"f": "four"})
		l.do(os.Remove(l.at("g")))
		l.has(map[string]string{"f": "four"})
	})
	t.Run("it is dropped", func(t *testing.T) {
		l := newLab(t)
		p := l.caughtPaged(l.inGroup("lab", 1, l.l))
		l.do(l.inGroup("lab", 1, l.l).Drop(t.Context(), 3))
		for name, data := range p.files {
			if d := l.l.Paths[name]; d.Transfer != 3 || d.Digest != format2.ContentDigest(data) {
				t.Errorf("the ledger has %+v of %s", d, name)
			}
		}
	})
	t.Run("it goes on", func(t *testing.T) {
		l := newLab(t)
		p := l.caughtPaged(l.inGroup("lab", 1, l.l))
		g, err := p.stage(l.inGroup("lab", 1, l.l))
		l.do(err)
		if fetched, out := p.receive(t, g); len(fetched) > 0 || out["f"].Result != spool.Committed {
			t.Errorf("blocks %v came again, %+v", fetched, out)
		}
	})
}

// Pages, blocks and commits come from several goroutines.
func TestAPagedStagingIsSharedByGoroutines(t *testing.T) {
	dir := t.TempDir()
	files := pagedFiles()
	for i := range 200 {
		files[fmt.Sprintf("more/%03d", i)] = noise(30_000+i, uint64(i))
	}
	p := pagedOf(t, 1, files, []string{"big", "more/007"}, folderAndLink...)
	g, err := p.stage(openPaged(t, dir, spooltest.NewLedger()))
	must(t, err)
	blocks := make(chan uint32, p.cut.Blocks())
	var writers, all sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			for b := range blocks {
				if ok, err := g.WriteBlock(b, p.block(b)); !ok || err != nil {
					t.Errorf("block %d: %v, %v", b, ok, err)
				}
			}
		})
	}
	done := make(chan struct{})
	all.Go(func() {
		for {
			if err := g.Commit(t.Context()); err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				return
			default:
				_, _, _, _ = g.Missing(), g.Bytes(), g.Have(), g.Known()
				_ = g.EachOutcome(func(spool.Outcome) {})
			}
		}
	})
	for _, raw := range p.pages {
		c, err := g.AddPage(raw)
		must(t, err)
		for _, b := range wants(c) {
			blocks <- b
		}
	}
	close(blocks)
	writers.Wait()
	close(done)
	all.Wait()
	err = g.Commit(t.Context())
	must(t, err)
	if !g.Done() || g.Missing() != 0 {
		t.Errorf("done %v, %d missing", g.Done(), g.Missing())
	}
	for name, data := range files {
		have, err := os.ReadFile(filepath.Join(dir, "lab", name))
		if !p.void[name] && (err != nil || string(have) != string(data)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, g.Remove())
}

// 200,000 small files are staged with some tens of bytes of memory each, and not with their names.
func TestManySmallFilesTakeLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("200,000 files")
	}
	const n = 200_000
	files := make(map[string][]byte, n)
	one := noise(100, 1)
	for i := range n {
		files[fmt.Sprintf("srv/data/set-%03d/item-%06d.bin", i/1000, i)] = one
	}
	p := pagedOf(t, 1, files, nil)
	s := openPaged(t, t.TempDir(), spooltest.NewLedger())
	before := heapNow()
	g, err := p.stage(s)
	must(t, err)
	for _, raw := range p.pages {
		_, err := g.AddPage(raw)
		must(t, err)
	}
	grown := int64(heapNow()) - int64(before)
	t.Logf("%d files take %d KiB, %d bytes each; their skeleton has %d KiB", n, grown>>10, grown/n, len(p.list)>>10)
	if grown > 80*n {
		t.Errorf("%d files take %d bytes each", n, grown/n)
	}
	if want := protocol.PageNo(len(p.pages)); g.Verified() != want {
		t.Errorf("%d of %d pages", g.Verified(), want)
	}
	must(t, g.Close())
}

func heapNow() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
