package delivery

import (
	"context"
	"maps"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
)

// PauseTransfer stops an open transfer. When it returns nothing of it is sent any more, by multicast or over
// HTTPS; devices keep what they verified. It stays so over a restart, until ResumeTransfer, Release or Retry.
func (e *Engine) PauseTransfer(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error) {
	if err := e.store.PauseTransfer(ctx, no, true); err != nil {
		return groupcast.Transfer{}, err
	}
	e.suspend(no)
	return e.did(ctx, no, "paused")
}

// suspend stops the sessions of a transfer and takes its offers back.
func (e *Engine) suspend(no protocol.TransferNo) {
	e.mu.Lock()
	unheard := e.sched.Held(no)
	e.sched.Suspend(no)
	var stop []*run
	for _, r := range e.runs {
		if r.no == no {
			r.stopped = true
			stop = append(stop, r)
		}
	}
	direct := e.direct.Take(no)
	told := map[protocol.DeviceID]given{}
	maps.DeleteFunc(e.given, func(key deliveryKey, g given) bool {
		d, _ := e.sched.Delivery(no, key.dev)
		over := key.no == no && d.State != schedule.StateStored // that one only puts its files in place
		if over {
			told[key.dev] = g
		}
		return over
	})
	e.mu.Unlock()
	for _, r := range stop {
		r.sender.Stop()
		e.finish(r)
	}
	e.closeOffers(direct...)
	for dev, g := range told {
		if !unheard {
			e.agents.Send(dev, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: no, Session: &g.session})
		}
	}
	e.poke()
}

// ResumeTransfer lets a transfer that is paused go on with what is lacking.
func (e *Engine) ResumeTransfer(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error) {
	if err := e.store.PauseTransfer(ctx, no, false); err != nil {
		return groupcast.Transfer{}, err
	}
	e.change(func(sch *schedule.Scheduler, _ time.Time) { sch.GoOn(no) })
	return e.did(ctx, no, "goes on")
}

// SetRate changes the limit of an open transfer, in bits a second, at once; 0: none.
func (e *Engine) SetRate(ctx context.Context, no protocol.TransferNo, bits uint64) (groupcast.Transfer, error) {
	if err := e.store.SetRateLimit(ctx, no, bits); err != nil {
		return groupcast.Transfer{}, err
	}
	e.mu.Lock()
	if tr, open := e.infos[no]; open {
		tr.RateLimit = bits
		e.infos[no] = tr
	}
	var running []*run
	for _, r := range e.runs {
		if r.no == no {
			r.limit = bits / 8
			running = append(running, r)
		}
	}
	e.mu.Unlock()
	for _, r := range running {
		r.sender.SetRate(bits / 8)
	}
	e.lines.Most(no, bits/8)
	return e.did(ctx, no, "has another rate limit")
}
