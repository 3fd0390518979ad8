package presence

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/protocol"
)

// fixture is an Agents with a clock that a test moves.
type fixture struct {
	*testing.T
	*Agents
	now  time.Time
	mu   sync.Mutex
	left []protocol.DeviceID
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{T: t, now: noon}
	f.Agents = NewAgents(AgentsConfig{
		Now:     func() time.Time { return f.now },
		Streams: auth.Bounds{What: "attached receivers", All: 20, Each: 4, Admins: 4},
		Every:   time.Second, Burst: 3,
		Left: func(id protocol.DeviceID) {
			f.Has(id) // the lock is free
			f.mu.Lock()
			defer f.mu.Unlock()
			f.left = append(f.left, id)
		},
	})
	return f
}

// device is one of a member's devices.
func device(user string, number byte) groupcast.Principal {
	p := person(user)
	p.From = "192.0.2.1"
	p.Device = &groupcast.Device{ID: protocol.DeviceID{number}, UserID: user, User: user}
	return p
}

func (f *fixture) attach(p groupcast.Principal, say groupcast.Attach) *Stream[groupcast.AgentEvent] {
	f.Helper()
	st, _, err := f.Attach(p, say)
	if err != nil {
		f.Fatal(err)
	}
	return st
}

// kinds gives the kinds of the events that a stream holds, and the error that follows them.
func kinds(st *Stream[groupcast.AgentEvent]) (string, error) {
	events, err := waiting(st)
	out := ""
	for _, e := range events {
		out += string(e.Kind) + " "
	}
	return out, err
}

func TestWhoIsAttached(t *testing.T) {
	ann, ann2, bob := device("ann", 1), device("ann", 2), device("bob", 3)
	for _, c := range []struct {
		name          string
		do            func(f *fixture, streams []*Stream[groupcast.AgentEvent])
		has           string // the devices that are still attached
		left          string // those that were reported as gone
		annCount, all int
	}{
		{"all three", func(*fixture, []*Stream[groupcast.AgentEvent]) {}, "1 2 3", "", 2, 3},
		{"a reader goes", func(_ *fixture, st []*Stream[groupcast.AgentEvent]) { st[0].Close() }, "2 3", "1", 1, 2},
		{"a reader goes twice", func(_ *fixture, st []*Stream[groupcast.AgentEvent]) { st[0].Close(); st[0].Close() }, "2 3", "1", 1, 2},
		{"a user's devices are ended", func(f *fixture, _ []*Stream[groupcast.AgentEvent]) { f.End("ann", nil, errOver) }, "3", "1 2", 0, 1},
		{"one of them is", func(f *fixture, st []*Stream[groupcast.AgentEvent]) { f.End("ann", &ann2.Device.ID, errOver) }, "1 3", "2", 1, 2},
		{"another user's is not", func(f *fixture, _ []*Stream[groupcast.AgentEvent]) { f.End("ann", &bob.Device.ID, errOver) }, "1 2 3", "", 2, 3},
		{
			"ended, and then the reader goes", func(f *fixture, st []*Stream[groupcast.AgentEvent]) {
				f.End("bob", nil, errOver)
				st[2].Close()
			},
			"1 2", "3", 2, 2,
		},
		{"attached again", func(f *fixture, st []*Stream[groupcast.AgentEvent]) {
			f.attach(ann, groupcast.Attach{})
			st[0].Close() // does not throw the new stream out
		}, "1 2 3", "", 2, 3},
		{"the server goes down", func(f *fixture, _ []*Stream[groupcast.AgentEvent]) { f.Agents.Close() }, "", "", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			c.do(f, []*Stream[groupcast.AgentEvent]{
				f.attach(ann, groupcast.Attach{}), f.attach(ann2, groupcast.Attach{}), f.attach(bob, groupcast.Attach{}),
			})
			list := func(yes func(protocol.DeviceID) bool) (out string) {
				for n := byte(1); n <= 3; n++ {
					if yes(protocol.DeviceID{n}) {
						out += fmt.Sprint(n, " ")
					}
				}
				return out[:max(len(out)-1, 0)]
			}
			if got := list(f.Has); got != c.has {
				t.Errorf("attached: %q, want %q", got, c.has)
			}
			devices := f.Devices(nil)
			if got := list(func(id protocol.DeviceID) bool { return contains(devices, id) }); got != c.has || len(devices) != c.all {
				t.Errorf("listed: %q, want %q", got, c.has)
			}
			if got := list(func(id protocol.DeviceID) bool { return contains(f.left, id) }); got != c.left || len(f.left) > 2 {
				t.Errorf("reported as gone: %q (%d reports), want %q", got, len(f.left), c.left)
			}
			if f.Count("ann") != c.annCount || f.CountAll() != c.all {
				t.Errorf("ann has %d, all together %d; want %d and %d", f.Count("ann"), f.CountAll(), c.annCount, c.all)
			}
		})
	}
}

func contains(all []protocol.DeviceID, id protocol.DeviceID) bool {
	for _, other := range all {
		if other == id {
			return true
		}
	}
	return false
}

