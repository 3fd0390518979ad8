package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// made is content of a folder with a file of noise, whose transfer is there.
func made(t *testing.T, l *Library, size int) (Built, string) {
	t.Helper()
	dir := plant(t, map[string]int{"d/f": size})
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d")}}
	b, err := l.Make(ctx, finds(t, l, n), n)
	if err != nil {
		t.Fatal(err)
	}
	l.Made(b.Content)
	return b, filepath.Join(dir, "d", "f")
}

// copied is content that was copied.
func copied(t *testing.T, l *Library) (b Built, upload string) {
	t.Helper()
	dir := plant(t, map[string]int{"d/f": 1000})
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d")}, Copy: true}
	b, err := l.Make(ctx, finds(t, l, n), n)
	if err != nil {
		t.Fatal(err)
	}
	l.Made(b.Content)
	upload, _ = strings.CutPrefix(b.Source, FromUpload)
	return b, upload
}

func TestWhatIsKeptComesBack(t *testing.T) {
	l := library(t)
	b, file := made(t, l, 500_000)
	if b.Name != "d" || b.Files != 1 || b.Folders != 1 || b.Bytes != 500_000 || b.Blocks != 3 || !b.InPlace ||
		b.Source != FromPath {
		t.Errorf("%+v", b)
	}
	m, k, err := l.Manifest(b.Content)
	if err != nil || len(m.Files) != 2 || k.Source != FromPath {
		t.Fatalf("%+v, %+v, %v", m, k, err)
	}
	layout, encoded := manifest.LayoutOf(m)
	if encoded.Root != b.Root || uint64(len(encoded.Manifest)) != b.ManifestBytes {
		t.Error("it is another manifest")
	}
	blocks, err := l.Open(b.Content)
	if err != nil {
		t.Fatal(err)
	}
	defer blocks.Close()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	buf := make([]byte, protocol.BlockSize)
	for n := layout.FirstStream(); int(n) < layout.Blocks(); n++ {
		size, err := blocks.ReadBlock(n, buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:size]...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back of %d", len(got), len(want))
	}
}

// All readers of one content share what is open, until the last of them has closed.
func TestReadersShareContent(t *testing.T) {
	l := library(t)
	b, _ := made(t, l, 300_000)
	first, err := l.Open(b.Content)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			r, err := l.Open(b.Content)
			if err != nil {
				t.Error(err)
				return
			}
			if r.Layout() != first.Layout() {
				t.Error("it was parsed again")
			}
			buf := make([]byte, protocol.BlockSize)
			if _, err := r.ReadBlock(r.Layout().FirstStream(), buf); err != nil {
				t.Error(err)
			}
			if err := errors.Join(r.Close(), r.Close()); err != nil { // twice: it counts once
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(l.open) != 1 {
		t.Errorf("%d are open while one reads", len(l.open))
	}
	if _, err := first.ReadBlock(first.Layout().FirstStream(), make([]byte, protocol.BlockSize)); err != nil {
		t.Errorf("the one that is left: %v", err)
	}
	if err := first.Close(); err != nil || len(l.open) != 0 {
		t.Errorf("%d are open after the last, %v", len(l.open), err)
	}
}

// What the server kept and lost is gone for good; what it cannot read now is worth another try.
func TestContentThatIsGoneAndContentThatIsAway(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(folder string) error
		gone bool
	}{
		"no folder":   {os.RemoveAll, true},
		"no manifest": {func(f string) error { return os.Remove(filepath.Join(f, "manifest")) }, true},
		"no place":    {func(f string) error { return os.Remove(filepath.Join(f, "place.json")) }, true},
		"a place that is damaged": {func(f string) error {
			return os.WriteFile(filepath.Join(f, "place.json"), []byte("{"), 0o600)
		}, true},
		"a manifest that is damaged": {func(f string) error { return os.Truncate(filepath.Join(f, "manifest"), 50) }, true},
		"a manifest that is not read": {func(f string) error { // as an error of the disk
			return errors.Join(os.Remove(filepath.Join(f, "manifest")), os.Mkdir(filepath.Join(f, "manifest"), 0o700))
		}, false},
		"of another version": {func(f string) error {
			return os.WriteFile(filepath.Join(f, "place.json"), []byte(`{"place":{},"source":"path","hash":1}`), 0o600)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := library(t)
			b, _ := made(t, l, 10)
			if err := c.harm(l.folder(b.Content)); err != nil {
				t.Fatal(err)
			}
			blocks, err := l.Open(b.Content)
			var away *UnavailableError
			if err == nil || errors.Is(err, ErrContentGone) != c.gone || errors.As(err, &away) == c.gone {
				t.Errorf("%v, %v", blocks, err)
			}
			if c.gone && groupcast.ErrorCode(err) != groupcast.EConflict {
				t.Errorf("the code is %s", groupcast.ErrorCode(err))
			}
			if len(l.open) != 0 {
				t.Error("it counts as open")
			}
		})
	}
}

