package postgres

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestThePasswordComesFromAFile, and is shown by nothing that has the address.
func TestThePasswordComesFromAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pgpass")
	if err := os.WriteFile(path, []byte("db.example.org:5432:gc:me:very-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGPASSFILE", path)
	a, err := ParseAddress("postgres://me@db.example.org:5432/gc?sslmode=verify-full")
	if err != nil {
		t.Fatal(err)
	}
	if got := a.config().Password; got != "very-secret" {
		t.Fatalf("the password is %q", got)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("opened", "database", a)
	for _, text := range []string{a.String(), fmt.Sprint(a), fmt.Sprintf("%v %+v %#v %s", a, a, a, a), log.String()} {
		if strings.Contains(text, "secret") || !strings.Contains(text, "db.example.org") {
			t.Error(text)
		}
	}
}
