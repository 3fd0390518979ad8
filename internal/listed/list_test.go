package listed

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func write(t testing.TB, files []File) string {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	for _, f := range files {
		w.Add(f)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return save(t, append(w.Head(), out.Bytes()[listedHead:]...))
}

func save(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "listing")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t testing.TB, name string) (*List, error) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return Open(f)
}

// What is written comes back, in any order.
func TestListComesBack(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 5000} {
		files := make([]File, n)
		for i := range files {
			if i%7 != 3 { // not every entry is a file
				files[i].Path = fmt.Sprintf("folder %02d/file %05d", i/100, i)
				files[i].ID = Identity{uint64(i) << 30, -int64(i), uint64(i) * 77}
			}
		}
		l, err := open(t, write(t, files))
		if err != nil || l.Entries() != n {
			t.Fatalf("%d entries: %v", n, err)
		}
		for i := range n {
			at := (i * 1709) % n // far from one to the next
			if f, err := l.File(uint32(at)); err != nil || f != files[at] {
				t.Fatalf("entry %d of %d: %+v, %v", at, n, f, err)
			}
		}
		if _, err := l.File(uint32(n)); err == nil {
			t.Error("there is an entry behind the last")
		}
	}
}

// A list that was damaged says so, or gives what it gives: it brings nothing down.
func FuzzOpen(f *testing.F) {
	for _, n := range []int{0, 1, 70} {
		files := make([]File, n)
		for i := range files {
			files[i] = File{fmt.Sprintf("%03d", i), Identity{1, 2, 3}}
		}
		b, err := os.ReadFile(write(f, files))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := open(t, save(t, b))
		if err != nil {
			return
		}
		for i := range min(l.Entries(), 1000) {
			if _, err := l.File(uint32(i)); err != nil {
				return
			}
		}
	})
}

// A file is known again whatever its name is, and not if it is another one.
func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	if err := os.WriteFile(name, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	stat := func() os.FileInfo {
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	id := Of(stat())
	if err := id.Is(stat()); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(name, []byte("longer text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := id.Is(stat()); !errors.Is(err, ErrOther) {
		t.Errorf("it has other bytes: %v", err)
	}
	if info, err := os.Lstat(dir); err != nil || !errors.Is(id.Is(info), ErrNotRegular) {
		t.Errorf("a folder passes for a file, or %v", err)
	}
}
