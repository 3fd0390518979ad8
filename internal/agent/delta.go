package agent

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

// In mode delta all pages are there before the offer: a device fetches them, looks for what it has already, and says
// what it lacks. As long as that lasts it says so again and again.
const (
	lookingEvery = 30 * time.Second
	leastLooking = 2 * time.Minute // that a device says it will take, at least
)

func (t *paged) delta() bool { return t.offer.Flags&format2.OfferDelta != 0 }

// looked is how far a device is that looks.
type looked struct {
	done, of atomic.Uint64 // bytes; of is zero while the pages come
	begun    atomic.Int64  // when it began to look, in ns
}

// look has everything that is known of the transfer and finds what is here already.
func (t *paged) look(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	var saying sync.WaitGroup
	saying.Go(func() { t.sayLooking(ctx, fail) })
	err := t.lookNow(ctx)
	cause := context.Cause(ctx)
	fail(nil)
	saying.Wait()
	if cause != nil {
		return cause
	}
	return err
}

func (t *paged) lookNow(ctx context.Context) error {
	if err := t.stageNow(ctx); err != nil {
		return err
	}
	if err := t.followPages(ctx, make(chan struct{}, 1)); err != nil {
		return err
	}
	t.looked.begun.Store(time.Now().UnixNano())
	return t.staging().Look(ctx, func(done, of uint64) {
		t.looked.done.Store(done)
		t.looked.of.Store(of)
	})
}

// sayLooking tells the server that this device looks, until it does not any more. If the offer is over, so is the
// work on it; whatever else is answered is no reason to stop.
func (t *paged) sayLooking(ctx context.Context, fail context.CancelCauseFunc) {
	tick := time.NewTicker(lookingEvery)
	defer tick.Stop()
	for {
		r := groupcast.Ready{
			Transfer: t.offer.Transfer, Session: t.offer.Session, TransferID: &t.offer.TransferID, Looking: true,
			ETA: int(t.looked.eta(time.Now()) / time.Second),
		}
		r.FreeBytes, r.DiskBytes, r.Reserve = t.agent.room()
		_, err := t.ready(ctx, r)
		switch {
		case err == nil || ctx.Err() != nil:
		case overtaken(err):
			fail(err)
			return
		default:
			t.agent.cfg.Log.Debug("that this device looks is not said", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// eta is how long the device will look at most, by how it went so far.
func (l *looked) eta(now time.Time) time.Duration {
	done, of := float64(l.done.Load()), float64(l.of.Load())
	if done == 0 || of <= done {
		return leastLooking
	}
	since := now.Sub(time.Unix(0, l.begun.Load())).Seconds()
	left := 2 * since * (of - done) / done
	if left >= groupcast.MostLooking.Seconds() {
		return groupcast.MostLooking
	}
	return max(leastLooking, time.Duration(left*float64(time.Second)))
}

// work is how far the device is, of the transfer's entries.
func (l *looked) work(entries int) *groupcast.Work {
	w := &groupcast.Work{Phase: groupcast.WorkLooking, Of: entries}
	if of := l.of.Load(); of > 0 {
		w.Done = int(float64(entries) * float64(min(l.done.Load(), of)) / float64(of))
	}
	return w
}

// answer answers the offer with what is lacked: by ranges if they are few, else by the digest of a list.
func (t *paged) answer(ctx context.Context, r groupcast.Ready) (groupcast.Handout, error) {
	g := t.staging()
	if g == nil {
		r.LacksAll = true
		return t.ready(ctx, r)
	}
	have := g.Have()
	r.Lacks = have.Missing(maxLacks)
	if !t.delta() || len(r.Lacks) < maxLacks {
		return t.ready(ctx, r)
	}
	raw := format2.AppendLacks(nil, lackedOf(have))
	digest, listed := format2.LacksDigest(raw), r
	listed.Lacks, listed.LacksDigest, listed.TransferID = nil, &digest, &t.offer.TransferID
	h, err := t.ready(ctx, listed)
	if err != nil || h.Lacks != groupcast.LacksSend {
		return h, err
	}
	err = t.agent.calls.ask(ctx, lane{transferCalls, t.offer.Transfer}, func(ctx context.Context) error {
		return t.agent.cfg.Client.KeepLacks(ctx, t.offer.Transfer, raw)
	})
	if err == nil {
		h, err = t.ready(ctx, listed)
	}
	if err == nil && h.Lacks != groupcast.LacksSend || ctx.Err() != nil || overtaken(err) {
		return h, errors.Join(err, ctx.Err())
	}
	return t.ready(ctx, r) // the list is not taken now: the ranges ask for too much, and never for too little
}

// lackedOf is the set of what another set does not have.
func lackedOf(have *protocol.BlockSet) *protocol.BlockSet {
	out := protocol.NewBlockSet(have.Len())
	for b := range protocol.BlockNumber(have.Len()) {
		if !have.Has(b) {
			out.Add(b)
		}
	}
	return out
}
