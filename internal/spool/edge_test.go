package spool_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

func newDisk() *spooltest.Disk { return spooltest.NewDisk(rand.New(rand.NewPCG(1, 1))) }

func openOn(t testing.TB, f diskfs.FS, l spool.Ledger) *spool.Spool {
	t.Helper()
	s, err := spool.Open(spool.Config{Dir: "x", Group: "lab", Ledger: l, FS: f, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// meddler puts a file where another is about to be moved to.
type meddler struct {
	*spooltest.Disk
	times int
}

func (m *meddler) RenameNew(from, to string) error {
	if strings.HasPrefix(to, "lab/") && m.times > 0 {
		m.times--
		f, err := m.Create(to, 0o644)
		if err != nil {
			return err
		}
		if _, err := f.WriteAt([]byte("quick"), 0); err != nil {
			return err
		}
	}
	return m.Disk.RenameNew(from, to)
}

func TestWhatComesBetweenStays(t *testing.T) {
	m := &meddler{newDisk(), 2}
	out := deliver(t, openOn(t, m, nil), 4, makeTransfer(t, map[string][]byte{"f.txt": []byte("ours")}))
	have := m.Files("lab")
	if string(have["lab/f.txt"]) != "quick" || string(have["lab/f (groupcast 4).txt"]) != "quick" ||
		string(have["lab/f (groupcast 4, 2).txt"]) != "ours" {
		t.Errorf("%q", have)
	}
	if out[0].Result != spool.KeptBoth || out[0].Name != "f (groupcast 4, 2).txt" {
		t.Errorf("%+v", out[0])
	}
}

// TestTwinsOnAFoldingFolder: names that the folder takes for one do not overwrite each other.
func TestTwinsOnAFoldingFolder(t *testing.T) {
	d := newDisk()
	d.Fold = true
	l := spooltest.NewLedger()
	for no := range protocol.TransferNo(3) {
		version := string(rune('1' + no))
		deliver(t, openOn(t, d, l), no+1,
			makeTransfer(t, map[string][]byte{"README": []byte("upper" + version), "readme": []byte("lower" + version)}))
	}
	have := d.Files("lab")
	if string(have["lab/readme"]) != "upper3" || string(have["lab/readme (groupcast 1)"]) != "lower3" || len(have) != 2 {
		t.Errorf("%q", have)
	}
}

func TestAFailedBarrierForgetsWhatItShouldHaveCovered(t *testing.T) {
	d := newDisk()
	tr := makeTransfer(t, map[string][]byte{"big": noise(2<<20, 5)})
	g, err := openOn(t, d, nil).Stage(context.Background(), 1, tr.layout)
	if err != nil {
		t.Fatal(err)
	}
	first := tr.layout.FirstStream()
	write := func(b protocol.BlockNumber) error { return g.WriteBlock(b, tr.block(b)) }
	if err := errors.Join(write(first), g.Sync(), write(first+1)); err != nil {
		t.Fatal(err)
	}
	d.FailSync = syscall.EIO
	if err := g.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("%v", err)
	}
	d.FailSync = nil
	if err := write(first + 2); !errors.Is(err, syscall.EIO) {
		t.Errorf("a write after it: %v", err)
	}
	if err := g.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("a second try proves nothing: %v", err)
	}
	again, err := openOn(t, d, nil).Stage(context.Background(), 1, tr.layout)
	if err != nil {
		t.Fatal(err)
	}
	if has := again.Has(); !has.Has(first) || has.Has(first+1) {
		t.Error("the first block is durable, the second has to come again")
	}
}

func TestFullDiskInTheMiddle(t *testing.T) {
	d := newDisk()
	tr := makeTransfer(t, map[string][]byte{"big": noise(2<<20, 5), "a": noise(200_000, 6), "b": noise(200_000, 7)})
	g, err := openOn(t, d, nil).Stage(context.Background(), 1, tr.layout)
	if err != nil {
		t.Fatal(err)
	}
	d.Capacity = 100_000
	if err := tr.writeMissing(g); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v", err)
	}
	d.Capacity = 0
	if err := tr.writeMissing(g); err != nil {
		t.Fatal(err)
	}
	if err := g.Commit(context.Background()); err != nil || !g.Done() {
		t.Fatal(err)
	}
	if err := wrongBytes(tr, d); err != nil || len(d.Files("lab")) != 3 || d.Counts.Full == 0 {
		t.Error(err)
	}
}

