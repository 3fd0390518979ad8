package diskfs

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNamesIn(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names, err := NamesIn(f, "lab")
	if err != nil || names.MayHave("a") {
		t.Fatalf("of a folder that is not there: %v, %v", names, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "lab", "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	names, err = NamesIn(f, "lab")
	if err != nil || !names.MayHave("a") || !names.MayHave("a/b/c") || names.MayHave("ab") || names.MayHave("b/a") {
		t.Errorf("%v, %v", names, err)
	}
	if _, err := NamesIn(f, "../lab"); err == nil {
		t.Error("a folder outside was read")
	}
}
