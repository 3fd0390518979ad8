package mcast

import (
	"sync"
	"time"
)

// Times of a watch.
const (
	watchSettle = 200 * time.Millisecond // from the first change to the word: they come in bunches
	watchEvery  = time.Second            // between words, at least
)

// Watch reports changes of this machine's network: of a card, an address, a route.
type Watch struct {
	c chan struct{}

	mu       sync.Mutex
	closed   bool
	said     time.Time
	timer    *time.Timer
	running  map[int]bool // cards that have a link, as far as it is known
	returned map[int]bool
	close    func() // of the system's own source
}

// OpenWatch begins to watch. On systems that report nothing it is silent, so callers must also look every
// few seconds.
func OpenWatch() *Watch {
	w := &Watch{c: make(chan struct{}, 1), running: map[int]bool{}, returned: map[int]bool{}, close: func() {}}
	w.start()
	return w
}

// C gets a word after changes.
func (w *Watch) C() <-chan struct{} { return w.c }

// Returned gives the cards, by index, that went or lost their link since it was asked last and
// may be back: the kernel has forgotten what was joined on one that went, and the switch that a
// cable is now in has never heard of it. Index 0 stands for all.
func (w *Watch) Returned() map[int]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.returned
	w.returned = map[int]bool{}
	return out
}

// Close ends the watch.
func (w *Watch) Close() {
	w.mu.Lock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	w.close()
}

// changed notes a change; the word follows when it has settled.
func (w *Watch) changed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.timer != nil {
		return
	}
	w.timer = time.AfterFunc(max(watchSettle, time.Until(w.said.Add(watchEvery))), w.say)
}

func (w *Watch) say() {
	w.mu.Lock()
	w.timer, w.said = nil, time.Now()
	w.mu.Unlock()
	select {
	case w.c <- struct{}{}:
	default:
	}
}

// link notes what was heard of a card.
func (w *Watch) link(index int, running, gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before, known := w.running[index]
	if gone {
		delete(w.running, index)
	} else {
		w.running[index] = running
	}
	if gone || running && known && !before {
		w.returned[index] = true
	}
}

// missed says that words were lost: any card may have gone and come back.
func (w *Watch) missed() {
	w.mu.Lock()
	w.returned[0] = true
	w.mu.Unlock()
}
