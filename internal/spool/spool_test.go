package spool_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// transfer is a manifest with its content, ready to be written block by block.
type transfer struct {
	layout *manifest.Layout
	stream []byte
	files  map[string][]byte
}

func makeTransfer(t testing.TB, files map[string][]byte, extra ...manifest.File) *transfer {
	t.Helper()
	list := extra
	for name, data := range files {
		list = append(list, manifest.File{
			Path: name, Mode: 0o640, MTime: 1_600_000_000_123_456_789, Size: uint64(len(data)), Digest: sha256.Sum256(data),
		})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Path < list[j].Path })
	tr := &transfer{files: files}
	for _, f := range list {
		tr.stream = append(tr.stream, files[f.Path]...)
	}
	blocks, err := manifest.Cut(list)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for i := range blocks {
		end := at + int(blocks[i].Length)
		blocks[i].Digest = manifest.LeafDigest(tr.stream[at:end])
		at = end
	}
	tr.layout, _ = manifest.LayoutOf(&manifest.Manifest{Files: list, Blocks: blocks})
	return tr
}

// block gives the bytes of a block of the stream.
func (tr *transfer) block(n protocol.BlockNumber) []byte {
	at := 0
	for b := tr.layout.FirstStream(); b < n; b++ {
		length, _ := tr.layout.Length(b)
		at += length
	}
	length, _ := tr.layout.Length(n)
	return tr.stream[at : at+length]
}

func (tr *transfer) writeMissing(g *spool.Staging) error {
	has := g.Has()
	for b := tr.layout.FirstStream(); int(b) < tr.layout.Blocks(); b++ {
		if has.Has(b) {
			continue
		}
		if err := g.WriteBlock(b, tr.block(b)); err != nil {
			return err
		}
	}
	return nil
}

