package rate

import (
	"math"
	"time"
)

// Sample is what the receivers made of one round at one rate, at the policy quantile.
type Sample struct {
	Sent    uint64        // bytes a second that really left
	Loss    float64       // 0…1, of what signed ranges declared
	Packets float64       // of which device's share of them Loss is: how sure it is; 0: not known
	Overrun float64       // 0…1, dropped by the receivers' own sockets
	Delay   time.Duration // queueing delay: above the smallest seen
	Old     bool          // … most of it is of packets that were sent before the rate came down last
	Fresh   float64       // 0…1: devices that reported in this round
	Took    time.Duration // how long the round was: too high a rate is noticed no sooner
	Marked  bool          // a queue of the network's is filling up, it says (RFC 3168)
	Blocked bool          // this machine's own interface was full: it took no more
	Backlog time.Duration // Delay by the latest reports, of whatever round they speak; 0: not known
	Taken   float64       // bytes a second that came out of the way by the latest reports; 0: not known
}

// arrived is the bytes a second that got through.
func (s Sample) arrived() float64 { return float64(s.Sent) * (1 - s.Loss) }

// noise is how far off the loss of a sample may be by chance: three standard deviations.
func (s Sample) noise(base float64) float64 {
	if s.Packets <= 0 {
		return 0
	}
	p := max(base, 0.002)
	return 3 * math.Sqrt(p*(1-p)/s.Packets)
}

// weight is how much a sample says of what is usual: between two bursts a short round loses
// nothing.
func (s Sample) weight() float64 {
	if s.Packets <= 0 {
		return 0.5
	}
	return min(0.5, s.Packets/surePackets)
}

// Thresholds of the controller.
const (
	lossMargin   = 0.01                  // above the baseline: less is noise
	lossShare    = 0.35                  // and so is less than this share of the baseline
	delayLimit   = 15 * time.Millisecond // queueing delay that is a full queue
	clearDelay   = time.Millisecond      // less is no queue at all
	shortRound   = 50 * time.Millisecond // a rate far too high does not last long
	suspectLoss  = 0.02                  // less is no flood
	burstLoss    = 0.20                  // more above the baseline is no mere burst
	overrunLimit = 0.005
	usedShare    = 0.8  // a rate that is not used proves nothing
	freshShare   = 0.5  // F3: who wants more needs the word of half
	firstStep    = 0.01 // increase of a round near the rate that was too much …
	lastStep     = 0.16 // … which grows while all goes well
	returnStep   = 0.08 // and far below it
	ownStep      = 0.20
	nearCeiling  = 0.95
	backQueue    = 0.85
	backLoss     = 0.7
	surePackets  = 2000 // of a device tell what loss is usual
	spreads      = 3    // mean deviations that are chance
	telling      = 0.93 // a lower rate than this share of another tells what loss depends on
	patience     = 3    // rounds in a row before something is taken as given
	markPatience = 10   // the same for marks, which tell of the queue and of nothing else
	headroom     = 1.05 // above what the own interface takes, so that it never runs dry
)

// Controller finds the rate. With Config.Fixed it only reports it.
//
// It starts by doubling for as long as twice the rate brings about twice as much across,
// whatever is lost: random loss takes the same share of any rate, and a full wire carries the
// same at any rate. Then it moves in small steps around the rate that was too much.
type Controller struct {
	cfg      Config
	rate     float64
	limiter  Limiter // what the rate was last held by
	named    Limiter // what it is held by
	calm     int     // rounds in a row in which nothing but the cap held a fixed rate
	started  bool    // the doubling is over …
	idled    bool    // … until this machine uses the rate: only that it did not has ended it
	first    float64 // the rate it began with
	before   Sample  // of the round at half the rate, while doubling; then of the one that ended it
	mark     Sample  // what got across at the rate from which it has grown since
	halved   bool    // half the cap is being tried
	unused   int     // rounds in a row that did not use the rate
	base     float64 // loss that does not depend on the rate
	heard    bool    // base is a measurement
	spread   float64 // how far the loss of rounds lies from base while the own interface is full
	lastGood float64
	ceiling  float64 // the rate of the latest cut
	step     float64
	own      bool // the ceiling is this machine's own interface, which says at once when it is full
	doubt    bool // the latest round lost more than usual
	cuts     int  // decreases in a row
	cutFor   Limiter
	cutLoss  float64
	cutRate  float64
	queued   time.Duration // the delay at the latest cut, or what is left of it while it falls; 0: none
	delay    time.Duration // delay that does not depend on the rate
	marked   bool          // marks that do not depend on the rate: a network that marks everything
	backlog  time.Duration // what waited at the latest round, while it is worked off; 0: nothing is
	share    float64       // of what was sent that was taken before the latest cut for it
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
	c.first, c.named = c.rate, LimitStart
	return c
}

