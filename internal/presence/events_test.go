package presence

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

func person(id string) groupcast.Principal {
	return groupcast.Principal{User: groupcast.User{ID: id, Name: id, Role: groupcast.RoleMember}}
}

func administrator(id string) groupcast.Principal {
	p := person(id)
	p.User.Role = groupcast.RoleAdmin
	return p
}

var few = auth.Bounds{What: "event streams", All: 10, Each: 3, Admins: 4, Local: 1}

func subscribe(t *testing.T, e *Events, p groupcast.Principal) *Stream[groupcast.Event] {
	t.Helper()
	st, err := e.Subscribe(p)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestEventsAreNumberedAndDated(t *testing.T) {
	e := NewEvents(few, atNoon)
	early := subscribe(t, e, person("ann"))
	e.Publish(groupcast.Event{Kind: groupcast.EventUser, Version: 99, At: time.Unix(0, 0)})
	late := subscribe(t, e, person("bob"))
	e.Publish(groupcast.Event{Kind: groupcast.EventGroup})
	want := []groupcast.Event{
		{Version: 0, Kind: groupcast.EventHello, At: noon},
		{Version: 1, Kind: groupcast.EventUser, At: noon},
		{Version: 2, Kind: groupcast.EventGroup, At: noon},
	}
	for _, c := range []struct {
		name string
		st   *Stream[groupcast.Event]
		want []groupcast.Event
	}{
		{"who was there before", early, want},
		{"who came in between", late, []groupcast.Event{{Version: 1, Kind: groupcast.EventHello, At: noon}, want[2]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := waiting(c.st)
			if len(got) != len(c.want) {
				t.Fatalf("%d events, want %d: %+v", len(got), len(c.want), got)
			}
			for i := range got {
				if got[i].Version != c.want[i].Version || got[i].Kind != c.want[i].Kind || !got[i].At.Equal(c.want[i].At) {
					t.Errorf("event %d is %+v, want %+v", i, got[i], c.want[i])
				}
			}
		})
	}
}

func TestASubscriberThatFallsBehindIsCutOff(t *testing.T) {
	e := NewEvents(few, atNoon)
	slow, quick := subscribe(t, e, person("ann")), subscribe(t, e, person("bob"))
	for i := range MaxBehind {
		e.Publish(groupcast.Event{Kind: groupcast.EventUser})
		event, err := quick.Next(t.Context())
		if err != nil || event.Version != uint64(i) {
			t.Fatalf("version %d, want %d; %v", event.Version, i, err)
		}
	}
	if _, err := slow.Next(t.Context()); groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Fatalf("the slow one: %v", err)
	}
	if len(e.streams) != 1 {
		t.Fatalf("%d streams are left, want the quick one", len(e.streams))
	}
	quick.Close()
	if len(e.streams) != 0 {
		t.Fatal("a closed stream is kept")
	}
}

func TestEndEndsWhatMatchesOnly(t *testing.T) {
	isAnn := func(p groupcast.Principal) bool { return p.User.ID == "ann" }
	for _, c := range []struct {
		name     string
		end      func(*Events)
		ann, bob groupcast.Code // of the error that follows what waits; "": the stream goes on
	}{
		{"nobody", func(e *Events) { e.End(func(groupcast.Principal) bool { return false }, errOver) }, "", ""},
		{"one", func(e *Events) {
			e.End(isAnn, groupcast.Errorf(groupcast.EForbidden, "no administrator any more"))
		}, groupcast.EForbidden, ""},
		{"all", (*Events).Close, groupcast.EUnavailable, groupcast.EUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := NewEvents(few, atNoon)
			streams := []*Stream[groupcast.Event]{subscribe(t, e, person("ann")), subscribe(t, e, person("bob"))}
			c.end(e)
			e.Publish(groupcast.Event{Kind: groupcast.EventUser})
			for i, code := range []groupcast.Code{c.ann, c.bob} {
				got, err := waiting(streams[i])
				if code == "" && len(got) != 2 {
					t.Errorf("stream %d has %d events, want the hello and one more", i, len(got))
				}
				if code != "" && (len(got) > 0 || groupcast.ErrorCode(err) != code) {
					t.Errorf("stream %d gives %d events, then %v; want %s", i, len(got), err, code)
				}
			}
		})
	}
}

