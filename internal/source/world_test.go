package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
)

var (
	ctx    = context.Background()
	server = testKey()
)

func testKey() seal.SigningKey {
	k, err := seal.SigningKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		panic(err)
	}
	return k
}

// errCrash is what a store says whose server was killed.
var errCrash = errors.New("the server was killed")

// pageStore keeps pages in memory. It can be killed before or after a page is durable.
type pageStore struct {
	mu     sync.Mutex
	pages  map[protocol.Edition][][]byte
	lost   map[protocol.Edition][]groupcast.LeftOut
	before func(Page) error // called before a page is durable …
	after  func(Page) error // … and after it was
}

func (s *pageStore) AddPage(_ context.Context, p Page) error {
	if s.before != nil {
		if err := s.before(p); err != nil {
			return err
		}
	}
	s.mu.Lock()
	list := s.pages[p.Edition]
	switch {
	case int(p.Number) < len(list) && bytes.Equal(list[p.Number], p.Raw):
		s.mu.Unlock()
		return nil
	case int(p.Number) != len(list):
		s.mu.Unlock()
		return groupcast.Errorf(groupcast.EConflict, "page %d of %d", p.Number, len(list))
	}
	s.pages[p.Edition] = append(list, p.Raw)
	s.lost[p.Edition] = append(s.lost[p.Edition], p.Lost...)
	s.mu.Unlock()
	if s.after != nil {
		return s.after(p)
	}
	return nil
}

func (s *pageStore) Pages(
	_ context.Context, _ protocol.TransferNo, e protocol.Edition, from protocol.PageNo, most int,
) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.pages[e]
	list = list[min(int(from), len(list)):]
	return list[:min(most, len(list))], nil
}

// world is a folder that is sent, the server's content, and its pages.
type world struct {
	t       testing.TB
	dir     string // what is sent: below it "d"
	home    string
	lib     *content.Library
	id      string
	built   content.Built
	store   *pageStore
	edition protocol.Edition
	doubted []uint32
	most    uint32
}