// Rate is the rate now, in bytes a second.
func (c *Controller) Rate() uint64 { return uint64(c.rate) }

// Starting says whether the rate still doubles: rounds should be short.
func (c *Controller) Starting() bool { return c.cfg.Fixed == 0 && !c.started }

// Round takes the sample of a round during which the rate did not change.
func (c *Controller) Round(s Sample) {
	asked := c.rate
	c.resume(s)
	switch {
	case c.cfg.Fixed > 0:
		c.limiter = LimitCap
	case c.hasty(s):
	case c.drain(s):
	case s.Fresh < freshShare:
		c.unheard(s)
	case !c.started:
		c.double(s)
	default:
		c.follow(s)
	}
	if s.Blocked && c.started && c.heard {
		c.widen(s.Loss)
	}
	c.clamp()
	c.name(s, asked)
}

// widen follows the spread of the loss while this machine's own interface holds the rate: it
// is not the rate that makes it swing then, so bursts show as what they are. One round cannot
// widen it much.
func (c *Controller) widen(loss float64) {
	off := min(math.Abs(loss-c.base), 4*c.spread+lossMargin)
	c.spread += (off - c.spread) / 8
}

// unheard: silence never speaks for more; silence of all speaks for less.
func (c *Controller) unheard(s Sample) {
	if s.Fresh == 0 && float64(s.Sent) > usedShare*c.rate {
		c.cut(backQueue, LimitReceivers)
	}
}

// double is the start: a rate that brought no more than the one before is too high, and what arrived is
// what the path carries.
func (c *Controller) double(s Sample) {
	was := c.before
	c.before = s
	switch {
	case s.Overrun > overrunLimit:
		c.settle(s.arrived(), LimitReceivers)
	case s.Blocked:
		c.learn(s.Loss)
		c.settle(float64(s.Sent)*headroom, LimitWire)
		c.own = true
	case s.Marked:
		c.learn(s.Loss)
		c.settle(s.arrived()*backQueue, LimitWire)
	case full(was, s) && c.rate < 4*c.first && was.Loss > suspectLoss: // the rate before may have been too much, too
		c.heard = false
		c.settle(s.arrived(), LimitWire)
	case full(was, s):
		c.settle(s.arrived()/(1-c.base), LimitWire)
	case s.Delay > delayLimit:
		c.learn(min(s.Loss, max(was.Loss, lossMargin)))
		c.settle(s.arrived()*backQueue, LimitWire)
	case float64(s.Sent) < usedShare*c.rate:
		c.idle(s)
	case c.rate >= c.top():
		c.capped(s)
	default:
		c.learn(s.Loss)
		c.unused = 0
		c.lastGood = c.rate
		c.rate *= leap(s)
		c.limiter = LimitStart
	}
}

// hasty says whether a bad round came while this machine did not use the rate that doubles, because its
// processor, its source or its queue was behind: what arrived is then what was sent, not what the path carries,
// and what was lost is no baseline. Several in a row are believed.
func (c *Controller) hasty(s Sample) bool {
	if c.started || s.Fresh < freshShare || s.Blocked || s.Marked || Used(s.Sent, uint64(c.rate)) {
		return false
	}
	if s.Overrun <= overrunLimit && s.Delay <= delayLimit && s.Backlog <= backlogDelay && s.Loss <= suspectLoss {
		return false
	}
	c.unused++
	c.limiter = LimitSender
	return c.unused < patience
}

// resume goes on with the doubling once this machine uses the rate, unless what came meanwhile has told what the
// path carries.
func (c *Controller) resume(s Sample) {
	if c.idled && s.Fresh >= freshShare && Used(s.Sent, uint64(c.rate)) {
		c.started, c.idled, c.unused = false, false, 0
	}
}

