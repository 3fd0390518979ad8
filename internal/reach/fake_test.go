package reach

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

// place is a server with devices: its store, who is connected, and the network.
type place struct {
	*testing.T
	*Checker
	key     seal.SigningKey
	mu      sync.Mutex
	devices []groupcast.Device
	groups  []groupcast.Group
	members map[protocol.GroupID][]string // user IDs
	noted   map[protocol.DeviceID]groupcast.Path
	how     map[protocol.DeviceID]behaviour
	sent    map[netip.AddrPort][]string // nonces
	broken  error                       // of the store
	deadNet bool
}

// behaviour is what a device does.
type behaviour struct {
	off      bool
	mute     bool          // it does not answer
	after    time.Duration // it answers so late
	oneIn    int           // it hears one probe in so many; 0: none
	machines int
	unfit    string
}

// inPlace makes a place in a bubble.
func inPlace(t *testing.T, f func(p *place)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &place{
			T: t, key: seal.NewSigningKey(), members: map[protocol.GroupID][]string{},
			noted: map[protocol.DeviceID]groupcast.Path{}, how: map[protocol.DeviceID]behaviour{},
			sent: map[netip.AddrPort][]string{},
		}
		p.Checker = New(Config{
			Server: protocol.ServerID{7}, Key: p.key, Store: stored{p}, Agents: connected{p}, Send: p.send,
			Log: slog.New(slog.DiscardHandler),
		})
		f(p)
	})
}

// group makes a group.
func (p *place) group(name string) groupcast.Group {
	g := groupcast.Group{
		ID: protocol.NewGroupID(), Name: name,
		Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, 7, byte(len(p.groups) + 1)}), protocol.DataPort),
	}
	p.groups = append(p.groups, g)
	return g
}

// device makes a user of that name with one device, who is a member of groups.
func (p *place) device(user string, how behaviour, groups ...groupcast.Group) groupcast.Device {
	d := groupcast.Device{ID: protocol.NewDeviceID(), UserID: "id of " + user, User: user, Name: "pc"}
	p.devices = append(p.devices, d)
	p.how[d.ID] = how
	for _, g := range groups {
		p.members[g.ID] = append(p.members[g.ID], d.UserID)
	}
	return d
}

func (p *place) send(_ context.Context, group netip.AddrPort, packet []byte) error {
	if p.deadNet {
		return errors.New("network is unreachable")
	}
	probe, err := seal.VerifyProbe(p.key.Public(), packet)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent[group] = append(p.sent[group], hex.EncodeToString(probe.Nonce[:]))
	return nil
}

// heardBy are the nonces that a device heard of its groups' probes.
func (p *place) heardBy(d groupcast.Device, oneIn int) (heard []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, nonces := range p.sent {
		for i, nonce := range nonces {
			if oneIn > 0 && i%oneIn == 0 {
				heard = append(heard, nonce)
			}
		}
	}
	return heard
}

// check asks, and gives what was found by user.
func (p *place) check(q groupcast.CheckQuery) map[string]groupcast.CheckResult {
	p.Helper()
	out := map[string]groupcast.CheckResult{}
	if err := p.Check(p.Context(), q, func(r groupcast.CheckResult) { out[r.User] = r }); err != nil {
		p.Fatal(err)
	}
	return out
}

// connected is who is connected.
type connected struct{ p *place }

func (c connected) Describe(d *groupcast.Device) {
	how := c.p.how[d.ID]
	d.Active, d.Machines = !how.off, how.machines
}

func (c connected) Unfit(id protocol.DeviceID) string { return c.p.how[id].unfit }

func (c connected) Send(id protocol.DeviceID, e groupcast.AgentEvent) {
	how := c.p.how[id]
	if how.mute || e.Kind != groupcast.AgentProbe {
		return
	}
	go func() {
		time.Sleep(how.after)
		// Who answers too late is told so, which the test of that looks at.
		_ = c.p.Heard(id, groupcast.ProbeAnswer{Probe: e.Probe, Heard: c.p.heardBy(groupcast.Device{ID: id}, how.oneIn)})
	}()
}

// stored is what the store knows.
type stored struct{ p *place }

func (s stored) User(_ context.Context, name string) (groupcast.User, error) {
	return groupcast.User{ID: "id of " + name, Name: name}, s.p.broken
}

func (s stored) Devices(
	_ context.Context, userID string, _ groupcast.Window,
) (out groupcast.Page[groupcast.Device], err error) {
	for _, d := range s.p.devices {
		if userID == "" || d.UserID == userID {
			out.Rows = append(out.Rows, d)
		}
	}
	return out, s.p.broken
}

func (s stored) Group(_ context.Context, name string) (groupcast.Group, error) {
	for _, g := range s.p.groups {
		if g.Name == name {
			return g, s.p.broken
		}
	}
	return groupcast.Group{}, groupcast.Errorf(groupcast.ENotFound, "no group %s", name)
}

func (s stored) Groups(context.Context) ([]groupcast.Group, error) { return s.p.groups, s.p.broken }

func (s stored) Members(
	_ context.Context, id protocol.GroupID, _ groupcast.Window,
) (out groupcast.Page[groupcast.Member], err error) {
	for _, u := range s.p.members[id] {
		out.Rows = append(out.Rows, groupcast.Member{UserID: u})
	}
	return out, s.p.broken
}

func (s stored) Memberships(context.Context) (map[protocol.GroupID][]string, error) {
	return s.p.members, s.p.broken
}

func (s stored) UpdateDevices(_ context.Context, devices []groupcast.Device) error {
	for _, d := range devices {
		s.p.noted[d.ID] = d.Path
	}
	return s.p.broken
}
