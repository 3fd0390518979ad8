//go:build !linux

package spool

import (
	"errors"
	"os"
)

func allocate(f *os.File, size int64) error { return f.Truncate(size) }

func syncAll(*os.Root) error { return errors.ErrUnsupported }
