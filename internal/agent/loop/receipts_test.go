package loop

import (
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestReceiptsAreSentAFewAtATime(t *testing.T) {
	b := connected(t)
	for no := range protocol.TransferNo(6) {
		b.offer(no+1, protocol.OfferNo(no+1))
		b.Take()
		b.Ended(b.now, no+1, verified())
	}
	b.wants("the sixth waits", "Say done")
	if b.receipts.sending != maxSending || !b.Busy() {
		t.Fatalf("%d are on their way", b.receipts.sending)
	}
	b.kept.drop(1)
	b.ReceiptSent(b.now, 1, Over)
	b.wants("one is taken: the next", "SendReceipt 6")
}

func TestWhatBecomesOfReceipts(t *testing.T) {
	for name, c := range map[string]struct {
		fate Fate
		wait bool
	}{"taken": {Over, false}, "refused": {Refused, true}, "unheard": {Unheard, true}} {
		t.Run(name, func(t *testing.T) {
			b := connected(t)
			b.offer(1, 5)
			b.Ended(b.now, 1, verified())
			b.wants("it is verified", "Begin 1.5", "SendReceipt 1", "Say done")
			b.offer(1, 6)
			b.wants("it is offered while the receipt is on its way")
			if c.fate == Over {
				b.kept.drop(1)
			}
			b.ReceiptSent(b.now, 1, c.fate)
			b.wants("now it is looked at", "Begin 1.6")
			if waits := !b.receipts.again.IsZero(); waits != c.wait {
				t.Errorf("it is sent again: %v", waits)
			}
			b.Ended(b.now, 1, Outcome{})
			b.now = b.now.Add(firstReceiptPause)
			if b.Due(b.now); c.wait {
				b.wants("it is sent again", "SendReceipt 1")
			} else {
				b.wants("nothing is left")
			}
		})
	}
}

// A receipt that is never taken does not keep others back, and is sent ever more rarely.
func TestReceiptsThatAreNotTaken(t *testing.T) {
	b := connected(t)
	for no := range protocol.TransferNo(3 * maxRefused) {
		b.kept.receipts = append(b.kept.receipts, no+1)
	}
	sent, last := map[protocol.TransferNo]bool{}, time.Duration(0)
	for range 4 {
		b.sendKept(b.now)
		for all := b.Take(); len(all) > 0; all = b.Take() {
			for _, a := range all {
				no := a.(SendReceipt).Transfer
				sent[no] = true
				b.ReceiptSent(b.now, no, Refused)
			}
		}
		if wait := b.receipts.again.Sub(b.now); wait <= last {
			t.Errorf("after %v they are sent again after %v", last, wait)
		} else {
			last = wait
		}
	}
	if len(sent) != len(b.kept.receipts) {
		t.Errorf("%d of %d were sent at all", len(sent), len(b.kept.receipts))
	}
}

// Devices of a large group take turns; those of a small one do not wait, nor does one that ends.
func TestTurns(t *testing.T) {
	b := connected(t)
	b.offer(1, 5)
	b.Take()
	out := verified()
	out.Devices = 10_000
	b.Ended(b.now, 1, out)
	b.wants("in a large group", "Say done")
	b.offer(1, 6)
	b.wants("it is here: there is nothing to answer")
	turn := b.now.Add(protocol.Spread(10_000) / 2)
	if !b.receipts.turn.Equal(turn) {
		t.Errorf("its turn is %v, want %v", b.receipts.turn, turn)
	}
	b.Due(turn)
	b.wants("its turn", "SendReceipt 1")
	b.ReceiptSent(b.now, 1, Over)
	b.kept.drop(1)
	b.offer(2, 7)
	b.Take()
	b.Ended(b.now, 2, out)
	b.Take()
	b.Leave(b.now)
	b.wants("an agent that ends does not wait", "SendReceipt 2")
}

func TestOnceEndsAfterTheReceipt(t *testing.T) {
	for name, c := range map[string]struct {
		out        Outcome
		ends, sent bool
	}{
		"verified":        {verified(), true, true},
		"for good":        {Outcome{State: groupcast.DeliveryRefused, Kind: "size"}, true, false},
		"the disk is off": {Outcome{State: groupcast.DeliveryRefused, Kind: "io"}, false, false},
		"it stumbled":     {Outcome{Failed: "x"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := connected(t)
			b.cfg.Once = true
			b.offer(1, 5)
			b.Ended(b.now, 1, c.out)
			got := names(b.Take())
			if sent := slices.Contains(got, "SendReceipt 1"); sent != c.sent || sent && slices.Contains(got, "End") {
				t.Errorf("%q", got)
			}
			if c.sent {
				b.ReceiptSent(b.now, 1, Unheard)
				got = names(b.Take())
			}
			if slices.Contains(got, "End") != c.ends {
				t.Errorf("%q", got)
			}
		})
	}
}
