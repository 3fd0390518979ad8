//go:build unix

package source

import (
	"syscall"
	"testing"
)

func pipe(t testing.TB, name string) {
	must(t, syscall.Mkfifo(name+".new", 0o644))
	instead(t, name)
}
