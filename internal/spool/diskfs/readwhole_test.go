package diskfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// A file is read whole if it has just the size that is asked for; what is no regular file is left alone, and so is what
// lies behind a link. It is the same in one call and step by step.
func TestReadWhole(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	when := time.Unix(1_700_000_000, 0)
	err := errors.Join(os.Mkdir(at("a"), 0o755), os.WriteFile(at("a/five"), []byte("12345"), 0o600),
		os.Chtimes(at("a/five"), when, when), os.WriteFile(at("a/none"), nil, 0o600), os.Symlink("five", at("a/link")),
		os.Symlink("a", at("b")))
	if err != nil {
		t.Fatal(err)
	}
	root, err := diskfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for how, f := range map[string]diskfs.FS{"at once": root, "step by step": struct{ diskfs.FS }{root}} {
		for _, c := range []struct {
			name  string
			size  int
			whole bool
			fails error
		}{
			{"a/five", 5, true, nil},
			{"a/five", 4, false, nil},
			{"a/five", 6, false, nil},
			{"a/none", 0, true, nil},
			{"a/link", 5, false, nil},
			{"a/link", 4, false, nil},
			{"a", 0, false, nil},
			{"a/gone", 5, false, fs.ErrNotExist},
		} {
			buf := make([]byte, c.size)
			m, whole, err := diskfs.ReadWhole(f, c.name, buf)
			if whole != c.whole || !errors.Is(err, c.fails) {
				t.Errorf("%s: %s of %d bytes: %v, %v", how, c.name, c.size, whole, err)
			}
			if c.size == 5 && c.whole && (string(buf) != "12345" || !m.MTime.Equal(when) || m.Mode&0o600 != 0o600) {
				t.Errorf("%s: %q, %+v", how, buf, m)
			}
		}
		if _, whole, err := diskfs.ReadWhole(f, "b/five", make([]byte, 5)); whole || err == nil {
			t.Errorf("%s: a link in the middle was followed: %v, %v", how, whole, err)
		}
	}
}
