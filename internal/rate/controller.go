package rate

import "time"

// Sample is what the receivers made of one round at one rate, at the policy quantile.
type Sample struct {
	Sent    uint64        // bytes a second that really left
	Loss    float64       // 0…1, of what signed ranges declared
	Overrun float64       // 0…1, dropped by the receivers' own sockets
	Delay   time.Duration // queueing delay: above the smallest seen
	Fresh   float64       // 0…1: devices that reported in this round
}

// Thresholds of the controller.
const (
	lossMargin    = 0.01                  // above the baseline: less is noise
	lossShare     = 0.35                  // and so is less than this share of the baseline
	suspectLoss   = 0.02                  // at the start, loss above it is compared with a lower rate
	delayLimit    = 15 * time.Millisecond // queueing delay that is a full queue
	overrunLimit  = 0.005
	queueLimit    = 20 * time.Millisecond // own send queue
	usedShare     = 0.8                   // a rate that is not used proves nothing
	freshShare    = 0.5                   // F3: who wants more needs the word of half
	firstStep     = 0.01                  // increase of a round near the rate that was too much …
	lastStep      = 0.16                  // … which grows while all goes well
	returnStep    = 0.08                  // and far below it
	nearCeiling   = 0.95
	backQueue     = 0.85
	backLoss      = 0.7
	patience      = 3 // decreases that change nothing before the cause is taken as given
	minQueueReact = 50 * time.Millisecond
)

type phase uint8

const (
	starting phase = iota // doubling
	doubting              // was there loss at half the rate, too?
	steady
)

// Controller finds the rate. With Config.Fixed it only reports it.
type Controller struct {
	cfg      Config
	rate     float64
	limiter  Limiter
	phase    phase
	base     float64 // loss that does not depend on the rate
	heard    bool    // base is a measurement
	lastGood float64
	ceiling  float64 // the rate of the latest cut
	doubtful float64 // rate and loss that were in doubt
	doubtLos float64
	step     float64
	cuts     int // decreases in a row
	cutLoss  float64
	cutRate  float64
	delay    time.Duration // delay that does not depend on the rate
	queuedAt time.Time
}

// NewController starts at the fixed rate, or moderately.
func NewController(cfg Config) *Controller {
	c := &Controller{cfg: cfg, limiter: LimitStart, step: firstStep}
	switch {
	case cfg.Fixed > 0:
		c.rate, c.limiter = float64(cfg.Fixed), LimitCap
	case cfg.Start > 0:
		c.rate = float64(cfg.Start)
	default:
		c.rate = DefaultStart
	}
	c.lastGood = c.rate / 2
	c.clamp()
	return c
}

// Rate is the rate now, in bytes a second.
func (c *Controller) Rate() uint64 { return uint64(c.rate) }

// Limiter names what holds the rate.
func (c *Controller) Limiter() Limiter { return c.limiter }

// Starting says whether the rate still doubles: rounds should be short.
func (c *Controller) Starting() bool { return c.cfg.Fixed == 0 && c.phase != steady }

// SetCap changes the most that may be used; 0: none.
func (c *Controller) SetCap(bytesPerSec uint64) {
	lifted := bytesPerSec == 0 || bytesPerSec > c.cfg.Cap
	c.cfg.Cap = bytesPerSec
	if lifted && c.cfg.Fixed > 0 {
		c.rate = float64(c.cfg.Fixed)
	}
	c.clamp()
}

// Queued reacts to the depth of this machine's own send queue.
func (c *Controller) Queued(now time.Time, bytes int) {
	depth := time.Duration(float64(bytes) / c.rate * float64(time.Second))
	if depth <= queueLimit || c.cfg.Fixed > 0 || now.Sub(c.queuedAt) < minQueueReact {
		return
	}
	c.queuedAt = now
	c.phase = steady
	c.cut(backQueue, LimitSender)
}

// Round takes the sample of a round during which the rate did not change.
func (c *Controller) Round(s Sample) {
	if c.cfg.Fixed > 0 {
		c.limiter = LimitCap
		return
	}
	if s.Fresh < freshShare {
		c.unheard(s)
		return
	}
	if l, bad := c.judge(s); bad {
		c.worse(s, l)
		return
	}
	c.better(s)
}

// unheard: silence never speaks for more; silence of all speaks for less.
func (c *Controller) unheard(s Sample) {
	if s.Fresh == 0 && float64(s.Sent) > usedShare*c.rate {
		c.cut(backQueue, LimitReceivers)
	}
}

// judge says whether a sample is bad, and of what.
func (c *Controller) judge(s Sample) (Limiter, bool) {
	switch {
	case s.Overrun > overrunLimit:
		return LimitReceivers, true
	case !c.heard && s.Loss > suspectLoss:
		return LimitLoss, true
	case c.heard && s.Loss > c.base+max(lossMargin, lossShare*c.base):
		return LimitLoss, true
	case s.Delay > c.delay+delayLimit:
		return LimitWire, true
	}
	return "", false
}

