package rate

import "time"

// Limiter names, in words, what holds the rate where it is.
type Limiter string

// The limiters.
const (
	LimitStart     Limiter = "start"        // auto is still finding out
	LimitCap       Limiter = "cap"          // --rate or --max-rate
	LimitWire      Limiter = "wire"         // queueing delay or shared loss grew with the rate
	LimitLoss      Limiter = "network loss" // receivers lose more than they did at a lower rate
	LimitReceivers Limiter = "receivers"    // hosts drop or fall behind
	LimitSender    Limiter = "sender"       // this machine's own files, processor or send queue
)

// Limiter names what holds the rate: what a higher cap would not change is not the cap.
func (c *Controller) Limiter() Limiter { return c.named }

// Used says whether so many bytes a second are about what a rate allows.
func Used(sent, rate uint64) bool { return float64(sent) >= usedShare*float64(rate) }

// OwnPace says that this machine does not keep up with the rate: it may make up for more lateness.
func (c *Controller) OwnPace() bool { return c.limiter == LimitSender }

// name finds the limiter after a round at a rate.
func (c *Controller) name(s Sample, asked float64) {
	unused := !Used(s.Sent, uint64(asked))
	switch {
	case s.Fresh < freshShare && c.limiter == LimitCap:
		// too few have said anything: what was named stays
	case c.cfg.Fixed > 0:
		c.nameFixed(fixedLimiter(s, unused, c.delay))
	case c.halved: // less than the cap is being tried
		c.named = LimitStart
	case c.limiter != LimitCap && (c.limiter != LimitSender || unused):
		c.named = c.limiter
	case c.rate < c.top(): // it was held, and is not any more
		c.named = LimitStart
	case unused && s.Blocked:
		c.named = LimitWire
	case unused:
		c.named = LimitSender
	default:
		c.named = LimitCap
	}
}

// nameFixed names the cap only after several rounds in a row that show nothing else: a queue on the way takes time to
// fill up.
func (c *Controller) nameFixed(l Limiter) {
	if l == LimitCap {
		if c.calm++; c.calm < patience {
			return
		}
	} else {
		c.calm = 0
	}
	c.named = l
}

// fixedLimiter names what holds a fixed rate. Nothing lower was tried, so that loss which may be a full
// wire is named before the cap.
func fixedLimiter(s Sample, unused bool, usual time.Duration) Limiter {
	switch {
	case s.Overrun > overrunLimit:
		return LimitReceivers
	case s.Marked, s.Blocked && unused, !s.Blocked && s.Delay > usual+delayLimit:
		return LimitWire
	case s.Backlog > usual+backlogDelay && s.Taken > 0 && s.Taken < usedShare*float64(s.Sent):
		return LimitWire
	case unused:
		return LimitSender
	case s.Loss > burstLoss:
		return LimitLoss
	}
	return LimitCap
}
