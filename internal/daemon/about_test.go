package daemon

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWhatIsKeptIsMeasuredNowAndThen(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(databaseFile, 100)
	write(databaseFile+"-wal", 20)
	write("uploads/a/data/x", 7)
	write("uploads/b/y", 3)
	write("content/z", 1000) // lists, no uploads
	a := about{folder: dir, state: file(filepath.Join(dir, databaseFile))}
	if database, content := a.measure(); database != 120 || content != 10 {
		t.Errorf("database %d, content %d", database, content)
	}
	write("uploads/c", 5)
	if _, content := a.measure(); content != 10 {
		t.Errorf("measured again at once: %d", content)
	}
	a.next = time.Time{}
	if _, content := a.measure(); content != 15 {
		t.Errorf("measured again later: %d", content)
	}
}
