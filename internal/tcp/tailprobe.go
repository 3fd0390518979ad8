package tcp

import "time"

// TailProbes are the pauses before each of the blank lines that follow an event to a device. TCP
// needs at least 200 ms to notice that the last segment of a burst is lost (RFC 6298), but only a
// round trip if another segment follows it (RFC 8985). If an offer or an answer to it is that late,
// the whole group waits for it, or the data is sent twice.
var TailProbes = []time.Duration{12 * time.Millisecond, 30 * time.Millisecond, 80 * time.Millisecond}

// TailProbe says when the blank lines after an event are due; without pauses there are none.
type TailProbe struct {
	after []time.Duration
	left  []time.Duration
	due   time.Time
}

// NewTailProbe waits for the first event.
func NewTailProbe(after []time.Duration) TailProbe { return TailProbe{after: after} }

// Begin starts again after an event.
func (n *TailProbe) Begin(now time.Time) {
	n.left = n.after
	n.Next(now)
}

// Next is called when a blank line was written: the one after it is due a pause later, if there is one.
func (n *TailProbe) Next(now time.Time) {
	n.due = time.Time{}
	if len(n.left) > 0 {
		n.due, n.left = now.Add(n.left[0]), n.left[1:]
	}
}

// Due is when the next one is due; zero: none is.
func (n *TailProbe) Due() time.Time { return n.due }
