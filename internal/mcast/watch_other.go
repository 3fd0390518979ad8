//go:build !linux

package mcast

import (
	"maps"
	"sync"
	"time"
)

const watchPoll = 3 * time.Second

// start looks every few seconds.
func (w *Watch) start() {
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(watchPoll)
		defer tick.Stop()
		before := cardsNow()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			now := cardsNow()
			if !maps.Equal(before, now) {
				w.compare(before, now)
				w.changed()
			}
			before = now
		}
	})
	w.close = func() {
		close(stop)
		done.Wait()
	}
}

func cardsNow() map[int]Interface {
	out := map[int]Interface{}
	all, err := Interfaces()
	if err != nil {
		return out
	}
	for _, i := range all {
		out[i.Index] = i
	}
	return out
}

func (w *Watch) compare(before, now map[int]Interface) {
	for index := range before {
		if _, there := now[index]; !there {
			w.link(index, false, true)
		}
	}
	for index, i := range now {
		w.link(index, i.Running, false)
	}
}
