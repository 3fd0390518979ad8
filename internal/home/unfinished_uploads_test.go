package home

import (
	"fmt"
	"os"
	"testing"
)

func TestUnfinishedUploadsAreRemembered(t *testing.T) {
	home, err := Open(t.TempDir() + "/home")
	if err != nil {
		t.Fatal(err)
	}
	if got := home.UnfinishedUpload("server /a"); got != "" {
		t.Errorf("begun before anything was: %q", got)
	}
	for _, name := range []string{"server /a", "server /b"} {
		if err := home.BeginUpload(name, "id of "+name); err != nil {
			t.Fatal(err)
		}
	}
	if err := home.EndUpload("server /b"); err != nil {
		t.Fatal(err)
	}
	if err := home.EndUpload("server /never"); err != nil {
		t.Errorf("the end of what was never begun: %v", err)
	}
	if a, b := home.UnfinishedUpload("server /a"), home.UnfinishedUpload("server /b"); a != "id of server /a" || b != "" {
		t.Errorf("remembered %q and %q", a, b)
	}
	for i := range 2 * maxUnfinished {
		if err := home.BeginUpload(fmt.Sprint(i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(home.unfinished()); n > maxUnfinished {
		t.Errorf("%d are remembered", n)
	}
	if err := os.WriteFile(home.unfinishedPath(), []byte("not json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := home.UnfinishedUpload("0"); got != "" {
		t.Errorf("read from a broken file: %q", got)
	}
	if err := home.BeginUpload("0", "y"); err != nil || home.UnfinishedUpload("0") != "y" {
		t.Errorf("a broken file is in the way for ever: %v", err)
	}
}
