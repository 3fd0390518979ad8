package content

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// TestWhatIsLeftIsAsItWas: whichever files change or go, what is planned without them is whole
// and serves.
func TestWhatIsLeftIsAsItWas(t *testing.T) {
	for name, lose := range map[string]func(dir string) (known []Lost, want []Lost){
		"a small one goes": func(dir string) ([]Lost, []Lost) {
			os.Remove(filepath.Join(dir, "d/b"))
			return []Lost{{"d/b", groupcast.WhyGone}}, []Lost{{"d/b", groupcast.WhyGone}}
		},
		"a big one changes, unnoticed ones, too": func(dir string) ([]Lost, []Lost) {
			os.WriteFile(filepath.Join(dir, "d/big"), noise(2<<20+3, "else"), 0o644)
			os.WriteFile(filepath.Join(dir, "d/c/y"), noise(999, "else"), 0o644)
			os.Remove(filepath.Join(dir, "d/a"))
			return []Lost{{"d/big", groupcast.WhyChanged}}, []Lost{
				{"d/a", groupcast.WhyGone}, {"d/big", groupcast.WhyChanged}, {"d/c/y", groupcast.WhyChanged},
			}
		},
		"one with its old time": func(dir string) ([]Lost, []Lost) {
			at := filepath.Join(dir, "d/c/y")
			info, _ := os.Stat(at)
			os.WriteFile(at, noise(999, "else"), 0o644)
			os.Chtimes(at, info.ModTime(), info.ModTime())
			os.Remove(filepath.Join(dir, "d/d")) // they share a block: d/c/y is read for the new one
			return []Lost{{"d/d", groupcast.WhyGone}}, []Lost{{"d/c/y", groupcast.WhyChanged}, {"d/d", groupcast.WhyGone}}
		},
		"one that was only touched stays": func(dir string) ([]Lost, []Lost) {
			later := time.Now().Add(time.Hour)
			os.Chtimes(filepath.Join(dir, "d/b"), later, later)
			os.Remove(filepath.Join(dir, "d/d"))
			return nil, []Lost{{"d/d", groupcast.WhyGone}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := plant(t, mixed)
			tree := scan(t, filepath.Join(dir, "d"))
			m, err := Build(ctx, tree, nil)
			if err != nil {
				t.Fatal(err)
			}
			known, want := lose(dir)
			rest, lost, err := Without(ctx, m, tree.Place, known)
			if err != nil || !slices.Equal(lost, want) {
				t.Fatalf("lost %v, %v; want %v", lost, err, want)
			}
			if len(rest.Files) != len(m.Files)-len(want) {
				t.Errorf("%d entries are left of %d", len(rest.Files), len(m.Files))
			}
			again, err := Build(ctx, &Tree{Files: rest.Files, Place: tree.Place}, nil)
			if err != nil || !slices.Equal(again.Blocks, rest.Blocks) || !slices.Equal(again.Files, rest.Files) {
				t.Fatalf("what is planned differs from what is built: %v", err)
			}
			readAll(t, rest, tree.Place)
		})
	}
}

func readAll(t *testing.T, m *manifest.Manifest, p Place) {
	t.Helper()
	layout, _ := manifest.LayoutOf(m)
	s, err := NewSource(layout, p)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, layout.Longest())
	for b := range protocol.BlockNumber(layout.Blocks()) {
		if _, err := s.ReadBlock(b, buf); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNothingIsLeft(t *testing.T) {
	dir := plant(t, map[string]int{"d/a": 5})
	tree := scan(t, filepath.Join(dir, "d"))
	m, err := Build(ctx, tree, nil)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, "d/a"))
	if rest, lost, err := Without(ctx, m, tree.Place, nil); rest != nil || len(lost) != 1 || err != nil {
		t.Errorf("%v, %v, %v", rest, lost, err)
	}
}

// TestASmallBlockNamesTheRightFile: of the files that share a block the one that changed is
// named, and only it.
func TestASmallBlockNamesTheRightFile(t *testing.T) {
	files := map[string]int{}
	for i := range 20 {
		files[fmt.Sprintf("d/%02d", i)] = 1000
	}
	dir := plant(t, files)
	_, s := built(t, dir)
	at := filepath.Join(dir, "d/13")
	info, err := os.Stat(at)
	if err != nil {
		t.Fatal(err)
	}
	write(t, at, noise(1000, "else"))
	os.Chtimes(at, info.ModTime(), info.ModTime())
	_, err = s.ReadBlock(s.Layout().FirstStream(), make([]byte, s.Layout().Longest()))
	var lost *LostError
	if !errors.As(err, &lost) || !slices.Equal(lost.Lost, []Lost{{"d/13", groupcast.WhyChanged}}) {
		t.Errorf("%v", err)
	}
}

// TestADiskThatIsAwayLosesNothing: an empty mount point is no deletion.
func TestADiskThatIsAwayLosesNothing(t *testing.T) {
	dir := plant(t, map[string]int{"d/a": 5})
	tree := scan(t, filepath.Join(dir, "d"))
	m, err := Build(ctx, tree, nil)
	if err != nil {
		t.Fatal(err)
	}
	if tree.Place.Roots[0].Disk == "" {
		t.Skip("disks have no names here")
	}
	os.Remove(filepath.Join(dir, "d/a"))
	tree.Place.Roots[0].Disk = "another"
	_, _, err = Without(ctx, m, tree.Place, nil)
	var away *UnavailableError
	if !errors.As(err, &away) || !strings.Contains(err.Error(), "mounted") {
		t.Errorf("%v", err)
	}
}

func TestRenewTakesTheNewState(t *testing.T) {
	dir := plant(t, mixed)
	tree := scan(t, filepath.Join(dir, "d"))
	m, err := Build(ctx, tree, nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "d/b"), []byte("new"))
	write(t, filepath.Join(dir, "d/back"), []byte("it was lost"))
	os.Remove(filepath.Join(dir, "d/a"))
	now, lost, err := Renew(ctx, m, tree.Place, []string{"d/back", "d/never"}, false)
	if err != nil || !slices.Equal(lost, []Lost{{"d/a", groupcast.WhyGone}, {"d/never", groupcast.WhyGone}}) {
		t.Fatalf("%v, %v", lost, err)
	}
	m, err = Build(ctx, now, nil)
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, m, tree.Place)
	if got, want := paths(now), "d/ d/b d/back d/big d/c/ d/c/x d/c/y d/d d/z"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
