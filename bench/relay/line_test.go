package relay

import (
	"testing"
	"time"
)

// through sends n frames, one each 100 µs, and gives their numbers and times as they come out.
func through(cfg Config, n int) (order []int, took []time.Duration, lost uint64) {
	l, start := newLine(cfg, 1), time.Unix(0, 0)
	now := start
	drain := func() {
		for data, _ := l.take(now); data != nil; data, _ = l.take(now) {
			i := int(data[0])<<8 | int(data[1])
			order = append(order, i)
			took = append(took, now.Sub(start)-time.Duration(i)*100*time.Microsecond)
		}
	}
	for i := range n {
		l.put(now, []byte{byte(i >> 8), byte(i)})
		drain()
		now = now.Add(100 * time.Microsecond)
	}
	now = now.Add(time.Minute)
	drain()
	return order, took, l.lost
}

func TestDelayAndJitterKeepOrder(t *testing.T) {
	order, took, lost := through(Config{Delay: 5 * time.Millisecond, Jitter: 2 * time.Millisecond}, 1000)
	if len(order) != 1000 || lost != 0 {
		t.Fatalf("%d frames came out, %d lost", len(order), lost)
	}
	for i, n := range order {
		if n != i {
			t.Fatalf("frame %d came as number %d", n, i)
		}
		if took[i] < 5*time.Millisecond {
			t.Fatalf("frame %d took %v", i, took[i])
		}
	}
}

func TestReorderingOvertakes(t *testing.T) {
	order, _, _ := through(Config{Delay: time.Millisecond, Reorder: 5, Late: time.Millisecond}, 1000)
	late := 0
	for i := 1; i < len(order); i++ {
		if order[i] < order[i-1] {
			late++
		}
	}
	if len(order) != 1000 || late < 10 || late > 150 {
		t.Errorf("%d frames, %d out of order, want about 50", len(order), late)
	}
}

func TestBurstsLoseRuns(t *testing.T) {
	order, _, lost := through(Config{GoodToBad: 1, BadToGood: 10}, 20000)
	if len(order)+int(lost) != 20000 {
		t.Fatalf("%d came out and %d were lost of 20000", len(order), lost)
	}
	if lost < 800 || lost > 3500 { // 1/11 of them is the mean
		t.Errorf("%d lost, want about 1800", lost)
	}
	runs := 0
	for i := 1; i < len(order); i++ {
		if order[i] != order[i-1]+1 {
			runs++
		}
	}
	if mean := float64(lost) / float64(runs); mean < 5 {
		t.Errorf("bursts of %.1f frames on average, want about 10", mean)
	}
}
