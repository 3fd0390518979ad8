package backup

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast"
)

// FuzzRestore: a file that is no backup changes nothing, and none writes outside its folder.
func FuzzRestore(f *testing.F) {
	whole := tarOf(f, "db.sqlite", "ca.key", "README", "content/a/b")
	f.Add(whole)
	f.Add(whole[:700])
	f.Add(tarOf(f, "db.sqlite", "ca.key", "../evil"))
	f.Add(tarOf(f, "db.sqlite", "ca.key", "content/../../evil"))
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, give []byte) {
		above := t.TempDir()
		dir := filepath.Join(above, "server")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "ca.key"), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := Restore(dir, bytes.NewReader(give), true, anything)
		if left, _ := os.ReadDir(above); len(left) != 1 {
			t.Fatalf("something lies beside the folder: %v", left)
		}
		if err == nil {
			return
		}
		if groupcast.ErrorCode(err) == groupcast.EInternal {
			t.Fatalf("no error in words: %v", err)
		}
		key, _ := os.ReadFile(filepath.Join(dir, "ca.key"))
		if left, _ := os.ReadDir(dir); len(left) != 1 || string(key) != "mine" {
			t.Fatalf("it was refused (%v) and left %v", err, left)
		}
	})
}
