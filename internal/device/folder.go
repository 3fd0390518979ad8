package device

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/spool"
)

// receiveDir makes the folder that files go to if it is used for the first time, and refuses
// one that others may write to: they could plant links in it (rule L2). One that was
// used before and is away now is waited for.
func receiveDir(ctx context.Context, cfg agent.Config, shared bool) error {
	id, before, err := cfg.Ledger.Folder(ctx, cfg.Dir)
	if err != nil {
		return err
	}
	if before && !cfg.Adopt {
		f, err := spool.OpenKnown(cfg.Dir, id)
		if err != nil {
			return nil // the agent says why and looks again
		}
		_ = f.Close() // it was only looked at
	} else if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "cannot make the folder %s", cfg.Dir).
			WithHint("choose another with --dir").Wrap(err)
	}
	return guardDir(cfg.Dir, shared)
}

func guardDir(dir string, shared bool) error {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return groupcast.Errorf(groupcast.EInvalid, "%s is not a folder", dir).WithHint("choose another with --dir").Wrap(err)
	}
	if mode := info.Mode().Perm(); !shared && runtime.GOOS != "windows" && mode&0o022 != 0 {
		return groupcast.Errorf(groupcast.EForbidden, "others may write to %s (mode %04o) and could plant links there",
			dir, mode).
			WithHint("chmod go-w %s, choose another --dir, or accept it with --shared-dir", dir)
	}
	return nil
}

// AbsoluteDir settles where files go.
func AbsoluteDir(dir string) (string, error) {
	if dir == "" {
		dir = DefaultDir()
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the folder: %w", err)
	}
	return dir, nil
}

// DefaultDir is the folder for received files if none is given.
func DefaultDir() string {
	user, err := os.UserHomeDir()
	if err != nil {
		user = "."
	}
	return filepath.Join(user, "Groupcast")
}