func (c *Controller) better(s Sample) {
	if c.phase == doubting {
		c.phase, c.limiter = steady, LimitWire // this rate was clean: the wire is above it
		c.ceiling = c.doubtful * (1 - c.doubtLos)
		c.rate = max(c.rate, c.doubtful*(1-c.doubtLos)*0.95)
		c.learn(s.Loss)
		c.clamp()
		return
	}
	c.learn(s.Loss)
	c.cuts = 0
	if s.Delay < c.delay {
		c.delay = s.Delay
	}
	if float64(s.Sent) < usedShare*c.rate {
		c.limiter = LimitSender
		return
	}
	c.lastGood = c.rate
	c.grow()
	c.clamp()
}

// grow doubles at the start; then it comes back fast to the rate that was too much and goes
// past it slowly, then faster.
func (c *Controller) grow() {
	near := c.ceiling * nearCeiling
	switch {
	case c.phase == starting:
		c.rate *= 2
		c.limiter = LimitStart
	case c.rate < near:
		c.rate = min(c.rate*(1+returnStep), near)
	default:
		c.rate *= 1 + c.step
		c.step = min(c.step*1.25, lastStep)
	}
}

// worse backs off, unless backing off has been shown not to help.
func (c *Controller) worse(s Sample, l Limiter) {
	switch {
	case c.phase == starting && !c.heard && l == LimitLoss:
		c.doubtful, c.doubtLos = c.rate, s.Loss
		c.phase = doubting
		c.rate /= 2
		c.limiter = LimitLoss
		c.clamp()
	case c.phase == doubting && l == LimitLoss:
		c.settleDoubt(s)
	case c.given(s, l):
		c.accept(s, l)
	case l == LimitLoss:
		c.cutLoss, c.cutRate = s.Loss, c.rate
		c.cutTo(max(backLoss, (1-s.Loss)/(1-c.base)*0.95), LimitWire)
	default:
		c.cutLoss, c.cutRate = s.Loss, c.rate
		c.cutTo(backQueue, l)
	}
}

// settleDoubt compares the loss at half the rate with that at the rate in doubt.
func (c *Controller) settleDoubt(s Sample) {
	if independent(c.rate, s.Loss, c.doubtful, c.doubtLos) {
		c.learn(s.Loss)
		c.phase = starting
		c.rate = c.doubtful
		c.limiter = LimitStart
		c.clamp()
		return
	}
	c.doubtful, c.doubtLos = c.rate, s.Loss
	c.rate = max(c.rate/2, c.rate*(1-s.Loss)*0.9)
	c.clamp()
}

// independent says whether loss does not come from the rate: then less arrives at the lower
// rate, in proportion; on a full wire as much arrives as before.
func independent(low, lowLoss, high, highLoss float64) bool {
	arrived := low * (1 - lowLoss) / max(high*(1-highLoss), 1)
	return arrived < (1+low/high)/2
}

// given: lower rates have not lessened it, so it is the network's own.
func (c *Controller) given(s Sample, l Limiter) bool {
	switch {
	case c.cuts == 0 || c.rate > 0.9*c.cutRate && c.cuts < patience:
		return false
	case l == LimitLoss:
		return independent(c.rate, s.Loss, c.cutRate, c.cutLoss)
	}
	return l == LimitWire && c.cuts >= patience
}

func (c *Controller) accept(s Sample, l Limiter) {
	if l == LimitLoss {
		c.base, c.heard = s.Loss, true
	} else {
		c.delay = s.Delay
	}
	c.cuts = 0
	c.step = lastStep
	c.rate = max(c.rate, min(c.cutRate, c.lastGood))
	c.clamp()
}

func (c *Controller) cutTo(share float64, l Limiter) {
	if c.phase == starting && c.heard {
		share = max(share, 0.55)
	}
	c.phase = steady
	c.cut(share, l)
}

func (c *Controller) cut(share float64, l Limiter) {
	c.cuts++
	c.ceiling = c.rate
	c.rate *= share
	c.limiter = l
	c.step = firstStep
	c.clamp()
}

// learn moves the baseline: down fast, up slowly.
func (c *Controller) learn(loss float64) {
	if !c.heard {
		c.base, c.heard = loss, true
		return
	}
	if loss < c.base {
		c.base += (loss - c.base) / 2
		return
	}
	c.base += (loss - c.base) / 8
}

func (c *Controller) clamp() {
	top := float64(MaxRate)
	if c.cfg.Cap > 0 {
		top = float64(c.cfg.Cap)
	}
	if c.rate >= top {
		c.rate = top
		c.limiter = LimitCap
	}
	if c.cfg.Fixed == 0 {
		c.rate = max(c.rate, min(MinRate, top))
	}
}