// A list of files that does not fit is not kept, and leaves nothing.
func TestAManifestThatDoesNotFitLeavesNothing(t *testing.T) {
	l := library(t)
	dir := plant(t, map[string]int{"d/f": 10})
	asked, full := uint64(0), errors.New("the disk is full")
	l.holds = func(n uint64) error { asked = n; return full }
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d")}}
	if b, err := l.Make(ctx, finds(t, l, n), n); !errors.Is(err, full) || asked == 0 {
		t.Errorf("%+v, %v, asked for %d bytes", b, err, asked)
	}
	if left, err := os.ReadDir(l.dir); err != nil || len(left) != 0 || len(l.making) != 0 {
		t.Errorf("left are %v, %v, %v", left, l.making, err)
	}
	n.Copy = true
	if _, err := l.Make(ctx, finds(t, l, n), n); !errors.Is(err, full) {
		t.Errorf("a copy: %v", err)
	}
	if ids, err := l.Uploads.List(); err != nil || len(ids) != 0 {
		t.Errorf("of the copy %v is left, %v", ids, err)
	}
}

// Content whose transfer is just being added is not listed: who sweeps what has no transfer would take it.
func TestContentThatIsBeingMadeIsNotListed(t *testing.T) {
	l := library(t)
	dir := plant(t, map[string]int{"d/f": 10})
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d")}}
	b, err := l.Make(ctx, finds(t, l, n), n)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := l.Names(); err != nil || len(names) != 0 {
		t.Errorf("%v, %v", names, err)
	}
	l.Made(b.Content)
	if names, err := l.Names(); err != nil || !slices.Equal(names, []string{b.Content}) {
		t.Errorf("%v, %v", names, err)
	}
	if err := os.RemoveAll(l.dir); err != nil {
		t.Fatal(err)
	}
	if names, err := l.Names(); err == nil {
		t.Errorf("without a folder: %v", names)
	}
}

// Removing content takes the copy with it, but not while another transfer has it, and never a file in place.
func TestRemovingContent(t *testing.T) {
	l := library(t)
	inPlace, file := made(t, l, 10)
	if err := errors.Join(l.Remove(inPlace.Content), l.Remove(inPlace.Content), l.Remove("never")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the file in place: %v", err)
	}
	b, upload := copied(t, l)
	tree, err := l.Uploads.Complete(upload)
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.Build(ctx, tree, FromUpload+upload) // to another group
	if err != nil {
		t.Fatal(err)
	}
	l.Made(second.Content)
	if err := l.Remove(b.Content); err != nil || !l.has(upload) {
		t.Errorf("the other transfer lost its files: %v", err)
	}
	done := l.Reserve(upload)
	if err := l.Remove(second.Content); err != nil || !l.has(upload) {
		t.Errorf("a transfer that is being made of it lost its files: %v", err)
	}
	done()
	if err := l.Discard(upload); err != nil || l.has(upload) {
		t.Errorf("at last: %v", err)
	}
	if err := l.ThrowAway(upload, errUnsteady); !errors.Is(err, errUnsteady) {
		t.Errorf("thrown away twice: %v", err)
	}
}

