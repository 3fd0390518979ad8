package spool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// deltaOf is a later transfer, of mode delta.
func deltaOf(t testing.TB, no protocol.TransferNo, files map[string][]byte, void ...string) *paged {
	p := pagedOf(t, 1, files, void, folderAndLink...)
	p.offer.Transfer, p.offer.TransferID, p.pages = no, protocol.TransferID{byte(no)}, nil
	p.offer.Flags |= format2.OfferStaged | format2.OfferDelta
	p.sign(t)
	return p
}

// looked stages a transfer with all of its pages, looks, and gives the blocks that have to come.
func (p *paged) looked(t testing.TB, s *spool.Spool) (g *spool.Paged, lacks []uint32) {
	t.Helper()
	g, err := p.stage(s)
	must(t, err)
	for _, raw := range p.pages[g.Verified():] {
		_, err := g.AddPage(raw)
		must(t, err)
	}
	var last, all uint64
	must(t, g.Look(t.Context(), func(done, of uint64) {
		if done < last || done > of || all != 0 && of != all {
			t.Errorf("%d of %d bytes, after %d of %d", done, of, last, all)
		}
		last, all = done, of
	}))
	if last != all {
		t.Errorf("only %d of %d bytes were looked for", last, all)
	}
	return g, wants(g.Known())
}

// finish brings what is missing and compares everything.
func (p *paged) finish(t testing.TB, g *spool.Paged, dir string) map[string]spool.Outcome {
	t.Helper()
	_, out := p.receive(t, g)
	for name, data := range p.files {
		have, err := os.ReadFile(filepath.Join(dir, out[name].Name))
		if !p.void[name] && (err != nil || !bytes.Equal(have, data)) {
			t.Errorf("%s: %+v, %v", name, out[name], err)
		}
	}
	must(t, g.Remove())
	return out
}

func (p *paged) blocksOf(t testing.TB, name string) (out []uint32) {
	t.Helper()
	i := slices.IndexFunc(p.entries, func(e skeleton.Entry) bool { return e.Path == name })
	first, end, ok := p.cut.File(uint32(i))
	if !ok {
		t.Fatalf("%s is no file", name)
	}
	for b := first; b < end; b++ {
		out = append(out, b)
	}
	return out
}

// delivered brings a first transfer into a folder, in one of the formats.
func delivered(t testing.TB, format int, s *spool.Spool, files map[string][]byte) {
	t.Helper()
	if format == 1 {
		deliver(t, s, 1, makeTransfer(t, files))
		return
	}
	p := pagedOf(t, 1, files, nil)
	g, err := p.stage(s)
	must(t, err)
	p.receive(t, g)
	must(t, g.Remove())
}

// What lies there as it was delivered has not to come again, whichever format brought it.
func TestAnIdenticalTreeNeedsNoBlock(t *testing.T) {
	for format := 1; format <= 2; format++ {
		dir, l := t.TempDir(), spooltest.NewLedger()
		s := openPaged(t, dir, l)
		delivered(t, format, s, pagedFiles())
		p := deltaOf(t, 4, pagedFiles())
		g, lacks := p.looked(t, s)
		if len(lacks) > 0 {
			t.Errorf("format %d: blocks %v have to come", format, lacks)
		}
		for name, o := range p.finish(t, g, filepath.Join(dir, "lab")) {
			if p.files[name] != nil && o.Result != spool.AlreadyHad {
				t.Errorf("format %d: %s: %+v", format, name, o)
			}
		}
		if d := l.Paths["big"]; d.Transfer != 4 || d.Digest != format2.ContentDigest(p.files["big"]) {
			t.Errorf("format %d: the ledger has %+v", format, d)
		}
	}
}

// Files that were renamed, copied and moved with their folder do not come; of an older version the changed blocks do.
func TestOnlyWhatChangedComes(t *testing.T) {
	dir := t.TempDir()
	s := openPaged(t, dir, spooltest.NewLedger())
	older := pagedFiles()
	older["image"] = noise(20*protocol.BlockSize+77, 9)
	delivered(t, 2, s, older)

	files := pagedFiles()
	files["renamed"], files["copy"] = files["big"], files["holes"]
	delete(files, "big")
	for i := range 8 {
		name := "many/" + string(rune('a'+i))
		files["moved/"+name] = files[name]
		delete(files, name)
	}
	image := bytes.Clone(older["image"])
	image[3*protocol.BlockSize+5]++
	image[20*protocol.BlockSize+5]++
	files["image"] = append(image, noise(protocol.BlockSize, 10)...) // and longer
	files["zeros"] = make([]byte, 2<<20)
	p := deltaOf(t, 4, files)
	g, lacks := p.looked(t, s)
	first := p.blocksOf(t, "image")[0]
	if want := []uint32{first + 3, first + 20, first + 21}; !slices.Equal(lacks, want) {
		t.Errorf("blocks %v have to come, not %v", lacks, want)
	}
	p.finish(t, g, filepath.Join(dir, "lab"))
}

