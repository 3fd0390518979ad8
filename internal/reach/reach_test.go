package reach

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestHowDevicesAreReached(t *testing.T) {
	inPlace(t, func(p *place) {
		g := p.group("g")
		never := p.device("never", behaviour{off: true}, g)
		off := p.device("off", behaviour{off: true}, g)
		for i, d := range p.devices {
			if d.ID == off.ID {
				p.devices[i].LastSeen = time.Now().Add(-time.Hour)
			}
		}
		hears := p.device("hears", behaviour{oneIn: 1, after: 3 * time.Millisecond}, g)
		deaf := p.device("deaf", behaviour{}, g)
		p.device("lossy", behaviour{oneIn: 2}, g)
		p.device("asleep", behaviour{mute: true}, g)
		p.device("alone", behaviour{oneIn: 1})
		p.device("copied", behaviour{oneIn: 1, machines: 3}, g)
		p.device("old", behaviour{oneIn: 1, unfit: "too old"}, g)
		found := p.check(groupcast.CheckQuery{})
		for user, want := range map[string]groupcast.Reach{
			"never": groupcast.ReachNever, "off": groupcast.ReachOff, "hears": groupcast.ReachMulticast,
			"deaf": groupcast.ReachHTTPS, "lossy": groupcast.ReachLossy, "asleep": groupcast.ReachSilent,
			"alone": groupcast.ReachNoGroup, "copied": groupcast.ReachCopied, "old": groupcast.ReachUnfit,
		} {
			if found[user].Reach != want {
				t.Errorf("%s: %q, want %q: %+v", user, found[user].Reach, want, found[user])
			}
		}
		if r := found["hears"]; r.RoundTrip != 3*time.Millisecond || r.Multicast[0].Heard != probesSent {
			t.Errorf("hears: %+v", r)
		}
		if r := found["lossy"]; r.Multicast[0].Heard != 3 || r.Multicast[0].Sent != probesSent {
			t.Errorf("lossy: %+v", r)
		}
		if found["old"].Unfit != "too old" {
			t.Errorf("old: %+v", found["old"])
		}
		if p.noted[hears.ID] != groupcast.PathMulticast || p.noted[deaf.ID] != groupcast.PathHTTPS {
			t.Errorf("paths %v", p.noted)
		}
		if _, noted := p.noted[never.ID]; noted {
			t.Error("the path of one that did not answer is noted")
		}
	})
}

// Several groups: the one that is worst counts, and each is told.
func TestADeviceOfSeveralGroups(t *testing.T) {
	for name, c := range map[string]struct {
		probes  []groupcast.ProbeResult
		want    groupcast.Reach
		path    groupcast.Path
		unheard []string
	}{
		"all":             {heard("a", 5, 5), groupcast.ReachMulticast, groupcast.PathMulticast, nil},
		"some":            {heard("a", 5, 5, "b", 5, 4), groupcast.ReachLossy, groupcast.PathMulticast, nil},
		"none of one":     {heard("a", 5, 0, "b", 5, 4), groupcast.ReachHTTPS, groupcast.PathMulticast, []string{"a"}},
		"none":            {heard("a", 5, 0, "b", 5, 0), groupcast.ReachHTTPS, groupcast.PathHTTPS, []string{"a", "b"}},
		"one not probed":  {heard("a", 0, 0, "b", 5, 0), groupcast.ReachNotProbed, groupcast.PathHTTPS, []string{"b"}},
		"none was probed": {heard("a", 0, 0), groupcast.ReachNotProbed, groupcast.PathUnknown, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := groupcast.CheckResult{Active: true, Multicast: c.probes}
			if got := reachOf(r, true); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if got := pathOf(c.probes); got != c.path {
				t.Errorf("path %q, want %q", got, c.path)
			}
			if got := r.Unheard(); !slices.Equal(got, c.unheard) {
				t.Errorf("unheard %v, want %v", got, c.unheard)
			}
			if got := r.NotProbed(); (got == "a") != (c.want == groupcast.ReachNotProbed) {
				t.Errorf("not probed: %q", got)
			}
		})
	}
}

// heard is a list of a group, the probes that were sent, those that were heard, and so on.
func heard(list ...any) (out []groupcast.ProbeResult) {
	for i := 0; i < len(list); i += 3 {
		out = append(out, groupcast.ProbeResult{Group: list[i].(string), Sent: list[i+1].(int), Heard: list[i+2].(int)})
	}
	return out
}

