//go:build unix

package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/groupcast/groupcast"
)

func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return err
}

// checkOwner refuses a folder of another user, who could put files there that are trusted.
func checkOwner(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return nil
	}
	return groupcast.Errorf(groupcast.EForbidden, "the folder %s belongs to another user (%d)", path, stat.Uid).
		WithHint("run groupcast as that user, or choose another home with --home DIR")
}

// NoCoreDumps keeps keys out of crash dumps (security.md R6).
func NoCoreDumps() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("switch off core dumps: %w", err)
	}
	return nil
}
