//go:build unix

package listen

import (
	"errors"
	"syscall"
)

func portTaken(err error) bool      { return errors.Is(err, syscall.EADDRINUSE) }
func addressMissing(err error) bool { return errors.Is(err, syscall.EADDRNOTAVAIL) }
