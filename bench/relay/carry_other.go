//go:build !linux

package relay

import (
	"context"
	"errors"
)

// Main says that only Linux has packet sockets.
func Main(context.Context, []string) error { return errors.New("the relay needs Linux") }
