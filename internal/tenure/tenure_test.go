package tenure_test

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/tenure"
)

const second = time.Second

func step(t *testing.T, m *tenure.Machine, now time.Duration, want tenure.Step) {
	t.Helper()
	if got, _ := m.Next(now); got != want {
		t.Fatalf("at %v it does %d, want %d", now, got, want)
	}
}

func state(t *testing.T, m *tenure.Machine, now time.Duration, want tenure.State) {
	t.Helper()
	if got := m.State(now); got != want {
		t.Fatalf("at %v its state is %d, want %d", now, got, want)
	}
}

func TestTheFirstNodeTakesAtOnce(t *testing.T) {
	m := tenure.New("a")
	step(t, m, 0, tenure.Look)
	m.Saw(second, tenure.Row{})
	step(t, m, second, tenure.Take)
	m.Took(second, 1)
	state(t, m, 2*second, tenure.Active)
	step(t, m, 2*second, tenure.Nothing)
	step(t, m, 6*second, tenure.Renew)
}

func TestAFreePlaceNeedsNoWaiting(t *testing.T) {
	m := tenure.New("a")
	m.Saw(0, tenure.Row{Node: "b", Epoch: 3, Free: true})
	step(t, m, 0, tenure.Take)
}

// TestARestart waits for one beat: of a home that was copied there may be two servers.
func TestARestart(t *testing.T) {
	for _, copied := range []bool{false, true} {
		m, r := tenure.New("a"), tenure.Row{Node: "a", Epoch: 3}
		took := false
		for now := time.Duration(0); now < time.Minute; now += second {
			if copied && now%tenure.Every == 0 {
				r.Beat++
			}
			s, _ := m.Next(now)
			took = took || s == tenure.Take
			if took && now < tenure.Own {
				t.Fatal(now)
			}
			m.Saw(now, r)
		}
		if took == copied {
			t.Errorf("its home was copied %t, and it takes over %t", copied, took)
		}
	}
}

func TestWhoeverBeatsIsLeftAlone(t *testing.T) {
	m, r := tenure.New("a"), tenure.Row{Node: "b", Epoch: 3}
	var now time.Duration
	for range 60 {
		now += second
		if now%tenure.Every == 0 {
			r.Beat++
		}
		step(t, m, now, tenure.Look)
		m.Saw(now, r)
	}
	for range tenure.Wait/second - 1 {
		step(t, m, now, tenure.Nothing)
		now += second
		step(t, m, now, tenure.Look)
		m.Saw(now, r)
	}
	now += second
	step(t, m, now, tenure.Take)
}

// TestTheDatabaseIsAway is an ordinary failover of the database that takes a minute.
func TestTheDatabaseIsAway(t *testing.T) {
	active, other := tenure.New("a"), tenure.New("b")
	active.Saw(0, tenure.Row{})
	active.Took(0, 1)
	r := tenure.Row{Node: "a", Epoch: 1}
	other.Saw(0, r)
	var now time.Duration
	for now < time.Minute {
		now += second
		active.Failed(now)
		other.Failed(now)
	}
	state(t, active, 14*second, tenure.Active)
	state(t, active, now, tenure.Paused)
	now += second
	step(t, other, now, tenure.Look)
	other.Saw(now, r)
	step(t, other, now+second, tenure.Look)
	step(t, active, now, tenure.Renew)
	active.Renewed(now)
	state(t, active, now, tenure.Active)
	if active.Epoch() != 1 {
		t.Fatal(active.Epoch())
	}
}

func TestWhoeverWasReplacedStandsBy(t *testing.T) {
	m := tenure.New("a")
	m.Took(0, 1)
	state(t, m, time.Minute, tenure.Paused)
	m.Saw(time.Minute, tenure.Row{Node: "b", Epoch: 2})
	state(t, m, time.Minute, tenure.Standby)
	step(t, m, time.Minute, tenure.Nothing)
	step(t, m, time.Minute+second, tenure.Look)
}
