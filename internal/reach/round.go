package reach

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

const (
	probesSent   = 5
	probeSpacing = 20 * time.Millisecond
	probeWait    = 2 * time.Second // for a device's answer
	probeSettle  = 50 * time.Millisecond
	maxHeard     = 256 // nonces in one answer
	maxAsked     = 256 // devices that are asked and still have time to answer
	timesAsked   = 2   // a device that does not answer
)

// round is one question to many devices: who answers, when, with what.
type round struct {
	mu      sync.Mutex
	asked   map[protocol.DeviceID]time.Time // when first
	answers map[protocol.DeviceID]*answer
	heard   chan protocol.DeviceID // those that answered
}

func newRound(devices int) *round {
	return &round{
		asked:   make(map[protocol.DeviceID]time.Time, devices),
		answers: make(map[protocol.DeviceID]*answer, devices), heard: make(chan protocol.DeviceID, devices),
	}
}

type answer struct {
	after time.Duration
	heard map[string]bool // nonces
}

// rounds are the questions that are open.
type rounds struct {
	mu   sync.Mutex
	open map[string]*round
}

func (r *rounds) add(id string, one *round) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[id] = one
}

func (r *rounds) find(id string) *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id]
}

func (r *rounds) remove(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, id)
}

// ask asks devices whether they are there, and gathers the answers. Those that did not answer are asked once more:
// a server or a network that was busy makes no device mute. told, if it is not nil, hears of each as soon as it is
// known.
func (c *Checker) ask(ctx context.Context, devices []protocol.DeviceID, told func(protocol.DeviceID, *answer)) {
	r, id := newRound(len(devices)), rand.Text()
	c.rounds.add(id, r)
	defer c.rounds.remove(id)
	left := devices
	for range timesAsked {
		left = c.askOnce(ctx, id, r, left, told)
	}
	for _, d := range left {
		if ctx.Err() == nil { // else it had no time to answer
			told(d, nil)
		}
	}
}

// askOnce asks each of the devices one time, not too many at once, and says which did not answer, in their order.
func (c *Checker) askOnce(
	ctx context.Context, id string, r *round, devices []protocol.DeviceID, told func(protocol.DeviceID, *answer),
) []protocol.DeviceID {
	q := queue{silent: make(map[protocol.DeviceID]bool, len(devices)), waits: map[protocol.DeviceID]bool{}}
	for _, d := range devices {
		q.silent[d] = true
	}
	hear := func(d protocol.DeviceID) {
		q.answered(d)
		told(d, r.of(d))
	}
	timer := time.NewTimer(probeWait)
	defer timer.Stop()
	for next := 0; ctx.Err() == nil; {
		for ; next < len(devices) && len(q.waits) < maxAsked; next++ {
			if d := devices[next]; q.silent[d] {
				q.ask(d, r.ask(d).Add(probeWait))
				c.cfg.Agents.Send(d, groupcast.AgentEvent{Kind: groupcast.AgentProbe, Probe: id})
			}
		}
		if len(q.silent) == 0 || len(q.asked) == 0 {
			break // all answered, or had their time
		}
		timer.Reset(time.Until(q.asked[0].until))
		select {
		case d := <-r.heard:
			hear(d)
		case <-timer.C:
		case <-ctx.Done():
		}
		for range len(r.heard) { // what came while others were told of does not wait for its time to end
			hear(<-r.heard)
		}
		q.pass(time.Now())
	}
	return slices.DeleteFunc(slices.Clone(devices), func(d protocol.DeviceID) bool { return !q.silent[d] })
}

// queue is whom a question waits for.
type queue struct {
	silent map[protocol.DeviceID]bool // have not answered, whether asked or not
	waits  map[protocol.DeviceID]bool // of those, which are asked and have time
	asked  []asked                    // the one whose time ends next is the first
}

type asked struct {
	device protocol.DeviceID
	until  time.Time
}

func (q *queue) ask(d protocol.DeviceID, until time.Time) {
	q.waits[d] = true
	q.asked = append(q.asked, asked{d, until})
}

// answered takes an answer, also one that comes late.
func (q *queue) answered(d protocol.DeviceID) {
	delete(q.silent, d)
	delete(q.waits, d)
}

// pass passes over those that answered or had their time.
func (q *queue) pass(now time.Time) {
	for len(q.asked) > 0 && (!q.waits[q.asked[0].device] || !now.Before(q.asked[0].until)) {
		delete(q.waits, q.asked[0].device)
		q.asked = q.asked[1:]
	}
}

// Heard is a device's answer.
func (c *Checker) Heard(id protocol.DeviceID, a groupcast.ProbeAnswer) error {
	if len(a.Heard) > maxHeard {
		return groupcast.Errorf(groupcast.EInvalid, "%d probes are more than %d", len(a.Heard), maxHeard)
	}
	r := c.rounds.find(a.Probe)
	if r == nil {
		return groupcast.Errorf(groupcast.ENotFound, "nobody waits for this answer any more")
	}
	r.answer(id, a.Heard)
	return nil
}

// ask notes that a device is asked, and when that is.
func (r *round) ask(id protocol.DeviceID) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if _, before := r.asked[id]; !before {
		r.asked[id] = now
	}
	return now
}

// answer keeps what a device says, the first time.
func (r *round) answer(id protocol.DeviceID, heard []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, open := r.asked[id]
	if !open || r.answers[id] != nil {
		return
	}
	a := &answer{after: time.Since(at), heard: make(map[string]bool, len(heard))}
	for _, nonce := range heard {
		a.heard[nonce] = true
	}
	r.answers[id] = a
	r.heard <- id // it has room for every device
}

// of gives a device's answer.
func (r *round) of(id protocol.DeviceID) *answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers[id]
}

// probe sends signed probes to groups and gives the nonces of each.
func (c *Checker) probe(ctx context.Context, groups checkedGroups) map[protocol.GroupID][]string {
	sent := make(map[protocol.GroupID][]string, len(groups))
	for range probesSent {
		for id, g := range groups {
			probe := wire.Probe{Server: wire.PrefixOf(c.cfg.Server), Group: id}
			rand.Read(probe.Nonce[:])
			if err := c.cfg.Send(ctx, g.Address, seal.SignProbe(c.cfg.Key, probe)); err != nil {
				c.cfg.Log.Warn("a probe could not be sent", "group", g.Name, "err", err)
				continue
			}
			sent[id] = append(sent[id], hex.EncodeToString(probe.Nonce[:]))
		}
		pause(ctx, probeSpacing)
	}
	pause(ctx, probeSettle)
	return sent
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
