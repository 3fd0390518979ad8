package loop

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Between two looks at what keeps this device from taking a transfer.
const (
	firstLook = 5 * time.Second
	lastLook  = 5 * time.Minute
)

// maxWaiting bounds the transfers that wait for the disk; those beyond are asked for again when the
// connection is new.
const maxWaiting = 1000

// setback is what kept a transfer from its end, over all tries of it.
type setback struct {
	said  string // the reason that was said last: it is not said again until it changes
	tries int
	next  time.Time // when it is looked at again
	lost  bool      // the try broke off, and it may be that the server does not know
}

// again counts a try that failed, and says whether its reason is a new one.
func (l *Loop) again(now time.Time, no protocol.TransferNo, reason string) (fresh bool) {
	s := l.setbacks[no]
	if s == nil {
		s = &setback{}
		l.setbacks[no] = s
	}
	s.tries++
	pause := min(firstLook<<min(s.tries-1, 10), lastLook)
	s.next = now.Add(pause/2 + l.cfg.Random(pause/2+1))
	fresh, s.said = s.said != reason, reason
	return fresh
}

// lasting says of a refusal that looking again is of no use: only another program or another setting
// mends it.
func lasting(kind groupcast.Refusal) bool {
	return kind == groupcast.RefusedVersion || kind == groupcast.RefusedSize || kind.Final()
}

// setBack takes a refusal: it is said once, and unless it lasts the disk is looked at again.
func (l *Loop) setBack(now time.Time, t *transfer, out Outcome) (fresh bool) {
	no := t.offer.Transfer
	if out.Kind.Final() {
		l.remember(t.offer, out.Kind, out.Reason)
	}
	reason := string(out.Kind)
	if out.Kind != groupcast.RefusedSpace { // its words have numbers in them that change
		reason += ": " + out.Reason
	}
	if fresh = l.again(now, no, reason); fresh {
		l.say(t.line(now, out))
	}
	if out.Away { // a look costs nothing, and somebody may be mounting the folder
		l.setbacks[no].next = now.Add(firstLook)
	}
	if !lasting(out.Kind) && len(l.transfers) < maxWaiting {
		t.need = out.Need
		l.transfers[no] = t.waiting()
	}
	return fresh
}

// waiting is a transfer that waits for the disk.
func (t *transfer) waiting() *transfer {
	return &transfer{
		offer: t.offer, offered: t.offered, group: t.group, started: t.started, path: t.path, waits: true, need: t.need,
	}
}

// stumbled says that the work on a transfer broke off for a reason of which nothing is known: once,
// until the reason changes. The server offers it again after a while.
func (l *Loop) stumbled(now time.Time, t *transfer, why string) {
	if l.again(now, t.offer.Transfer, why) {
		l.say(Line{
			Kind: "failed", Group: t.group.Name, Transfer: t.offer.Transfer,
			Text: fmt.Sprintf("%s: %s; it is tried again", t.group.Name, why),
		})
	}
	l.setbacks[t.offer.Transfer].lost = true
}

// lookAfterStumbled reads the state if a transfer whose try broke off is not offered again in time: the
// word that it broke off may have been lost with all else.
func (l *Loop) lookAfterStumbled(now time.Time) {
	look := false
	for _, no := range slices.Sorted(maps.Keys(l.setbacks)) {
		if s := l.setbacks[no]; s.lost && l.transfers[no] == nil && !now.Before(s.next) {
			l.again(now, no, s.said) // in case the state brings nothing
			look = true
		}
	}
	if look {
		l.readState(now, false)
	}
}

// lookAtWaiting looks at the disk for the transfers that wait for it and are due.
func (l *Loop) lookAtWaiting(now time.Time) {
	for _, no := range l.numbers() {
		t := l.transfers[no]
		if s := l.setbacks[no]; !t.waits || t.look != 0 || s != nil && now.Before(s.next) {
			continue
		}
		l.looks++
		t.look = l.looks
		l.act(Look{Number: t.look, Offer: t.offer, Group: t.group, Need: t.need})
	}
}

// Looked takes the result of a look at the disk: an Outcome without a State if a transfer can be taken
// now, else a refusal. If it can, this is reported to the server, which offers it again. What was
// received so far is still there.
func (l *Loop) Looked(now time.Time, number uint64, no protocol.TransferNo, found Outcome) {
	t := l.transfers[no]
	if t == nil || !t.waits || t.look != number {
		return // it was offered or ended meanwhile
	}
	if found.State == groupcast.DeliveryRefused {
		delete(l.transfers, no)
		found.Need, found.Path = max(found.Need, t.need), t.path
		if l.setBack(now, t, found) {
			l.refuseFor(t.offer, found)
		}
		return
	}
	t.look = 0
	if s := l.setbacks[no]; s != nil {
		l.again(now, no, s.said) // in case nothing follows
	}
	l.act(Resume{no})
}

// Resumed takes the server's answer to Resume: whether it still owes the transfer, as far as is known.
func (l *Loop) Resumed(no protocol.TransferNo, owed bool) {
	if t := l.transfers[no]; t != nil && t.waits && !owed {
		delete(l.transfers, no)
		delete(l.setbacks, no)
	}
}

// forgetSetbacks takes over what is offered: those of transfers that are neither offered nor waited for
// are forgotten after a while.
func (l *Loop) forgetSetbacks(now time.Time, offered map[protocol.TransferNo]bool) {
	for no, s := range l.setbacks {
		s.lost = s.lost && offered[no] // else the server knows, and offers it
		if l.transfers[no] == nil && !offered[no] && now.Sub(s.next) > lastLook {
			delete(l.setbacks, no)
		}
	}
}
