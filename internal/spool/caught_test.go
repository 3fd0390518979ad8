package spool_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// inGroup opens the folder of a group as a process that has just begun.
func (l *lab) inGroup(name string, id byte, ledger *spooltest.Ledger) *spool.Spool {
	l.t.Helper()
	s, err := spool.Open(spool.Config{
		Dir: l.dir, Group: name, GroupID: protocol.GroupID{id}, Ledger: ledger, Reserve: -1,
	})
	l.do(err)
	l.t.Cleanup(func() { _ = s.Close() })
	return s
}

// caught leaves a transfer as a crash does between the renames and the ledger.
func (l *lab) caught(s *spool.Spool, ledger *spooltest.Ledger, no protocol.TransferNo, text string) {
	l.t.Helper()
	tr := makeTransfer(l.t, map[string][]byte{"f": []byte(text)})
	g, err := s.Stage(l.t.Context(), no, tr.layout)
	l.do(err)
	l.do(tr.writeMissing(g))
	ledger.Fail = errors.New("the power is out")
	if err := g.Commit(l.t.Context()); err == nil {
		l.t.Fatal("the ledger took it")
	}
	ledger.Fail = nil
	l.do(g.Close())
}

// What a crash caught of a transfer is groupcast's for every other transfer that comes first.
func TestAnotherTransferKnowsWhatACrashCaught(t *testing.T) {
	for what, c := range map[string]struct{ caught, first protocol.TransferNo }{
		"an older one comes first": {caught: 2, first: 1},
		"a newer one comes first":  {caught: 1, first: 2},
	} {
		t.Run(what, func(t *testing.T) {
			l, text := newLab(t), map[protocol.TransferNo]string{1: "one", 2: "two"}
			l.caught(l.inGroup("lab", 1, l.l), l.l, c.caught, text[c.caught])
			l.s = l.inGroup("lab", 1, l.l)
			l.send(c.first, map[string]string{"f": text[c.first]})
			l.has(map[string]string{"f": "two"})
			l.send(c.caught, map[string]string{"f": text[c.caught]})
			l.has(map[string]string{"f": "two"})
		})
	}
}

// What a crash caught in another group says nothing of this one's files.
func TestWhatACrashCaughtIsItsGroups(t *testing.T) {
	l, den := newLab(t), spooltest.NewLedger()
	l.caught(l.inGroup("den", 2, den), den, 2, "two")
	l.s = l.inGroup("lab", 1, l.l)
	l.do(os.WriteFile(l.at("f"), []byte("two"), 0o644)) // the user's
	l.send(3, map[string]string{"f": "three"})
	l.has(map[string]string{"f": "two", "f (groupcast 3)": "three"})
}

// A sweep tells each group's ledger what a crash caught, before nobody can tell it from the user's.
func TestASweepTellsWhatACrashCaught(t *testing.T) {
	l, den := newLab(t), spooltest.NewLedger()
	id, err := spool.Identify(l.dir)
	l.do(err)
	l.caught(l.inGroup("lab", 1, l.l), l.l, 1, "one")
	l.caught(l.inGroup("den", 2, den), den, 2, "two")
	ledger := func(id protocol.GroupID, name string) spool.Ledger {
		return map[string]spool.Ledger{"1 lab": l.l, "2 den": den}[fmt.Sprint(id[0], " ", name)]
	}
	sweep := func() (int, error) {
		return spool.Sweep(t.Context(), spool.Config{Dir: l.dir, Known: id}, ledger,
			func(protocol.TransferNo) bool { return false })
	}
	l.l.Fail = errors.New("the ledger is locked")
	if gone, err := sweep(); !errors.Is(err, l.l.Fail) || gone != 1 {
		t.Errorf("%d went although one could not be told: %v", gone, err)
	}
	l.l.Fail = nil
	if gone, err := sweep(); err != nil || gone != 1 {
		t.Errorf("%d went: %v", gone, err)
	}
	for ledger, no := range map[*spooltest.Ledger]protocol.TransferNo{l.l: 1, den: 2} {
		if d := ledger.Paths["f"]; d.Transfer != no || len(ledger.Paths) != 1 {
			t.Errorf("the ledger of transfer %d knows %+v", no, ledger.Paths)
		}
	}
	l.s = l.inGroup("lab", 1, l.l)
	l.send(3, map[string]string{"f": "three"})
	l.has(map[string]string{"f": "three"})
}

// What a crash caught is known also if its own transfer is the first to come, and is refused.
func TestARefusedTransferIsKnownByWhatACrashCaught(t *testing.T) {
	l, shared := newLab(t), spool.NewShared()
	l.caught(l.inGroup("lab", 1, l.l), l.l, 1, "one")
	small := func(limit uint64) *spool.Spool {
		s, err := spool.Open(spool.Config{
			Dir: l.dir, Group: "lab", GroupID: protocol.GroupID{1}, Ledger: l.l, Reserve: -1, Shared: shared, MaxSize: limit,
		})
		l.do(err)
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	var refused *spool.Refused
	again := makeTransfer(t, map[string][]byte{"f": []byte("one")})
	if _, err := small(1).Stage(t.Context(), 1, again.layout); !errors.As(err, &refused) {
		t.Fatalf("staged: %v", err)
	}
	l.s = small(0)
	l.send(2, map[string]string{"f": "two"})
	l.has(map[string]string{"f": "two"})
}
