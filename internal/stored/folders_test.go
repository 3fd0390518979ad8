package stored

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast/internal/manifest"
)

// An upload whose bytes lie where this server does not look is with nobody else, and says so.
func TestWhatLiesAfar(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"here/data", "afar/" + AfarName} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	keepers := Keepers(dir, nil)
	for id, want := range map[string][]bool{"here": {true, false}, "afar": {false, true}, "neither": {false, false}} {
		for i, k := range keepers {
			if k.Has(id) != want[i] {
				t.Errorf("%s: keeper %d has it: %v", id, i, k.Has(id))
			}
		}
	}
	files := []manifest.File{{Kind: manifest.KindFile, Path: "f", Size: 5}}
	b := keepers[1].Of("afar", files)
	_, have := b.Have()
	_, _, open := b.Files().Open(t.Context(), "f")
	if !errors.Is(have, ErrAfar) || !errors.Is(open, ErrAfar) || !errors.Is(b.Finish(), ErrAfar) {
		t.Errorf("how much is there: %v; to read it: %v", have, open)
	}
}

// What is found later is looked for until it is found, and once then.
func TestLater(t *testing.T) {
	calls := 0
	files := Later(func() (Files, error) {
		if calls++; calls == 1 {
			return nil, errors.New("not now")
		}
		return unknown{}, nil
	})
	if _, err := files.Lstat("f"); err == nil || errors.Is(err, ErrAfar) {
		t.Errorf("the first time: %v", err)
	}
	for range 3 {
		if _, err := files.Lstat("f"); !errors.Is(err, ErrAfar) {
			t.Errorf("afterwards: %v", err)
		}
	}
	if calls != 2 {
		t.Errorf("looked for %d times", calls)
	}
}
