package server

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/protocol"
	"golang.org/x/time/rate"
)

const (
	attachEvery = 250 * time.Millisecond // of one device, in the long run (C10): many machines may hold copies of one home
	attachBurst = 64
	maxAttached = 24_000
)

// roster is who is attached: the event streams of agents. Its methods never block.
type roster struct {
	share    *auth.Share
	mu       sync.Mutex
	version  uint64
	attached map[protocol.DeviceID]*attachment
	users    map[string]int // attached devices per user
	limits   map[protocol.DeviceID]*rate.Limiter
	trails   map[protocol.DeviceID][]groupcast.Attach   // who attached, the last at the end
	rivals   map[protocol.DeviceID]map[string]time.Time // processes that were told that they share a device
	mtus     map[protocol.DeviceID]int                  // of the cards that devices hear groups by, as they said last
	now      func() time.Time
	left     func(protocol.DeviceID) // called without the lock
	speaks   groupcast.Speaks        // this server
}

type attachment struct {
	q      *queue[groupcast.AgentEvent]
	device groupcast.Device
	from   string
	say    groupcast.Attach
}

func newRoster(now func() time.Time, left func(protocol.DeviceID)) *roster {
	return &roster{
		share:    auth.NewShare(deviceStreams()),
		attached: map[protocol.DeviceID]*attachment{}, users: map[string]int{},
		limits: map[protocol.DeviceID]*rate.Limiter{}, trails: map[protocol.DeviceID][]groupcast.Attach{},
		rivals: map[protocol.DeviceID]map[string]time.Time{}, mtus: map[protocol.DeviceID]int{}, now: now, left: left, speaks: groupcast.Spoken(),
	}
}

var errReplaced = groupcast.Errorf(groupcast.EConflict, "this device attached from elsewhere").
	WithHint("a machine whose home was copied gets a device of its own by itself; if this one does not: `groupcast logout` there, then log in")

// attach opens a device's stream; one that it had before ends. It says whether there was one.
func (r *roster) attach(p groupcast.Principal, say groupcast.Attach) (*queue[groupcast.AgentEvent], bool, error) {
	if err := r.share.Take(context.Background(), p.User.ID, auth.RankOf(p)); err != nil {
		return nil, false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := p.Device.ID
	old := r.attached[id]
	if old != nil {
		r.remove(id, errReplaced)
	}
	q := newQueue[groupcast.AgentEvent]()
	q.left = func() {
		r.share.Give(p.User.ID)
		r.forget(id, q)
	}
	r.attached[id] = &attachment{q: q, device: *p.Device, from: p.From, say: say}
	r.follow(id, say)
	r.users[p.User.ID]++
	r.version++
	q.put(groupcast.AgentEvent{Version: r.version, Kind: groupcast.AgentHello, Server: &r.speaks})
	return q, old != nil, nil
}

func (r *roster) mayAttach(id protocol.DeviceID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.limits[id]
	if l == nil {
		if len(r.limits) > 2*maxAttached {
			clear(r.limits)
		}
		l = rate.NewLimiter(rate.Every(attachEvery), attachBurst)
		r.limits[id] = l
	}
	if !l.AllowN(r.now(), 1) {
		return groupcast.Errorf(groupcast.EExhausted, "this device attaches too often").
			WithHint("it tries again by itself; is its home copied to many machines?")
	}
	return nil
}

// remove takes a device out; the lock is held.
func (r *roster) remove(id protocol.DeviceID, err error) {
	a := r.attached[id]
	a.q.end(err)
	delete(r.attached, id)
	if r.users[a.device.UserID]--; r.users[a.device.UserID] <= 0 {
		delete(r.users, a.device.UserID)
	}
}

// forget is for a reader that went by itself: its device is no longer active.
func (r *roster) forget(id protocol.DeviceID, q *queue[groupcast.AgentEvent]) {
	r.mu.Lock()
	a := r.attached[id]
	mine := a != nil && a.q == q
	if mine {
		r.remove(id, errShutdown)
	}
	r.mu.Unlock()
	if mine {
		r.left(id)
	}
}

// end ends the streams of a user's devices, or of one of them.
func (r *roster) end(user string, device *protocol.DeviceID, err error) {
	var gone []protocol.DeviceID
	r.mu.Lock()
	for id, a := range r.attached {
		if a.device.UserID == user && (device == nil || *device == id) {
			r.remove(id, err)
			gone = append(gone, id)
		}
	}
	r.mu.Unlock()
	for _, id := range gone {
		r.left(id)
	}
}

// send gives a device an event; one that cannot take it is cut off and reads the state when
// it comes back.
func (r *roster) send(id protocol.DeviceID, e groupcast.AgentEvent) bool {
	r.mu.Lock()
	a := r.attached[id]
	if a == nil {
		r.mu.Unlock()
		return false
	}
	r.version++
	e.Version = r.version
	alive := a.q.put(e)
	if !alive {
		r.remove(id, errShutdown)
	}
	r.mu.Unlock()
	if !alive {
		r.left(id)
	}
	return alive
}

// hintUser tells a user's agents to read the state again.
func (r *roster) hintUser(user string) {
	for _, id := range r.devices(func(d groupcast.Device) bool { return d.UserID == user }) {
		r.send(id, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	}
}

func (r *roster) hintAll() {
	for _, id := range r.devices(nil) {
		r.send(id, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	}
}

// devices lists the attached devices that match.
func (r *roster) devices(match func(groupcast.Device) bool) []protocol.DeviceID {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]protocol.DeviceID, 0, len(r.attached))
	for id, a := range r.attached {
		if match == nil || match(a.device) {
			out = append(out, id)
		}
	}
	return out
}

// ofUser counts a user's attached devices.
func (r *roster) ofUser(user string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.users[user]
}

// has says whether a device is attached.
func (r *roster) has(id protocol.DeviceID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.attached[id] != nil
}

// overlay adds what the roster knows to a device of the store.
func (r *roster) overlay(d *groupcast.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.attached[d.ID]; a != nil {
		d.Active, d.Address, d.LastSeen = true, a.from, r.now()
	}
	d.Machines = r.count(d.ID)
}

func (r *roster) stateVersion() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version
}

// close ends every stream: the server goes down.
func (r *roster) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.attached {
		r.remove(id, errShutdown)
	}
}
