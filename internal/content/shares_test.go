package content

import (
	"fmt"
	"slices"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
)

// keptList keeps content with files of these paths.
func keptList(tb testing.TB, paths ...string) (*Library, string) {
	tb.Helper()
	lib, err := OpenLibrary(tb.TempDir(), UploadLimits{}, func(uint64) error { return nil })
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { lib.Uploads.Close() })
	b, err := lib.Keep(&manifest.Manifest{Files: filesOf(paths...)}, "x", Place{}, FromPath)
	if err != nil {
		tb.Fatal(err)
	}
	return lib, b.Content
}

func filesOf(paths ...string) (out []manifest.File) {
	for _, p := range paths {
		kind := manifest.KindFile
		if p[len(p)-1] == '/' {
			p, kind = p[:len(p)-1], manifest.KindFolder
		}
		out = append(out, manifest.File{Path: p, Kind: kind})
	}
	return out
}

// comparing makes paged content of these entries to compare it.
func comparing(tb testing.TB, lib *Library, entries []manifest.File) *Comparison {
	tb.Helper()
	b, err := lib.list(tb.Context(), &Tree{Files: entries}, FromPath)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := lib.Compare(b.Content)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

func TestSharesFiles(t *testing.T) {
	lib, older := keptList(t, "a", "b/", "b/c", "d/", "e")
	for _, c := range []struct {
		paths []string
		want  bool
		read  int
	}{
		{[]string{"a"}, true, 1},
		{[]string{"0", "b/c", "z"}, true, 3},
		{[]string{"b/", "b/d", "d/"}, false, 5}, // folders are no files
		{[]string{"b/b"}, false, 3},             // the rest comes after it
		{[]string{"d"}, false, 5},
		{[]string{"z"}, false, 5},
		{nil, false, 1},
	} {
		files := comparing(t, lib, filesOf(c.paths...))
		for range 2 { // it begins anew each time
			got, read, err := files.SharesFiles(t.Context(), older)
			if err != nil || got != c.want || read != c.read {
				t.Errorf("%q: %v after %d, %v; want %v after %d", c.paths, got, read, err, c.want, c.read)
			}
		}
	}
	if _, _, err := comparing(t, lib, nil).SharesFiles(t.Context(), "nothing"); err == nil {
		t.Error("a list that is not there")
	}
}

func TestListed(t *testing.T) {
	lib, id := keptList(t, "a", "b", "c/")
	entries := []groupcast.LeftOut{{Path: "z"}, {Path: "b"}, {Path: "a"}, {Path: "bb"}, {Path: "a"}}
	got, err := lib.Listed(t.Context(), id, entries)
	if want := []bool{false, true, true, false, true}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

// What a million entries that share nothing with a million others cost.
func BenchmarkSharesFilesMillion(b *testing.B) {
	const n = 1_000_000
	ours, theirs := make([]string, n), make([]string, n)
	for i := range n {
		ours[i] = fmt.Sprintf("course/week-%02d/part-%07d.txt", i/20000, 2*i)
		theirs[i] = fmt.Sprintf("course/week-%02d/part-%07d.txt", i/20000, 2*i+1)
	}
	lib, older := keptList(b, theirs...)
	files := comparing(b, lib, filesOf(ours...))
	for b.Loop() {
		if shares, _, err := files.SharesFiles(b.Context(), older); shares || err != nil {
			b.Fatal(shares, err)
		}
	}
}