// TestResumeOnAnAlmostFullDisk: what lies in the staging is not asked for a second time.
func TestResumeOnAnAlmostFullDisk(t *testing.T) {
	d := newDisk()
	tr := makeTransfer(t, map[string][]byte{"big": noise(2<<20, 5), "a": noise(200_000, 6)})
	d.Capacity = 2<<20 + 500_000
	g, err := openOn(t, d, nil).Stage(context.Background(), 1, tr.layout)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.writeMissing(g); err != nil {
		t.Fatal(err)
	}
	deliver(t, openOn(t, d, nil), 1, tr)
}

func TestAnotherManifestDropsWhatWasStaged(t *testing.T) {
	d := newDisk()
	s := openOn(t, d, nil)
	old := makeTransfer(t, map[string][]byte{"big": noise(2<<20, 5)})
	g, err := s.Stage(context.Background(), 1, old.layout)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(old.writeMissing(g), g.Close()); err != nil {
		t.Fatal(err)
	}
	deliver(t, s, 1, makeTransfer(t, map[string][]byte{"big": noise(2<<20, 6)}))
}

func TestTheSameFileOfTheUser(t *testing.T) {
	dir, l := t.TempDir(), spooltest.NewLedger()
	s := open(t, dir, l)
	name := filepath.Join(dir, "lab", "f")
	if err := os.WriteFile(name, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(name)
	out := deliver(t, s, 1, makeTransfer(t, map[string][]byte{"f": []byte("one")}))
	after, err := os.Stat(name)
	if err != nil || !os.SameFile(before, after) || out[0].Result != spool.Committed || out[0].Foreign {
		t.Errorf("it was replaced by its like, or not adopted: %+v", out[0])
	}
	deliver(t, s, 2, makeTransfer(t, map[string][]byte{"f": []byte("two")}))
	if have, _ := os.ReadFile(name); string(have) != "two" {
		t.Errorf("the next version did not take its name: %q", have)
	}
}

func TestLinksFollowTheirTransfers(t *testing.T) {
	dir, l := t.TempDir(), spooltest.NewLedger()
	s := open(t, dir, l)
	link := func(target string) manifest.File {
		return manifest.File{
			Kind: manifest.KindSymlink, Path: "current", Target: target, Size: uint64(len(target)), Mode: 0o777,
		}
	}
	files := map[string][]byte{"v1": []byte("1"), "v2": []byte("2")}
	points := func() string { to, _ := os.Readlink(filepath.Join(dir, "lab/current")); return to }
	deliver(t, s, 1, makeTransfer(t, files, link("v1")))
	deliver(t, s, 2, makeTransfer(t, files, link("v2")))
	if points() != "v2" {
		t.Fatalf("it points to %q", points())
	}
	if deliver(t, s, 1, makeTransfer(t, files, link("v1"))); points() != "v2" {
		t.Errorf("an older transfer turned it to %q", points())
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, "lab/current")),
		os.Symlink("mine", filepath.Join(dir, "lab/current"))); err != nil {
		t.Fatal(err)
	}
	if deliver(t, s, 3, makeTransfer(t, files, link("v1"))); points() != "mine" {
		t.Errorf("the user's link now points to %q", points())
	}
}

func TestFoldersModesAndTimes(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, nil)
	if err := os.Mkdir(filepath.Join(dir, "lab", "mine"), 0o711); err != nil {
		t.Fatal(err)
	}
	folder := func(path string) manifest.File {
		return manifest.File{Kind: manifest.KindFolder, Path: path, Mode: 0o750, MTime: 1_500_000_000_000_000_000}
	}
	deliver(t, s, 1, makeTransfer(t, map[string][]byte{"ours/f": []byte("1"), "mine/f": []byte("2")}, folder("ours"),
		folder("mine"), folder("ours/empty")))
	for name, mode := range map[string]fs.FileMode{"ours": 0o750, "ours/empty": 0o750, "mine": 0o711} {
		fi, err := os.Stat(filepath.Join(dir, "lab", name))
		if err != nil || fi.Mode().Perm() != mode || (name != "mine") != fi.ModTime().Equal(time.Unix(1_500_000_000, 0)) {
			t.Errorf("%s: %v, %v, %v", name, fi.Mode(), fi.ModTime(), err)
		}
	}
}