func TestWhatAgentsAreSent(t *testing.T) {
	offer := groupcast.AgentEvent{Kind: groupcast.AgentOffer}
	ann, bob := device("ann", 1), device("bob", 2)
	hello, hint := string(groupcast.AgentHello)+" ", string(groupcast.AgentHint)+" "
	for _, c := range []struct {
		name     string
		do       func(*fixture)
		ann, bob string
	}{
		{"nothing but the hello", func(*fixture) {}, hello, hello},
		{"an event for one", func(f *fixture) { f.Send(ann.Device.ID, offer) }, hello + string(groupcast.AgentOffer) + " ", hello},
		{"an event for a device that is not attached", func(f *fixture) { f.Send(protocol.DeviceID{9}, offer) }, hello, hello},
		{"a hint for a user", func(f *fixture) { f.HintUser("bob") }, hello, hello + hint},
		{"a hint for all", func(f *fixture) { f.HintAll() }, hello + hint, hello + hint},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			first, second := f.attach(ann, groupcast.Attach{}), f.attach(bob, groupcast.Attach{})
			c.do(f)
			if got, _ := kinds(first); got != c.ann {
				t.Errorf("ann: %q, want %q", got, c.ann)
			}
			if got, _ := kinds(second); got != c.bob {
				t.Errorf("bob: %q, want %q", got, c.bob)
			}
		})
	}
}

// Versions rise over all devices, so that a state that was read before an event has a lower one.
func TestVersionsRise(t *testing.T) {
	f := newFixture(t)
	st := f.attach(device("ann", 1), groupcast.Attach{})
	f.attach(device("bob", 2), groupcast.Attach{})
	before := f.Version()
	f.Send(protocol.DeviceID{1}, groupcast.AgentEvent{Kind: groupcast.AgentHint, Version: 99})
	events, _ := waiting(st)
	if last := events[len(events)-1]; last.Version != before+1 || f.Version() != before+1 {
		t.Errorf("the event has version %d and the state %d, want %d", last.Version, f.Version(), before+1)
	}
}

func TestWhyAnAgentsStreamEnds(t *testing.T) {
	ann := device("ann", 1)
	for _, c := range []struct {
		name string
		do   func(*fixture)
		code groupcast.Code
		is   error
	}{
		{"attached again", func(f *fixture) { f.attach(ann, groupcast.Attach{}) }, groupcast.EConflict, ErrReplaced},
		{"excluded", func(f *fixture) { f.End("ann", nil, errOver) }, groupcast.ErrorCode(errOver), errOver},
		{"too slow", func(f *fixture) {
			for range MaxBehind + 5 {
				f.Send(ann.Device.ID, groupcast.AgentEvent{Kind: groupcast.AgentHint})
			}
		}, groupcast.EExhausted, nil},
		{"the server goes down", func(f *fixture) { f.Agents.Close() }, groupcast.EUnavailable, errShutdown},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			st := f.attach(ann, groupcast.Attach{})
			c.do(f)
			got, err := kinds(st)
			if got != "" || groupcast.ErrorCode(err) != c.code || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%q, then %v", got, err)
			}
		})
	}
}

// A device that reads nothing is cut off, reported once, and its place is free when its reader ends.
func TestASlowAgentIsCutOff(t *testing.T) {
	f := newFixture(t)
	slow := f.attach(device("ann", 1), groupcast.Attach{})
	quick := f.attach(device("bob", 2), groupcast.Attach{})
	for range 2 * MaxBehind {
		f.HintAll()
		if _, err := waiting(quick); groupcast.ErrorCode(err) == groupcast.EExhausted {
			t.Fatal("who reads is cut off")
		}
	}
	if f.Has(protocol.DeviceID{1}) || !f.Has(protocol.DeviceID{2}) || len(f.left) != 1 || f.left[0] != (protocol.DeviceID{1}) {
		t.Fatalf("attached: %v; reported as gone: %v", f.Devices(nil), f.left)
	}
	slow.Close()
	if len(f.left) != 1 {
		t.Errorf("reported %d times", len(f.left))
	}
	for range 4 {
		f.attach(device("ann", 1), groupcast.Attach{}).Close()
	}
}

func TestAttachedDevicesAreBounded(t *testing.T) {
	ada := device("ada", 99)
	ada.User.Role = groupcast.RoleAdmin
	for _, c := range []struct {
		name string
		have map[string]int
		who  groupcast.Principal
		code groupcast.Code
	}{
		{"one more of the same account", map[string]int{"a": 4}, device("a", 99), groupcast.EExhausted},
		{"another account", map[string]int{"a": 4}, device("b", 99), ""},
		{"the members' part is used up", map[string]int{"a": 4, "b": 4, "c": 4, "d": 4}, device("e", 99), groupcast.EBusy},
		{"an administrator then", map[string]int{"a": 4, "b": 4, "c": 4, "d": 4}, ada, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			n := byte(0)
			for user, devices := range c.have {
				for range devices {
					n++
					f.attach(device(user, n), groupcast.Attach{})
				}
			}
			if _, _, err := f.Attach(c.who, groupcast.Attach{}); groupcast.ErrorCode(err) != c.code && (err != nil || c.code != "") {
				t.Fatalf("%v, want %q", err, c.code)
			}
			if attached := f.Has(c.who.Device.ID); attached != (c.code == "") {
				t.Errorf("attached: %v", attached)
			}
		})
	}
}

