package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/spool"
)

// The same reason is said once; the looks become rarer, to five minutes.
func TestSetbacksBackOff(t *testing.T) {
	a, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	least, most := firstLook/2, firstLook
	for i := range 12 {
		if fresh := a.again(7, "a riddle"); fresh != (i == 0) {
			t.Errorf("try %d: fresh is %v", i, fresh)
		}
		if wait := time.Until(a.setbacks[7].next); wait > most || wait < least-time.Second {
			t.Errorf("try %d: looked at again after %v, want %v to %v", i, wait, least, most)
		}
		least, most = min(2*least, lastLook/2), min(2*most, lastLook)
	}
	if !a.again(7, "another") {
		t.Error("another reason is not said")
	}
}

// What is said of a disk is what it is; what is no word about the disk is none.
func TestHindrances(t *testing.T) {
	file := func(errno error) error {
		return fmt.Errorf("write block 3: %w", &fs.PathError{Op: "write", Path: "x", Err: errno})
	}
	if runtime.GOOS == "windows" {
		t.Skip("its errors have other numbers")
	}
	for kind, err := range map[string]error{
		"space": file(syscall.ENOSPC), "quota": file(syscall.EDQUOT), "read-only": file(syscall.EROFS), "io": file(syscall.EIO), "gone": file(syscall.ESTALE),
		"folder": fmt.Errorf("open: %w", &spool.Refused{Kind: "folder", Reason: "x"}),
	} {
		if r, is := hindered(err); !is || r.Kind != kind {
			t.Errorf("%v: %+v, %v", err, r, is)
		}
	}
	for _, err := range []error{
		errors.New("a riddle"), syscall.ENOTCONN, groupcast.Errorf(groupcast.EUnavailable, "away").Wrap(syscall.ESHUTDOWN), file(syscall.EINVAL),
	} {
		if r, is := hindered(err); is {
			t.Errorf("%v passes for %+v", err, r)
		}
	}
}

// A full disk is told in numbers that change: it is one reason all the same.
func TestAFullDiskIsSaidOnce(t *testing.T) {
	said := 0
	a, err := New(Config{Say: func(l Line) {
		if said++; strings.Contains(l.Text, "looked at again") != strings.Contains(l.Text, "free") {
			t.Errorf("%q", l.Text)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	j := &job{agent: a}
	for _, reason := range []string{"1 GB free", "0.9 GB free", "1.1 GB free"} {
		a.setBack(j, outcome{state: groupcast.DeliveryRefused, kind: "space", reason: reason})
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}
	if w := a.jobs[0]; w == nil || !w.wants || a.atWork() != 0 {
		t.Error("it does not wait")
	}
	delete(a.jobs, 0)
	if a.setBack(j, outcome{state: groupcast.DeliveryRefused, kind: "size", reason: "too large"}); a.jobs[0] != nil {
		t.Error("it waits for what only another setting mends")
	}
}