func TestThingsPlantedUnderAFinalName(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("made as on Unix")
	}
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "target")
	s := open(t, dir, nil)
	lab := filepath.Join(dir, "lab")
	if err := errors.Join(makeFIFO(filepath.Join(lab, "fifo")), os.Symlink(outside, filepath.Join(lab, "link")),
		os.Mkdir(filepath.Join(lab, "folder"), 0o755)); err != nil {
		t.Fatal(err)
	}
	names := map[string][]byte{"fifo": []byte("1"), "link": []byte("2"), "folder": []byte("3")}
	for _, o := range deliver(t, s, 1, makeTransfer(t, names)) {
		have, err := os.ReadFile(filepath.Join(lab, o.Path+" (groupcast 1)"))
		if o.Result != spool.KeptBoth || err != nil || !bytes.Equal(have, names[o.Path]) {
			t.Errorf("%s: %+v, %v", o.Path, o, err)
		}
	}
	if _, err := os.Lstat(outside); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something was written through a link")
	}
}

// TestNoNameGoesThroughALink looks at the file system itself: whatever the spool asks for.
func TestNoNameGoesThroughALink(t *testing.T) {
	dir := t.TempDir()
	f, err := diskfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(f.Mkdir("real", 0o755), f.Symlink("real", "way"),
		os.WriteFile(filepath.Join(dir, "real", "f"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	_, create := f.Create("way/x", 0o644)
	_, read := f.Open("way/f", false)
	_, lstat := f.Lstat("way/f")
	_, list := f.Readdir("way")
	for what, err := range map[string]error{
		"create": create, "open": read, "lstat": lstat, "readdir": list, "mkdir": f.Mkdir("way/d", 0o755),
		"rename":      f.Rename("real/f", "way/g"),
		"rename from": f.RenameNew("way/f", "g"), "remove": f.Remove("way/f"), "symlink": f.Symlink("x", "way/l"),
		"chmod":   f.Chmod("way/f", 0o777),
		"chtimes": f.Chtimes("way/f", time.Now()), "sync": f.SyncFolder("way"), "out of it": f.Mkdir("../x", 0o755),
	} {
		t.Run(what, func(t *testing.T) {
			if err == nil && !(what == "sync" && runtime.GOOS == "windows") {
				t.Errorf("%s went through a link", what)
			}
		})
	}
	if err := errors.Join(f.RenameNew("real/f", "real/g"), f.Rename("real/g", "h")); err != nil {
		t.Error(err)
	}
	if err := f.RenameNew("h", "real"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a rename onto something: %v", err)
	}
}

func TestManyWorkersAtOnce(t *testing.T) {
	files := map[string][]byte{"big": noise(3<<20, 1), "other": noise(2<<20, 2)}
	for i := range 30 {
		files["small/"+strings.Repeat("x", i+1)] = noise(40_000, uint64(i))
	}
	dir := t.TempDir()
	tr := makeTransfer(t, files)
	g, err := open(t, dir, nil).Stage(context.Background(), 1, tr.layout)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for b := tr.layout.FirstStream(); int(b) < tr.layout.Blocks(); b++ {
				if n := b + protocol.BlockNumber(w)*3; int(n) < tr.layout.Blocks() {
					if err := g.WriteBlock(n, tr.block(n)); err != nil {
						t.Error(err)
					}
				}
				if int(b)%5 == w {
					if err := g.Sync(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := g.Commit(context.Background()); err != nil || !g.Done() {
		t.Fatalf("%d blocks missing: %v", g.Missing(), err)
	}
	for name, data := range files {
		if have, err := os.ReadFile(filepath.Join(dir, "lab", name)); err != nil || !bytes.Equal(have, data) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
}

// What has the group's name and is no folder is said with what to do, and nothing is made.
func TestALinkForTheGroupsFolderIsSaid(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "lab")); err != nil {
		t.Skip(err)
	}
	s, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Reserve: -1})
	var refused *spool.Refused
	if err == nil {
		defer s.Close()
		_, err = s.Stage(t.Context(), 1, makeTransfer(t, map[string][]byte{"f": []byte("f")}).layout)
	}
	if !errors.As(err, &refused) || !strings.Contains(refused.Reason, "move it away") {
		t.Errorf("%v", err)
	}
}