func TestWhomAQueryNames(t *testing.T) {
	inPlace(t, func(p *place) {
		a, b := p.group("a"), p.group("b")
		p.device("ann", behaviour{oneIn: 1}, a)
		p.device("bob", behaviour{oneIn: 1}, b)
		p.device("eve", behaviour{oneIn: 1}, a, b)
		for name, c := range map[string]struct {
			query groupcast.CheckQuery
			want  []string
		}{
			"everybody":      {groupcast.CheckQuery{}, []string{"ann", "bob", "eve"}},
			"a group":        {groupcast.CheckQuery{Group: "a"}, []string{"ann", "eve"}},
			"a user":         {groupcast.CheckQuery{User: "bob"}, []string{"bob"}},
			"both":           {groupcast.CheckQuery{Group: "a", User: "eve"}, []string{"eve"}},
			"neither in one": {groupcast.CheckQuery{Group: "a", User: "bob"}, nil},
		} {
			got := slices.Sorted(maps.Keys(p.check(c.query)))
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		err := p.Check(p.Context(), groupcast.CheckQuery{Group: "x"}, nil)
		if groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("a group that is not there: %v", err)
		}
		// Who is asked about one group is told of that one only.
		if r := p.check(groupcast.CheckQuery{Group: "b"})["eve"]; len(r.Multicast) != 1 || r.Multicast[0].Group != "b" {
			t.Errorf("eve in b: %+v", r)
		}
	})
}

func TestANetworkThatIsDown(t *testing.T) {
	inPlace(t, func(p *place) {
		d := p.device("ann", behaviour{oneIn: 1}, p.group("g"))
		p.deadNet = true
		if r := p.check(groupcast.CheckQuery{})["ann"]; r.Reach != groupcast.ReachNotProbed {
			t.Errorf("%+v", r)
		}
		if path, noted := p.noted[d.ID]; noted {
			t.Errorf("the path is noted as %q", path)
		}
	})
}

func TestAStoreThatIsBroken(t *testing.T) {
	inPlace(t, func(p *place) {
		p.device("ann", behaviour{oneIn: 1}, p.group("g"))
		p.broken = errors.New("disk broken")
		for _, q := range []groupcast.CheckQuery{{}, {Group: "g"}, {User: "ann"}} {
			if err := p.Check(p.Context(), q, nil); !errors.Is(err, p.broken) {
				t.Errorf("%+v: %v", q, err)
			}
		}
	})
}

// A check ends when all have answered, or after a while, and with whoever asks.
func TestHowLongACheckTakes(t *testing.T) {
	inPlace(t, func(p *place) {
		g := p.group("g")
		p.device("quick", behaviour{oneIn: 1, after: time.Millisecond}, g)
		start := time.Now()
		p.check(groupcast.CheckQuery{})
		if took := time.Since(start); took > 500*time.Millisecond {
			t.Errorf("it took %s", took)
		}
		p.device("late", behaviour{oneIn: 1, after: 5 * probeWait}, g)
		start = time.Now()
		found := p.check(groupcast.CheckQuery{})
		if took := time.Since(start); took < 2*probeWait || took > 3*probeWait {
			t.Errorf("it took %s", took)
		}
		if found["late"].Reach != groupcast.ReachSilent || found["quick"].Reach != groupcast.ReachMulticast {
			t.Errorf("%+v", found)
		}
		ctx, cancel := context.WithCancel(p.Context())
		cancel()
		start = time.Now()
		told := func(r groupcast.CheckResult) { t.Errorf("told of %s after it was given up: %s", r.User, r.Reach) }
		err := p.Check(ctx, groupcast.CheckQuery{}, told)
		if !errors.Is(err, context.Canceled) || time.Since(start) > 0 {
			t.Errorf("after it was given up: %v, %s", err, time.Since(start))
		}
		time.Sleep(10 * probeWait) // those that answer late
	})
}

func TestAnswers(t *testing.T) {
	inPlace(t, func(p *place) {
		well, mute := p.device("well", behaviour{}), p.device("mute", behaviour{mute: true})
		if !p.Answers(p.Context(), well.ID) || p.Answers(p.Context(), mute.ID) {
			t.Error("who answers is not told")
		}
	})
}

