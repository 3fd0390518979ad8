package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// hear takes an offer from the event stream. One for a group that is not known yet has
// overtaken the word that this device is in it: the state tells both.
func (a *Agent) hear(ctx context.Context, o groupcast.Offered) {
	a.follow(nil)
	if offer, err := wire.ParseOffer(o.Offer); err == nil {
		if _, ours := a.groups[offer.Group]; !ours {
			a.readState(ctx, false)
			return
		}
	}
	a.take(ctx, o)
}

// take begins the work on an offer, or puts it behind the one it replaces.
func (a *Agent) take(ctx context.Context, o groupcast.Offered) {
	offer, key, err := a.believe(o)
	if err != nil {
		a.cfg.Log.Warn("offer not taken", "err", err)
		a.cannotRead(ctx, o, err)
		return
	}
	a.newest = max(a.newest, offer.Number)
	group, ours := a.groups[offer.Group]
	if !ours {
		a.cfg.Log.Info("offer for a group this device is not in", "group", offer.Group.String())
		return
	}
	if a.unsent[offer.Transfer] {
		return // it is here already; its receipt waits for its turn
	}
	if err := a.admit(ctx, offer, o); err != nil {
		a.cfg.Log.Warn("offer not taken", "err", err)
		a.tellRefused(ctx, offer, o.Group, err)
		return
	}
	if a.knownBad(ctx, offer) {
		return
	}
	if j := a.jobs[offer.Transfer]; j != nil && !j.wants { // one that waits is tried when it is offered
		if offer.Number > j.offer.Number {
			j.next = &o
			j.cancel()
		}
		return
	}
	if a.atWork() >= maxTransfers {
		return // the state is read again when one is through
	}
	a.begin(ctx, &job{agent: a, offer: offer, raw: o, group: group, verify: key, started: time.Now(), done: make(chan struct{}), path: groupcast.PathHTTPS})
}

// cannotRead answers an offer that this version cannot read, or whose signature is not the
// server's: silence would keep it owed for weeks without a word.
func (a *Agent) cannotRead(ctx context.Context, o groupcast.Offered, err error) {
	if o.Transfer == 0 || errors.Is(err, errNoKey) || a.jobs[o.Transfer] != nil {
		return
	}
	reason := fmt.Sprintf("groupcast %s on this receiver cannot read the offer (%v): install the server's version there", groupcast.Version, err)
	a.refuse(ctx, wire.Offer{Transfer: o.Transfer}, "unreadable", reason)
	a.say(Line{Kind: "refused", Group: o.Group, Transfer: o.Transfer, Outcome: groupcast.DeliveryRefused, Text: fmt.Sprintf("transfer %d: refused: %s", o.Transfer, reason)})
}

func (a *Agent) begin(ctx context.Context, j *job) {
	jobCtx, cancel := context.WithCancel(ctx)
	j.cancel = cancel
	a.jobs[j.offer.Transfer] = j
	go func() {
		defer close(j.done)
		out, err := j.run(jobCtx)
		select {
		case a.ended <- ended{j, out, err}:
		case <-ctx.Done():
		}
	}()
}

// believe reads an offer if the server signed it.
func (a *Agent) believe(o groupcast.Offered) (wire.Offer, seal.VerifyKey, error) {
	a.mu.Lock()
	key := a.verify
	a.mu.Unlock()
	if key == nil {
		return wire.Offer{}, seal.VerifyKey{}, errNoKey
	}
	offer, err := seal.VerifyOffer(*key, o.Offer, o.Signature)
	return offer, *key, err
}

// admit is the gate: server, group, numbers, limits; the floor is on disk before anything is
// done (security.md O3).
func (a *Agent) admit(ctx context.Context, offer wire.Offer, o groupcast.Offered) error {
	before, err := a.cfg.Ledger.Floor(ctx, a.cfg.Server)
	if err != nil {
		return err
	}
	taken, err := a.cfg.Ledger.Taken(ctx, a.cfg.Server, offer.Transfer)
	if err != nil {
		return err
	}
	floor, err := recv.Gate{Server: a.cfg.Server, Group: offer.Group, Floor: before, Taken: taken}.Admit(offer)
	if err != nil {
		return notAdmitted{err}
	}
	// Kept before the floor is: what this device can show is never below what it refuses by.
	if err := a.cfg.Ledger.KeepOffer(ctx, a.cfg.Server, offer.Transfer, offer.Number, o.Offer, o.Signature); err != nil {
		return err
	}
	return a.raise(ctx, before, floor)
}

func (a *Agent) raise(ctx context.Context, before, floor protocol.OfferNo) error {
	if floor <= before {
		return nil
	}
	if err := a.cfg.Ledger.RaiseFloor(ctx, a.cfg.Server, floor); err != nil {
		return fmt.Errorf("keep the floor of offers: %w", err)
	}
	return nil
}

// notAdmitted is what the gate says of an offer.
type notAdmitted struct{ error }

func (n notAdmitted) Unwrap() error { return n.error }

// tellRefused tells the server what the gate says. That an offer is old it knows itself, unless it
// is the newest it has for this device: then its numbers went back.
func (a *Agent) tellRefused(ctx context.Context, offer wire.Offer, group string, err error) {
	if said := (notAdmitted{}); !errors.As(err, &said) || offer.Server != a.cfg.Server || a.jobs[offer.Transfer] != nil {
		return
	}
	if !errors.Is(err, recv.ErrOld) {
		a.refuse(ctx, offer, "version", err.Error())
		return
	}
	reason := fmt.Sprintf("this receiver was given newer offers of this server before (%v): was the server set back to an earlier state?", err)
	a.refuse(ctx, offer, groupcast.RefusedOld, reason)
	if a.toldOld != offer.Session {
		a.toldOld = offer.Session
		a.say(Line{Kind: "warning", Group: group, Transfer: offer.Transfer, Text: fmt.Sprintf("transfer %d is not taken: %s", offer.Transfer, reason)})
	}
}

func (a *Agent) refuse(ctx context.Context, o wire.Offer, kind, reason string) {
	_, err := a.cfg.Client.Ready(ctx, groupcast.Ready{Transfer: o.Transfer, Session: o.Session, Refused: reason, Kind: kind})
	if err != nil {
		a.cfg.Log.Debug("refusal not told", "err", err)
	}
}
