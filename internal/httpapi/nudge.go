package httpapi

import "time"

// nudges are the pauses before each of the blank lines that follow an event to a device. TCP
// needs 200 ms and more to notice that the last segment of a burst is lost (RFC 6298), but a
// round trip when another one comes after it (RFC 8985). An offer that comes so late, or an
// answer on the same connection, has the whole group wait or hear everything twice.
var nudges = []time.Duration{12 * time.Millisecond, 30 * time.Millisecond, 80 * time.Millisecond}

// nudger says when to write the blank lines after an event; without pauses, never.
type nudger struct {
	after []time.Duration
	left  []time.Duration
	timer *time.Timer
}

func newNudger(after []time.Duration) *nudger {
	n := &nudger{after: after, timer: time.NewTimer(0)}
	n.timer.Stop()
	return n
}

// begin starts anew after an event.
func (n *nudger) begin() {
	n.left = n.after
	n.next()
}

func (n *nudger) next() {
	if len(n.left) > 0 {
		n.timer.Reset(n.left[0])
		n.left = n.left[1:]
	}
}
