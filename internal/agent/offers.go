package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// records is what the device keeps, as the loop asks for it. It belongs to the loop's goroutine.
type records struct {
	agent *Agent
	ctx   context.Context
}

// Read reads an offer if the server signed it.
func (r *records) Read(o groupcast.Offered) (wire.Offer, error) {
	offer, _, err := r.agent.believe(o)
	if err != nil {
		r.agent.cfg.Log.Warn("offer not taken", "err", err)
	}
	return offer, err
}

// believe reads an offer if the server signed it, and says by which key.
func (a *Agent) believe(o groupcast.Offered) (wire.Offer, seal.VerifyKey, error) {
	a.mu.Lock()
	key := a.verify
	a.mu.Unlock()
	if key == nil {
		return wire.Offer{}, seal.VerifyKey{}, loop.ErrNoKey
	}
	offer, err := seal.VerifyOffer(*key, o.Offer, o.Signature)
	return offer, *key, err
}

// Admit checks server, group, numbers and limits; what was taken is on the disk before anything is done
// (rule O3).
func (r *records) Admit(offer wire.Offer, o groupcast.Offered) error {
	err := r.admit(offer, o)
	if err != nil {
		r.agent.cfg.Log.Warn("offer not taken", "err", err)
	}
	return err
}

func (r *records) admit(offer wire.Offer, o groupcast.Offered) error {
	server, book := r.agent.cfg.Server, r.agent.cfg.Ledger
	before, err := book.Floor(r.ctx, server)
	if err != nil {
		return err
	}
	taken, err := book.Taken(r.ctx, server, offer.Transfer)
	if err != nil {
		return err
	}
	floor, err := recv.Gate{Server: server, Group: offer.Group, Floor: before, Taken: taken}.Admit(offer)
	if err != nil && offer.Server != server {
		return err
	}
	if err != nil {
		return loop.NotAdmitted{Why: err}
	}
	// Kept before the floor is: what this device can show is never below what it refuses by.
	if err := book.KeepOffer(r.ctx, server, offer.Transfer, offer.Number, o.Offer, o.Signature); err != nil {
		return err
	}
	return r.raise(before, floor)
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
