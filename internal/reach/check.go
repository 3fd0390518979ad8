// Package reach finds out whether devices are reached: it asks them over the control channel, sends signed
// probes to their groups, and says of each which of them it heard.
package reach

import (
	"context"
	"log/slog"
	"net/netip"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

const maxChecks = 8 // at once

// Store knows the devices, and who is in which group (store.Store).
type Store interface {
	User(ctx context.Context, name string) (groupcast.User, error)
	Devices(ctx context.Context, userID string, w groupcast.Window) (groupcast.Page[groupcast.Device], error)
	Group(ctx context.Context, name string) (groupcast.Group, error)
	Groups(ctx context.Context) ([]groupcast.Group, error)
	Members(ctx context.Context, id protocol.GroupID, w groupcast.Window) (groupcast.Page[groupcast.Member], error)
	UpdateDevices(ctx context.Context, devices []groupcast.Device) error
}

// Agents are the devices that are connected (*presence.Agents).
type Agents interface {
	Describe(d *groupcast.Device)
	Unfit(id protocol.DeviceID) string
	Send(id protocol.DeviceID, e groupcast.AgentEvent)
}

// Config is what a Checker is made of.
type Config struct {
	Server protocol.ServerID
	Key    seal.SigningKey
	Store  Store
	Agents Agents
	Send   func(ctx context.Context, group netip.AddrPort, packet []byte) error // over multicast
	Log    *slog.Logger
}

// Checker asks devices.
type Checker struct {
	cfg    Config
	rounds rounds
	checks chan struct{}
}

// New makes a checker.
func New(cfg Config) *Checker {
	return &Checker{cfg: cfg, rounds: rounds{open: map[string]*round{}}, checks: make(chan struct{}, maxChecks)}
}

// Check asks devices over the control channel and over multicast.
func (c *Checker) Check(ctx context.Context, q groupcast.CheckQuery) ([]groupcast.CheckResult, error) {
	devices, groups, err := c.whom(ctx, q)
	if err != nil {
		return nil, err
	}
	select {
	case c.checks <- struct{}{}:
		defer func() { <-c.checks }()
	default:
		return nil, groupcast.Errorf(groupcast.EExhausted, "%d checks run already", maxChecks).
			WithHint("try again in a few seconds")
	}
	var active []protocol.DeviceID
	for i := range devices {
		c.cfg.Agents.Describe(&devices[i])
		if devices[i].Active {
			active = append(active, devices[i].ID)
		}
	}
	f := findings{groups: groups, answers: c.ask(ctx, active)}
	f.nonces = c.probe(ctx, groups)
	f.heard = c.ask(ctx, active)
	return c.report(ctx, devices, f)
}

// Answers says whether a device that is attached answers.
func (c *Checker) Answers(ctx context.Context, id protocol.DeviceID) bool {
	_, answers := c.ask(ctx, []protocol.DeviceID{id})[id]
	return answers
}

// whom gives the devices and the groups to probe.
func (c *Checker) whom(ctx context.Context, q groupcast.CheckQuery) ([]groupcast.Device, checkedGroups, error) {
	groups, err := c.groups(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	userID := ""
	if q.User != "" {
		u, err := c.cfg.Store.User(ctx, q.User)
		if err != nil {
			return nil, nil, err
		}
		userID = u.ID
	}
	all, err := c.cfg.Store.Devices(ctx, userID, groupcast.Window{})
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

type checkedGroups map[protocol.GroupID]checkedGroup

func (c *Checker) groups(ctx context.Context, q groupcast.CheckQuery) (checkedGroups, error) {
	var list []groupcast.Group
	var err error
	if q.Group != "" {
		list = make([]groupcast.Group, 1)
		list[0], err = c.cfg.Store.Group(ctx, q.Group)
	} else {
		list, err = c.cfg.Store.Groups(ctx)
	}
	if err != nil {
		return nil, err
	}
	out := make(checkedGroups, len(list))
	for _, g := range list {
		members, err := c.cfg.Store.Members(ctx, g.ID, groupcast.Window{})
		if err != nil {
			return nil, err
		}
		checked := checkedGroup{Group: g, members: map[string]bool{}}
		for _, m := range members.Rows {
			checked.members[m.UserID] = true
		}
		out[g.ID] = checked
	}
	return out, nil
}
