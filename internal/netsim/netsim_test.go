package netsim_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
)

// carry sends n packets a millisecond apart and gives the order in which they came.
func carry(cfg netsim.Config, seed uint64, n int, during func(*netsim.Link, int)) ([]int, *netsim.Link) {
	c := netsim.NewClock()
	l := netsim.NewLink(c, cfg, rand.New(rand.NewPCG(seed, 0)))
	var got []int
	for i := range n {
		c.After(time.Duration(i)*time.Millisecond, func() {
			if during != nil {
				during(l, i)
			}
			l.Send(1000, func() { got = append(got, i) })
		})
	}
	for end := c.Now().Add(time.Hour); c.Step(end); {
	}
	return got, l
}

func TestPlainLinkDeliversInOrder(t *testing.T) {
	got, l := carry(netsim.Config{Delay: time.Second}, 1, 100, nil)
	for i, g := range got {
		if g != i {
			t.Fatalf("packet %d came as number %d", g, i)
		}
	}
	if len(got) != 100 || l.Faults.Delivered != 100 || l.Faults.Sent != 100 {
		t.Errorf("%d came, %+v", len(got), l.Faults)
	}
}

func TestEveryFaultHappensAndIsCounted(t *testing.T) {
	got, l := carry(netsim.Config{
		Delay: time.Millisecond, Jitter: time.Microsecond, Loss: 0.1, BurstIn: 0.01, BurstOut: 0.2,
		Reorder: 0.1, ReorderBy: 5 * time.Millisecond, Duplicate: 0.1,
	}, 2, 5000, func(l *netsim.Link, i int) { l.Part(i >= 100 && i < 150) })
	f := l.Faults
	if f.Parted != 50 || f.Lost < 300 || f.Lost > 700 || f.Burst < 50 || f.Reordered < 200 || f.Duplicated < 200 {
		t.Errorf("%+v", f)
	}
	if uint64(len(got)) != f.Delivered || f.Sent+f.Duplicated != f.Delivered+f.Lost+f.Burst+f.Parted+f.Overflowed {
		t.Errorf("%d came, the books do not balance: %+v", len(got), f)
	}
	swapped := 0
	for i := 1; i < len(got); i++ {
		if got[i] < got[i-1] {
			swapped++
		}
	}
	if swapped == 0 {
		t.Error("nothing was reordered")
	}
}

func TestRateQueuesAndOverflows(t *testing.T) {
	got, l := carry(netsim.Config{Rate: 500_000, Queue: 10_000}, 3, 100, nil) // half of what is sent
	if l.Faults.Overflowed < 35 || l.Faults.Overflowed > 50 || len(got) != 100-int(l.Faults.Overflowed) {
		t.Errorf("%d came, %+v", len(got), l.Faults)
	}
}

func TestSameSeedSameFaults(t *testing.T) {
	cfg := netsim.Config{Loss: 0.2, Reorder: 0.2, ReorderBy: 3 * time.Millisecond, Duplicate: 0.1}
	a, _ := carry(cfg, 4, 500, nil)
	b, _ := carry(cfg, 4, 500, nil)
	c, _ := carry(cfg, 5, 500, nil)
	same := func(x, y []int) bool {
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if x[i] != y[i] {
				return false
			}
		}
		return true
	}
	if !same(a, b) || same(a, c) {
		t.Error("faults do not come from the seed alone")
	}
}
