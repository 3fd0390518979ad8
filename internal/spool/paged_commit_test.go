package spool_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// hooked is a file system on which something happens once, before a file gets its name, and which counts how often
// it is asked what has a name of the group.
type hooked struct {
	diskfs.FS
	before func()
	synced map[string]func() // once, before a file of the staging with this name is made durable
	looks  int
}

func (h *hooked) Open(name string, write bool) (diskfs.File, error) {
	f, err := h.FS.Open(name, write)
	if err != nil {
		return nil, err
	}
	return &hookedFile{f, h, filepath.Base(name)}, nil
}

type hookedFile struct {
	diskfs.File
	disk *hooked
	name string
}

func (f *hookedFile) Sync() error {
	if do := f.disk.synced[f.name]; do != nil {
		f.disk.synced[f.name] = nil
		do()
	}
	return f.File.Sync()
}

func (h *hooked) RenameNew(from, to string) error {
	if f := h.before; f != nil {
		h.before = nil
		f()
	}
	return h.FS.RenameNew(from, to)
}

func (h *hooked) Lstat(name string) (os.FileInfo, error) {
	if filepath.Dir(name) == "lab/tree" {
		h.looks++
	}
	return h.FS.Lstat(name)
}

// adopting opens a spool of a device of which nothing is known.
func adopting(t *testing.T, dir string) (*spool.Spool, *hooked) {
	t.Helper()
	real, err := diskfs.Open(dir)
	must(t, err)
	disk := &hooked{FS: real}
	s, err := spool.Open(spool.Config{
		Dir: dir, Group: "lab", Reserve: -1, Ledger: spooltest.NewLedger(), Adopt: true, FS: disk,
	})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s, disk
}

func aTree(n int) map[string][]byte {
	files := map[string][]byte{}
	for i := range n {
		files[fmt.Sprintf("tree/f%04d", i)] = noise(1000, uint64(i))
	}
	return files
}

// A device of which nothing is known puts files under their names while pages and blocks come: neither waits for the
// others, or a session would send again what there is no room for meanwhile. Of a folder that was not there, nothing
// is looked at.
func TestPagesComeWhileFilesGetTheirNames(t *testing.T) {
	dir := t.TempDir()
	s, disk := adopting(t, dir)
	p := pagedOf(t, 1, aTree(1500), nil)
	g, err := p.stage(s)
	must(t, err)
	if len(p.pages) < 3 {
		t.Fatalf("%d pages", len(p.pages))
	}
	p.bring(t, g, p.pages[0])
	p.bring(t, g, p.pages[1])
	came := false
	disk.before = func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, raw := range p.pages[2:] {
				p.bring(t, g, raw)
			}
		}()
		select {
		case <-done:
			came = true
		case <-time.After(20 * time.Second):
		}
	}
	err = g.Commit(t.Context())
	must(t, err)
	if !came {
		t.Error("what came while a file got its name waited for that")
	}
	err = g.Commit(t.Context())
	must(t, err)
	if !g.Done() || disk.looks > 0 {
		t.Errorf("done %v, and %d looks at names below a folder that was not there", g.Done(), disk.looks)
	}
	must(t, g.Remove())
}

// While the disk makes pages or the journal durable, pages and blocks come: a slow disk must not look like loss.
func TestPagesComeWhileTheDiskIsWaitedFor(t *testing.T) {
	for _, file := range []string{"pages", "journal"} {
		for what, wait := range map[string]func(g *spool.Paged) error{
			"a barrier": func(g *spool.Paged) error { return g.Sync() },
			"a commit":  func(g *spool.Paged) error { err := g.Commit(t.Context()); return err },
		} {
			t.Run(what+", "+file, func(t *testing.T) {
				s, disk := adopting(t, t.TempDir())
				p := pagedOf(t, 1, aTree(1500), nil)
				g, err := p.stage(s)
				must(t, err)
				p.bring(t, g, p.pages[0])
				came, done := false, make(chan struct{})
				disk.synced = map[string]func(){file: func() {
					go func() {
						defer close(done)
						for _, raw := range p.pages[1:] {
							p.bring(t, g, raw)
						}
					}()
					select {
					case <-done:
						came = true
					case <-time.After(20 * time.Second):
					}
				}}
				must(t, wait(g))
				<-done
				if !came {
					t.Error("what came while the disk was waited for waited for it, too")
				}
				err = g.Commit(t.Context())
				must(t, err)
				if !g.Done() {
					t.Error("not done")
				}
				must(t, g.Remove())
			})
		}
	}
}

// bring takes a page and the blocks that can be verified with it.
func (p *paged) bring(t *testing.T, g *spool.Paged, raw []byte) {
	c, err := g.AddPage(raw)
	if err != nil {
		t.Error(err)
	}
	for _, b := range wants(c) {
		if ok, err := g.WriteBlock(b, p.block(b)); err != nil || !ok {
			t.Errorf("block %d: %v, %v", b, ok, err)
		}
	}
}

// What lies under the first step of a path when the transfer is staged is looked at; beside it nothing is.
func TestOnlyWhatWasThereIsAdopted(t *testing.T) {
	dir := t.TempDir()
	files := aTree(3)
	must(t, os.MkdirAll(filepath.Join(dir, "lab", "tree"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "lab", "tree", "f0001"), files["tree/f0001"], 0o600))
	files["other/g"] = noise(1000, 9)
	s, _ := adopting(t, dir)
	g, err := pagedOf(t, 1, files, nil).stage(s)
	must(t, err)
	p := pagedOf(t, 1, files, nil)
	_, out := p.receive(t, g)
	for path, want := range map[string]spool.Result{
		"tree/f0000": spool.Committed, "tree/f0001": spool.AlreadyHad, "other/g": spool.Committed,
	} {
		if out[path].Result != want {
			t.Errorf("%s: %+v", path, out[path])
		}
	}
	must(t, g.Remove())
}
