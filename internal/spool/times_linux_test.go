package spool_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
)

// heldAs gives the time that the file system keeps for t.
func heldAs(t *testing.T, dir string, at time.Time) time.Time {
	t.Helper()
	probe := filepath.Join(dir, "probe")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	when := unix.Timespec{Sec: at.Unix(), Nsec: int64(at.Nanosecond())}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, probe, []unix.Timespec{when, when}, 0); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(probe)
	if err != nil {
		t.Fatal(err)
	}
	return fi.ModTime()
}

// Whatever time a manifest names, small file, big file and folder are delivered and get it, as
// near as the file system holds it.
func TestTimesOfAnyYear(t *testing.T) {
	for _, n := range []int64{
		protocol.FileTime(time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)),
		protocol.FileTime(time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC)),
		protocol.FileTime(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), math.MaxInt64, math.MinInt64, 0, -1,
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			dir := t.TempDir()
			want := heldAs(t, dir, protocol.TimeOf(n))
			s := open(t, dir, nil)
			files := map[string][]byte{"d/small": []byte("1"), "d/big": bytes.Repeat([]byte("2"), manifest.BigFile)}
			tr := makeTransfer(t, files, manifest.File{Kind: manifest.KindFolder, Path: "d", Mode: 0o755})
			m := *tr.layout.Manifest()
			for i := range m.Files {
				m.Files[i].MTime = n
			}
			tr.layout, _ = manifest.LayoutOf(&m)
			for _, o := range deliver(t, s, 1, tr) {
				if o.Result != spool.Committed {
					t.Errorf("%d: %+v", n, o)
				}
			}
			for _, name := range []string{"d", "d/small", "d/big"} {
				fi, err := os.Stat(filepath.Join(dir, "lab", name))
				if err != nil || !fi.ModTime().Equal(want) {
					t.Errorf("%d: %s has %v, not %v, %v", n, name, fi.ModTime().UTC(), want.UTC(), err)
				}
			}
		})
	}
}