// Of content that cannot be read it is not known which upload it uses: none is swept then.
func TestNoUploadIsSweptOnAnError(t *testing.T) {
	l := library(t)
	b, upload := copied(t, l)
	if used, err := l.InUse(upload); err != nil || !used {
		t.Fatal(used, err)
	}
	place := filepath.Join(l.folder(b.Content), "place.json")
	if err := os.Rename(place, place+"-"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(place, 0o700); err != nil { // which cannot be read as a file
		t.Fatal(err)
	}
	later := time.Now().Add(2 * UploadLife)
	if err := l.SweepUploads(later); err == nil || !l.has(upload) {
		t.Errorf("it was swept: %v", err)
	}
	if err := l.Discard(upload); err == nil || !l.has(upload) {
		t.Errorf("it was discarded: %v", err)
	}
	if err := errors.Join(os.Remove(place), os.Rename(place+"-", place)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "stray"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.SweepUploads(later); err != nil || !l.has(upload) {
		t.Errorf("with a stray file beside it: %v", err)
	}
	if err := errors.Join(l.Remove(b.Content), l.SweepUploads(later)); err != nil || l.has(upload) {
		t.Errorf("without its transfer: %v", err)
	}
}

// A place that cannot be read is not removed: nobody would know of its copy any more.
func TestADamagedPlaceIsNotRemoved(t *testing.T) {
	l := library(t)
	b, upload := copied(t, l)
	if err := os.WriteFile(filepath.Join(l.folder(b.Content), "place.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Remove(b.Content); err == nil {
		t.Error("it was removed")
	}
	if _, err := os.Stat(l.folder(b.Content)); err != nil || !l.has(upload) {
		t.Errorf("it is gone: %v", err)
	}
}

// Reserving is counted: several transfers may be made of one upload at once.
func TestReservingIsCounted(t *testing.T) {
	l := library(t)
	one, two := l.Reserve("u"), l.Reserve("u")
	one()
	if used, err := l.InUse("u"); err != nil || !used {
		t.Errorf("while the second is being made: %v, %v", used, err)
	}
	two()
	if l.IsReserved("u") || len(l.reserved) != 0 {
		t.Error("it is reserved for ever")
	}
}

// Names of content are never numbers, which older ones had, and never come twice.
func TestNamesOfContent(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newContentID()
		if seen[id] || id[0] != 'c' || strings.ToLower(id) != id || strings.ContainsAny(id, "/.\\") {
			t.Fatalf("%q", id)
		}
		seen[id] = true
	}
}

// Making stops when nobody waits for it any more, and leaves nothing.
func TestMakingStops(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprint("copy ", keep), func(t *testing.T) {
			l := library(t)
			dir := plant(t, map[string]int{"d/a": 1 << 20, "d/b": 1 << 20})
			n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d")}, Copy: keep}
			tree := finds(t, l, n)
			gone, cancel := context.WithCancel(ctx)
			cancel()
			if b, err := l.Make(gone, tree, n); !errors.Is(err, context.Canceled) {
				t.Errorf("%+v, %v", b, err)
			}
			ids, err := l.Uploads.List()
			names, err2 := l.Names()
			if err := errors.Join(err, err2); err != nil || len(ids)+len(names) != 0 || len(l.making) != 0 {
				t.Errorf("left are %v and %v, %v", ids, names, err)
			}
		})
	}
}

// A copy that the disk has no room for is refused before anything of it is written.
func TestACopyThatDoesNotFit(t *testing.T) {
	room := &limited{left: 100}
	l, err := OpenLibrary(t.TempDir(), UploadLimits{Room: room}, func(uint64) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Uploads.Close()
	dir := plant(t, map[string]int{"d/a": 1000})
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d")}, Copy: true}
	if b, err := l.Make(ctx, finds(t, l, n), n); err == nil {
		t.Errorf("%+v", b)
	}
	if ids, err := l.Uploads.List(); err != nil || len(ids) != 0 {
		t.Errorf("left is %v, %v", ids, err)
	}
}
