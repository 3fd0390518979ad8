package spool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// pagedLife is life for a transfer of format 2: pages come between the blocks, some files are void, and a later edition
// may come in the middle.
type pagedLife struct {
	editions []*paged
	now      int // the edition that is offered
	disk     *spooltest.Disk
	ledger   *spooltest.Ledger
	rnd      *rand.Rand
	synced   map[uint32]bool   // blocks that a Sync said are durable, in the edition of now
	stay     map[string][]byte // what must stay under a name: the user's, and older versions of void files
}

func newPagedLife(t testing.TB, seed uint64, editions ...*paged) *pagedLife {
	t.Helper()
	l := &pagedLife{
		editions: editions, disk: spooltest.NewDisk(rand.New(rand.NewPCG(seed, 1))), ledger: spooltest.NewLedger(),
		rnd: rand.New(rand.NewPCG(seed, 2)), synced: map[uint32]bool{}, stay: map[string][]byte{},
	}
	older := map[string][]byte{"void": []byte("an older version"), "many/c": []byte("older, too")}
	tr := makeTransfer(t, older)
	s := l.open(t)
	g, err := s.Stage(context.Background(), 1, tr.layout)
	must(t, err)
	must(t, tr.writeMissing(g))
	err = g.Commit(context.Background())
	must(t, errors.Join(err, g.Remove(), l.disk.SyncAll()))
	for name, data := range older {
		if editions[0].void[name] {
			l.stay["lab/"+name] = data
		}
	}
	if seed%2 == 1 {
		l.stay["lab/many/d"] = []byte("the user's")
		f, err := l.disk.Create("lab/many/d", 0o644)
		must(t, err)
		_, err = f.WriteAt([]byte("the user's"), 0)
		must(t, errors.Join(err, l.disk.SyncAll()))
	}
	return l
}

func (l *pagedLife) open(t testing.TB) *spool.Spool {
	t.Helper()
	s, err := spool.Open(spool.Config{Dir: "x", Group: "lab", Ledger: l.ledger, FS: l.disk, Reserve: -1})
	must(t, err)
	return s
}

// wrong says what is not as it must be below DIR/GROUP.
func (l *pagedLife) wrong(finished bool) error {
	have := l.disk.Files("lab")
	for name, data := range l.stay {
		if !bytes.Equal(have[name], data) {
			return fmt.Errorf("%s did not stay: %q", name, have[name])
		}
		delete(have, name)
	}
	p := l.editions[l.now]
	for name, data := range have {
		path := strings.TrimPrefix(kept.ReplaceAllString(name, ""), "lab/")
		right := path == "many/c" && string(data) == "older, too"
		for _, e := range l.editions[:l.now+1] {
			right = right || !e.void[path] && bytes.Equal(data, e.files[path])
		}
		if !right {
			return fmt.Errorf("%s has %d bytes that nobody sent", name, len(data))
		}
	}
	for path, data := range p.files {
		found := false
		for name, has := range have {
			found = found || strings.TrimPrefix(kept.ReplaceAllString(name, ""), "lab/") == path && bytes.Equal(has, data)
		}
		if finished && !p.void[path] && !found {
			return fmt.Errorf("%s is not there", path)
		}
	}
	if left := l.disk.Files(".groupcast/0000000000000000-3"); finished && len(left) > 0 {
		return fmt.Errorf("%d files are left in the staging", len(left))
	}
	return nil
}

// receive is one run of the agent: pages in their order, blocks in any, barriers and commits between.
func (l *pagedLife) receive() error {
	s, err := spool.Open(spool.Config{Dir: "x", Group: "lab", Ledger: l.ledger, FS: l.disk, Reserve: -1})
	if err != nil {
		return err
	}
	p := l.editions[l.now]
	g, err := p.stage(s)
	if err != nil {
		return err
	}
	has := g.Have()
	for b := range l.synced {
		if !has.Has(protocol.BlockNumber(b)) {
			return fmt.Errorf("block %d was durable and is asked for again", b)
		}
	}
	blocks := wants(g.Known())
	for len(blocks) > 0 || !g.Final() {
		if !g.Final() && (len(blocks) == 0 || l.rnd.IntN(3) == 0) {
			c, err := g.AddPage(p.pages[g.Verified()])
			if err != nil {
				return err
			}
			blocks = append(blocks, wants(c)...)
			continue
		}
		n := l.rnd.IntN(len(blocks))
		b := blocks[n]
		blocks[n] = blocks[len(blocks)-1]
		blocks = blocks[:len(blocks)-1]
		if ok, err := g.WriteBlock(b, p.block(b)); err != nil || !ok {
			return errors.Join(err, fmt.Errorf("block %d: %v", b, ok))
		}
		if err := l.sometimes(g); err != nil {
			return err
		}
	}
	if err := g.Commit(context.Background()); err != nil {
		return err
	}
	if !g.Done() || g.Missing() > 0 {
		return fmt.Errorf("done: %v, %d blocks missing", g.Done(), g.Missing())
	}
	clear(l.synced) // without pages nobody knows what is here
	return g.Remove()
}

