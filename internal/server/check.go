package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
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
	maxChecks    = 8   // at once
	maxHeard     = 256 // nonces in one answer
)

// round is one question to many devices: who answers, when, with what.
type round struct {
	asked   time.Time
	mu      sync.Mutex
	open    map[protocol.DeviceID]bool
	answers map[protocol.DeviceID]probeReply
	all     chan struct{}
}

type probeReply struct {
	after time.Duration
	heard map[string]bool
}

// rounds are the questions that are open.
type rounds struct {
	mu   sync.Mutex
	open map[string]*round
}

// Check asks devices over the control channel and over multicast.
func (s *Server) Check(ctx context.Context, p groupcast.Principal, q groupcast.CheckQuery) ([]groupcast.CheckResult, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	devices, groups, err := s.whomToCheck(ctx, q)
	if err != nil {
		return nil, err
	}
	select {
	case s.checks <- struct{}{}:
		defer func() { <-s.checks }()
	default:
		return nil, groupcast.Errorf(groupcast.EExhausted, "%d checks run already", maxChecks).WithHint("try again in a few seconds")
	}
	var active []protocol.DeviceID
	for i := range devices {
		s.agents.Describe(&devices[i])
		if devices[i].Active {
			active = append(active, devices[i].ID)
		}
	}
	replies := s.ask(ctx, active)
	nonces := s.probeGroups(ctx, groups)
	heard := s.ask(ctx, active)
	s.audit(ctx, p, "check", strings.TrimSpace(q.Group+" "+q.User), fmt.Sprintf("%d devices", len(devices)))
	return s.checkResults(ctx, devices, groups, nonces, replies, heard)
}

// whomToCheck gives the devices and, per user, the groups to probe.
func (s *Server) whomToCheck(ctx context.Context, q groupcast.CheckQuery) ([]groupcast.Device, map[protocol.GroupID]checkedGroup, error) {
	groups, err := s.groupsToCheck(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	userID := ""
	if q.User != "" {
		u, err := s.store.User(ctx, q.User)
		if err != nil {
			return nil, nil, err
		}
		userID = u.ID
	}
	all, err := s.store.Devices(ctx, userID, groupcast.Window{})
	if err != nil {
		return nil, nil, err
	}
	if q.Group == "" {
		return all.Rows, groups, nil
	}
	var devices []groupcast.Device
	for _, d := range all.Rows {
		for _, g := range groups {
			if g.members[d.UserID] {
				devices = append(devices, d)
			}
		}
	}
	return devices, groups, nil
}

type checkedGroup struct {
	groupcast.Group
	members map[string]bool // user IDs
}

func (s *Server) groupsToCheck(ctx context.Context, q groupcast.CheckQuery) (map[protocol.GroupID]checkedGroup, error) {
	var list []groupcast.Group
	var err error
	if q.Group != "" {
		list = make([]groupcast.Group, 1)
		list[0], err = s.store.Group(ctx, q.Group)
	} else {
		list, err = s.store.Groups(ctx)
	}
	if err != nil {
		return nil, err
	}
	out := make(map[protocol.GroupID]checkedGroup, len(list))
	for _, g := range list {
		members, err := s.store.Members(ctx, g.ID, groupcast.Window{})
		if err != nil {
			return nil, err
		}
		c := checkedGroup{Group: g, members: map[string]bool{}}
		for _, m := range members.Rows {
			c.members[m.UserID] = true
		}
		out[g.ID] = c
	}
	return out, nil
}

// ask sends devices a question over the control channel and gathers the answers.
func (s *Server) ask(ctx context.Context, devices []protocol.DeviceID) map[protocol.DeviceID]probeReply {
	r := &round{
		asked: time.Now(), open: map[protocol.DeviceID]bool{},
		answers: map[protocol.DeviceID]probeReply{}, all: make(chan struct{}),
	}
	for _, d := range devices {
		r.open[d] = true
	}
	id := rand.Text()
	s.rounds.mu.Lock()
	s.rounds.open[id] = r
	s.rounds.mu.Unlock()
	defer func() {
		s.rounds.mu.Lock()
		delete(s.rounds.open, id)
		s.rounds.mu.Unlock()
	}()
	for _, d := range devices {
		s.agents.Send(d, groupcast.AgentEvent{Kind: groupcast.AgentProbe, Probe: id})
	}
	if len(devices) > 0 {
		wait, cancel := context.WithTimeout(ctx, probeWait)
		defer cancel()
		select {
		case <-r.all:
		case <-wait.Done():
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers
}

// ProbesHeard is a device's answer.
func (s *Server) ProbesHeard(ctx context.Context, p groupcast.Principal, a groupcast.ProbeAnswer) error {
	d, err := mustAgent(p)
	if err != nil {
		return err
	}
	if len(a.Heard) > maxHeard {
		return groupcast.Errorf(groupcast.EInvalid, "%d probes are more than %d", len(a.Heard), maxHeard)
	}
	s.rounds.mu.Lock()
	r := s.rounds.open[a.Probe]
	s.rounds.mu.Unlock()
	if r == nil {
		return groupcast.Errorf(groupcast.ENotFound, "nobody waits for this answer any more")
	}
	r.answer(d.ID, a.Heard)
	return nil
}

func (r *round) answer(dev protocol.DeviceID, heard []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.open[dev] {
		return
	}
	delete(r.open, dev)
	reply := probeReply{after: time.Since(r.asked), heard: make(map[string]bool, len(heard))}
	for _, nonce := range heard {
		reply.heard[nonce] = true
	}
	r.answers[dev] = reply
	if len(r.open) == 0 {
		close(r.all)
	}
}

// probeGroups sends signed probes to groups and gives the nonces of each.
func (s *Server) probeGroups(ctx context.Context, groups map[protocol.GroupID]checkedGroup) map[protocol.GroupID][]string {
	sent := make(map[protocol.GroupID][]string, len(groups))
	for range probesSent {
		for id, g := range groups {
			probe := wire.Probe{Server: wire.PrefixOf(s.id), Group: id}
			rand.Read(probe.Nonce[:])
			if err := s.sendPlain(ctx, g.Address, seal.SignProbe(s.key, probe)); err != nil {
				s.log.Warn("a probe could not be sent", "group", g.Name, slog.Any("err", err))
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
