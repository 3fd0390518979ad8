package netsim_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
)

func TestCallsRunInTheOrderOfTheirTimes(t *testing.T) {
	c := netsim.NewClock()
	start := c.Now()
	var got []string
	note := func(s string) func() {
		return func() { got = append(got, fmt.Sprint(s, " ", c.Now().Sub(start))) }
	}
	c.After(2*time.Second, note("b"))
	c.After(time.Second, note("a"))
	c.After(2*time.Second, note("c")) // for the same moment: as they were made
	c.At(start.Add(-time.Hour), note("past"))
	c.After(time.Second, func() { c.After(500*time.Millisecond, note("nested")) })
	for c.Step(start.Add(time.Minute)) {
	}
	want := []string{"past 0s", "a 1s", "nested 1.5s", "b 2s", "c 2s"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if c.Step(start.Add(time.Minute)) {
		t.Error("there is a call left")
	}
}

func TestStepStopsAtTheEnd(t *testing.T) {
	c := netsim.NewClock()
	start, ran := c.Now(), 0
	c.After(time.Second, func() { ran++ })
	c.After(time.Second+1, func() { ran++ })
	for c.Step(start.Add(time.Second)) {
	}
	if ran != 1 || !c.Now().Equal(start.Add(time.Second)) {
		t.Errorf("%d calls ran until %v", ran, c.Now().Sub(start))
	}
}

// Ten thousand calls at random come in order, none lost.
func TestTheQueueKeepsItsOrder(t *testing.T) {
	c, rnd := netsim.NewClock(), rand.New(rand.NewPCG(1, 2))
	start, ran := c.Now(), 0
	for range 10_000 {
		at := start.Add(time.Duration(rnd.IntN(1000)) * time.Millisecond)
		c.At(at, func() {
			if ran++; !c.Now().Equal(at) {
				t.Fatalf("what was for %v ran at %v", at, c.Now())
			}
		})
	}
	for c.Step(start.Add(time.Hour)) {
	}
	if ran != 10_000 {
		t.Errorf("%d ran", ran)
	}
}

// A rate spreads packets out, and an idle link saves nothing up.
func TestARateSpreadsPackets(t *testing.T) {
	c := netsim.NewClock()
	l := netsim.NewLink(c, netsim.Config{Rate: 1000, Delay: time.Second}, rand.New(rand.NewPCG(1, 0)))
	start := c.Now()
	var got []time.Duration
	send := func() { l.Send(100, func() { got = append(got, c.Now().Sub(start)) }) }
	send()
	send()
	c.After(10*time.Second, send)
	for c.Step(start.Add(time.Hour)) {
	}
	want := []time.Duration{1100 * time.Millisecond, 1200 * time.Millisecond, 11100 * time.Millisecond}
	if !slices.Equal(got, want) {
		t.Errorf("they came after %v, want %v", got, want)
	}
}

// Only a packet that fits behind those that wait is queued, and the default queue has 64 KiB.
func TestTheQueueHasItsBound(t *testing.T) {
	for _, c := range []struct{ queue, size, sent, most int }{
		{0, 1024, 100, 64}, {10_000, 1000, 100, 10}, {500, 1000, 10, 0}, {1000, 1000, 10, 1},
	} {
		t.Run(fmt.Sprint(c.queue, " ", c.size), func(t *testing.T) {
			clock := netsim.NewClock()
			l := netsim.NewLink(clock, netsim.Config{Rate: 1, Queue: c.queue}, rand.New(rand.NewPCG(1, 0)))
			for range c.sent {
				l.Send(c.size, func() {})
			}
			f := l.Faults
			if f.Delivered != uint64(c.most) || f.Overflowed != uint64(c.sent-c.most) {
				t.Errorf("%+v, want %d delivered", f, c.most)
			}
		})
	}
}

func TestALinkIsCutAndJoinedAgain(t *testing.T) {
	c := netsim.NewClock()
	l := netsim.NewLink(c, netsim.Config{Delay: time.Second}, rand.New(rand.NewPCG(1, 0)))
	got := 0
	send := func() { l.Send(1, func() { got++ }) }
	send() // under way already: it arrives
	l.Part(true)
	send()
	l.Part(false)
	send()
	for end := c.Now().Add(time.Minute); c.Step(end); {
	}
	if got != 2 || l.Faults.Parted != 1 {
		t.Errorf("%d came, %+v", got, l.Faults)
	}
}

// In the bad state everything is lost, or the share that was asked for.
func TestBurstsLoseWhatTheyShould(t *testing.T) {
	for _, c := range []struct{ loss, least, most float64 }{{0, 0.45, 0.55}, {0.5, 0.2, 0.3}, {0.01, 0.001, 0.01}} {
		t.Run(fmt.Sprint(c.loss), func(t *testing.T) {
			_, l := carry(netsim.Config{BurstIn: 0.1, BurstOut: 0.1, BurstLoss: c.loss}, 7, 20_000, nil)
			if got := float64(l.Faults.Burst) / float64(l.Faults.Sent); got < c.least || got > c.most {
				t.Errorf("%.3f of the packets are lost, not %.3f to %.3f", got, c.least, c.most)
			}
			if l.Faults.Lost != 0 {
				t.Errorf("%d were lost on their own", l.Faults.Lost)
			}
		})
	}
}

func TestFaultsOfSeveralLinksAddUp(t *testing.T) {
	one := netsim.Faults{
		Sent: 1, Delivered: 2, Lost: 3, Burst: 4, Reordered: 5, Duplicated: 6, Parted: 7, Overflowed: 8,
	}
	sum := one
	sum.Add(one)
	want := netsim.Faults{
		Sent: 2, Delivered: 4, Lost: 6, Burst: 8, Reordered: 10, Duplicated: 12, Parted: 14, Overflowed: 16,
	}
	if sum != want {
		t.Errorf("got %+v, want %+v", sum, want)
	}
}