func TestEventStreamsAreBounded(t *testing.T) {
	local := groupcast.Principal{Local: true}
	fill := func(e *Events, p groupcast.Principal, n int) {
		for range n {
			_, _ = e.Subscribe(p)
		}
	}
	for _, c := range []struct {
		name string
		have map[string]int // streams that members have already
		who  groupcast.Principal
		code groupcast.Code // "": they get one
	}{
		{"one more of the same account", map[string]int{"ann": 3}, person("ann"), groupcast.EExhausted},
		{"another account", map[string]int{"ann": 3}, person("bob"), ""},
		{"the members' part is used up", map[string]int{"ann": 3, "bob": 3}, person("cleo"), groupcast.EBusy},
		{"an administrator then", map[string]int{"ann": 3, "bob": 3}, administrator("ada"), ""},
		{"the server's own machine then", map[string]int{"ann": 3, "bob": 3}, local, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := NewEvents(few, atNoon)
			for id, n := range c.have {
				fill(e, person(id), n)
			}
			if _, err := e.Subscribe(c.who); groupcast.ErrorCode(err) != c.code && (err != nil || c.code != "") {
				t.Errorf("%v, want %q", err, c.code)
			}
		})
	}
}

// A place is free again when its reader closed the stream, not before, and only once.
func TestAnEndedStreamGivesItsPlaceBack(t *testing.T) {
	e := NewEvents(few, atNoon)
	var all []*Stream[groupcast.Event]
	for range few.Each {
		all = append(all, subscribe(t, e, person("mia")))
	}
	e.End(func(groupcast.Principal) bool { return true }, errOver)
	if _, err := e.Subscribe(person("mia")); err == nil {
		t.Error("streams that were cut off and are still being written count no more")
	}
	all[0].Close()
	all[0].Close()
	subscribe(t, e, person("mia"))
	if _, err := e.Subscribe(person("mia")); err == nil {
		t.Error("one end gave two places back")
	}
}

// Subscribers come, read and go while others publish and end streams. At the end nothing is left.
func TestEventsFromManyGoroutines(t *testing.T) {
	e := NewEvents(auth.Bounds{What: "event streams", All: 64, Each: 64}, atNoon)
	stop := whileOthers(
		func() { e.Publish(groupcast.Event{Kind: groupcast.EventUser}) },
		func() { e.Publish(groupcast.Event{Kind: groupcast.EventGroup}) },
		func() { e.End(func(p groupcast.Principal) bool { return p.User.ID == "1" }, errOver) },
	)
	var readers sync.WaitGroup
	for i := range 16 {
		readers.Go(func() {
			for range 20 {
				st, err := e.Subscribe(person([]string{"0", "1"}[i%2]))
				if err != nil {
					t.Error(err)
					return
				}
				readSome(t, st.Next, func(event groupcast.Event) uint64 { return event.Version }, errOver)
				st.Close()
			}
		})
	}
	readers.Wait()
	stop()
	if len(e.streams) != 0 {
		t.Errorf("%d streams are kept", len(e.streams))
	}
	for range 64 { // every place was given back
		subscribe(t, e, person("0"))
	}
}

// whileOthers runs functions over and over, each in a goroutine of its own, until stop is called.
func whileOthers(all ...func()) (stop func()) {
	end := make(chan struct{})
	var running sync.WaitGroup
	for _, f := range all {
		running.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
					f()
				}
			}
		})
	}
	return func() { close(end); running.Wait() }
}

// readSome reads a few events, whose versions must not fall, or until the stream ends for one of
// the reasons or because it was read too slowly.
func readSome[T any](t *testing.T, next func(context.Context) (T, error), version func(T) uint64, reasons ...error) {
	t.Helper()
	last := uint64(0)
	for range 10 {
		event, err := next(t.Context())
		if err != nil {
			if groupcast.ErrorCode(err) != groupcast.EExhausted &&
				!slices.ContainsFunc(reasons, func(r error) bool { return errors.Is(err, r) }) {
				t.Error(err)
			}
			return
		}
		if version(event) < last {
			t.Errorf("version %d after %d", version(event), last)
		}
		last = version(event)
	}
}
