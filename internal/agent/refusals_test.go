package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"syscall"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/spool"
)

// What is said of a disk is what it is; what is no word about the disk is none.
func TestHindrances(t *testing.T) {
	file := func(errno error) error {
		return fmt.Errorf("write block 3: %w", &fs.PathError{Op: "write", Path: "x", Err: errno})
	}
	if runtime.GOOS == "windows" {
		t.Skip("its errors have other numbers")
	}
	for kind, err := range map[string]error{
		"space": file(syscall.ENOSPC), "quota": file(syscall.EDQUOT), "read-only": file(syscall.EROFS),
		"io": file(syscall.EIO), "gone": file(syscall.ESTALE),
		"folder": fmt.Errorf("open: %w", &spool.Refused{Kind: "folder", Reason: "x"}),
	} {
		t.Run(kind, func(t *testing.T) {
			if r, is := hindered(err); !is || string(r.Kind) != kind {
				t.Errorf("%v: %+v, %v", err, r, is)
			}
		})
	}
	for _, err := range []error{
		errors.New("a riddle"), syscall.ENOTCONN, file(syscall.EINVAL),
		groupcast.Errorf(groupcast.EUnavailable, "away").Wrap(syscall.ESHUTDOWN),
	} {
		t.Run(err.Error(), func(t *testing.T) {
			if r, is := hindered(err); is {
				t.Errorf("it passes for %+v", r)
			}
		})
	}
}
