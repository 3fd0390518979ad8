package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/lists"
	"github.com/groupcast/groupcast/internal/manifest"
)

// What is listed as it is found is the same, byte for byte, as what is listed out of a tree.
func TestListedPathsAreAsAListedTree(t *testing.T) {
	files := map[string]int{"d/empty/": 0, "d/big": 3 << 20}
	for i := range 300 {
		files[fmt.Sprintf("d/s%02d/f-%d", i%17, i)] = i
	}
	dir := plant(t, files)
	l := library(t)
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d")}}
	one, err := l.List(ctx, finds(t, l, n), n)
	must(t, err)
	two, err := l.ListPaths(ctx, n, Allowed{Any: true})
	must(t, err)
	sketch, err := l.Sketch(ctx, n, Allowed{Any: true})
	must(t, err)
	for _, name := range []string{lists.Skeleton, lists.Listing, "place.json"} {
		a, err := os.ReadFile(filepath.Join(l.folder(one.Content), name))
		must(t, err)
		b, err := os.ReadFile(filepath.Join(l.folder(two.Content), name))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %d and %d bytes, %v", name, len(a), len(b), err)
		}
	}
	if covers, _, err := l.Covers(ctx, sketch.Content, one.Content); err != nil || !covers {
		t.Errorf("the sketch lacks something: %v", err)
	}
	must(t, l.Drop(sketch, n))
	one.Content, two.Content = "", ""
	if !reflect.DeepEqual(one, two) {
		t.Errorf("%+v\n%+v", one, two)
	}
}

// Of lists that come to nothing nothing is left: of a walk that is cancelled, of entries that cannot be sent, on a disk
// that is full at the beginning or in the middle. Each byte is asked for before it is written.
func TestListsThatComeToNothing(t *testing.T) {
	files := map[string]int{}
	for i := range 400 {
		files[fmt.Sprintf("d/%03d-with-a-name-that-is-long-enough-for-many-bytes-of-a-list-%d", i, i*i)] = 1
	}
	dir := plant(t, files)
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "d", "out")))
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d")}, SkipBad: true}
	full := groupcast.Errorf(groupcast.EExhausted, "the disk is full")
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for name, c := range map[string]struct {
		ctx   context.Context
		room  uint64
		bad   bool // entries that cannot be sent are not left out
		fails error
	}{
		"cancelled":           {cancelled, 1 << 30, false, context.Canceled},
		"bad entries":         {ctx, 1 << 30, true, nil},
		"full from the start": {ctx, 0, false, full},
		"full later":          {ctx, 20 << 10, false, full},
		"fine":                {ctx, 1 << 30, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := library(t)
			asked := uint64(0)
			l.holds = func(n uint64) error {
				if asked += n; asked > c.room {
					return full
				}
				return nil
			}
			n.SkipBad = !c.bad
			b, err := l.ListPaths(c.ctx, n, Allowed{Any: true})
			if name == "fine" {
				size := uint64(0)
				for _, name := range []string{lists.Skeleton, lists.Listing} {
					info, err := os.Stat(filepath.Join(l.folder(b.Content), name))
					must(t, err)
					size += uint64(info.Size())
				}
				if err != nil || asked != size {
					t.Errorf("of %d bytes it asked for %d: %v", size, asked, err)
				}
				return
			}
			if err == nil || !errors.Is(err, c.fails) && c.fails != nil {
				t.Errorf("%+v, %v", b, err)
			}
			if left, err := os.ReadDir(l.dir); err != nil || len(left) != 0 || len(l.making) != 0 {
				t.Errorf("left are %v, %v, %v", left, l.making, err)
			}
		})
	}
}

// What a server that is killed in the middle leaves is listed as content of no transfer, which the sweep removes.
func TestListsOfAServerThatWasKilled(t *testing.T) {
	l := library(t)
	must(t, os.Mkdir(l.folder("cleft"), 0o700))
	w, err := lists.New(l.folder("cleft"), l.holds)
	must(t, err)
	must(t, w.Add(&manifest.File{Path: "a", Size: 1}, listed.Identity{Size: 1}))
	w.Abandon()
	again, err := OpenLibrary(filepath.Dir(l.dir), UploadLimits{}, func(uint64) error { return nil })
	must(t, err)
	defer again.Uploads.Close()
	if left, err := again.Names(); err != nil || !slices.Equal(left, []string{"cleft"}) {
		t.Errorf("%v, %v", left, err)
	}
}

// A list takes as much memory for a million entries as their cut does, whatever their paths are.
func TestListsOfAMillionEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("a million entries; it measures memory")
	}
	const n = 1_000_000
	l := library(t)
	before, most := heap(), uint64(0)
	b, err := l.writeLists(FromPath, func(take taker) (Place, error) {
		for i := range n {
			f := manifest.File{Path: fmt.Sprintf("srv/data/set-%03d/item-%06d.bin", i/1000, i), Size: 1}
			if err := take(&f, listed.Identity{Size: 1, MTime: int64(i), Inode: uint64(i)}); err != nil {
				return Place{}, err
			}
			if i%100_000 == 0 {
				most = max(most, heap())
			}
		}
		return Place{}, nil
	})
	if err != nil || b.Files != n || b.Bytes != n {
		t.Fatalf("%+v, %v", b, err)
	}
	grew := (most - min(most, before)) >> 20
	t.Logf("the heap grew by %d MiB", grew)
	if grew > 24 {
		t.Errorf("the heap grew by %d MiB, of which 12 are the cut", grew)
	}
}

// A walk holds the names of one folder at a time, and none of what it found.
func TestAWalkHoldsNoEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("many files; it measures memory")
	}
	dir := t.TempDir()
	const folders, each = 20, 500
	for i := range folders {
		in := filepath.Join(dir, "d", fmt.Sprintf("folder-%03d", i))
		must(t, os.MkdirAll(in, 0o700))
		for k := range each {
			must(t, os.WriteFile(filepath.Join(in, fmt.Sprintf("a-file-with-a-long-name-%04d", k)), nil, 0o600))
		}
	}
	before, most, n := heap(), uint64(0), 0
	_, _, err := walk(ctx, []string{filepath.Join(dir, "d")}, ScanOptions{}, pagedLimits,
		func(*manifest.File, listed.Identity) error {
			if n++; n%1000 == 0 {
				most = max(most, heap())
			}
			return nil
		})
	if err != nil || n != 1+folders*(1+each) {
		t.Fatalf("%d, %v", n, err)
	}
	grew := (most - min(most, before)) >> 10
	t.Logf("the heap grew by %d KiB", grew)
	if grew > 512 {
		t.Errorf("the heap grew by %d KiB", grew)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