func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func open(t testing.TB, dir string, l spool.Ledger) *spool.Spool {
	t.Helper()
	s, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Ledger: l, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func deliver(t testing.TB, s *spool.Spool, no protocol.TransferNo, tr *transfer) []spool.Outcome {
	t.Helper()
	g, err := s.Stage(context.Background(), no, tr.layout)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.writeMissing(g); err != nil {
		t.Fatal(err)
	}
	if err := g.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !g.Done() {
		t.Fatal("not done after the last block")
	}
	if err := g.Remove(); err != nil {
		t.Fatal(err)
	}
	return g.Outcomes()
}

func TestDeliversATree(t *testing.T) {
	dir, l := t.TempDir(), spooltest.NewLedger()
	s := open(t, dir, l)
	tr := makeTransfer(t, map[string][]byte{
		"big.bin": noise(3<<20+17, 1), "a/one.txt": []byte("one"), "a/b/two.txt": []byte("two"), "empty": {},
	}, manifest.File{Kind: manifest.KindFolder, Path: "nothing", Mode: 0o750},
		manifest.File{Kind: manifest.KindSymlink, Path: "a/link", Target: "one.txt", Size: 7, Mode: 0o777})
	deliver(t, s, 7, tr)
	for name, data := range tr.files {
		full := filepath.Join(dir, "lab", name)
		have, err := os.ReadFile(full)
		if err != nil || !bytes.Equal(have, data) {
			t.Errorf("%s: %d bytes, %v", name, len(have), err)
		}
		fi, err := os.Stat(full)
		if err == nil &&
			(fi.Mode().Perm()&0o640 != fi.Mode().Perm() || fi.ModTime().UnixNano() != 1_600_000_000_123_456_789) {
			t.Errorf("%s: mode %v, time %v", name, fi.Mode(), fi.ModTime())
		}
	}
	if to, err := os.Readlink(filepath.Join(dir, "lab/a/link")); err != nil || to != "one.txt" {
		t.Errorf("link: %q, %v", to, err)
	}
	if fi, err := os.Stat(filepath.Join(dir, "lab/nothing")); err != nil || !fi.IsDir() {
		t.Errorf("empty folder: %v", err)
	}
	if left, _ := s.Stagings(); len(left) != 0 {
		t.Errorf("stagings left: %v", left)
	}
}

func TestNothingUnderItsNameBeforeTheLastBlock(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spooltest.NewLedger())
	tr := makeTransfer(t, map[string][]byte{"big.bin": noise(2<<20, 2), "small": []byte("x")})
	g, err := s.Stage(context.Background(), 1, tr.layout)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	last := protocol.BlockNumber(tr.layout.Blocks() - 1)
	for b := tr.layout.FirstStream(); b < last; b++ {
		if err := g.WriteBlock(b, tr.block(b)); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	if g.Done() {
		t.Error("done with a block missing")
	}
	if _, err := os.Stat(filepath.Join(dir, "lab", "big.bin")); err != nil {
		t.Errorf("big.bin has all its blocks: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "lab", "small")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("small stands there without its block: %v", err)
	}
}

func TestEditsOfTheUserStay(t *testing.T) {
	dir, l := t.TempDir(), spooltest.NewLedger()
	s := open(t, dir, l)
	path := filepath.Join(dir, "lab", "report.pdf")
	deliver(t, s, 1, makeTransfer(t, map[string][]byte{"report.pdf": []byte("first")}))
	deliver(t, s, 2, makeTransfer(t, map[string][]byte{"report.pdf": []byte("second")}))
	if have, _ := os.ReadFile(path); string(have) != "second" {
		t.Fatalf("an unedited file is replaced; it is %q", have)
	}
	if err := os.WriteFile(path, []byte("my notes"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := deliver(t, s, 3, makeTransfer(t, map[string][]byte{"report.pdf": []byte("third")}))
	if have, _ := os.ReadFile(path); string(have) != "my notes" {
		t.Errorf("the user's edit is gone: %q", have)
	}
	if have, _ := os.ReadFile(filepath.Join(dir, "lab", "report (groupcast 3).pdf")); string(have) != "third" ||
		out[0].Result != spool.KeptBoth {
		t.Errorf("the new one is %q, %+v", have, out[0])
	}
	deliver(t, s, 4, makeTransfer(t, map[string][]byte{"report.pdf": []byte("fourth")}))
	if have, _ := os.ReadFile(filepath.Join(dir, "lab", "report (groupcast 3).pdf")); string(have) != "fourth" {
		t.Errorf("ours beside it is replaced by the next version; it is %q", have)
	}
}

func TestOlderNeverOverwritesNewer(t *testing.T) {
	dir, l := t.TempDir(), spooltest.NewLedger()
	s := open(t, dir, l)
	deliver(t, s, 9, makeTransfer(t, map[string][]byte{"f": []byte("new")}))
	out := deliver(t, s, 7, makeTransfer(t, map[string][]byte{"f": []byte("old")}))
	if have, _ := os.ReadFile(filepath.Join(dir, "lab", "f")); string(have) != "new" || out[0].Result != spool.Superseded {
		t.Errorf("%q, %+v", have, out[0])
	}
	_ = os.Remove(filepath.Join(dir, "lab", "f"))
	if out = deliver(t, s, 8, makeTransfer(t, map[string][]byte{"f": []byte("old")})); out[0].Result != spool.Superseded {
		t.Errorf("after the file was deleted here: %+v", out[0])
	}
}

// TestAlreadyHadGetsTheTime: what lies there with the same content gets the time of the manifest.
func TestAlreadyHadGetsTheTime(t *testing.T) {
	dir, l := t.TempDir(), spooltest.NewLedger()
	s := open(t, dir, l)
	deliver(t, s, 1, makeTransfer(t, map[string][]byte{"f": []byte("same")}))
	name := filepath.Join(dir, "lab", "f")
	was, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, time.Time{}, time.Unix(12345, 0)); err != nil { // somebody touched it
		t.Fatal(err)
	}
	again := makeTransfer(t, map[string][]byte{"f": []byte("same")})
	g, err := s.Stage(context.Background(), 2, again.layout)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	fi, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if !g.Done() || !fi.ModTime().Equal(was.ModTime()) {
		t.Errorf("the time is %v, want that of the manifest, %v", fi.ModTime(), was.ModTime())
	}
	if d, known, err := l.Lookup("f"); err != nil || !known || !d.MTime.Equal(fi.ModTime()) {
		t.Errorf("the ledger has %+v, %v", d, err)
	}
}

func TestAlreadyHad(t *testing.T) {
	dir, l := t.TempDir(), spooltest.NewLedger()
	s := open(t, dir, l)
	files := map[string][]byte{"big": noise(2<<20, 5)}
	deliver(t, s, 1, makeTransfer(t, files))
	g, err := s.Stage(context.Background(), 2, makeTransfer(t, files).layout)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if !g.Done() || g.Missing() != 0 || g.Outcomes()[0].Result != spool.AlreadyHad {
		t.Errorf("the same content again: %d missing, %+v", g.Missing(), g.Outcomes())
	}
	// A probe for a file that lies there but was never delivered learns nothing (R4).
	if err := os.WriteFile(filepath.Join(dir, "lab", "secret"), []byte("private"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := s.Stage(context.Background(), 3, makeTransfer(t, map[string][]byte{"secret": []byte("private")}).layout)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Missing() == 0 {
		t.Error("the server learnt that a private file has this content")
	}
}

// What this very transfer delivered, before it was interrupted without a journal, was delivered
// and not already had.
func TestDeliveredByItself(t *testing.T) {
	s := open(t, t.TempDir(), spooltest.NewLedger())
	files := map[string][]byte{"big": noise(2<<20, 5)}
	deliver(t, s, 1, makeTransfer(t, files))
	g, err := s.Stage(context.Background(), 1, makeTransfer(t, files).layout)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if o := g.Outcomes(); g.Missing() != 0 || len(o) != 1 || o[0].Result != spool.Committed || o[0].Name != "big" {
		t.Errorf("%d missing, %+v", g.Missing(), o)
	}
}

func TestHostileFolder(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, dir, spooltest.NewLedger())
	if err := os.Symlink(outside, filepath.Join(dir, "lab", "a")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "other"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../other", filepath.Join(dir, "lab", "b")); err != nil {
		t.Fatal(err)
	}
	out := deliver(t, s, 1, makeTransfer(t, map[string][]byte{"a/x": []byte("1"), "b/y": []byte("2"), "c/z": []byte("3")}))
	for _, o := range out {
		if want := map[bool]spool.Result{true: spool.Committed, false: spool.Rejected}[o.Path == "c/z"]; o.Result != want {
			t.Errorf("%s: %d (%s), want %d", o.Path, o.Result, o.Reason, want)
		}
	}
	for _, d := range []string{outside, filepath.Join(dir, "other")} {
		if found, _ := os.ReadDir(d); len(found) != 0 {
			t.Errorf("something was written through a link: %v", found)
		}
	}
}

func TestNoSpace(t *testing.T) {
	disk := spooltest.NewDisk(rand.New(rand.NewPCG(1, 1)))
	disk.Capacity = 3 << 20
	s, err := spool.Open(spool.Config{Dir: "x", Group: "lab", Ledger: spooltest.NewLedger(), FS: disk, Reserve: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	tr := makeTransfer(t, map[string][]byte{"big": noise(2<<20+1, 3)})
	var refused *spool.Refused
	if _, err := s.Stage(context.Background(), 1, tr.layout); !errors.As(err, &refused) || refused.Kind != "space" ||
		!strings.Contains(refused.Reason, "2.1 MB") {
		t.Fatalf("%v", err)
	}
	disk.Capacity = 4 << 20
	deliver(t, s, 1, tr)
}

// TestCrashAtEveryOperation lets the power go out after every single operation of a delivery,
// goes on after the restart, and looks: no wrong byte under a final name, ever.
func TestCrashAtEveryOperation(t *testing.T) {
	files := map[string][]byte{"big": noise(1<<20+5000, 4), "a/s1": noise(700, 5), "a/s2": noise(5, 6), "t": {}}
	for i := range 9 {
		files[fmt.Sprintf("many/%d", i)] = noise(100+i, uint64(i))
	}
	tr := makeTransfer(t, files)
	total := crashRun(t, tr, 1<<30, 0, nil)
	for at := range total {
		crashRun(t, tr, at, uint64(at), nil)
	}
	t.Logf("%d crashes", total)
}

// TestLyingDiskIsCaught: the same test sees a wrong byte when the barrier before the rename,
// or the journal's, does nothing. So it can fail.
func TestLyingDiskIsCaught(t *testing.T) {
	tr := makeTransfer(t, map[string][]byte{"big": noise(1<<20+5000, 4)})
	for name, lie := range map[string]func(string) bool{
		"barrier before the rename": func(n string) bool { return strings.Contains(n, "/f") },
	} {
		caught := false
		total := crashRun(t, tr, 1<<30, 0, nil)
		for at := range total {
			for seed := range uint64(4) {
				caught = caught || crashed(tr, at, seed, lie) != nil
			}
		}
		if !caught {
			t.Errorf("%s: nobody noticed", name)
		}
	}
}

func crashRun(t *testing.T, tr *transfer, at int, seed uint64, lie func(string) bool) (operations int) {
	t.Helper()
	disk := spooltest.NewDisk(rand.New(rand.NewPCG(seed, 9)))
	disk.LieOnSync = lie
	disk.CrashAfter(at)
	if err := crashStory(tr, disk); err != nil {
		t.Fatalf("crash after %d operations (seed %d): %v", at, seed, err)
	}
	return at - max(0, disk.Left())
}

func crashed(tr *transfer, at int, seed uint64, lie func(string) bool) error {
	disk := spooltest.NewDisk(rand.New(rand.NewPCG(seed, 9)))
	disk.LieOnSync = lie
	disk.CrashAfter(at)
	return crashStory(tr, disk)
}

// crashStory delivers over a disk whose power may go out, restarts, and delivers the rest.
func crashStory(tr *transfer, disk *spooltest.Disk) error {
	ledger := spooltest.NewLedger()
	for try := 0; ; try++ {
		err := deliverOn(tr, disk, ledger)
		if bad := wrongBytes(tr, disk); bad != nil {
			return bad
		}
		if err == nil {
			break
		}
		if !errors.Is(err, spooltest.ErrPower) || try > 1 {
			return err
		}
		disk.Crash()
		if bad := wrongBytes(tr, disk); bad != nil {
			return fmt.Errorf("after the crash: %w", bad)
		}
	}
	if have := disk.Files("lab"); len(have) != len(tr.files) {
		return fmt.Errorf("%d of %d files are there", len(have), len(tr.files))
	}
	return nil
}

func deliverOn(tr *transfer, disk *spooltest.Disk, ledger *spooltest.Ledger) error {
	s, err := spool.Open(spool.Config{Dir: "x", Group: "lab", Ledger: ledger, FS: disk, Reserve: -1})
	if err != nil {
		return err
	}
	g, err := s.Stage(context.Background(), 3, tr.layout)
	if err != nil {
		return err
	}
	if err := tr.writeMissing(g); err != nil {
		return err
	}
	if err := g.Sync(); err != nil {
		return err
	}
	if err := g.Commit(context.Background()); err != nil {
		return err
	}
	if !g.Done() {
		return errors.New("not done")
	}
	return g.Remove()
}

func wrongBytes(tr *transfer, disk *spooltest.Disk) error {
	for name, have := range disk.Files("lab") {
		want, known := tr.files[strings.TrimPrefix(name, "lab/")]
		if !known || !bytes.Equal(have, want) {
			return fmt.Errorf("%s has wrong content (%d bytes)", name, len(have))
		}
	}
	return nil
}
