package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// anything passes for a whole backup.
func anything(string) error { return nil }

// home makes the folder of a server that has files.
func home(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "server")
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// lies gives the files that lie in a folder, with what is in them.
func lies(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(at string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(at)
		name, _ := filepath.Rel(dir, at)
		out[filepath.ToSlash(name)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// of is a server whose database is copied as "a copy".
func of(dir string) Server {
	return Server{
		Dir:   dir,
		Copy:  func(_ context.Context, path string) error { return os.WriteFile(path, []byte("a copy"), 0o600) },
		Holds: func(uint64) error { return nil },
		Now:   func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) },
	}
}

func read(t *testing.T, s Server, o groupcast.BackupOptions) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

func namesIn(t *testing.T, b []byte) (names []string) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

var full = map[string]string{
	"db.sqlite": "the database", "db.sqlite-wal": "its log", "ca.pem": "CA", "ca.key": "the CA's key", "tls.key": "another key",
	"content/7/manifest": "blocks", "uploads/x/a/b": "a file", "server.log": "a log",
}

func TestABackupIsWhatTheServerIs(t *testing.T) {
	dir := home(t, full)
	for name, c := range map[string]struct {
		options groupcast.BackupOptions
		want    []string
	}{
		"without content": {want: []string{"README", "db.sqlite", "ca.pem", "ca.key", "tls.key"}},
		"with content": {groupcast.BackupOptions{Content: true}, []string{
			"README", "db.sqlite", "ca.pem", "ca.key", "tls.key", "content/7/manifest", "uploads/x/a/b",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := read(t, of(dir), c.options)
			if got := namesIn(t, b); !slices.Equal(got, c.want) {
				t.Errorf("it holds %v, want %v", got, c.want)
			}
			if got := lies(t, dir); !maps.Equal(got, full) {
				t.Errorf("the backup left %v", got)
			}
			fresh := filepath.Join(t.TempDir(), "server")
			if err := Restore(fresh, bytes.NewReader(b), false, anything); err != nil {
				t.Fatal(err)
			}
			got := lies(t, fresh)
			if got["db.sqlite"] != "a copy" || got["ca.key"] != "the CA's key" || got["README"] != "" {
				t.Errorf("restored: %v", got)
			}
			if c.options.Content && got["uploads/x/a/b"] != "a file" {
				t.Errorf("restored: %v", got)
			}
		})
	}
}

func TestABackupThatIsNotReadLeavesNothing(t *testing.T) {
	dir := home(t, full)
	r, err := of(dir).Open(t.Context(), groupcast.BackupOptions{Content: true})
	if err != nil {
		t.Fatal(err)
	}
	if begun := leftIn(t, dir); len(begun) != 1 {
		t.Errorf("a backup that is killed now leaves what no pattern names: %v", begun)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	noRoom, noCopy := of(dir), of(dir)
	noRoom.Holds = func(uint64) error { return errors.New("full") }
	noCopy.Copy = func(context.Context, string) error { return errors.New("it cannot be read") }
	for _, s := range []Server{noRoom, noCopy} {
		if _, err := s.Open(t.Context(), groupcast.BackupOptions{}); err == nil {
			t.Error("a backup without a copy of the database")
		}
	}
	if got := lies(t, dir); !maps.Equal(got, full) {
		t.Errorf("it left %v", got)
	}
	if left := leftIn(t, dir); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

// leftIn is what of a backup or a restore lies in a folder.
func leftIn(t *testing.T, dir string) (left []string) {
	t.Helper()
	for _, pattern := range Leftovers() {
		some, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, some...)
	}
	return left
}

// What is in the place goes once the backup is known to be whole, and only by force.
func TestARestoreReplacesAllOrNothing(t *testing.T) {
	give := tarOf(t, "db.sqlite", "ca.key")
	dir := home(t, full)
	if err := Restore(dir, bytes.NewReader(give), false, anything); groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Errorf("over a server without force: %v", err)
	}
	torn := errors.New("its database is torn")
	refuse := func(folder string) error {
		if unpacked := leftIn(t, dir); len(unpacked) != 1 || unpacked[0] != folder {
			t.Errorf("a restore that is killed now leaves what no pattern names: %v, not %s", unpacked, folder)
		}
		return torn
	}
	if err := Restore(dir, bytes.NewReader(give), true, refuse); !errors.Is(err, torn) {
		t.Errorf("one that is not whole: %v", err)
	}
	if got := lies(t, dir); !maps.Equal(got, full) || JustRestored(dir) {
		t.Fatalf("what was refused left %v", got)
	}
	if err := Restore(dir, bytes.NewReader(give), true, anything); err != nil {
		t.Fatal(err)
	}
	got := lies(t, dir)
	delete(got, restoredMark)
	if want := map[string]string{"db.sqlite": "x", "ca.key": "x", "server.log": "a log"}; !maps.Equal(got, want) {
		t.Errorf("restored: %v, want %v", got, want)
	}
}

func TestTheFirstStartKnowsOfTheRestore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "server")
	if JustRestored(dir) {
		t.Error("of a folder that is not there")
	}
	if err := Restore(dir, bytes.NewReader(tarOf(t, "db.sqlite", "ca.key")), false, anything); err != nil {
		t.Fatal(err)
	}
	if !JustRestored(dir) {
		t.Error("it is not marked")
	}
	if err := Started(dir); err != nil || JustRestored(dir) {
		t.Errorf("marked after a start: %v", err)
	}
}

func tarOf(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, n := range names {
		if err := w.WriteHeader(&tar.Header{Name: n, Mode: 0o600, Size: 1}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte("x"))
	}
	w.Close()
	return b.Bytes()
}

func TestRestoreTakesNothingElse(t *testing.T) {
	for name, give := range map[string][]byte{
		"garbage":    []byte("not a tar, but long enough to look like a header of one"),
		"outside":    tarOf(t, "db.sqlite", "ca.key", "../evil"),
		"absolute":   tarOf(t, "db.sqlite", "ca.key", "/etc/evil"),
		"below":      tarOf(t, "db.sqlite", "ca.key", "content/../../evil"),
		"unknown":    tarOf(t, "db.sqlite", "ca.key", "server.sock"),
		"incomplete": tarOf(t, "db.sqlite"),
		"cut short":  tarOf(t, "db.sqlite", "ca.key")[:512],
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "server")
			err := Restore(dir, bytes.NewReader(give), false, anything)
			if groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%s: %v", name, err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%s: left %v behind", name, left)
			}
			if found, _ := filepath.Glob(filepath.Join(dir, "..", "evil")); len(found) > 0 {
				t.Errorf("%s: wrote outside", name)
			}
		})
	}
}
