//go:build unix

package httpapi

import (
	"errors"
	"syscall"
)

func portTaken(err error) bool      { return errors.Is(err, syscall.EADDRINUSE) }
func addressMissing(err error) bool { return errors.Is(err, syscall.EADDRNOTAVAIL) }