// leap is how much more to try: a network that lost nothing and held nothing back may have
// room for a lot more, but over a long line much would be lost before it is known.
func leap(s Sample) float64 {
	if s.Loss == 0 && s.Delay < clearDelay && s.Took < shortRound {
		return 4
	}
	return 2
}

// idle is a round at the start in which this machine did not use the rate; after some in a
// row the doubling pauses, for it makes the group report at every turn.
func (c *Controller) idle(s Sample) {
	c.learn(s.Loss)
	c.limiter = LimitSender
	if c.unused++; c.unused >= patience {
		c.started, c.idled = true, true
		c.lastGood = c.rate
		c.step = lastStep
	}
}

// capped ends the doubling where more is not allowed: a group must not report at every turn
// for as long as the transfer lasts. What is lost has no lower rate to be compared with if the
// cap was the first rate; then half of it is tried.
func (c *Controller) capped(s Sample) {
	c.started, c.ceiling, c.lastGood = true, c.rate, c.rate
	if s.Loss > suspectLoss && c.rate <= c.first {
		c.rate, c.limiter, c.halved = c.rate/2, LimitLoss, true
		return
	}
	c.learn(s.Loss)
}

// full says whether a round at a higher rate brought too little more across for the loss to
// be of the network's own.
func full(was, s Sample) bool {
	if was.Sent == 0 || s.Sent <= was.Sent {
		return false
	}
	more := float64(s.Sent) / float64(was.Sent)
	return s.arrived() < was.arrived()*(1+more)/2
}

// settle ends the doubling near what the path carries.
func (c *Controller) settle(bytesPerSec float64, l Limiter) {
	c.started, c.limiter = true, l
	c.ceiling = c.rate
	if bytesPerSec < c.rate {
		c.ceiling = max(bytesPerSec, MinRate)
		c.rate = c.ceiling * nearCeiling
	}
	c.lastGood = c.rate
}

// waning says whether a delay is no reason for a further cut: it is of the time before the latest one, or what was
// queued then is being worked off.
func (c *Controller) waning(s Sample) bool {
	if s.Old {
		return true
	}
	if c.queued == 0 || s.Delay > c.queued-clearDelay {
		return false
	}
	c.queued = s.Delay
	return true
}

// follow keeps the rate near what the path carries.
func (c *Controller) follow(s Sample) {
	if c.futile(s) || c.flooded(s) {
		c.before, c.mark, c.heard, c.halved = s, Sample{}, false, false
		c.ceiling = s.arrived()
		c.rate, c.limiter = s.arrived()*nearCeiling, LimitWire
		c.step, c.own, c.idled = firstStep, false, false
		return
	}
	if l, bad := c.judge(s); bad {
		if l != LimitWire || s.Marked || !c.waning(s) {
			c.worse(s, l)
		}
		return
	}
	if c.halved { // as much is lost at half the cap: the cap was not too much
		c.rate = c.ceiling
	}
	c.halved = false
	c.better(s)
}

// futile says whether the rate has grown by a quarter and too little more got across: what
// was taken for the network's own loss is a full wire.
func (c *Controller) futile(s Sample) bool {
	if s.Blocked || float64(s.Sent) < usedShare*c.rate {
		return false
	}
	if c.mark.Sent == 0 || s.Sent < c.mark.Sent {
		c.mark = s
		return false
	}
	if float64(s.Sent) < 1.25*float64(c.mark.Sent) {
		return false
	}
	if full(c.mark, s) {
		return true
	}
	c.mark = s
	return false
}

// flooded says whether the path is still full after a cut that left the network's own loss unknown.
func (c *Controller) flooded(s Sample) bool {
	return !c.heard && s.Loss > suspectLoss && c.before.Sent > s.Sent &&
		!independent(float64(s.Sent), s.Loss, float64(c.before.Sent), c.before.Loss)
}

// judge says whether a sample is bad, and of what.
func (c *Controller) judge(s Sample) (Limiter, bool) {
	switch {
	case s.Overrun > overrunLimit:
		return LimitReceivers, true
	case c.heard && s.Loss > c.base+c.margin(s):
		return LimitLoss, true
	case s.Marked && !c.marked || s.Delay > c.delay+delayLimit && !s.Blocked:
		return LimitWire, true
	}
	return "", false
}