func TestAnswersThatDoNotCount(t *testing.T) {
	inPlace(t, func(p *place) {
		ann := protocol.NewDeviceID()
		if err := p.Heard(ann, groupcast.ProbeAnswer{Probe: "unknown"}); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("to nothing: %v", err)
		}
		r := newRound(1)
		r.ask(ann)
		p.rounds.add("q", r)
		many := groupcast.ProbeAnswer{Probe: "q", Heard: make([]string, maxHeard+1)}
		if err := p.Heard(ann, many); groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Errorf("with too much: %v", err)
		}
		for range 2 { // of one that was not asked, then a second time
			for _, id := range []protocol.DeviceID{protocol.NewDeviceID(), ann} {
				if err := p.Heard(id, groupcast.ProbeAnswer{Probe: "q", Heard: []string{"n"}}); err != nil {
					t.Error(err)
				}
			}
		}
		if len(r.answers) != 1 || !r.of(ann).heard["n"] {
			t.Errorf("answers %+v", r.answers)
		}
		p.rounds.remove("q")
		if p.rounds.find("q") != nil {
			t.Error("a question is not forgotten")
		}
	})
}

func TestSoManyChecksAtOnce(t *testing.T) {
	inPlace(t, func(p *place) {
		p.device("mute", behaviour{mute: true}, p.group("g"))
		var all sync.WaitGroup
		for range maxChecks {
			all.Go(func() {
				if err := p.Check(p.Context(), groupcast.CheckQuery{}, func(groupcast.CheckResult) {}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		err := p.Check(p.Context(), groupcast.CheckQuery{}, nil)
		if groupcast.ErrorCode(err) != groupcast.EExhausted {
			t.Errorf("one more: %v", err)
		}
		all.Wait()
		if err := p.Check(p.Context(), groupcast.CheckQuery{}, func(groupcast.CheckResult) {}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// However many devices there are, and however slowly their answers are taken, only those are silent that did not
// answer.
func TestManyDevicesThatAnswer(t *testing.T) {
	inPlace(t, func(p *place) {
		g, want := p.group("g"), map[string]groupcast.Reach{}
		for i := range 5000 {
			user, how := fmt.Sprintf("u%04d", i), behaviour{oneIn: 1, after: time.Second}
			want[user] = groupcast.ReachMulticast
			switch i % 100 {
			case 0:
				how.mute, want[user] = true, groupcast.ReachSilent
			case 1:
				how.after = probeWait + time.Second // it is asked twice
			}
			p.device(user, how, g)
		}
		start, first, found := time.Now(), time.Duration(0), map[string]groupcast.Reach{}
		err := p.Check(p.Context(), groupcast.CheckQuery{}, func(r groupcast.CheckResult) {
			if first == 0 {
				first = time.Since(start)
			}
			if _, twice := found[r.User]; twice {
				t.Errorf("%s is told twice", r.User)
			}
			found[r.User] = r.Reach
			time.Sleep(5 * time.Millisecond) // who reads the results is slow
		})
		if err != nil || len(found) != len(want) {
			t.Fatalf("%d devices, want %d, %v", len(found), len(want), err)
		}
		for user, reach := range want {
			if found[user] != reach {
				t.Errorf("%s: %q, want %q", user, found[user], reach)
			}
		}
		if first > 2*time.Second {
			t.Errorf("the first result came after %s", first)
		}
		time.Sleep(10 * probeWait) // those that answer late
	})
}

// One that is mute does not keep the others from being asked.
func TestNeverTooManyAreAskedAtOnce(t *testing.T) {
	inPlace(t, func(p *place) {
		for i := range 2 * maxAsked {
			p.device(fmt.Sprint("mute", i), behaviour{mute: true})
		}
		p.device("well", behaviour{})
		start := time.Now()
		found := p.check(groupcast.CheckQuery{})
		if len(found) != 2*maxAsked+1 || found["well"].Reach != groupcast.ReachNoGroup {
			t.Errorf("%d devices, %+v", len(found), found["well"])
		}
		if took, most := time.Since(start), 7*probeWait; took > most {
			t.Errorf("it took %s, want %s at most", took, most)
		}
	})
}
