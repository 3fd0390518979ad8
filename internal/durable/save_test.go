package durable

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func names(t *testing.T, dir string) string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestABackupIsThereWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "all.tar")
	old := filepath.Join(dir, ".all.tar.123.part") // of a run that was killed
	if err := os.WriteFile(old, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-2*abandoned)); err != nil {
		t.Fatal(err)
	}
	var during string
	if n, err := Save(path, io.MultiReader(strings.NewReader("first"), readFunc(func([]byte) (int, error) {
		during = names(t, dir)
		return 0, io.EOF
	}))); err != nil || n != 5 {
		t.Fatal(n, err)
	}
	if runtime.GOOS == "linux" && during != "" {
		t.Errorf("while it was written: %q: a kill would have left it", during)
	}
	if _, err := Save(path,
		io.MultiReader(strings.NewReader("second, half"), iotest.ErrReader(errors.New("broke off")))); err == nil {
		t.Error("half a backup is no error")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "first" || names(t, dir) != "all.tar" {
		t.Errorf("%q, %v; %s", b, err, names(t, dir))
	}
	if _, err := Save(path, strings.NewReader("second")); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != 6 || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }
