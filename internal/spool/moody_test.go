package spool_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// moody is a file system that fails for some names, in some operations.
type moody struct {
	diskfs.FS
	fail func(op, name string) error
}

func (m *moody) err(op, name string) error {
	if err := m.fail(op, name); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

type moodyFile struct {
	diskfs.File
	m    *moody
	name string
}

func (m *moody) file(f diskfs.File, err error, name string) (diskfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &moodyFile{f, m, name}, nil
}

func (m *moody) Mkdir(name string, mode fs.FileMode) error {
	return m.do("mkdir", name, func() error { return m.FS.Mkdir(name, mode) })
}

// do does something, unless it is to fail.
func (m *moody) do(op, name string, do func() error) error {
	if err := m.err(op, name); err != nil {
		return err
	}
	return do()
}

func (m *moody) Create(name string, mode fs.FileMode) (diskfs.File, error) {
	if err := m.err("create", name); err != nil {
		return nil, err
	}
	f, err := m.FS.Create(name, mode)
	return m.file(f, err, name)
}

func (m *moody) CreateWhole(name string, data []byte, mode fs.FileMode, mtime time.Time) (time.Time, error) {
	if err := m.err("create", name); err != nil {
		return mtime, err
	}
	return m.FS.CreateWhole(name, data, mode, mtime)
}

func (m *moody) Open(name string, write bool) (diskfs.File, error) {
	if err := m.err("open", name); err != nil {
		return nil, err
	}
	f, err := m.FS.Open(name, write)
	return m.file(f, err, name)
}

func (m *moody) Lstat(name string) (fs.FileInfo, error) {
	if err := m.err("lstat", name); err != nil {
		return nil, err
	}
	return m.FS.Lstat(name)
}

func (m *moody) Rename(old, new string) error {
	return m.do("rename", new, func() error { return m.FS.Rename(old, new) })
}

func (m *moody) RenameNew(old, new string) error {
	return m.do("rename", new, func() error { return m.FS.RenameNew(old, new) })
}

func (m *moody) Symlink(target, name string) error {
	return m.do("symlink", name, func() error { return m.FS.Symlink(target, name) })
}

func (m *moody) SyncAll() error {
	return m.do("sync", "all", m.FS.SyncAll)
}

func (f *moodyFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.m.err("write", f.name); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, off)
}

func (f *moodyFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.m.err("read", f.name); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, off)
}

func (f *moodyFile) Allocate(size int64) error {
	return f.m.do("allocate", f.name, func() error { return f.File.Allocate(size) })
}

func (f *moodyFile) Sync() error {
	return f.m.do("sync", f.name, f.File.Sync)
}

// moodyTree has a big file, small files, a folder and a link; the first version and the second.
func moodyTree(version byte) *transferSpec {
	return &transferSpec{
		files: map[string][]byte{
			"big1": noise(1<<20+70_000, uint64(version)), "big2": noise(1<<20+80_000, uint64(version)+1), "d/s": {version},
			"t": {version, version},
		},
		extra: []manifest.File{
			{Kind: manifest.KindFolder, Path: "e", Mode: 0o755},
			{Kind: manifest.KindSymlink, Path: "l", Target: string('a' + rune(version)), Size: 1, Mode: 0o777},
		},
	}
}

type transferSpec struct {
	files map[string][]byte
	extra []manifest.File
}

// anyErrors are numbers that a system may answer an operation with.
var anyErrors = []error{
	syscall.EIO, syscall.EFBIG, syscall.EILSEQ, syscall.ENOSYS, syscall.ENOENT, syscall.EPERM, syscall.EACCES,
	syscall.ENXIO, syscall.EROFS, syscall.ENAMETOOLONG, syscall.Errno(523),
}

// entryTroubles are operations that fail for some entries of moodyTree alone.
var entryTroubles = []struct {
	op, name string // a name that begins with "/" is the end of one
	entries  []string
}{
	{"rename", "lab/big1", []string{"big1"}},
	{"rename", "lab/t", []string{"t"}},
	{"rename", "lab/d/s", []string{"d/s"}},
	{"mkdir", "lab/d", []string{"d/s"}},
	{"mkdir", "lab/e", []string{"e"}},
	{"symlink", "lab/l", []string{"l"}},
	{"allocate", "/f0", []string{"big1"}},
	{"write", "/f0", []string{"big1"}},
	{"create", "/f0", []string{"big1"}},
	{"sync", "/f0", []string{"big1"}},
	{"lstat", "lab/e", []string{"e"}},
	{"lstat", "lab/l", []string{"l"}},
	{"lstat", "lab/d", []string{"d/s"}},
}

// TestAnErrorOfOneEntryIsItsOwn: any error, whatever its number, in any operation on one entry
// refuses that entry with its reason, and every other one arrives. When the error is gone, the
// next delivery brings the entry, too.
func TestAnErrorOfOneEntryIsItsOwn(t *testing.T) {
	for _, c := range entryTroubles {
		for _, errno := range anyErrors {
			if errors.Is(errno, syscall.ENOENT) && c.op == "lstat" {
				continue // that is no error
			}
			t.Run(fmt.Sprintf("%s %s: %v", c.op, c.name, errno), func(t *testing.T) {
				disk, l := newDisk(), spooltest.NewLedger()
				sick := true
				m := &moody{disk, func(op, name string) error {
					if sick && op == c.op && (name == c.name || c.name[0] == '/' && strings.HasSuffix(name, c.name)) {
						return errno
					}
					return nil
				}}
				s, tree := openOn(t, m, l), moodyTree(1)
				tr := makeTransfer(t, tree.files, tree.extra...)
				if c.op == "write" && errors.Is(errno, syscall.ENOENT) {
					t.Skip("no system answers that")
				}
				out := deliver(t, s, 1, tr)
				for _, o := range out {
					bad := slices.Contains(c.entries, o.Path)
					if bad != (o.Result == spool.Rejected) {
						t.Errorf("%s: %d %q", o.Path, o.Result, o.Reason)
					}
					if bad && (o.Cause == "" || !strings.Contains(o.Reason, errno.Error())) {
						t.Errorf("%s: cause %q, reason %q", o.Path, o.Cause, o.Reason)
					}
				}
				sick = false
				for _, o := range deliver(t, s, 2, tr) {
					if o.Result == spool.Rejected || o.Result == spool.KeptBoth {
						t.Errorf("when all is well: %+v", o)
					}
				}
				if err := wrongBytes(tr, disk); err != nil || len(disk.Files("lab")) != len(tr.files) {
					t.Errorf("%v; %d files", err, len(disk.Files("lab")))
				}
			})
		}
	}
}

// TestWhatCannotBeComparedStays: what lies under a name cannot be read, for whatever reason.
func TestWhatCannotBeComparedStays(t *testing.T) {
	for _, errno := range []error{syscall.EIO, syscall.EACCES, syscall.ENODATA} {
		t.Run(fmt.Sprint(errno), func(t *testing.T) {
			disk, l := newDisk(), spooltest.NewLedger()
			sick := false
			m := &moody{disk, func(op, name string) error {
				if sick && (op == "read" || op == "open") && name == "lab/t" {
					return errno
				}
				return nil
			}}
			s, one, two := openOn(t, m, l), moodyTree(1), moodyTree(2)
			deliver(t, s, 1, makeTransfer(t, one.files))
			sick = true
			for _, o := range deliver(t, s, 2, makeTransfer(t, two.files)) {
				if want := map[bool]spool.Result{true: spool.Rejected, false: spool.Committed}[o.Path == "t"]; o.Result != want ||
					o.Path == "t" && o.Cause != spool.CauseUnreadable {
					t.Errorf("%v: %+v", errno, o)
				}
			}
			if have := disk.Files("lab"); string(have["lab/t"]) != "\x01\x01" || len(have) != 4 {
				t.Errorf("%v: it was replaced, or something lies beside it", errno)
			}
			sick = false
			deliver(t, s, 3, makeTransfer(t, two.files))
			if have := disk.Files("lab"); string(have["lab/t"]) != "\x02\x02" || len(have) != 4 {
				t.Errorf("%v: it is not replaced when it can be read", errno)
			}
		})
	}
}

// TestAnErrorOfTheDiskIsTyped: what the disk as a whole answers ends the work with its kind, at
// whatever operation it begins, refuses no entry, and loses nothing: when it is well again, all
// arrives.
func TestAnErrorOfTheDiskIsTyped(t *testing.T) {
	for errno, kind := range map[error]spool.DiskKind{
		syscall.ENOSPC: spool.DiskSpace, syscall.EDQUOT: spool.DiskQuota, syscall.EROFS: spool.DiskReadOnly,
		syscall.ENODEV: spool.DiskGone, syscall.ESTALE: spool.DiskGone, syscall.EIO: spool.DiskIO,
	} {
		t.Run(fmt.Sprint(errno), func(t *testing.T) {
			changes := map[string]bool{
				"mkdir": true, "create": true, "write": true, "allocate": true, "rename": true, "symlink": true, "sync": true,
			}
			for at, over := 0, false; !over; at++ {
				disk, l := newDisk(), spooltest.NewLedger()
				n, well := 0, true
				m := &moody{disk, func(op, name string) error {
					if !changes[op] {
						return nil
					}
					n++
					if !well || n > at {
						well = false
						return errno
					}
					return nil
				}}
				tree := moodyTree(1)
				tr := makeTransfer(t, tree.files, tree.extra...)
				err := deliverAll(m, l, tr)
				over = err == nil
				var sick *spool.DiskError
				if err != nil && (!errors.As(err, &sick) || sick.Kind != kind || !errors.Is(err, errno)) {
					t.Fatalf("from operation %d on: %v", at, err)
				}
				m.fail = func(string, string) error { return nil }
				if err := deliverAll(m, l, tr); err != nil {
					t.Fatalf("from operation %d on, then well: %v", at, err)
				}
				if err := wrongBytes(tr, disk); err != nil || len(disk.Files("lab")) != len(tr.files) {
					t.Fatalf("from operation %d on: %v", at, err)
				}
			}
		})
	}
}

// deliverAll delivers, and calls a rejected entry an error.
func deliverAll(f diskfs.FS, l spool.Ledger, tr *transfer) error {
	s, err := spool.Open(spool.Config{Dir: "x", Group: "lab", Ledger: l, FS: f, Reserve: -1})
	if err != nil {
		return err
	}
	g, err := s.Stage(context.Background(), 1, tr.layout)
	if err != nil {
		return err
	}
	err = tr.writeMissing(g)
	if err == nil {
		err = g.Commit(context.Background())
	}
	for _, o := range g.Outcomes() {
		if o.Result == spool.Rejected {
			return fmt.Errorf("%s is refused: %s", o.Path, o.Reason)
		}
	}
	if err != nil || !g.Done() {
		return errors.Join(err, g.Close())
	}
	return g.Remove()
}

// TestNamesThatAreNotTaken: names that a file system does not take, among
// many: every other small file arrives, in one run.
func TestNamesThatAreNotTaken(t *testing.T) {
	disk := newDisk()
	m := &moody{disk, func(op, name string) error {
		if strings.Contains(path.Base(name), ":") && strings.HasPrefix(name, "lab/") {
			return &os.LinkError{Op: "rename", Old: ".groupcast/staged", New: name, Err: syscall.ENOENT}
		}
		return nil
	}}
	files := map[string][]byte{}
	for i := range 200 {
		files[fmt.Sprintf("f%03d", i)] = noise(100, uint64(i))
		files[fmt.Sprintf("g:%03d", i)] = noise(100, uint64(i))
	}
	rejected := 0
	for _, o := range deliver(t, openOn(t, m, nil), 1, makeTransfer(t, files)) {
		if o.Result != spool.Rejected {
			continue
		}
		if rejected++; o.Cause != spool.CauseName || !strings.Contains(o.Reason, "does not take this name") ||
			strings.Contains(o.Reason, "staged") {
			t.Errorf("%s: %s: %s", o.Path, o.Cause, o.Reason)
		}
	}
	if rejected != 200 || len(disk.Files("lab")) != 200 {
		t.Errorf("%d refused, %d there", rejected, len(disk.Files("lab")))
	}
}
