package tcp

import "time"

// TailProbes are the pauses before each of the blank lines that follow an event to a device. TCP
// needs at least 200 ms to notice that the last segment of a burst is lost (RFC 6298), but only a
// round trip if another segment follows it (RFC 8985). If an offer or an answer to it is that late,
// the whole group waits for it, or the data is sent twice.
var TailProbes = []time.Duration{12 * time.Millisecond, 30 * time.Millisecond, 80 * time.Millisecond}

// TailProbe times the blank lines after an event; without pauses there are none.
type TailProbe struct {
	C     <-chan time.Time // when the next one is due
	after []time.Duration
	left  []time.Duration
	timer *time.Timer
}

// NewTailProbe waits for the first event.
func NewTailProbe(after []time.Duration) *TailProbe {
	n := &TailProbe{after: after, timer: time.NewTimer(0)}
	n.C = n.timer.C
	n.timer.Stop()
	return n
}

// Begin starts again after an event.
func (n *TailProbe) Begin() {
	n.left = n.after
	n.Next()
}

// Stop ends it.
func (n *TailProbe) Stop() { n.timer.Stop() }

// Next arms the next pause, if there is one.
func (n *TailProbe) Next() {
	if len(n.left) > 0 {
		n.timer.Reset(n.left[0])
		n.left = n.left[1:]
	}
}
