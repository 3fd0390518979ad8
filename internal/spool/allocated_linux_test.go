package spool_test

import (
	"os"
	"syscall"
	"testing"
)

// checkAllocated: a file takes no more of the disk than so many bytes.
func checkAllocated(t *testing.T, name string, most int64) {
	t.Helper()
	fi, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if took := fi.Sys().(*syscall.Stat_t).Blocks * 512; took > most {
		t.Errorf("%s takes %d bytes of the disk", name, took)
	}
}