// A large file that format 1 delivered is found under its other name, by its size.
func TestALargeFileOfFormat1IsFoundRenamed(t *testing.T) {
	dir := t.TempDir()
	s := openPaged(t, dir, spooltest.NewLedger())
	old := map[string][]byte{"a": noise(2<<20, 1), "b": noise(2<<20, 2), "c": noise(3<<20, 3)}
	delivered(t, 1, s, old)
	p := deltaOf(t, 4, map[string][]byte{"x": old["a"], "y": old["b"], "c": old["c"]})
	g, lacks := p.looked(t, s)
	if len(lacks) > 0 {
		t.Errorf("blocks %v have to come", lacks)
	}
	p.finish(t, g, filepath.Join(dir, "lab"))
}

// A block of small files is put together of files under other names and older ones; where one of them changed, the
// whole block comes.
func TestBlocksOfSmallFilesArePutTogether(t *testing.T) {
	dir := t.TempDir()
	s := openPaged(t, dir, spooltest.NewLedger())
	old := map[string][]byte{}
	for i := range 60 {
		old[fmt.Sprintf("old/%02d", i)] = noise(20_000+i, uint64(i))
	}
	delivered(t, 2, s, old)
	files := map[string][]byte{}
	for i := range 60 {
		files[fmt.Sprintf("new/%02d", i)] = old[fmt.Sprintf("old/%02d", i)]
	}
	changed := bytes.Clone(files["new/30"])
	changed[7]++
	files["new/30"] = changed
	p := deltaOf(t, 4, files)
	g, lacks := p.looked(t, s)
	if want := p.blocksOf(t, "new/30"); !slices.Equal(lacks, want) {
		t.Errorf("blocks %v have to come, not %v", lacks, want)
	}
	p.finish(t, g, filepath.Join(dir, "lab"))
}

// What groupcast did not deliver, and what was edited since, is not looked at: a server would learn of it.
func TestOnlyWhatWasDeliveredIsReused(t *testing.T) {
	dir := t.TempDir()
	s := openPaged(t, dir, spooltest.NewLedger())
	at := func(name string) string { return filepath.Join(dir, "lab", name) }
	delivered(t, 2, s, map[string][]byte{"edited": noise(3<<20, 1), "rotten": noise(3<<20, 2)})
	// Edited, and with the content that is to come: still theirs.
	files := map[string][]byte{"edited": noise(3<<20, 11), "rotten": noise(3<<20, 2), "theirs": noise(2<<20, 3)}
	must(t, os.WriteFile(at("edited"), files["edited"], 0o600))
	must(t, os.WriteFile(at("mine"), files["theirs"], 0o600))
	fi, err := os.Stat(at("rotten"))
	must(t, err)
	f, err := os.OpenFile(at("rotten"), os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("changed unseen"), 300_000)
	must(t, errors.Join(err, f.Close(), os.Chtimes(at("rotten"), time.Time{}, fi.ModTime())))
	p := deltaOf(t, 4, files)
	g, lacks := p.looked(t, s)
	want := append(p.blocksOf(t, "edited"), p.blocksOf(t, "rotten")[1])
	if want = append(want, p.blocksOf(t, "theirs")...); !slices.Equal(lacks, want) {
		t.Errorf("blocks %v have to come, not %v", lacks, want)
	}
	p.finish(t, g, filepath.Join(dir, "lab"))
}

// A folder of another group is not looked into.
func TestOtherGroupsAreNotReused(t *testing.T) {
	dir, l := t.TempDir(), spooltest.NewLedger()
	files := map[string][]byte{"a": noise(2<<20, 1)}
	delivered(t, 2, openPaged(t, dir, l), files)
	s, err := spool.Open(spool.Config{
		Dir: dir, Group: "other", GroupID: protocol.GroupID{7}, Reserve: -1, Ledger: spooltest.NewLedger(),
	})
	must(t, err)
	defer s.Close()
	p := deltaOf(t, 4, map[string][]byte{"b": files["a"]})
	g, lacks := p.looked(t, s)
	if len(lacks) != p.cut.Blocks() {
		t.Errorf("only blocks %v have to come", lacks)
	}
	p.finish(t, g, filepath.Join(dir, "other"))
}

