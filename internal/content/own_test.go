//go:build unix

package content

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ownfiles"
)

// house is a home with keys, and a folder beside it that may be sent.
func house(t *testing.T) (home, source string, own *ownfiles.Folders) {
	t.Helper()
	dir := t.TempDir()
	home, source = filepath.Join(dir, "home"), filepath.Join(dir, "source")
	for name, text := range map[string]string{
		filepath.Join(home, "server/ca.key"): "key", filepath.Join(home, "server/uploads/u/d/f"): "upload",
		filepath.Join(source, "sub/a"): "a",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	own, err := ownfiles.Open(home, filepath.Join(home, "server"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	return home, source, own
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sent scans the source and gives the paths of files that would be sent, and those left out as
// groupcast's own.
func sent(t *testing.T, source string, own *ownfiles.Folders) (files, left []string) {
	t.Helper()
	tree, err := Scan(t.Context(), []string{"sub"}, ScanOptions{Below: source, Own: own})
	if groupcast.ErrorCode(err) == groupcast.EForbidden {
		return nil, []string{"sub"}
	}
	do(t, err)
	for _, f := range tree.Files {
		files = append(files, f.Path)
	}
	for _, l := range tree.LeftOut.Entries {
		if l.Why == groupcast.WhyHome {
			left = append(left, l.Path)
		}
	}
	return files, left
}

// Nothing of groupcast's own is sent, by whatever name it is reached.
func TestOwnFilesAreNotSent(t *testing.T) {
	for name, c := range map[string]struct {
		plant func(home, source string) error
		left  string
	}{
		"hard link to a key": {func(home, source string) error {
			return os.Link(filepath.Join(home, "server/ca.key"), filepath.Join(source, "sub/b"))
		}, "sub/b"},
		"hard link to an upload": {func(home, source string) error {
			return os.Link(filepath.Join(home, "server/uploads/u/d/f"), filepath.Join(source, "sub/b"))
		}, "sub/b"},
		"hard link to what a link in the home leads to": {func(home, source string) error {
			key, moved := filepath.Join(home, "server/ca.key"), filepath.Join(filepath.Dir(home), "moved.key")
			return errors.Join(os.Rename(key, moved), os.Symlink(moved, key), os.Link(moved, filepath.Join(source, "sub/b")))
		}, "sub/b"},
		"hard link, its first name gone": {func(home, source string) error {
			return errors.Join(os.Link(filepath.Join(home, "server/ca.key"), filepath.Join(source, "sub/b")),
				os.Link(filepath.Join(home, "server/ca.key"), filepath.Join(home, "new.key")),
				os.Remove(filepath.Join(home, "server/ca.key")))
		}, "sub/b"},
		"the home, renamed to below the source": {func(home, source string) error {
			return os.Rename(home, filepath.Join(source, "sub/home"))
		}, "sub/home"},
		"the home, renamed, another in its place": {func(home, source string) error {
			return errors.Join(os.Rename(home, filepath.Join(source, "sub/home")),
				os.MkdirAll(filepath.Join(home, "server"), 0o700))
		}, "sub/home"},
		"a folder of the home, moved to below the source": {func(home, source string) error {
			return errors.Join(os.Link(filepath.Join(home, "server/ca.key"), filepath.Join(home, "ca.key")),
				os.Rename(filepath.Join(home, "server"), filepath.Join(source, "sub/server")))
		}, "sub/server"},
	} {
		t.Run(name, func(t *testing.T) {
			home, source, own := house(t)
			do(t, c.plant(home, source))
			files, left := sent(t, source, own)
			if !slices.Equal(left, []string{c.left}) || !slices.Equal(files, []string{"sub", "sub/a"}) {
				t.Errorf("sent %v, left out as groupcast's own %v", files, left)
			}
			_, err := Scan(t.Context(), []string{c.left}, ScanOptions{Below: source, Own: own})
			if groupcast.ErrorCode(err) != groupcast.EForbidden {
				t.Errorf("named itself: %v", err)
			}
		})
	}
}

// A file that is swapped for another name of a key after it was found is not read, neither for the
// first time nor when the transfer is made anew.
func TestOwnFilesThatTakeAPlaceLater(t *testing.T) {
	home, source, own := house(t)
	tree, err := Scan(t.Context(), []string{"sub"}, ScanOptions{Below: source, Own: own})
	do(t, err)
	m, err := Build(t.Context(), tree, nil)
	do(t, err)
	a := filepath.Join(source, "sub/a")
	do(t, errors.Join(os.Remove(a), os.Link(filepath.Join(home, "server/ca.key"), a)))
	var lost *LostError
	if _, err := Build(t.Context(), tree, nil); !errors.As(err, &lost) || !errors.Is(err, errOwn) {
		t.Errorf("hashed: %v", err)
	}
	again, gone, err := Renew(t.Context(), m, tree.Place, nil, false)
	do(t, err)
	if len(gone) != 1 || gone[0].Path != "sub/a" || len(again.Files) != 1 {
		t.Errorf("made anew: %v, lost %v", again.Files, gone)
	}
}
