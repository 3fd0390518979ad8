package device

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/spool"
)

// L2: a folder others may write to is refused unless they are said to be welcome.
func TestReceiveDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	receiveDir := func(dir string, shared bool) error {
		return receiveDir(t.Context(), agent.Config{Dir: dir, Ledger: l}, shared)
	}
	if err := receiveDir(dir, false); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := receiveDir(dir, false); groupcast.ErrorCode(err) != groupcast.EForbidden {
		t.Errorf("open to others: %v", err)
	}
	if err := receiveDir(dir, true); err != nil {
		t.Errorf("shared: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := receiveDir(file, false); err == nil {
		t.Error("a file is no folder")
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if err := l.KeepFolder(t.Context(), gone, spool.Identity{1}); err != nil {
		t.Fatal(err)
	}
	if err := receiveDir(gone, false); err != nil {
		t.Errorf("a folder that is away: %v", err)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("a folder that was used before was made anew")
	}
}
