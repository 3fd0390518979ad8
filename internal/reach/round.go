package reach

import (
	"context"
	"crypto/rand"
	"encoding/hex"
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
	probeWait    = 2 * time.Second // for answers
	probeSettle  = 50 * time.Millisecond
	maxHeard     = 256 // nonces in one answer
)

// round is one question to many devices: who answers, when, with what.
type round struct {
	asked   time.Time
	mu      sync.Mutex
	open    map[protocol.DeviceID]bool
	answers answers
	all     chan struct{}
}

type answer struct {
	after time.Duration
	heard map[string]bool // nonces
}

type answers map[protocol.DeviceID]answer

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

// ask sends devices a question over the control channel and gathers the answers.
func (c *Checker) ask(ctx context.Context, devices []protocol.DeviceID) answers {
	r := &round{asked: time.Now(), open: map[protocol.DeviceID]bool{}, answers: answers{}, all: make(chan struct{})}
	for _, d := range devices {
		r.open[d] = true
	}
	id := rand.Text()
	c.rounds.add(id, r)
	defer c.rounds.remove(id)
	for _, d := range devices {
		c.cfg.Agents.Send(d, groupcast.AgentEvent{Kind: groupcast.AgentProbe, Probe: id})
	}
	if len(devices) > 0 {
		wait, cancel := context.WithTimeout(ctx, probeWait)
		defer cancel()
		select {
		case <-r.all:
		case <-wait.Done():
		}
	}
	return r.end()
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

func (r *round) answer(id protocol.DeviceID, heard []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.open[id] {
		return
	}
	delete(r.open, id)
	a := answer{after: time.Since(r.asked), heard: make(map[string]bool, len(heard))}
	for _, nonce := range heard {
		a.heard[nonce] = true
	}
	r.answers[id] = a
	if len(r.open) == 0 {
		close(r.all)
	}
}

// end returns the answers; later ones are ignored.
func (r *round) end() answers {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.open)
	return r.answers
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
