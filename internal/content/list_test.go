package content

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/lists"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

// listsOf makes paged content of a folder d with these files.
func listsOf(t *testing.T, l *Library, files map[string]int, n groupcast.NewTransfer) (Built, string) {
	t.Helper()
	below := map[string]int{}
	for name, size := range files {
		below["d/"+name] = size
	}
	dir := plant(t, below)
	n.Paths = []string{filepath.Join(dir, "d")}
	b, err := l.List(ctx, finds(t, l, n), n)
	if err != nil {
		t.Fatal(err)
	}
	l.Made(b.Content)
	return b, dir
}

func TestListedContentComesBack(t *testing.T) {
	l := library(t)
	b, _ := listsOf(t, l, map[string]int{"f": 500_000, "empty": 0, "sub/g": 2 << 20, "none/": 0}, groupcast.NewTransfer{})
	if b.Name != "d" || b.Files != 3 || b.Folders != 3 || b.Bytes != 500_000+2<<20 || b.Blocks != 3+10 || !b.InPlace ||
		b.Source != FromPath || !b.Paged || b.Root != (protocol.Digest{}) || b.Pages < 3 {
		t.Errorf("%+v", b)
	}
	p, err := l.OpenPaged(b.Content)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Digest() != b.Skeleton || uint64(p.SkeletonBytes()) != b.SkeletonBytes || p.Cut().Blocks() != b.Blocks ||
		p.Entries() != 6 || pages.PagesFor(p.Cut()) != b.Pages {
		t.Errorf("it comes back as another one")
	}
	files, total, err := l.Files(b.Content, groupcast.Window{})
	if err != nil || total != 6 || len(files) != 6 {
		t.Fatalf("%v, %d, %v", files, total, err)
	}
	for i, f := range files {
		at, err := p.File(uint32(i))
		if err != nil || (f.Kind == manifest.KindFile) != (at.Path == f.Path) {
			t.Errorf("%s is listed as %q, %v", f.Path, at.Path, err)
		}
	}
	if _, _, err := l.Manifest(b.Content); !errors.Is(err, ErrPaged) {
		t.Errorf("it has a manifest: %v", err)
	}
	must(t, l.Remove(b.Content))
	if _, err := l.OpenPaged(b.Content); !errors.Is(err, ErrContentGone) {
		t.Errorf("it was removed: %v", err)
	}
}

// The digests of paged content are those that its pages say.
func TestDigestsOfListedContentAreInItsPages(t *testing.T) {
	l := library(t)
	b, _ := listsOf(t, l, map[string]int{"a": 10, "b": 20}, groupcast.NewTransfer{})
	key := seal.NewSigningKey()
	p, err := l.OpenPaged(b.Content)
	must(t, err)
	defer p.Close()
	w := pages.NewWriter(format2.PageTerms{Edition: 1}, b.Pages, p.Entries(), key, p.Cut())
	must(t, w.Hashed(0, protocol.Digest{7}))
	must(t, w.Finish(1, protocol.Digest{8}))
	raw, _, ok, err := w.Sign(true)
	if err != nil || !ok {
		t.Fatal(err)
	}
	l.PagesOf(func(id string, from protocol.PageNo) ([][]byte, error) {
		if id != b.Content || from > 0 {
			return nil, nil
		}
		return [][]byte{raw}, nil
	})
	for from := range 4 {
		some, total, err := l.Files(b.Content, groupcast.Window{From: from, Limit: 1})
		if from == 3 && len(some) == 0 && err == nil {
			break
		}
		if err != nil || total != 3 || len(some) != 1 || (some[0].Digest == (protocol.Digest{8})) != (some[0].Path == "d/a") {
			t.Errorf("from %d: %+v of %d, %v", from, some, total, err)
		}
	}
	files, _, err := l.Files(b.Content, groupcast.Window{})
	if err != nil || files[1].Digest != (protocol.Digest{8}) || files[2].Digest != (protocol.Digest{}) {
		t.Errorf("%+v, %v", files, err)
	}
	l.PagesOf(func(string, protocol.PageNo) ([][]byte, error) { return nil, errors.New("the database is away") })
	if _, _, err := l.Files(b.Content, groupcast.Window{}); err == nil {
		t.Error("the pages could not be read, and nobody says so")
	}
}

// Content with a skeleton and content with a manifest cover one another.
func TestListedContentCovers(t *testing.T) {
	l := library(t)
	few, _ := listsOf(t, l, map[string]int{"f": 10}, groupcast.NewTransfer{})
	more, _ := listsOf(t, l, map[string]int{"f": 11, "g": 10}, groupcast.NewTransfer{})
	old, _ := made(t, l, 10) // d, d/f
	for _, c := range []struct {
		newer, older string
		covers       bool
	}{
		{more.Content, few.Content, true},
		{few.Content, more.Content, false},
		{old.Content, few.Content, true},
		{few.Content, old.Content, true},
		{old.Content, more.Content, false},
		{more.Content, old.Content, true},
	} {
		covers, read, err := l.Covers(ctx, c.newer, c.older)
		if err != nil || covers != c.covers || read == 0 {
			t.Errorf("%s covers %s: %v, %d read, %v", c.newer, c.older, covers, read, err)
		}
	}
	covers, read, err := l.CoversPaths(ctx, []string{"d", "d/f", "d/x"}, few.Content)
	if !covers || read != 2 || err != nil {
		t.Errorf("%v, %d, %v", covers, read, err)
	}
}

