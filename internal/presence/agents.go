package presence

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/protocol"
	"golang.org/x/time/rate"
)

// AgentsConfig is what Agents is made of.
type AgentsConfig struct {
	Now     func() time.Time
	Streams auth.Bounds             // attached devices: in all, of one account, kept for administrators
	Every   time.Duration           // between two attaches of one device, in the long run
	Burst   int                     // attaches of one device that may come at once
	Speaks  groupcast.Speaks        // what this server speaks
	Left    func(protocol.DeviceID) // called without a lock when a device has no stream any more
}

// Agents are the devices that are attached: their agents read a stream of events. It also keeps
// what attached devices said of themselves. Its methods never wait and are safe for concurrent
// use.
type Agents struct {
	cfg      AgentsConfig
	share    *auth.Share
	mu       sync.Mutex
	version  uint64 // the number of the last event
	attached map[protocol.DeviceID]*attachment
	users    map[string]int // attached devices per user
	limits   map[protocol.DeviceID]*rate.Limiter
	trails   map[protocol.DeviceID][]groupcast.Attach   // who attached, the newest at the end
	rivals   map[protocol.DeviceID]map[string]time.Time // processes that were told that they share a device
	mtus     map[protocol.DeviceID]int                  // of the network card that each device last reported
}

type attachment struct {
	stream *Stream[groupcast.AgentEvent]
	device groupcast.Device
	from   string
	say    groupcast.Attach
}

// NewAgents makes an Agents without attached devices.
func NewAgents(cfg AgentsConfig) *Agents {
	return &Agents{
		cfg: cfg, share: auth.NewShare(cfg.Streams),
		attached: map[protocol.DeviceID]*attachment{}, users: map[string]int{},
		limits: map[protocol.DeviceID]*rate.Limiter{}, trails: map[protocol.DeviceID][]groupcast.Attach{},
		rivals: map[protocol.DeviceID]map[string]time.Time{}, mtus: map[protocol.DeviceID]int{},
	}
}

// ErrReplaced ends a device's stream when the device attaches once more.
var ErrReplaced = groupcast.Errorf(groupcast.EConflict, "this device attached from elsewhere").
	WithHint("a machine whose home was copied gets a device of its own by itself; if this one does not: `groupcast logout` there, then log in")

// MayAttach refuses a device that attaches too often. Each call counts as one try.
func (a *Agents) MayAttach(id protocol.DeviceID) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	limit := a.limits[id]
	if limit == nil {
		if len(a.limits) > 2*a.cfg.Streams.All {
			clear(a.limits)
		}
		limit = rate.NewLimiter(rate.Every(a.cfg.Every), a.cfg.Burst)
		a.limits[id] = limit
	}
	if !limit.AllowN(a.cfg.Now(), 1) {
		return groupcast.Errorf(groupcast.EExhausted, "this device attaches too often").
			WithHint("it tries again by itself; is its home copied to many machines?")
	}
	return nil
}

// Attach opens the stream of p's device, which begins with an AgentHello. One that the device had
// before ends with ErrReplaced; Attach says whether there was one.
func (a *Agents) Attach(p groupcast.Principal, say groupcast.Attach) (*Stream[groupcast.AgentEvent], bool, error) {
	if err := a.share.Take(context.Background(), p.User.ID, auth.RankOf(p)); err != nil {
		return nil, false, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	id := p.Device.ID
	old := a.attached[id]
	if old != nil {
		a.remove(id, ErrReplaced)
	}
	st := newStream[groupcast.AgentEvent]()
	st.left = func() {
		a.share.Give(p.User.ID)
		a.readerLeft(id, st)
	}
	a.attached[id] = &attachment{stream: st, device: *p.Device, from: p.From, say: say}
	a.follow(id, say)
	a.users[p.Device.UserID]++
	a.version++
	st.put(groupcast.AgentEvent{Version: a.version, Kind: groupcast.AgentHello, Server: &a.cfg.Speaks})
	return st, old != nil, nil
}

// remove takes a device out; the lock is held.
func (a *Agents) remove(id protocol.DeviceID, reason error) {
	at := a.attached[id]
	at.stream.end(reason)
	delete(a.attached, id)
	if a.users[at.device.UserID]--; a.users[at.device.UserID] <= 0 {
		delete(a.users, at.device.UserID)
	}
}

// readerLeft comes when a reader closed its stream. The device is detached, unless it has another
// stream by now.
func (a *Agents) readerLeft(id protocol.DeviceID, st *Stream[groupcast.AgentEvent]) {
	a.mu.Lock()
	at := a.attached[id]
	current := at != nil && at.stream == st
	if current {
		a.remove(id, errShutdown)
	}
	a.mu.Unlock()
	if current {
		a.cfg.Left(id)
	}
}

// End ends the streams of a user's devices, or of one of them, with a reason.
func (a *Agents) End(user string, device *protocol.DeviceID, reason error) {
	var gone []protocol.DeviceID
	a.mu.Lock()
	for id, at := range a.attached {
		if at.device.UserID == user && (device == nil || *device == id) {
			a.remove(id, reason)
			gone = append(gone, id)
		}
	}
	a.mu.Unlock()
	for _, id := range gone {
		a.cfg.Left(id)
	}
}

// Send gives a device an event, if it is attached. One that is too far behind is cut off, and
// reads the state when it attaches again.
func (a *Agents) Send(id protocol.DeviceID, event groupcast.AgentEvent) {
	a.mu.Lock()
	at := a.attached[id]
	if at == nil {
		a.mu.Unlock()
		return
	}
	a.version++
	event.Version = a.version
	alive := at.stream.put(event)
	if !alive {
		a.remove(id, errShutdown)
	}
	a.mu.Unlock()
	if !alive {
		a.cfg.Left(id)
	}
}

// HintUser makes a user's agents read the state again.
func (a *Agents) HintUser(user string) {
	a.hint(func(d groupcast.Device) bool { return d.UserID == user })
}

// HintAll makes all agents read the state again.
func (a *Agents) HintAll() { a.hint(nil) }

func (a *Agents) hint(match func(groupcast.Device) bool) {
	for _, id := range a.Devices(match) {
		a.Send(id, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	}
}

// Devices lists the attached devices that match; with nil, all of them.
func (a *Agents) Devices(match func(groupcast.Device) bool) []protocol.DeviceID {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]protocol.DeviceID, 0, len(a.attached))
	for id, at := range a.attached {
		if match == nil || match(at.device) {
			out = append(out, id)
		}
	}
	return out
}

// Count says how many of a user's devices are attached.
func (a *Agents) Count(user string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.users[user]
}

// CountOf says how many devices of these users are attached.
func (a *Agents) CountOf(users []string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, user := range users {
		n += a.users[user]
	}
	return n
}

// CountAll says how many devices are attached.
func (a *Agents) CountAll() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.attached)
}

// Has says whether a device is attached.
func (a *Agents) Has(id protocol.DeviceID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.attached[id] != nil
}

// Version is the number of the last event that was sent to any device.
func (a *Agents) Version() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.version
}

// Close ends every stream because the server stops. No device is reported as disconnected.
func (a *Agents) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.attached {
		a.remove(id, errShutdown)
	}
}
