package content

import (
	"errors"
	"os"
	"syscall"
)

const nonblock = 0 // there are no FIFOs among files

func isFull(err error) bool {
	const errorDiskFull, errorHandleDiskFull = syscall.Errno(112), syscall.Errno(39)
	return errors.Is(err, errorDiskFull) || errors.Is(err, errorHandleDiskFull)
}

func syncFolder(*os.Root, string) error { return nil } // Windows keeps names by its own journal
