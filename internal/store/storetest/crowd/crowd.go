// Package crowd lets many change a store at random at the same time, and holds what it says in the end against what
// each of them was told.
package crowd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// Options are how Run works on a store.
type Options struct {
	Seed          uint64
	Workers, Each int    // Each: changes that each worker makes
	Troubled      bool   // changes may be said not to have been possible, because the database was lost over them
	Ended         func() // is called before it is looked what became of it; may be nil
}

// Run lets many change a store. All that is owed must be what members and open transfers come to in the end, numbers
// were drawn once, no floor was above an offer that was open, and an administrator is left.
func Run(t *testing.T, s store.Store, o Options) {
	c := &crowd{T: t, s: s, ctx: t.Context(), o: o, ended: map[protocol.TransferNo]bool{}}
	c.groups = []groupcast.Group{c.group("crowd-a"), c.group("crowd-b")}
	for i := range o.Workers {
		c.admins = append(c.admins, c.user(fmt.Sprintf("admin-%d", i), groupcast.RoleAdmin))
		r := rand.New(rand.NewPCG(o.Seed, uint64(i)))
		c.workers = append(c.workers, &worker{crowd: c, random: r, mine: []*person{
			{User: c.user(fmt.Sprintf("user-%d-a", i), groupcast.RoleMember)},
			{User: c.user(fmt.Sprintf("user-%d-b", i), groupcast.RoleMember)},
		}})
	}
	var all sync.WaitGroup
	for _, k := range c.workers {
		all.Go(func() {
			for range o.Each {
				k.act()
			}
		})
	}
	all.Wait()
	if o.Ended != nil {
		o.Ended()
	}
	c.checkOwed()
	c.checkOffers()
	n, err := s.Administrators(c.ctx)
	c.ok(err)
	if n < 1 {
		t.Errorf("seed %d: no administrator is left", o.Seed)
	}
	t.Logf("%d transfers, %d offers, %d administrators, %d changes that were not possible", len(c.transfers),
		len(c.offers), n, c.lost.Load())
}

// crowd is what all of them know.
type crowd struct {
	*testing.T
	s       store.Store
	ctx     context.Context
	o       Options
	groups  []groupcast.Group
	admins  []groupcast.User
	workers []*worker
	clock   atomic.Int64
	lost    atomic.Int64

	mu        sync.Mutex
	transfers []protocol.TransferNo
	ended     map[protocol.TransferNo]bool // somebody began to close it: who came then was not owed it
	offers    []*opened
}

// opened is an offer: when it was known to be open, and when somebody began to close it.
type opened struct {
	number, floor protocol.OfferNo
	known, closed int64 // closed: 0, nobody did
}

// person is a user that only one worker changes: what it was told last is so.
type person struct {
	groupcast.User
	in      [2]bool // the groups
	devices []protocol.DeviceID
}

type worker struct {
	*crowd
	random *rand.Rand
	mine   []*person
}

// expected are the answers that a change may get because of what others did.
var expected = []groupcast.Code{groupcast.ENotFound, groupcast.EConflict}

// done says whether a change was made. What was lost is looked up by who needs to know.
func (k *worker) done(err error) bool {
	code := groupcast.ErrorCode(err)
	switch {
	case err == nil:
		return true
	case k.o.Troubled && code == groupcast.EUnavailable:
		k.lost.Add(1)
	case !slices.Contains(expected, code):
		k.Errorf("seed %d: %v (%s)", k.o.Seed, err, code)
	}
	return false
}

func (k *worker) act() {
	at := time.UnixMicro(1_800_000_001_000_000 + k.clock.Add(1))
	p := k.mine[k.random.IntN(len(k.mine))]
	switch n := k.random.IntN(100); {
	case n < 18:
		k.joinOrLeave(p, k.random.IntN(len(k.groups)), at)
	case n < 30:
		k.addOrRevoke(p, at)
	case n < 40:
		k.send(at)
	case n < 62:
		k.receive(p, at)
	case n < 67:
		k.endOrRetry(at)
	case n < 87:
		k.offer(at)
	case n < 95:
		k.promote()
	default:
		k.progress(p, at)
	}
}

func (k *worker) joinOrLeave(p *person, g int, at time.Time) {
	var err error
	if p.in[g] {
		err = k.s.RemoveMember(k.ctx, k.groups[g].ID, p.ID, at)
	} else {
		_, _, err = k.s.AddMember(k.ctx, k.groups[g].ID, p.ID, "root", at)
	}
	switch {
	case err == nil:
		p.in[g] = !p.in[g]
	case k.o.Troubled && groupcast.ErrorCode(err) == groupcast.EUnavailable:
		k.lost.Add(1)
		p.in[g] = slices.ContainsFunc(k.members(k.groups[g]), func(m groupcast.Member) bool { return m.UserID == p.ID })
	default:
		k.Errorf("seed %d: %v", k.o.Seed, err) // nobody else changes it
	}
}

