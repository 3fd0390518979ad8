package presence

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestAProcessThatComesBackLives(t *testing.T) {
	say := func(instance, boot string) groupcast.Attach { return groupcast.Attach{Instance: instance, Boot: boot} }
	a, b, c, d := say("a", "1"), say("b", "1"), say("c", "2"), say("d", "")
	for _, c := range []struct {
		name     string
		before   []groupcast.Attach
		comes    groupcast.Attach
		returned bool
	}{
		{"the first one", nil, a, false},
		{"its connection broke", []groupcast.Attach{a}, a, false},
		{"started again", []groupcast.Attach{a}, b, false},
		{"booted again", []groupcast.Attach{a, b}, c, false},
		{"an earlier process", []groupcast.Attach{a, b}, a, true},
		{"an earlier boot", []groupcast.Attach{a, c}, b, true},
		{"processes that say no boot", []groupcast.Attach{d}, say("e", ""), false},
		{"one of them comes back", []groupcast.Attach{d, say("e", "")}, d, true},
		{"forgotten by now", append([]groupcast.Attach{a}, eight("x")...), a, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			p := device("ann", 1)
			for _, say := range c.before {
				f.attach(p, say).Close()
			}
			if held, returned := f.Standing(p.Device.ID, c.comes); held || returned != c.returned {
				t.Errorf("held %v, returned %v", held, returned)
			}
			if len(f.trails[p.Device.ID]) > maxTrail {
				t.Error("the trail is not bounded")
			}
		})
	}
}

// eight processes, as many as are remembered.
func eight(name string) (out []groupcast.Attach) {
	for i := range maxTrail {
		out = append(out, groupcast.Attach{Instance: fmt.Sprint(name, i), Boot: fmt.Sprint(name, i)})
	}
	return out
}

func TestADeviceThatAnotherProcessHas(t *testing.T) {
	f := newFixture(t)
	p := device("ann", 1)
	f.attach(p, groupcast.Attach{Instance: "a"})
	for _, c := range []struct {
		instance string
		held     bool
	}{{"a", false}, {"b", true}} {
		t.Run(c.instance, func(t *testing.T) {
			if held, _ := f.Standing(p.Device.ID, groupcast.Attach{Instance: c.instance}); held != c.held {
				t.Errorf("held: %v", held)
			}
		})
	}
}

func TestMachinesOfADevice(t *testing.T) {
	id := protocol.DeviceID{1}
	rivals := func(names ...string) func(*fixture) {
		return func(f *fixture) {
			for _, name := range names {
				f.NoteRival(id, name)
			}
		}
	}
	for _, c := range []struct {
		name  string
		steps []func(*fixture)
		want  int
	}{
		{"nobody else", nil, 0},
		{"one more", []func(*fixture){rivals("b")}, 2},
		{"the same one twice", []func(*fixture){rivals("b", "b")}, 2},
		{"two more", []func(*fixture){rivals("b", "c")}, 3},
		{"one got a device of its own", []func(*fixture){rivals("b", "c"), func(f *fixture) { f.ForgetRival(id, "b") }}, 2},
		{"both did", []func(*fixture){rivals("b"), func(f *fixture) { f.ForgetRival(id, "b") }}, 0},
		{"one attached after all", []func(*fixture){rivals("b"), func(f *fixture) {
			f.attach(device("ann", 1), groupcast.Attach{Instance: "b"})
		}}, 0},
		{"it has not tried for long", []func(*fixture){rivals("b"), func(f *fixture) { f.now = f.now.Add(rivalFor + 1) }}, 0},
		{"one tried again", []func(*fixture){
			rivals("b",
				"c"), func(f *fixture) { f.now = f.now.Add(rivalFor) }, rivals("c"), func(f *fixture) { f.now = f.now.Add(time.Second) },
		}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			for _, step := range c.steps {
				step(f)
			}
			d := groupcast.Device{ID: id}
			f.Describe(&d)
			if got := f.Machines(id); got != c.want || d.Machines != c.want {
				t.Errorf("%d machines, described as %d; want %d", got, d.Machines, c.want)
			}
		})
	}
}

// A process is news once; those beyond the bound never are, so that nobody fills the audit log.
func TestRivalsAreNewsOnce(t *testing.T) {
	f := newFixture(t)
	id, news := protocol.DeviceID{1}, 0
	for range 3 {
		for i := range 2 * maxRivals {
			if f.NoteRival(id, fmt.Sprint(i)) {
				news++
			}
		}
	}
	if news != maxRivals || f.Machines(id) != maxRivals+1 {
		t.Errorf("%d were news, %d machines are counted", news, f.Machines(id))
	}
}