// newWorld lists a folder d with these files: a name that ends in "/" is a folder.
func newWorld(t testing.TB, files map[string]int) *world {
	t.Helper()
	w := &world{
		t: t, dir: t.TempDir(), home: t.TempDir(), edition: 1,
		store: &pageStore{pages: map[protocol.Edition][][]byte{}, lost: map[protocol.Edition][]groupcast.LeftOut{}},
	}
	if err := os.Mkdir(w.path(""), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, n := range files {
		if name[len(name)-1] == '/' {
			must(t, os.MkdirAll(w.path(name), 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
		w.write(name, noise(n, name))
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func noise(n int, seed string) []byte {
	r := rand.NewChaCha8(sha256.Sum256([]byte(seed)))
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

func (w *world) path(name string) string { return filepath.Join(w.dir, "d", filepath.FromSlash(name)) }

func (w *world) write(name string, data []byte) {
	w.t.Helper()
	must(w.t, os.WriteFile(w.path(name), data, 0o644))
}

// list lists the folder.
func (w *world) list() *world {
	w.t.Helper()
	lib, err := content.OpenLibrary(w.home, content.UploadLimits{}, func(uint64) error { return nil })
	must(w.t, err)
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(w.dir, "d")}}
	tree, err := lib.Find(ctx, n, content.Allowed{Any: true})
	must(w.t, err)
	w.built, err = lib.List(ctx, tree, n)
	must(w.t, err)
	lib.Made(w.built.Content)
	w.lib, w.most = lib, w.built.Pages
	return w
}

func (w *world) terms() format2.PageTerms {
	return format2.PageTerms{
		Server: protocol.ServerID{1}, Group: protocol.GroupID{2}, Transfer: 3, TransferID: protocol.TransferID{4},
		Skeleton: w.built.Skeleton, Edition: w.edition,
	}
}

func (w *world) tryOpen() (*Source, error) {
	files, err := w.lib.OpenPaged(w.built.Content)
	must(w.t, err)
	s, err := Open(ctx, Config{
		Terms: w.terms(), Most: w.most, Key: server, Files: files, Pages: w.store, Doubted: w.doubted,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		must(w.t, files.Close())
		return nil, err
	}
	s.workers = 2 // so that as much is read ahead on every machine
	w.t.Cleanup(func() { must(w.t, s.Close()) })
	return s, nil
}

func (w *world) open() *Source {
	w.t.Helper()
	s, err := w.tryOpen()
	must(w.t, err)
	return s
}

// run opens the source and reads it to its end.
func (w *world) run() *Source {
	w.t.Helper()
	s := w.open()
	must(w.t, s.Run(ctx))
	return s
}

// book is what a device knows of an edition.
func (w *world) book(s *Source) *pages.Book {
	w.t.Helper()
	b := pages.NewBook(w.terms(), w.most, s.cfg.Files.Entries(), server.Public(), s.Cut())
	for i, raw := range w.store.pages[w.edition] {
		if _, err := b.Add(raw); err != nil {
			w.t.Fatalf("page %d: %v", i, err)
		}
	}
	return b
}

// entries are the paths of the skeleton.
func (w *world) entries(s *Source) (list []skeleton.Entry) {
	w.t.Helper()
	in, err := s.Skeleton()
	must(w.t, err)
	defer in.Close()
	r, err := skeleton.NewReader(in, s.cfg.Files.SkeletonBytes())
	must(w.t, err)
	for e, ok := r.Next(); ok; e, ok = r.Next() {
		list = append(list, e)
	}
	must(w.t, r.Err())
	return list
}

// holds compares a source that is at its end with what a device makes of it: the files of void are void for these
// reasons, all others have the bytes of want (by path), and every block that is needed can be read.
func (w *world) holds(s *Source, want map[string][]byte, void map[string]format2.VoidReason) {
	w.t.Helper()
	b := w.book(s)
	if !b.Final() {
		w.t.Fatal("the final page is not there")
	}
	got := map[uint32][]byte{}
	first := protocol.BlockNumber(s.skeletonBlocks() + w.most + 1)
	buf := make([]byte, protocol.BlockSize)
	for n := range uint32(s.Cut().Blocks()) {
		extents := s.Cut().Extents(nil, n)
		needed := false
		for _, x := range extents {
			needed = needed || !b.Void(x.Entry)
		}
		size, err := s.ReadBlock(first+protocol.BlockNumber(n), buf)
		if !needed {
			if !errors.Is(err, pages.ErrVoid) {
				w.t.Errorf("block %d is of void files only: %v", n, err)
			}
			continue
		}
		if err != nil {
			w.t.Fatalf("block %d: %v", n, err)
		}
		if !b.Verify(n, buf[:size]) {
			w.t.Fatalf("block %d is not what its page says", n)
		}
		rest := buf[:size]
		for _, x := range extents {
			got[x.Entry] = append(got[x.Entry], rest[:x.Length]...)
			rest = rest[x.Length:]
		}
	}
	reasons, digests := w.reasons(), w.digests()
	for i, e := range w.entries(s) {
		data, file := want[e.Path]
		reason, lost := void[e.Path]
		switch {
		case lost:
			if !b.Void(uint32(i)) || reasons[uint32(i)] != reason {
				w.t.Errorf("%s: void %v, for reason %d and not %d", e.Path, b.Void(uint32(i)), reasons[uint32(i)], reason)
			}
		case file:
			if !b.Finished(uint32(i)) || !bytes.Equal(got[uint32(i)], data) {
				w.t.Errorf("%s: finished %v, %d bytes of %d", e.Path, b.Finished(uint32(i)), len(got[uint32(i)]), len(data))
			}
			if d := digests[uint32(i)]; d != format2.ContentDigest(data) {
				w.t.Errorf("%s has another digest", e.Path)
			}
		}
	}
	if b.VoidFiles() != len(void) || len(s.Voids()) != len(void) {
		w.t.Errorf("%d files are void, %d are listed, not %d", b.VoidFiles(), len(s.Voids()), len(void))
	}
}

func (w *world) parsed() (list []format2.Page) {
	for _, raw := range w.store.pages[w.edition] {
		signed, _, _ := seal.SplitPage(raw)
		p, err := format2.ParsePage(signed)
		must(w.t, err)
		list = append(list, p)
	}
	return list
}

func (w *world) reasons() map[uint32]format2.VoidReason {
	out := map[uint32]format2.VoidReason{}
	for _, p := range w.parsed() {
		for _, f := range p.Void {
			out[f.Entry] = f.Reason
		}
	}
	return out
}

func (w *world) digests() map[uint32]protocol.Digest {
	out := map[uint32]protocol.Digest{}
	for _, p := range w.parsed() {
		for _, f := range p.Finished {
			out[f.Entry] = f.Digest
		}
	}
	return out
}

// contents are the bytes of all files as they lie there, by the paths of the skeleton.
func (w *world) contents() map[string][]byte {
	w.t.Helper()
	out := map[string][]byte{}
	must(w.t, filepath.WalkDir(w.dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(name)
		rel, _ := filepath.Rel(w.dir, name)
		out[filepath.ToSlash(rel)] = b
		return err
	}))
	return out
}