func (k *worker) addOrRevoke(p *person, at time.Time) {
	var err error
	if len(p.devices) == 2 || len(p.devices) == 1 && k.random.IntN(3) == 0 {
		_, err = k.s.RevokeDevice(k.ctx, p.devices[0], at)
		if err == nil {
			p.devices = p.devices[1:]
		}
	} else {
		id := protocol.NewDeviceID()
		_, _, err = k.s.AddDevice(k.ctx, groupcast.Device{ID: id, UserID: p.ID, Name: "pc", PublicKey: id[:]}, at)
		if err == nil {
			p.devices = append(p.devices, id)
		}
	}
	switch {
	case err == nil:
	case k.o.Troubled && groupcast.ErrorCode(err) == groupcast.EUnavailable:
		k.lost.Add(1)
		p.devices = nil
		for _, d := range k.devices(p.ID) {
			p.devices = append(p.devices, d.ID)
		}
	default:
		k.Errorf("seed %d: %v", k.o.Seed, err)
	}
}

func (k *worker) send(at time.Time) {
	g := k.groups[k.random.IntN(len(k.groups))]
	t, _, err := k.s.AddTransfer(k.ctx, store.Transfer{Transfer: groupcast.Transfer{
		GroupID: g.ID, Name: "file", State: groupcast.TransferWaiting, Via: groupcast.ViaAuto, CreatedAt: at,
		ExpiresAt: at.Add(time.Hour),
	}})
	if !k.done(err) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if slices.Contains(k.transfers, t.No) {
		k.Errorf("seed %d: transfer number %d was drawn twice", k.o.Seed, t.No)
	}
	k.transfers = append(k.transfers, t.No)
}

// some is a transfer that was made.
func (k *worker) some() protocol.TransferNo {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.transfers) == 0 {
		return 1
	}
	return k.transfers[k.random.IntN(len(k.transfers))]
}

// receive hands in a few receipts at once.
func (k *worker) receive(p *person, at time.Time) {
	var closings []store.Closing
	for _, d := range p.devices {
		for range 1 + k.random.IntN(3) {
			closings = append(closings, store.Closing{Transfer: k.some(), Device: d, State: groupcast.DeliveryVerified})
		}
	}
	for _, c := range k.s.CloseDeliveries(k.ctx, closings, at) {
		k.done(c.Err)
	}
}

func (k *worker) endOrRetry(at time.Time) {
	if k.random.IntN(2) == 0 {
		_, err := k.s.RetryTransfer(k.ctx, k.some(), at.Add(time.Hour), at)
		k.done(err)
		return
	}
	no := k.some()
	k.mu.Lock()
	k.ended[no] = true
	k.mu.Unlock()
	k.done(k.s.CloseTransfer(k.ctx, no, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "no more", at))
}

func (k *worker) offer(at time.Time) {
	if k.random.IntN(2) == 0 {
		k.closeOffer()
		return
	}
	number, floor, err := k.s.OpenOffer(k.ctx, store.SiteEpoch{}, k.some(), at)
	if !k.done(err) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.offers = append(k.offers, &opened{number: number, floor: floor, known: k.clock.Add(1)})
}

func (k *worker) closeOffer() {
	k.mu.Lock()
	var one *opened
	for _, o := range k.offers {
		if o.closed == 0 {
			one = o
			one.closed = k.clock.Add(1)
			break
		}
	}
	k.mu.Unlock()
	if one != nil {
		k.done(k.s.CloseOffer(k.ctx, one.number))
	}
}

func (k *worker) promote() {
	u, role := k.admins[k.random.IntN(len(k.admins))], groupcast.RoleMember
	if k.random.IntN(3) == 0 {
		role = groupcast.RoleAdmin
	}
	k.done(k.s.SetRole(k.ctx, u.ID, role))
}

func (k *worker) progress(p *person, at time.Time) {
	var some []groupcast.Delivery
	for _, d := range p.devices {
		some = append(some, groupcast.Delivery{
			Transfer: k.some(), DeviceID: d, UserID: p.ID, State: groupcast.DeliveryReceiving, Blocks: 1, Bytes: 10,
		})
	}
	k.done(k.s.UpdateDeliveries(k.ctx, some, at))
}

func (c *crowd) ok(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// began is when a crowd begins.
var began = time.UnixMicro(1_800_000_000_000_000)

func (c *crowd) user(name string, role groupcast.Role) groupcast.User {
	u, err := c.s.AddUser(c.ctx, store.NewUser{Name: name, Role: role, Hash: "$argon2id$x"}, began)
	c.ok(err)
	return u
}

func (c *crowd) group(name string) groupcast.Group {
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, 2, name[len(name)-1]}), protocol.DataPort)
	g, err := c.s.AddGroup(c.ctx, groupcast.Group{ID: protocol.NewGroupID(), Name: name, Address: address}, began)
	c.ok(err)
	return g
}