// margin is how much more loss than usual still is chance.
func (c *Controller) margin(s Sample) float64 {
	m := max(lossMargin, lossShare*c.base, s.noise(c.base))
	if s.Blocked {
		m = max(m, spreads*c.spread)
	}
	return m
}

func (c *Controller) better(s Sample) {
	c.learnSo(s.Loss, s.weight())
	c.cuts, c.doubt, c.queued = 0, false, 0
	if s.Delay < c.delay {
		c.delay = s.Delay
	}
	c.marked = c.marked && s.Marked
	switch {
	case s.Marked: // cuts did not end it: others fill the queue, or everything is marked
		c.limiter = LimitWire
	case s.Blocked: // the queue keeps the pace; the rate only has to be above it
		c.limiter = LimitWire
		c.rate = min(c.rate, float64(s.Sent)*headroom)
		c.ceiling, c.own = c.rate, true
	case float64(s.Sent) < usedShare*c.rate:
		c.limiter = LimitSender
	default:
		c.lastGood = c.rate
		c.grow()
	}
}

// grow comes back fast to the rate that was too much and goes past it slowly, then faster;
// where only the own interface was full nothing is lost by trying.
func (c *Controller) grow() {
	if c.own {
		c.rate *= 1 + ownStep
		return
	}
	if near := c.ceiling * nearCeiling; c.rate < near {
		c.rate = min(c.rate*(1+returnStep), near)
		return
	}
	c.rate *= 1 + c.step
	c.step = min(c.step*1.25, lastStep)
}

// worse backs off, unless backing off has been shown not to help.
func (c *Controller) worse(s Sample, l Limiter) {
	if l != c.cutFor {
		c.cuts, c.cutFor = 0, l
	}
	if c.given(s, l) {
		c.accept(s, l)
		return
	}
	if l == LimitLoss && !c.doubt && s.Loss < c.base+burstLoss {
		c.doubt = true // a burst of loss is over in the next round, a full wire is not
		return
	}
	c.doubt = false
	c.cutLoss, c.cutRate, c.queued = s.Loss, c.rate, s.Delay
	if s.Marked { // of what was used: a rate that nothing reaches would take long to come down
		c.rate = min(c.rate, max(float64(s.Sent), c.rate/2))
	}
	if l == LimitLoss {
		c.cut(max(backLoss, (1-s.Loss)/(1-c.base)*nearCeiling), LimitWire)
		return
	}
	c.cut(backQueue, l)
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
	case c.cuts == 0 || c.rate > telling*c.cutRate && c.cuts < patience:
		return false
	case l == LimitLoss:
		return independent(c.rate, s.Loss, c.cutRate, c.cutLoss)
	}
	if s.Marked {
		return c.cuts >= markPatience
	}
	return l == LimitWire && (c.cuts >= patience || c.unmoved(s))
}

// unmoved says whether a delay is just as long as it was before the rate came down, and all that is sent comes
// through: the path is longer, nothing is queued.
func (c *Controller) unmoved(s Sample) bool {
	return s.Taken >= telling*float64(s.Sent) && (s.Delay-c.queued).Abs() <= clearDelay
}

func (c *Controller) accept(s Sample, l Limiter) {
	if l == LimitLoss {
		c.base, c.heard = s.Loss, true
		c.limiter = LimitLoss
	} else {
		c.delay, c.marked = s.Delay, s.Marked
	}
	from := c.cutRate
	if l == LimitWire && !s.Marked { // nothing was wrong with the rate
		from = c.lastGood
	}
	c.cuts = 0
	c.step = lastStep
	c.rate = max(c.rate, min(from, c.lastGood))
}

func (c *Controller) cut(share float64, l Limiter) {
	c.cuts++
	c.started, c.idled, c.own = true, false, false
	c.ceiling = c.rate
	c.rate *= share
	c.limiter = l
	c.step = firstStep
}

// learn moves the baseline: down fast, up slowly.
func (c *Controller) learn(loss float64) { c.learnSo(loss, 0.5) }

// learnSo moves it down by a share of the difference.
func (c *Controller) learnSo(loss, down float64) {
	if !c.heard {
		c.base, c.heard = loss, true
		return
	}
	if loss < c.base {
		c.base += (loss - c.base) * down
		return
	}
	c.base += (loss - c.base) / 8
}
