// Package tenure decides which of several servers with one database is the active one (docs/adr/0018-nodes.md). A
// row of the database says who it is and in which epoch; the active node counts its beat up again and again. Machine
// says what one node does next. It has no clock and does no I/O.
//
// The active node counts its lease from before it sent the renewal; a node that wants to take over waits for longer
// than a lease after it has seen the same epoch and beat, and takes only if they still are what it saw. So two nodes
// never hold themselves for the active one at the same time, as long as their clocks run at about the same speed and
// do not stand still while a machine sleeps. What a node writes does not depend on that: each of its transactions
// looks at the epoch's row.
package tenure

import "time"

// Times of a lease.
const (
	Lease = 15 * time.Second // from before a renewal was sent
	Every = 5 * time.Second  // it is renewed
	Again = time.Second      // after a renewal that failed, and between two looks
	Wait  = Lease + 2*time.Second

	// Own is how long a node waits that finds itself in the row: if its home was copied, the other one beats.
	Own = Every + 2*time.Second
)

// Row is what the database says of the active node.
type Row struct {
	Node  string // empty: there was none so far
	Epoch uint64 // counts up with each take
	Beat  uint64 // counts up with each renewal
	Free  bool   // it has given its place back
}

// State is how a node stands.
type State uint8

// The states.
const (
	Standby State = iota // another one is active, or nobody is known to be
	Active
	Paused // it was active and nobody is known to have taken over, but its lease has run out
)

// Step is what to do next.
type Step uint8

// The steps.
const (
	Nothing Step = iota
	Look         // read the row, then Saw
	Take         // take over if the row still is what was seen, then Took or Saw
	Renew        // count the beat up if the epoch is still this node's, then Renewed or Saw
)

// Machine is one node. Times are of a clock that is never set and does not stand still. It is not safe for
// concurrent use.
type Machine struct {
	self  string
	epoch uint64        // that this node holds; 0: none
	until time.Duration // its lease is good
	next  time.Duration // the next step is due
	seen  Row
	since time.Duration // epoch and beat are known not to have changed
	known bool          // seen says something
}

// New gives a node that has not looked yet. Of two processes with one name at most one lives.
func New(self string) *Machine { return &Machine{self: self} }

// State is how this node stands at a time.
func (m *Machine) State(now time.Duration) State {
	switch {
	case m.epoch == 0:
		return Standby
	case now < m.until:
		return Active
	}
	return Paused
}

// Epoch is the one that this node holds, or 0.
func (m *Machine) Epoch() uint64 { return m.epoch }

// Until is when its lease ends.
func (m *Machine) Until() time.Duration { return m.until }

// Seen is what this node saw last of the row.
func (m *Machine) Seen() Row { return m.seen }

// Next says what to do at a time, and when to ask again if that is nothing.
func (m *Machine) Next(now time.Duration) (Step, time.Duration) {
	switch {
	case now < m.next:
		return Nothing, m.next
	case m.epoch != 0:
		return Renew, 0
	case m.known && m.mayTake(now):
		return Take, 0
	}
	return Look, 0
}

// mayTake says whether the place is free. A node's own row is of an earlier process of it, which has ended.
func (m *Machine) mayTake(now time.Duration) bool {
	wait := Wait
	if m.seen.Node == m.self {
		wait = Own
	}
	return m.seen.Node == "" || m.seen.Free || now-m.since >= wait
}

// Saw takes what the row said: as it was looked at, or where it was not what a take or a renewal needs. A node whose
// epoch has passed stands by.
func (m *Machine) Saw(now time.Duration, r Row) {
	if r.Epoch != m.epoch || r.Free {
		m.epoch = 0
	}
	if !m.known || r != m.seen {
		m.seen, m.since, m.known = r, now, true
	}
	m.next = now + Again
	if m.epoch == 0 && m.mayTake(now) {
		m.next = now
	}
}

// Took says that this node is the active one in an epoch, since a take that was sent at a time.
func (m *Machine) Took(sent time.Duration, epoch uint64) {
	m.epoch, m.until, m.next, m.known = epoch, sent+Lease, sent+Every, false
	m.seen = Row{Node: m.self, Epoch: epoch}
}

// Renewed says that a renewal that was sent at a time was kept.
func (m *Machine) Renewed(sent time.Duration) {
	m.until, m.next = max(m.until, sent+Lease), sent+Every
}

// Failed says that the database did not answer: whether it did what it was asked for is not known. Who waits to take
// over waits anew: when a database comes back, the active node has all of that time to renew its lease.
func (m *Machine) Failed(now time.Duration) { m.next, m.known = now+Again, false }
