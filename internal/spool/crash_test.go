package spool_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

var (
	lives = flag.Int("lives", 30, "how many seeds TestManyLives plays")
	first = flag.Uint64("first", 0, "the first of them")
)

// life is a device whose power goes out and whose agent is killed again and again while it
// receives one transfer.
type life struct {
	tr     *transfer
	disk   *spooltest.Disk
	ledger *spooltest.Ledger
	rnd    *rand.Rand
	synced map[protocol.BlockNumber]bool // blocks that a Sync said are durable
	mine   map[string][]byte             // files of the user, by final name
}

// plant puts a file of the user where a delivered one is to go: all of it must stay, and the
// delivered one lies beside it.
func (l *life) plant(name string, data []byte) error {
	for i := range name {
		if name[i] == '/' {
			if err := l.disk.Mkdir(name[:i], 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
	}
	f, err := l.disk.Create(name, 0o644)
	if err != nil {
		return err
	}
	l.mine[name] = data
	_, err = f.WriteAt(data, 0)
	return errors.Join(err, l.disk.SyncAll())
}

// kept is the mark of a file that lies beside one of the user's.
var kept = regexp.MustCompile(` \(groupcast 3(, [0-9]+)?\)`)

// wrong says what is not as it must be below DIR/GROUP.
func (l *life) wrong(finished bool) error {
	have := l.disk.Files("lab")
	for name, data := range l.mine {
		if !bytes.Equal(have[name], data) {
			return fmt.Errorf("the user's %s is gone", name)
		}
		delete(have, name)
	}
	for name, data := range have {
		want, known := l.tr.files[strings.TrimPrefix(kept.ReplaceAllString(name, ""), "lab/")]
		if !known || !bytes.Equal(data, want) {
			return fmt.Errorf("%s has wrong content (%d bytes)", name, len(data))
		}
	}
	if finished && len(have) != len(l.tr.files) {
		return fmt.Errorf("%d of %d files are there", len(have), len(l.tr.files))
	}
	return nil
}

func newLife(tr *transfer, seed uint64) *life {
	return &life{
		tr: tr, disk: spooltest.NewDisk(rand.New(rand.NewPCG(seed, 1))), ledger: spooltest.NewLedger(),
		rnd: rand.New(rand.NewPCG(seed, 2)), synced: map[protocol.BlockNumber]bool{},
		mine: map[string][]byte{},
	}
}

// run lives until everything is delivered; it gives what was wrong.
func (l *life) run() error {
	for try := range 60 {
		l.disk.CrashAfter(-1)
		if try < 50 {
			l.disk.CrashAfter(l.rnd.IntN(90))
		}
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
	}
	return errors.New("it never ends")
}

// receive is one run of the agent: blocks come in any order, barriers and commits between.
func (l *life) receive() error {
	s, err := spool.Open(spool.Config{Dir: "x", Group: "lab", Ledger: l.ledger, FS: l.disk, Reserve: -1})
	if err != nil {
		return err
	}
	g, err := s.Stage(context.Background(), 3, l.tr.layout)
	if err != nil {
		return err
	}
	has := g.Has()
	for b := range l.synced {
		if !has.Has(b) {
			return fmt.Errorf("block %d was durable and is asked for again", b)
		}
	}
	blocks := l.rnd.Perm(l.tr.layout.Blocks())
	for _, n := range blocks {
		b := protocol.BlockNumber(n)
		if b < l.tr.layout.FirstStream() || has.Has(b) {
			continue
		}
		if err := g.WriteBlock(b, l.tr.block(b)); err != nil {
			return err
		}
		if err := l.sometimes(g); err != nil {
			return err
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

func (l *life) sometimes(g *spool.Staging) error {
	switch l.rnd.IntN(6) {
	case 0:
		if err := g.Sync(); err != nil {
			return err
		}
		has := g.Has()
		for b := range protocol.BlockNumber(has.Len()) {
			if has.Has(b) {
				l.synced[b] = true
			}
		}
	case 1:
		err := g.Commit(context.Background())
		return err
	}
	return nil
}

func crashTransfer(t testing.TB) *transfer {
	files := map[string][]byte{"big": noise(1<<20+5000, 4), "t": {}}
	for i := range 12 {
		files[fmt.Sprintf("many/%02d", i)] = noise(60_000+i, uint64(i))
	}
	return makeTransfer(t, files)
}

// TestManyLives: crashes and kills one after another, at any operation, with blocks in any
// order. Never a wrong byte under a final name; what was durable is not asked for again.
func TestManyLives(t *testing.T) {
	tr := crashTransfer(t)
	sum := spooltest.Counts{}
	for seed := *first; seed < *first+uint64(*lives); seed++ {
		l := newLife(tr, seed)
		if seed%2 == 1 {
			plantSome(t, l)
		}
		if err := l.run(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		sum.Crashes += l.disk.Counts.Crashes
		sum.Kills += l.disk.Counts.Kills
		sum.LostWrites += l.disk.Counts.LostWrites
		sum.LostNames += l.disk.Counts.LostNames
	}
	t.Logf("%+v", sum)
	if sum.Crashes == 0 || sum.Kills == 0 || sum.LostWrites == 0 || sum.LostNames == 0 {
		t.Error("a fault never happened")
	}
}

func plantSome(t *testing.T, l *life) {
	t.Helper()
	for name, data := range map[string]string{"lab/big": "my big one", "lab/many/03": "my third"} {
		if err := l.plant(name, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLiesAreCaught: the same lives over a disk that lies about being durable are found out,
// so the test above can fail.
func TestLiesAreCaught(t *testing.T) {
	tr := crashTransfer(t)
	for what, lie := range map[string]func(string) bool{
		"data before the rename": func(n string) bool { return !strings.HasSuffix(n, "journal") },
		"the journal":            func(n string) bool { return strings.HasSuffix(n, "journal") },
	} {
		caught := false
		for seed := uint64(0); seed < 30 && !caught; seed++ {
			l := newLife(tr, seed)
			l.disk.LieOnSync = lie
			caught = l.run() != nil
		}
		if !caught {
			t.Errorf("a lie about %s: nobody noticed", what)
		}
	}
}
