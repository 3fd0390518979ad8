package loop

import (
	"fmt"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	spaceEvery = 5 * time.Minute // between words about the room on the disk
	spaceStep  = 50              // a change of less than one part in so many is not worth one

	firstReceiptPause = 5 * time.Second // before a receipt that was not taken is sent again
	maxReceiptPause   = 5 * time.Minute
	maxRefused        = 100 // receipts that were not taken end a round
	maxSending        = 4   // receipts on their way at once
)

// Fate is what became of a receipt that was sent.
type Fate uint8

// What may become of it.
const (
	Over    Fate = iota // taken, or of no use any more: it is forgotten
	Refused             // this one is not taken now
	Unheard             // no receipt is taken now
)

// receipts are those that are kept and were not taken by the server yet.
type receipts struct {
	unsent  map[protocol.TransferNo]*unsent // that wait for their turn, or are on their way
	queue   []protocol.TransferNo           // to be sent, a few at a time
	sending int
	refused int                 // since the queue was empty
	unheard bool                // since then: no receipt is taken now
	skipped bool                // since then: one was left out
	pause   time.Duration       // that was waited for last
	again   time.Time           // when what was not taken is sent again; zero: nothing is
	turn    time.Time           // when what waits for its turn is sent: devices of large groups take turns
	last    protocol.TransferNo // that was sent last, of a round that broke off
}

// unsent is a receipt that waits for its turn or is being sent: the transfer is complete.
type unsent struct {
	sending bool
	next    *groupcast.Offered // came meanwhile
}

// offered keeps an offer until it is known what became of the receipt. While the receipt only waits
// for its turn there is nothing to answer: the transfer is here.
func (u *unsent) offered(o groupcast.Offered) {
	if u.sending {
		u.next = &o
	}
}

// deliverReceipt keeps a receipt and sends it, or waits for this device's turn. One that does not get
// through is sent again.
func (l *Loop) deliverReceipt(now time.Time, t *transfer, out Outcome) {
	no := t.offer.Transfer
	kept, err := l.cfg.Records.KeepReceipt(t.offer, out)
	if err != nil {
		l.say(Line{Kind: "warning", Text: fmt.Sprintf("no receipt for transfer %d: %v", no, err)})
		return
	}
	if kept && l.postpone(now, no, max(t.offered.Devices, out.Devices)) {
		return
	}
	l.receipts.unqueue(no)
	l.receipts.queue = slices.Insert(l.receipts.queue, 0, no)
	l.sendQueued(now)
}

// unqueue takes a receipt out of those that are to be sent.
func (r *receipts) unqueue(no protocol.TransferNo) {
	r.queue = slices.DeleteFunc(r.queue, func(n protocol.TransferNo) bool { return n == no })
}

// postpone keeps a receipt back until it is this device's turn; a small group does not wait, nor does
// an agent that ends now.
func (l *Loop) postpone(now time.Time, no protocol.TransferNo, devices int) bool {
	r := &l.receipts
	spread := protocol.Spread(devices)
	if spread == 0 || l.cfg.Once || l.leaving {
		return false
	}
	r.unsent[no] = &unsent{}
	if r.turn.IsZero() {
		r.turn = now.Add(l.cfg.Random(spread))
	}
	return true
}

// sendKept sends all that is kept, a few at a time, each round from where the last one broke off: one
// that is never taken does not keep others back.
func (l *Loop) sendKept(now time.Time) {
	r := &l.receipts
	kept, err := l.cfg.Records.Receipts()
	if err != nil {
		l.receiptsWait(now)
		return
	}
	r.turn, r.again = time.Time{}, time.Time{}
	for no, u := range r.unsent {
		if !u.sending && !slices.Contains(kept, no) {
			delete(r.unsent, no)
		}
	}
	if first := slices.IndexFunc(kept, func(no protocol.TransferNo) bool { return no > r.last }); first > 0 {
		kept = slices.Concat(kept[first:], kept[:first])
	}
	r.queue = kept
	l.sendQueued(now)
}

// sendQueued sends as many receipts as may be sent at the same time.
func (l *Loop) sendQueued(now time.Time) {
	r := &l.receipts
	for r.sending < maxSending && len(r.queue) > 0 {
		no := r.queue[0]
		r.queue = r.queue[1:]
		if u := r.unsent[no]; u != nil && u.sending {
			continue
		}
		if t := l.transfers[no]; t != nil && !t.waits {
			r.skipped = true // its end gives a newer receipt, or it is sent later
			continue
		}
		r.unsent[no] = &unsent{sending: true}
		r.sending++
		l.act(SendReceipt{no})
	}
	if r.sending > 0 || len(r.queue) > 0 {
		return
	}
	if r.unheard || r.skipped || r.refused > 0 {
		l.receiptsWait(now)
	} else {
		r.pause = 0
	}
	if !r.unheard && r.refused < maxRefused {
		r.last = 0
	}
	r.refused, r.unheard, r.skipped = 0, false, false
}

// ReceiptSent takes what became of a receipt.
func (l *Loop) ReceiptSent(now time.Time, no protocol.TransferNo, fate Fate) {
	r := &l.receipts
	u := r.unsent[no]
	if u == nil || !u.sending {
		return
	}
	delete(r.unsent, no)
	r.sending--
	r.last = no
	l.reading.touch(no)
	switch fate {
	case Over:
		r.unqueue(no)
	case Refused:
		r.refused++
	case Unheard:
		r.unheard = true
	}
	if r.unheard || r.refused >= maxRefused {
		r.queue = nil
	}
	l.sendQueued(now)
	if u.next != nil && !l.leaving {
		l.take(now, *u.next)
	}
	l.endIfFinished()
}

// receiptsWait puts the next try of what was not taken off, longer each time.
func (l *Loop) receiptsWait(now time.Time) {
	r := &l.receipts
	r.pause = min(max(2*r.pause, firstReceiptPause), maxReceiptPause)
	r.again = now.Add(r.pause/2 + l.cfg.Random(r.pause/2))
}

// Space takes the free space of the disk, and reports it to the server: when the connection is new, and
// now and then if it changed. It is for listings only, so it is not sent again after an error.
func (l *Loop) Space(now time.Time, free uint64) {
	fresh := l.spaceAt.IsZero()
	changed := max(free, l.space) - min(free, l.space)
	if !fresh && changed <= l.space/spaceStep {
		return
	}
	l.space, l.spaceAt = free, now
	l.act(TellSpace{free})
}
