//go:build !linux

package rawcast

import "errors"

// Main says that only Linux has what this needs.
func Main([]string) error { return errors.New("rawcast needs Linux") }
