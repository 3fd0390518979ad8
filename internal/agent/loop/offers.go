package loop

import (
	"errors"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
)

const (
	maxTransfers = 64   // worked on at once
	maxBad       = 1000 // transfers of which this device remembers that it cannot accept the list of files

	announceWait   = 250 * time.Millisecond // for an announced offer to come by the event stream …
	announceSpread = 2 * time.Second        // … and at random up to so much more
)

// ErrNoKey says that the server's signing key is not known yet.
var ErrNoKey = errors.New("the server's signing key is not known yet")

// hear takes an offer from the event stream. An offer of an unknown group was faster than the hint that
// this device is in the group: the state has both.
func (l *Loop) hear(now time.Time, o groupcast.Offered) {
	offer, err := ParseOffer(o.Offer)
	if err == nil {
		if _, ours := l.groups[offer.Group]; !ours {
			l.readState(now, false)
			return
		}
		l.reading.touch(offer.Transfer)
	}
	l.take(now, o)
}

// take begins the work on an offer, or puts it behind the one that it replaces.
func (l *Loop) take(now time.Time, o groupcast.Offered) {
	offer, err := l.cfg.Records.Read(o)
	if err != nil {
		l.cannotRead(o, err)
		return
	}
	l.expected.newest = max(l.expected.newest, offer.Number)
	group, ours := l.groups[offer.Group]
	if !ours {
		l.notOurs(offer)
		return
	}
	if u := l.receipts.unsent[offer.Transfer]; u != nil {
		u.offered(o)
		return
	}
	t := l.transfers[offer.Transfer]
	if err := l.cfg.Records.Admit(offer, o); err != nil {
		if t == nil {
			l.notAdmitted(offer, o.Group, err)
		}
		return
	}
	if bad, known := l.bad[offer.Transfer]; known && bad.content == offer.Content {
		l.refuse(offer, bad.kind, bad.reason)
		return
	}
	if t != nil && !t.waits { // one that waits is tried when it is offered
		if offer.Number > t.offer.Number {
			t.next, t.over = &o, false
			l.stop(t)
		}
		return
	}
	if l.atWork() >= maxTransfers {
		return // the server offers it again
	}
	begun := &transfer{offer: offer, offered: o, group: group, started: now, path: groupcast.PathHTTPS}
	if t != nil {
		begun.refused, begun.need = true, t.need
	}
	l.transfers[offer.Transfer] = begun
	l.act(Begin{Offer: offer, Offered: o, Group: group})
}

// notOurs answers an offer of a group that this device leaves out: without a word it would be owed for weeks.
func (l *Loop) notOurs(offer Offer) {
	if why, left := l.leftOut[offer.Group]; left {
		l.refuse(offer, "names", why)
		return
	}
	l.act(Note{"an offer is for a group that this device is not in", offer.Group.String()})
}

// atWork counts the transfers that are worked on.
func (l *Loop) atWork() (n int) {
	for _, t := range l.transfers {
		if !t.waits {
			n++
		}
	}
	return n
}

// cannotRead answers an offer that this version cannot read, or that the server did not sign: without
// a word it would be owed for weeks.
func (l *Loop) cannotRead(o groupcast.Offered, err error) {
	if o.Transfer == 0 || errors.Is(err, ErrNoKey) || l.transfers[o.Transfer] != nil {
		return
	}
	reason := fmt.Sprintf("groupcast %s on this receiver cannot read the offer (%v): install the server's version there",
		groupcast.Version, err)
	l.refuse(Offer{Transfer: o.Transfer}, groupcast.RefusedUnreadable, reason)
	l.say(Line{
		Kind: "refused", Group: o.Group, Transfer: o.Transfer, Outcome: groupcast.DeliveryRefused,
		Text: fmt.Sprintf("transfer %d: refused: %s", o.Transfer, reason),
	})
}

// NotAdmitted is what an offer of this server is refused for.
type NotAdmitted struct{ Why error }

func (n NotAdmitted) Error() string { return n.Why.Error() }
func (n NotAdmitted) Unwrap() error { return n.Why }

// notAdmitted reports to the server why an offer is not admitted. The server knows by itself that an
// offer is old, unless it is its newest one for this device: then its numbers went back.
func (l *Loop) notAdmitted(offer Offer, group string, err error) {
	if said := (NotAdmitted{}); !errors.As(err, &said) {
		return
	}
	if !errors.Is(err, recv.ErrOld) {
		kind := groupcast.RefusedVersion
		if errors.Is(err, recv.ErrSite) {
			kind = groupcast.RefusedSite
		}
		l.refuse(offer, kind, err.Error())
		return
	}
	reason := fmt.Sprintf("this receiver was given newer offers of this server before (%v): "+
		"was the server set back to an earlier state?", err)
	l.refuse(offer, groupcast.RefusedOld, reason)
	if l.saidOld != offer.Session {
		l.saidOld = offer.Session
		l.say(Line{
			Kind: "warning", Group: group, Transfer: offer.Transfer,
			Text: fmt.Sprintf("transfer %d is not taken: %s", offer.Transfer, reason),
		})
	}
}

func (l *Loop) refuse(o Offer, kind groupcast.Refusal, reason string) {
	l.refuseFor(o, Outcome{Kind: kind, Reason: reason})
}

// refuseFor refuses for what a look at the disk found.
func (l *Loop) refuseFor(o Offer, found Outcome) {
	l.act(Refuse{Transfer: o.Transfer, Session: o.Session, Kind: found.Kind, Reason: found.Reason, Space: found.Space})
}

// badManifest is a list of files that this device does not accept.
type badManifest struct {
	content protocol.Digest
	kind    groupcast.Refusal
	reason  string
}

// remember keeps that the list of a transfer's files is not acceptable: it is not fetched again.
func (l *Loop) remember(o Offer, kind groupcast.Refusal, reason string) {
	if len(l.bad) >= maxBad {
		clear(l.bad)
	}
	l.bad[o.Transfer] = badManifest{o.Content, kind, reason}
}

// expected is what the server announced by multicast and the event stream did not bring yet.
type expected struct {
	newest  protocol.OfferNo // the highest that the stream or the state told
	overdue protocol.OfferNo // the highest that was announced
	lookAt  time.Time        // when the state is read because of it; zero: not at all
}

// Announced waits for an offer that was announced by multicast: the event stream brings it at about
// the same time, and a whole group that asks for the same would keep the server busy.
func (l *Loop) Announced(now time.Time, n protocol.OfferNo) {
	if n <= l.expected.newest {
		return
	}
	l.expected.overdue = max(l.expected.overdue, n)
	if l.expected.lookAt.IsZero() {
		l.expected.lookAt = now.Add(announceWait + l.cfg.Random(announceSpread))
	}
}

// lookForExpected reads the state if what was announced has not come by the event stream.
func (l *Loop) lookForExpected(now time.Time) {
	l.expected.lookAt = time.Time{}
	if l.expected.newest < l.expected.overdue {
		l.expected.newest = l.expected.overdue // the state tells it; it may be for others
		l.readState(now, false)
	}
}