// Each attach needs a place: one that replaces another has to wait until that one's reader went,
// or it has two for the moment.
func TestAReplacedStreamCountsUntilItsReaderGoes(t *testing.T) {
	f := newFixture(t)
	var streams []*Stream[groupcast.AgentEvent]
	for range 4 {
		streams = append(streams, f.attach(device("ann", 1), groupcast.Attach{}))
	}
	if _, _, err := f.Attach(device("ann", 1), groupcast.Attach{}); groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Fatalf("a fifth stream: %v", err)
	}
	if !f.Has(protocol.DeviceID{1}) {
		t.Fatal("a refused attach ended the stream that the device had")
	}
	streams[0].Close()
	if _, replaced, err := f.Attach(device("ann", 1), groupcast.Attach{}); err != nil || !replaced {
		t.Fatalf("replaced %v, %v", replaced, err)
	}
}

func TestADeviceThatAttachesAllTheTimeIsSlowedDown(t *testing.T) {
	f := newFixture(t)
	tries := func(n byte, times int) (granted int) {
		for range times {
			err := f.MayAttach(protocol.DeviceID{n})
			if err == nil {
				granted++
			} else if groupcast.ErrorCode(err) != groupcast.EExhausted {
				t.Fatal(err)
			}
		}
		return granted
	}
	for _, c := range []struct {
		name   string
		after  time.Duration
		device byte
		want   int
	}{
		{"at once", 0, 1, 3},
		{"another device", 0, 2, 3},
		{"too early", time.Second / 2, 1, 0},
		{"one is due", time.Second / 2, 1, 1},
		{"after a long time, no more than at first", time.Hour, 1, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.now = f.now.Add(c.after)
			if got := tries(c.device, 10); got != c.want {
				t.Errorf("%d of 10, want %d", got, c.want)
			}
		})
	}
}

// What is kept of devices that are not attached is bounded, however many come by.
func TestWhatIsKeptOfDevicesIsBounded(t *testing.T) {
	f := newFixture(t)
	most := 2*f.cfg.Streams.All + 1
	for i := range 10 * most {
		id := protocol.DeviceID{byte(i), byte(i >> 8), 1}
		_ = f.MayAttach(id)
		f.NoteMTU(id, 1500)
		f.NoteRival(id, "a")
		p := device("ann", 0)
		p.Device.ID = id
		f.attach(p, groupcast.Attach{Instance: "a"}).Close()
		f.NoteRival(id, "b")
	}
	for name, got := range map[string]int{
		"limits": len(f.limits), "mtus": len(f.mtus), "rivals": len(f.rivals), "trails": len(f.trails),
	} {
		if got > most {
			t.Errorf("%s of %d devices are kept, want %d at most", name, got, most)
		}
	}
	if len(f.users) != 0 || len(f.attached) != 0 {
		t.Errorf("%d users and %d devices are kept as attached", len(f.users), len(f.attached))
	}
}

// Devices attach, read, go and are ended while others send. Nothing is left of them at the end.
func TestAgentsFromManyGoroutines(t *testing.T) {
	const devices = 8
	var left sync.Map
	a := NewAgents(AgentsConfig{
		Now: atNoon, Streams: auth.Bounds{What: "attached receivers", All: 1000}, Every: time.Second, Burst: 3,
		Left: func(id protocol.DeviceID) { left.Store(id, true) },
	})
	stop := whileOthers(
		a.HintAll,
		func() { a.Send(protocol.DeviceID{1}, groupcast.AgentEvent{Kind: groupcast.AgentOffer}) },
		func() { a.End("1", nil, errOver); a.NoteMTU(protocol.DeviceID{2}, 1280) },
		func() {
			a.Describe(&groupcast.Device{ID: protocol.DeviceID{1}})
			a.SymbolFor(a.Devices(nil), false)
			a.Unfit(protocol.DeviceID{1})
			a.NoteRival(protocol.DeviceID{3}, "x")
		},
	)
	var readers sync.WaitGroup
	for i := range 2 * devices { // two processes for each device
		readers.Go(func() {
			p := device(fmt.Sprint(i%devices), byte(i%devices))
			for n := range 20 {
				say := groupcast.Attach{Instance: fmt.Sprint(i, n)}
				a.Standing(p.Device.ID, say)
				st, _, err := a.Attach(p, say)
				if err != nil {
					t.Error(err)
					return
				}
				readSome(t, st.Next, func(event groupcast.AgentEvent) uint64 { return event.Version }, errOver, ErrReplaced)
				st.Close()
			}
		})
	}
	readers.Wait()
	stop()
	if len(a.attached) != 0 || len(a.users) != 0 {
		t.Errorf("%d devices of %d users are kept", len(a.attached), len(a.users))
	}
	for n := range byte(devices) {
		if _, ok := left.Load(protocol.DeviceID{n}); !ok {
			t.Errorf("nobody was told that device %d left", n)
		}
	}
}
