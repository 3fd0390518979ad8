package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
)

// records is what the device keeps, as the loop asks for it. It belongs to the loop's goroutine.
type records struct {
	agent *Agent
	ctx   context.Context
}

// Read reads an offer if the server signed it.
func (r *records) Read(o groupcast.Offered) (loop.Offer, error) {
	offer, _, err := r.agent.believe(o)
	if err == nil && offer.Paged != nil && r.agent.cfg.Attach.Speaks.Wire.Most < format2.Version {
		err = errPaged
	}
	if err != nil {
		r.agent.cfg.Log.Warn("offer not taken", "err", err)
	}
	return offer, err
}

// errPaged refuses offers of format 2.
var errPaged = errors.New("it is of format 2")

// believe reads an offer if the server signed it, and says by which key.
func (a *Agent) believe(o groupcast.Offered) (loop.Offer, seal.VerifyKey, error) {
	a.mu.Lock()
	key := a.verify
	a.mu.Unlock()
	if key == nil {
		return loop.Offer{}, seal.VerifyKey{}, loop.ErrNoKey
	}
	if format2.IsOffer(o.Offer) {
		offer, err := seal.VerifyOffer2(*key, o.Offer, o.Signature)
		return loop.PagedOffer(offer), *key, err
	}
	offer, err := seal.VerifyOffer(*key, o.Offer, o.Signature)
	return loop.PlainOffer(offer), *key, err
}

// Admit checks server, group, numbers and limits; what was taken is on the disk before anything is done
// (rule O3).
func (r *records) Admit(offer loop.Offer, o groupcast.Offered) error {
	err := r.admit(offer, o)
	if err != nil {
		r.agent.cfg.Log.Warn("offer not taken", "err", err)
	}
	return err
}

func (r *records) admit(offer loop.Offer, o groupcast.Offered) error {
	server, book := r.agent.cfg.Server, r.agent.cfg.Ledger
	before, err := book.Floor(r.ctx, server)
	if err != nil {
		return err
	}
	taken, err := book.Taken(r.ctx, server, offer.Transfer)
	if err != nil {
		return err
	}
	epoch, err := book.Epoch(r.ctx, server, here)
	if err != nil {
		return err
	}
	gate := recv.Gate2{
		Gate: recv.Gate{Server: server, Group: offer.Group, Floor: before, Taken: taken}, Site: here, Epoch: epoch,
	}
	passed, err := pass(gate, offer)
	if err != nil && offer.Server() != server {
		return err
	}
	if err != nil {
		return loop.NotAdmitted{Why: err}
	}
	// Kept before the floor is: what this device can show is never below what it refuses by.
	if err := book.KeepOffer(r.ctx, server, offer.Transfer, offer.Number, o.Offer, o.Signature); err != nil {
		return err
	}
	if passed.Epoch > epoch {
		if err := book.RaiseEpoch(r.ctx, server, here, passed.Epoch); err != nil {
			return err
		}
	}
	return r.raise(before, passed.Floor)
}

// here is the site of this device: the server's own, so far the only one.
var here protocol.SiteID

// pass lets an offer through a gate, and gives the gate for those after it.
func pass(g recv.Gate2, offer loop.Offer) (recv.Gate2, error) {
	var err error
	if offer.Paged != nil {
		g.Floor, g.Epoch, err = g.Admit2(*offer.Paged)
	} else {
		g.Floor, err = g.Admit(*offer.Plain)
	}
	return g, err
}

func (r *records) raise(before, floor protocol.OfferNo) error {
	if floor <= before {
		return nil
	}
	if err := r.agent.cfg.Ledger.RaiseFloor(r.ctx, r.agent.cfg.Server, floor); err != nil {
		return fmt.Errorf("keep the floor of offers: %w", err)
	}
	return nil
}

// begin works on an offer in a goroutine of its own.
func (a *Agent) begin(ctx context.Context, b loop.Begin) {
	_, key, err := a.believe(b.Offered)
	if err != nil { // it was read just now: the key is another one since
		a.loop.Ended(time.Now(), b.Offer.Transfer, loop.Outcome{Failed: err.Error()})
		return
	}
	t := a.newTransfer(b.Offer, b.Offered, b.Group)
	t.verify = key
	ctx, t.cancel = context.WithCancel(ctx)
	a.transfers[b.Offer.Transfer] = t
	go func() {
		defer close(t.done)
		out := t.outcome(ctx)
		t.cancel()
		a.answer(a.running, func(now time.Time) {
			delete(a.transfers, b.Offer.Transfer)
			a.loop.Ended(now, b.Offer.Transfer, out)
		})
	}()
}