// Files that are copied first are read from the copy, and the copy goes with the content.
func TestListedContentThatIsCopied(t *testing.T) {
	l := library(t)
	b, dir := listsOf(t, l, map[string]int{"f": 1000}, groupcast.NewTransfer{Copy: true})
	must(t, os.RemoveAll(filepath.Join(dir, "d")))
	upload, copied := strings.CutPrefix(b.Source, FromUpload)
	if !copied || b.InPlace {
		t.Fatalf("%+v", b)
	}
	if used, err := l.InUse(upload); err != nil || !used {
		t.Errorf("the copy is free: %v", err)
	}
	p, err := l.OpenPaged(b.Content)
	must(t, err)
	defer p.Close()
	if f, err := p.File(1); err != nil || f.ID.Size != 1000 || f.ID.MTime == 0 {
		t.Errorf("%+v, %v", f, err)
	}
	must(t, l.Remove(b.Content))
	if used, err := l.InUse(upload); err != nil || used {
		t.Errorf("the copy stays: %v", err)
	}
}

// What is listed anew is as the files are then; of those that went it says so.
func TestRelist(t *testing.T) {
	l := library(t)
	b, dir := listsOf(t, l, map[string]int{"a": 10, "b": 20, "c": 30}, groupcast.NewTransfer{})
	must(t, os.Remove(filepath.Join(dir, "d", "a")))
	write(t, filepath.Join(dir, "d", "b"), noise(25, "b"))
	next, lost, err := l.Relist(ctx, b.Content, nil)
	if err != nil || len(lost) != 1 || lost[0] != (Lost{"d/a", groupcast.WhyGone}) || next.Bytes != 55 || next.Files != 2 {
		t.Fatalf("%+v, %v, %v", next, lost, err)
	}
	l.Made(next.Content)
	write(t, filepath.Join(dir, "d", "a"), noise(12, "a"))
	next, lost, err = l.Relist(ctx, next.Content, []string{"d/a", "d/z"})
	if err != nil || len(lost) != 1 || lost[0].Path != "d/z" || next.Bytes != 67 || next.Files != 3 {
		t.Errorf("%+v, %v, %v", next, lost, err)
	}
	l.Made(next.Content)
	p, err := l.OpenPaged(next.Content)
	must(t, err)
	defer p.Close()
	if f, err := p.File(1); err != nil || f.Path != "d/a" || f.ID.Size != 12 || f.ID.MTime == 0 {
		t.Errorf("%+v, %v", f, err)
	}
	before, err := os.ReadDir(l.dir)
	must(t, err)
	for _, name := range []string{"a", "b", "c"} {
		must(t, os.Remove(filepath.Join(dir, "d", name)))
	}
	next, lost, err = l.Relist(ctx, b.Content, nil)
	if err != nil || len(lost) != 3 || next.Content != "" {
		t.Errorf("%+v, %v, %v", next, lost, err)
	}
	if after, err := os.ReadDir(l.dir); err != nil || len(after) != len(before) || len(l.making) != 0 {
		t.Errorf("%d became %d, %v", len(before), len(after), err)
	}
}

// A list that was damaged is no content any more.
func TestDamagedLists(t *testing.T) {
	for _, name := range []string{lists.Skeleton, lists.Listing, "place.json"} {
		for what, damage := range map[string]func(b []byte) []byte{
			"cut off": func(b []byte) []byte { return b[:len(b)-3] }, "empty": func([]byte) []byte { return nil },
			"changed": func(b []byte) []byte { b[0]++; return b },
		} {
			l := library(t)
			b, _ := listsOf(t, l, map[string]int{"f": 10}, groupcast.NewTransfer{})
			file := filepath.Join(l.folder(b.Content), name)
			raw, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(file, damage(raw), 0o600))
			if _, err := l.OpenPaged(b.Content); !errors.Is(err, ErrContentGone) {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
}

// A tree that nobody looked at keeps its identities while entries are taken out of it.
func TestTreesKeepIdentities(t *testing.T) {
	files := map[string]int{}
	for i := range 50 {
		files[fmt.Sprintf("d/%02d", i*37%50)] = i
	}
	dir := plant(t, files)
	tree := scan(t, filepath.Join(dir, "d"))
	tree.DropUnread(&LostError{Lost: []Lost{{"d/07", groupcast.WhyChanged}}})
	there := slices.ContainsFunc(tree.Files, func(f manifest.File) bool { return f.Path == "d/07" })
	if there || len(tree.ids) != len(tree.Files) {
		t.Fatalf("%d identities of %d files", len(tree.ids), len(tree.Files))
	}
	for i, f := range tree.Files {
		if f.Kind == manifest.KindFile && tree.ids[i].Size != f.Size {
			t.Errorf("%s has the identity of another one", f.Path)
		}
	}
}
