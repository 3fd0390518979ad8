package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	useStep = 10 * time.Millisecond
	maxUse  = 1000 // steps that a result keeps: the first ten seconds
)

// meterMain is the command `bench meter`: it does nothing on the sender's host, so that the counters
// of the host's cards can be read at /proc/PID/net/dev without a process for each look.
func meterMain(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (b *bed) startMeter() (err error) {
	b.meter, _, err = b.start("s", self(), "meter")
	return err
}

// wireUse looks at what the sender's card has sent, every 10 ms.
type wireUse struct {
	end  chan struct{}
	used chan []int
}

func (b *bed) watchWire() *wireUse {
	w := &wireUse{end: make(chan struct{}), used: make(chan []int, 1)}
	path := fmt.Sprintf("/proc/%d/net/dev", b.meter.Process.Pid)
	go func() {
		tick := time.NewTicker(useStep)
		defer tick.Stop()
		before, at := cardSent(path), time.Now()
		var list []int
		for {
			select {
			case <-w.end:
				w.used <- list
				return
			case <-tick.C:
			}
			sent, now := cardSent(path), time.Now()
			// A look that came late stands for all the steps that it missed.
			steps := max(1, int((now.Sub(at)+useStep/2)/useStep))
			mbit := int(float64(sent-min(before, sent)) * 8 / 1e6 / now.Sub(at).Seconds())
			for range steps {
				if len(list) < maxUse {
					list = append(list, mbit)
				}
			}
			before, at = sent, now
		}
	}()
	return w
}

// stop gives the Mbit/s of each step, up to the end of the work.
func (w *wireUse) stop(seconds float64) []int {
	close(w.end)
	list := <-w.used
	return list[:min(len(list), int(seconds/useStep.Seconds())+1)]
}

// cardSent is what eth0 has sent, in bytes; 0 when the file cannot be read.
func cardSent(path string) uint64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return parseDev(text)
}

func parseDev(text []byte) uint64 {
	for line := range bytes.Lines(text) {
		name, counters, ok := strings.Cut(strings.TrimSpace(string(line)), ":")
		if f := strings.Fields(counters); ok && name == "eth0" && len(f) > 8 {
			n, _ := strconv.ParseUint(f[8], 10, 64)
			return n
		}
	}
	return 0
}

// firstAndIdle reads two figures from the use of the wire: when data began to flow, in seconds, and
// how long the wire was all but empty after that, before the work was done. Data flows where a step
// has a twentieth of the busiest one.
func firstAndIdle(use []int, seconds float64) (first, idle float64) {
	top := 0
	for _, mbit := range use {
		top = max(top, mbit)
	}
	began := false
	for i, mbit := range use {
		flows := mbit*20 > top
		if flows && !began {
			began, first = true, float64(i)*useStep.Seconds()
		}
		if began && !flows && float64(i)*useStep.Seconds() < seconds {
			idle += useStep.Seconds()
		}
	}
	return first, idle
}
