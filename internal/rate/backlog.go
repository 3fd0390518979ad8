package rate

import "time"

const (
	backlogDelay = 50 * time.Millisecond // more queueing delay is a backlog
	shareGain    = 1.25                  // a cut that helps brings that much larger a share across
	leastCut     = 0.1                   // of the rate is left by one cut for it
)

// drain reacts to a backlog: packets are queued somewhere and will soon be dropped there. The rate at
// which the queue is emptied is what the path or the receiver can take, and is known long before a
// report of this round. It says whether the round has nothing else to say.
func (c *Controller) drain(s Sample) bool {
	last := c.backlog
	c.backlog = 0
	if s.Blocked || s.Taken <= 0 || s.Backlog <= c.delay+backlogDelay {
		return false
	}
	c.backlog = s.Backlog
	if s.Taken >= usedShare*float64(s.Sent) { // no more waits than before
		return last > 0 && (s.Fresh < freshShare || s.Backlog < last)
	}
	share := s.Taken / float64(s.Sent)
	if last > 0 && s.Fresh >= freshShare && s.Backlog >= last && share < shareGain*c.share {
		return false // a lower rate has lessened neither: it is a delay and a loss of the network's own
	}
	c.share = share
	c.started, c.idled, c.own, c.halved = true, false, false, false
	c.before, c.mark, c.heard = s, Sample{}, false
	c.ceiling = max(min(s.Taken, c.rate), leastCut*c.rate)
	c.rate = min(c.rate, c.ceiling*backQueue)
	c.lastGood, c.step, c.limiter = c.rate, firstStep, LimitWire
	if s.Overrun > overrunLimit {
		c.limiter = LimitReceivers
	}
	return true
}
