package lease

import "time"

// Clock is the time by two clocks: Boot goes on while the machine sleeps and is never set, Wall is what it takes the
// time of day for. A machine that was frozen from outside may see it by one of them only.
type Clock struct {
	Boot time.Duration
	Wall time.Time
}

// since is the longer of the times that passed by each clock.
func (c Clock) since(before Clock) time.Duration {
	return max(c.Boot-before.Boot, c.Wall.Sub(before.Wall))
}

// Answer is what a relay may do at a moment.
type Answer uint8

// The answers.
const (
	Go    Answer = iota // seal, send, serve
	Pause               // nothing of that: drop what is queued, and renew
	Over                // the session is over: its keys go
)

// Holding is a session's lease at its relay. It is not safe for concurrent use.
type Holding struct {
	from   Clock         // when the newest lease that was granted was asked for …
	length time.Duration // … and how long it is

	looked Clock // the clock at the last look
	paused bool
	since  Clock // of the pause
	over   bool
	asked  Clock // of the last renewal; zero: none yet
}

// NewHolding begins with a lease that was asked for at a time.
func NewHolding(now, asked Clock, length time.Duration) *Holding {
	h := &Holding{from: asked, length: length, looked: now, since: now, asked: asked}
	h.paused = now.since(asked) >= length
	return h
}

// Look says what may be done now. It is asked before anything is sealed, and again before it is sent; at least every
// Gap: whoever was away for longer does not know for how long, and asks first.
func (h *Holding) Look(now Clock) Answer {
	away := now.since(h.looked) > Gap || now.Boot < h.looked.Boot
	h.looked = now
	switch {
	case h.over:
		return Over
	case h.paused:
		if now.since(h.since) > Memory {
			h.over = true
			return Over
		}
		return Pause
	case away || now.since(h.from) >= h.length:
		h.paused, h.since = true, now
		return Pause
	}
	return Go
}

// Due says whether a renewal is to be sent now. It is then, and its answer is told with the same time.
func (h *Holding) Due(now Clock) bool {
	wait := Every
	if h.paused || h.asked != h.from { // the last one was not answered
		wait = Again
	}
	if h.over || now.since(h.asked) < wait {
		return false
	}
	h.asked = now
	return true
}

// Renewed takes the answer to a renewal that was asked for at a time; zero: the session is over. The answer may be old,
// or come twice: it counts from when it was asked for, and the newest counts. One that was asked for before a pause
// does not end it: how long ago that was is what nobody may know.
func (h *Holding) Renewed(now, asked Clock, length time.Duration) {
	switch {
	case length == 0:
		h.over = true
	case h.over || asked.Boot < h.from.Boot || h.paused && asked.Boot < h.since.Boot:
		return
	default:
		h.from, h.length = asked, length
	}
	if !h.over && now.since(h.from) < h.length && now.since(h.looked) <= Gap {
		h.paused = false
	}
}
