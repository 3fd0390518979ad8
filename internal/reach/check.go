// Package reach finds out whether devices are reached: it asks them over the control channel, sends signed
// probes to their groups, and says of each which of them it heard.
package reach

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"

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
	Memberships(ctx context.Context) (map[protocol.GroupID][]string, error)
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

// Check asks devices over the control channel and over multicast. told hears how each is reached, as soon as that is
// known: first those that are not connected, by user and name, then the others as they answer, then those that did not.
func (c *Checker) Check(ctx context.Context, q groupcast.CheckQuery, told func(groupcast.CheckResult)) error {
	devices, groups, err := c.whom(ctx, q)
	if err != nil {
		return err
	}
	select {
	case c.checks <- struct{}{}:
		defer func() { <-c.checks }()
	default:
		return groupcast.Errorf(groupcast.EExhausted, "%d checks run already", maxChecks).
			WithHint("try again in a few seconds")
	}
	f := findings{groups: groups, of: groups.byUser()}
	var active []protocol.DeviceID
	all := make(map[protocol.DeviceID]groupcast.Device, len(devices))
	for _, d := range devices {
		c.cfg.Agents.Describe(&d)
		if all[d.ID] = d; d.Active {
			active = append(active, d.ID)
		} else {
			told(c.result(d, nil, f))
		}
	}
	if len(active) == 0 {
		return nil
	}
	f.nonces = c.probe(ctx, groups)
	var changed []groupcast.Device
	c.ask(ctx, active, func(id protocol.DeviceID, a *answer) {
		d := all[id]
		r := c.result(d, a, f)
		if path := pathOf(r.Multicast); path != groupcast.PathUnknown {
			d.Path = path
			changed = append(changed, d)
		}
		told(r)
	})
	if len(changed) > 0 {
		err = c.cfg.Store.UpdateDevices(context.WithoutCancel(ctx), changed)
	}
	return cmp.Or(ctx.Err(), err)
}

// Answers says whether a device that is attached answers.
func (c *Checker) Answers(ctx context.Context, id protocol.DeviceID) bool {
	r, question := newRound(1), rand.Text()
	c.rounds.add(question, r)
	defer c.rounds.remove(question)
	left := c.askOnce(ctx, question, r, []protocol.DeviceID{id}, func(protocol.DeviceID, *answer) {})
	return len(left) == 0
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

// byUser lists the groups of each user by name.
func (all checkedGroups) byUser() map[string][]protocol.GroupID {
	out := map[string][]protocol.GroupID{}
	byName := func(a, b checkedGroup) int { return strings.Compare(a.Name, b.Name) }
	for _, g := range slices.SortedFunc(maps.Values(all), byName) {
		for user := range g.members {
			out[user] = append(out[user], g.ID)
		}
	}
	return out
}

func (c *Checker) groups(ctx context.Context, q groupcast.CheckQuery) (checkedGroups, error) {
	if q.Group != "" {
		return c.oneGroup(ctx, q.Group)
	}
	list, err := c.cfg.Store.Groups(ctx)
	if err != nil {
		return nil, err
	}
	members, err := c.cfg.Store.Memberships(ctx)
	if err != nil {
		return nil, err
	}
	out := make(checkedGroups, len(list))
	for _, g := range list {
		checked := checkedGroup{Group: g, members: make(map[string]bool, len(members[g.ID]))}
		for _, user := range members[g.ID] {
			checked.members[user] = true
		}
		out[g.ID] = checked
	}
	return out, nil
}

func (c *Checker) oneGroup(ctx context.Context, name string) (checkedGroups, error) {
	g, err := c.cfg.Store.Group(ctx, name)
	if err != nil {
		return nil, err
	}
	members, err := c.cfg.Store.Members(ctx, g.ID, groupcast.Window{})
	if err != nil {
		return nil, err
	}
	checked := checkedGroup{Group: g, members: make(map[string]bool, len(members.Rows))}
	for _, m := range members.Rows {
		checked.members[m.UserID] = true
	}
	return checkedGroups{g.ID: checked}, nil
}
