package home

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// lockedByte is far beyond the file's end: on Windows others cannot read what is locked, and they should
// be able to read who holds the lock.
const lockedByte = 1 << 30

func lockFile(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{Offset: lockedByte})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	return err
}

// checkOwner leaves it to the access lists of the user's profile.
func checkOwner(string, fs.FileInfo) error { return nil }

// NoCoreDumps has nothing to do: Windows writes dumps only where an administrator asked for it.
func NoCoreDumps() error { return nil }
