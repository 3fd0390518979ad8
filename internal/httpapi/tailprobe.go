package httpapi

import "time"

// tailProbes are the pauses before each of the blank lines that follow an event to a device. TCP
// needs at least 200 ms to notice that the last segment of a burst is lost (RFC 6298), but only a
// round trip if another segment follows it (RFC 8985). If an offer or an answer to it is that late,
// the whole group waits for it, or the data is sent twice.
var tailProbes = []time.Duration{12 * time.Millisecond, 30 * time.Millisecond, 80 * time.Millisecond}

// tailProbe times the blank lines after an event; without pauses there are none.
type tailProbe struct {
	after []time.Duration
	left  []time.Duration
	timer *time.Timer
}

func newTailProbe(after []time.Duration) *tailProbe {
	n := &tailProbe{after: after, timer: time.NewTimer(0)}
	n.timer.Stop()
	return n
}

// begin starts again after an event.
func (n *tailProbe) begin() {
	n.left = n.after
	n.next()
}

func (n *tailProbe) next() {
	if len(n.left) > 0 {
		n.timer.Reset(n.left[0])
		n.left = n.left[1:]
	}
}
