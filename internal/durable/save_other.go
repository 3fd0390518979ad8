//go:build !linux

package durable

import (
	"errors"
	"os"
)

// unnamed is for systems that know files without a name.
func unnamed(string) (*os.File, func() error, error) { return nil, nil, errors.ErrUnsupported }