// Looking may be stopped, and goes on with what it has found.
func TestLookingIsStopped(t *testing.T) {
	dir := t.TempDir()
	s := openPaged(t, dir, spooltest.NewLedger())
	old := map[string][]byte{"image": noise(600*protocol.BlockSize, 9)}
	delivered(t, 2, s, old)
	p := deltaOf(t, 4, map[string][]byte{"renamed": old["image"]})
	g, err := p.stage(s)
	must(t, err)
	for _, raw := range p.pages {
		_, err := g.AddPage(raw)
		must(t, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	err = g.Look(ctx, func(done, _ uint64) {
		if done > 0 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("it was stopped: %v", err)
	}
	if n := g.Missing(); n == 0 || n == 600 {
		t.Errorf("%d blocks are missing", n)
	}
	must(t, g.Close())
	g, lacks := p.looked(t, s)
	if len(lacks) > 0 {
		t.Errorf("blocks %v have to come", lacks)
	}
	p.finish(t, g, filepath.Join(dir, "lab"))
}

// The power goes out at every operation while a device looks, and once more later: nothing wrong ever has its name, and
// everything arrives.
func TestACrashAtEveryStepOfALook(t *testing.T) {
	every := 3
	if testing.Short() {
		every = 17
	}
	older := pagedFiles()
	files := pagedFiles()
	files["renamed"] = files["big"]
	delete(files, "big")
	files["moved/b"], files["moved/c"] = files["many/b"], files["many/c"]
	delete(files, "many/b")
	changed := bytes.Clone(files["holes"])
	changed[5]++
	files["holes"] = changed
	first, second := pagedOf(t, 1, older, nil, folderAndLink...), deltaOf(t, 4, files)
	steps := 0
	for n := 0; ; n += every {
		l := &lookingLife{paged: second, disk: spooltest.NewDisk(rand.New(rand.NewPCG(uint64(n), 1)))}
		l.ledger = spooltest.NewLedger()
		l.bring(t, first)
		l.disk.CrashAfter(n)
		err := l.look(t)
		if err == nil {
			steps = n
			break
		}
		if !errors.Is(err, spooltest.ErrPower) {
			t.Fatalf("operation %d: %v", n, err)
		}
		if n%2 == 0 {
			l.disk.Kill()
		} else {
			l.disk.Crash()
		}
		if err := l.look(t); err != nil {
			t.Fatalf("after a crash at operation %d: %v", n, err)
		}
		for name, data := range files {
			found := false // under its name; or beside the older one, which a crash brought back after the ledger had it
			for at, have := range l.disk.Files("lab") {
				is := strings.TrimSuffix(strings.TrimPrefix(at, "lab/"), " (groupcast 4)") == name
				found = found || is && bytes.Equal(have, data)
				if is && !bytes.Equal(have, data) && !bytes.Equal(have, older[name]) {
					t.Fatalf("after a crash at operation %d: %s has %d bytes that nobody sent", n, at, len(have))
				}
			}
			if !found {
				t.Fatalf("after a crash at operation %d: %s is not there", n, name)
			}
		}
	}
	t.Logf("%d operations", steps)
	if steps < 40 {
		t.Error("hardly anything is done")
	}
}

type lookingLife struct {
	*paged
	disk   *spooltest.Disk
	ledger *spooltest.Ledger
}

func (l *lookingLife) open() (*spool.Spool, error) {
	return spool.Open(spool.Config{Dir: "x", Group: "lab", Ledger: l.ledger, FS: l.disk, Reserve: -1})
}

func (l *lookingLife) bring(t testing.TB, p *paged) {
	s, err := l.open()
	must(t, err)
	g, err := p.stage(s)
	must(t, err)
	p.receive(t, g)
	must(t, errors.Join(g.Remove(), l.disk.SyncAll()))
}

func (l *lookingLife) look(t testing.TB) error {
	s, err := l.open()
	if err != nil {
		return err
	}
	g, err := l.stage(s)
	if err != nil {
		return err
	}
	for _, raw := range l.pages[g.Verified():] {
		if _, err := g.AddPage(raw); err != nil {
			return err
		}
	}
	if err := g.Look(context.Background(), func(uint64, uint64) {}); err != nil {
		return err
	}
	if _, err := l.disk.Lstat("lab"); err != nil {
		return err // what could not be read has to come, but nothing can
	}
	lacks := wants(g.Known())
	if first := l.blocksOf(t, "holes")[0]; len(lacks) > 1 || len(lacks) == 1 && lacks[0] != first {
		return fmt.Errorf("blocks %v have to come", lacks)
	}
	for _, b := range lacks {
		if ok, err := g.WriteBlock(b, l.block(b)); err != nil || !ok {
			return errors.Join(err, fmt.Errorf("block %d: %v", b, ok))
		}
	}
	if err := g.Commit(context.Background()); err != nil {
		return err
	}
	if !g.Done() {
		return errors.New("not done")
	}
	return g.Remove()
}
