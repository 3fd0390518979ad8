package sim

import (
	"math/rand/v2"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/schedule"
)

// What a seed draws of the control plane: the schedule's waits, the network between server and agents, and
// what administrators do.

// quickTiming has the schedule's waits as short as the faults of a seed are close together.
func quickTiming() schedule.Timing {
	return schedule.Timing{
		Gather: 60 * time.Millisecond, GatherMax: 300 * time.Millisecond,
		Ready: 100 * time.Millisecond, RekeyWait: 150 * time.Millisecond, Rekey: 100 * time.Millisecond,
		Answer: 2 * time.Second, Grace: time.Second, Pause: 300 * time.Millisecond,
		Stall: 10 * time.Second, Later: 4 * time.Second,
	}
}

func (p *plan) drawControl(r *rand.Rand) {
	p.timing, p.settle = quickTiming(), 200*time.Millisecond
	if chance(r, 0.15) {
		p.timing, p.settle = schedule.DefaultTiming(), 2*time.Second
		p.timing.Later = time.Minute
		p.until *= 5
	}
	loss := 0.0
	if chance(r, 0.3) {
		loss = 0.2 * r.Float64()
	}
	for i := range p.devices {
		p.devices[i].drawControl(r, p.until, loss)
	}
	if chance(r, 0.15) { // the server's own network
		at := within(r, p.until)
		gone := span{at, at + within(r, 3*time.Second)}
		for i := range p.devices {
			p.devices[i].offline = append(p.devices[i].offline, gone)
		}
	}
	for i := range p.transfers {
		p.transfers[i].drawControl(r, i, p.until)
	}
	p.drawDeeds(r)
	for i := range p.devices {
		if chance(r, 0.03) {
			at := within(r, p.until/2)
			p.devices[i].hangs = span{at, at + span01(r, 3_000, 40_000)}
		}
	}
}

func (d *devicePlan) drawControl(r *rand.Rand, until time.Duration, loss float64) {
	d.callLoss = loss * r.Float64()
	if chance(r, 0.15) {
		at := within(r, until)
		d.stalls = append(d.stalls, span{at, at + within(r, 2*time.Second)})
	}
	for range r.IntN(3) {
		if chance(r, 0.3) {
			d.streams = append(d.streams, within(r, until))
		}
	}
	if chance(r, 0.15) {
		d.kills = append(d.kills, within(r, until))
	}
}

func (t *transferPlan) drawControl(r *rand.Rand, n int, until time.Duration) {
	t.via, t.now = groupcast.ViaAuto, chance(r, 0.3)
	switch {
	case chance(r, 0.15):
		t.via = groupcast.ViaMulticast
	case chance(r, 0.05):
		t.via = groupcast.ViaHTTPS
	}
	if chance(r, 0.15) {
		t.hold = 1 + within(r, until)
	}
	if n > 0 && chance(r, 0.2) {
		t.again = n
	}
}

func (p *plan) drawDeeds(r *rand.Rand) {
	for range r.IntN(4) {
		p.deeds = append(p.deeds, p.deed(r, deedKind(r.IntN(int(deedHalt)))))
	}
	if chance(r, 0.1) { // most of what is cancelled is sent again
		cancel := p.deed(r, deedCancel)
		retry := cancel
		retry.kind, retry.at = deedRetry, cancel.at+within(r, time.Second)
		p.deeds = append(p.deeds, cancel, retry)
	}
	if chance(r, 0.08) {
		halt := p.deed(r, deedHalt)
		confirm := halt
		confirm.kind, confirm.at = deedConfirm, halt.at+within(r, 2*time.Second)
		p.deeds = append(p.deeds, halt, confirm)
	}
}

func (p *plan) deed(r *rand.Rand, kind deedKind) deed {
	return deed{at: within(r, p.until), kind: kind, transfer: r.IntN(len(p.transfers)), device: r.IntN(len(p.devices))}
}

// content makes a transfer's content, or takes that of another once more.
func (t transferPlan) content(s *server) *content {
	if t.again > 0 && t.again <= len(s.transfers) {
		s.w.count("deed: sent once more")
		return s.transfers[t.again-1].full()
	}
	return makeContent(s.w.rnd, t, s.w.plan.symbol)
}