// rows gives the rows of a page.
func rows[T any](p groupcast.Page[T], err error) ([]T, error) { return p.Rows, err }

// patiently reads until it is possible, where it may not be at once.
func patiently[T any](c *crowd, read func() (groupcast.Page[T], error)) []T {
	for range 50 {
		page, err := read()
		if err == nil {
			return page.Rows
		}
		if !c.o.Troubled || groupcast.ErrorCode(err) != groupcast.EUnavailable {
			c.Error(err)
			return nil
		}
	}
	c.Error("nothing could be read")
	return nil
}

func (c *crowd) members(g groupcast.Group) []groupcast.Member {
	return patiently(c, func() (groupcast.Page[groupcast.Member], error) {
		return c.s.Members(c.ctx, g.ID, groupcast.Window{})
	})
}

func (c *crowd) devices(userID string) []groupcast.Device {
	return patiently(c, func() (groupcast.Page[groupcast.Device], error) {
		return c.s.Devices(c.ctx, userID, groupcast.Window{})
	})
}

// checkOwed holds members, devices, deliveries and what is counted of them against each other.
func (c *crowd) checkOwed() {
	for _, no := range c.transfers {
		t, err := c.s.Transfer(c.ctx, no)
		c.ok(err)
		list, err := rows(c.s.Deliveries(c.ctx, no, groupcast.Window{}))
		c.ok(err)
		owed, verified := 0, 0
		states := map[protocol.DeviceID]groupcast.DeliveryState{}
		for _, d := range list {
			switch {
			case d.State.Owed():
				owed++
				c.owedTo(t, d)
			case d.State == groupcast.DeliveryVerified:
				verified++
			}
			states[d.DeviceID] = d.State
		}
		if t.Owed != owed || t.Verified != verified {
			c.Errorf("seed %d: transfer %d counts %d owed and %d verified, its deliveries are %d and %d", c.o.Seed, no, t.Owed,
				t.Verified, owed, verified)
		}
		if t.State.Open() && !c.ended[no] {
			c.everybodyIsOwed(t, states)
		}
	}
}

// owedTo checks that who is owed something is a member.
func (c *crowd) owedTo(t store.Transfer, d groupcast.Delivery) {
	if !t.State.Open() {
		c.Errorf("seed %d: transfer %d is %s and owed to %s", c.o.Seed, t.No, t.State, d.User)
	}
	if p, g := c.person(d.UserID), c.index(t.GroupID); p == nil || !p.in[g] {
		c.Errorf("seed %d: transfer %d is owed to %s, who is no member", c.o.Seed, t.No, d.User)
	}
}

// everybodyIsOwed checks that every device of a member is owed an open transfer, or has it.
func (c *crowd) everybodyIsOwed(t store.Transfer, states map[protocol.DeviceID]groupcast.DeliveryState) {
	for _, k := range c.workers {
		for _, p := range k.mine {
			for _, d := range p.devices {
				s, there := states[d]
				if p.in[c.index(t.GroupID)] && (!there || !s.Owed() && s != groupcast.DeliveryVerified) {
					c.Errorf("seed %d: transfer %d is not owed to %s, a device of a member: %q", c.o.Seed, t.No, d, s)
				}
			}
		}
	}
}

func (c *crowd) index(id protocol.GroupID) int {
	return slices.IndexFunc(c.groups, func(g groupcast.Group) bool { return g.ID == id })
}

func (c *crowd) person(userID string) *person {
	for _, k := range c.workers {
		for _, p := range k.mine {
			if p.ID == userID {
				return p
			}
		}
	}
	return nil
}

// checkOffers: a device that hears a floor forgets what is below it. No offer that anybody still used may be.
func (c *crowd) checkOffers() {
	seen := map[protocol.OfferNo]bool{}
	for _, o := range c.offers {
		if seen[o.number] {
			c.Errorf("seed %d: offer number %d was drawn twice", c.o.Seed, o.number)
		}
		seen[o.number] = true
		if o.floor > o.number {
			c.Errorf("seed %d: offer %d has the floor %d", c.o.Seed, o.number, o.floor)
		}
		for _, other := range c.offers {
			if other.number < o.floor && (other.closed == 0 || other.closed > o.known) {
				c.Errorf("seed %d: offer %d has the floor %d, and offer %d was open", c.o.Seed, o.number, o.floor, other.number)
			}
		}
	}
	last, err := c.s.LastOffer(c.ctx)
	c.ok(err)
	for number := range seen {
		if number > last {
			c.Errorf("seed %d: the last offer is %d, and offer %d was drawn", c.o.Seed, last, number)
		}
	}
}