func (l *pagedLife) sometimes(g *spool.Paged) error {
	switch l.rnd.IntN(6) {
	case 0:
		if err := g.Sync(); err != nil {
			return err
		}
		has := g.Have()
		for b := range uint32(has.Len()) {
			if has.Has(protocol.BlockNumber(b)) {
				l.synced[b] = true
			}
		}
	case 1:
		err := g.Commit(context.Background())
		return err
	}
	return nil
}

// run lives until everything is delivered.
func (l *pagedLife) run(crash func(try int) int) error {
	for try := range 100 {
		l.disk.CrashAfter(crash(try))
		err := l.receive()
		if bad := l.wrong(false); bad != nil {
			return fmt.Errorf("try %d: %w", try, bad)
		}
		switch {
		case err == nil:
			return l.wrong(true)
		case !errors.Is(err, spooltest.ErrPower):
			return fmt.Errorf("try %d: %w", try, err)
		case l.rnd.IntN(3) == 0:
			l.disk.Kill()
		default:
			l.disk.Crash()
		}
		if bad := l.wrong(false); bad != nil {
			return fmt.Errorf("after crash %d: %w", try, bad)
		}
		if l.now < len(l.editions)-1 && l.rnd.IntN(2) == 0 {
			l.now, l.synced = l.now+1, map[uint32]bool{}
		}
	}
	return errors.New("it never ends")
}

// pagedLives are three editions of a tree with files that are void, some of them from the second edition on.
func pagedLives(t testing.TB) []*paged {
	files := pagedFiles()
	files["void"] = noise(1<<20+90_000, 77)
	void := []string{"void", "many/g"}
	first := pagedOf(t, 1, files, void, folderAndLink...)
	changed := pagedFiles()
	changed["void"] = files["void"]
	changed["many/e"][7]++
	changed["big"][300_000]++
	copy(changed["holes"][protocol.BlockSize:], "not zeros any more")
	clear(changed["holes"][3*protocol.BlockSize : 4*protocol.BlockSize])
	second := pagedOf(t, 2, changed, append(void, "many/b"), folderAndLink...)
	third := pagedOf(t, 3, files, append(void, "t"), folderAndLink...)
	return []*paged{first, second, third}
}

// TestManyPagedLives: crashes and kills one after another, at any operation, with pages, blocks in any order, void
// files beside older versions of them, and later editions. Never a wrong byte under a final name.
func TestManyPagedLives(t *testing.T) {
	editions := pagedLives(t)
	var sum spooltest.Counts
	changes := 0
	for seed := *first; seed < *first+uint64(*lives); seed++ {
		l := newPagedLife(t, seed, editions...)
		err := l.run(func(try int) int {
			if try < 60 {
				return 20 + l.rnd.IntN(280)
			}
			return -1
		})
		if err != nil {
			t.Fatalf("seed %d, edition %d: %v", seed, l.now+1, err)
		}
		changes += l.now
		sum.Crashes += l.disk.Counts.Crashes
		sum.Kills += l.disk.Counts.Kills
		sum.LostWrites += l.disk.Counts.LostWrites
		sum.LostNames += l.disk.Counts.LostNames
	}
	t.Logf("%+v, %d later editions", sum, changes)
	if sum.Crashes == 0 || sum.Kills == 0 || sum.LostWrites == 0 || sum.LostNames == 0 || changes == 0 {
		t.Error("a fault never happened")
	}
}

// TestACrashAtEveryStep lets the power go out once at every operation of a delivery: each page, each record of the
// journal, each rename.
func TestACrashAtEveryStep(t *testing.T) {
	every := 1
	if testing.Short() {
		every = 7
	}
	editions := pagedLives(t)[:1]
	for n := 0; ; n += every {
		l := newPagedLife(t, uint64(n), editions...)
		crashed := false
		err := l.run(func(try int) int {
			if try > 0 {
				crashed = true
				return -1
			}
			return n
		})
		if err != nil {
			t.Fatalf("a crash at operation %d: %v", n, err)
		}
		if !crashed {
			t.Logf("%d operations", n)
			return
		}
	}
}

// TestPagedLiesAreCaught: the same over a disk that lies about being durable is found out.
func TestPagedLiesAreCaught(t *testing.T) {
	editions := pagedLives(t)
	for what, lie := range map[string]func(string) bool{
		"data before the rename": func(n string) bool {
			return !strings.HasSuffix(n, "journal") && !strings.HasSuffix(n, "pages")
		},
		"the journal": func(n string) bool { return strings.HasSuffix(n, "journal") },
		"the pages":   func(n string) bool { return strings.HasSuffix(n, "pages") },
	} {
		caught := false
		for seed := uint64(0); seed < 40 && !caught; seed++ {
			l := newPagedLife(t, seed, editions[0])
			l.disk.LieOnSync = lie
			caught = l.run(func(int) int { return l.rnd.IntN(200) }) != nil
		}
		if !caught {
			t.Errorf("a lie about %s: nobody noticed", what)
		}
	}
}
