package send

import (
	"math"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/wire"
)

// roundPackets is how many packets a round needs to say anything about loss, and
// devicePackets how many of them a device has to have reported on to be heard early.
const (
	roundPackets  = 50
	devicePackets = 16
	steadyPackets = 400 // … once the rate is found
)

// queuedDelay is a queue that is not just a burst's.
const queuedDelay = 50 * time.Millisecond

// chokedDelay of queueing makes a pass wait, if less than half of what is sent is taken.
const chokedDelay = 250 * time.Millisecond

// round gathers what the devices report while the rate stays the same.
type round struct {
	id      uint32
	lowered uint64    // the first SYNC since the rate came down last
	since   uint64    // the first SYNC at this rate: what was declared before it was sent at another
	begins  time.Time // of counting what is sent
	ends    time.Time
	sent    uint64    // bytes since begins
	blocked bool      // this machine's own queue was full
	idle    time.Time // when there was nothing to send last
	starved bool      // there was nothing to send for a while: it says nothing of the rate
	told    bool      // somebody has reported on a round
	rate    uint64
	now     time.Time // the latest time the machine was told
	vals    []float64 // scratch
}

// roundOf is one device's part of a round.
type roundOf struct {
	id       uint32
	declared uint64
	received uint64
	overrun  uint64
	marked   bool
}

func (r *round) restart(now time.Time) {
	r.begins, r.ends, r.now, r.sent = now, now.Add(minReport), now, 0
}

// renew begins a round at another rate. The next SYNC is the first that vouches for nothing
// older; it goes out at once.
func (s *Sender) renew(now time.Time) {
	r := &s.round
	r.id++
	r.since = s.sync.sequence + 1
	r.begins, r.ends = now, now.Add(2*s.settleTime())
	r.sent, r.blocked, r.starved = 0, false, false
	s.syncSoon()
}

// add counts a report whose predecessor answered SYNC seq: what it declares was sent after
// the SYNC before that one.
func (r *round) add(d *device, seq uint64, f wire.Feedback) {
	if seq <= r.since {
		return
	}
	r.told = true
	if d.round.id != r.id {
		d.round = roundOf{id: r.id}
	}
	d.round.declared += uint64(f.Declared)
	d.round.received += uint64(f.Received)
	d.round.overrun += uint64(f.Overrun)
	d.round.marked = d.round.marked || f.Flags&wire.FeedbackMarked != 0
}

// quantile gives the policy quantile of the values of the devices waited for, leaving out at
// least one of three or more (security.md F2).
func (s *Sender) quantile(value func(*device) (float64, bool)) (float64, int) {
	vals := s.values(value)
	n := len(vals)
	if n == 0 {
		return 0, 0
	}
	i := int(math.Ceil(s.cfg.Quantile*float64(n))) - 1
	if n >= outlierGroup {
		i = min(i, n-2)
	}
	return vals[max(i, 0)], n
}

// values are those of the devices waited for, in order.
func (s *Sender) values(value func(*device) (float64, bool)) []float64 {
	vals := s.round.vals[:0]
	for _, d := range s.devices.order {
		if !d.waited() || !d.heeded() {
			continue
		}
		if v, ok := value(d); ok {
			vals = append(vals, v)
		}
	}
	s.round.vals = vals
	slices.Sort(vals)
	return vals
}

// firstWord is how long the first report may take before silence means anything.
const firstWord = time.Second

// unanswered says that no report can have come yet.
func (s *Sender) unanswered(now time.Time) bool {
	return !s.round.told && now.Sub(s.round.begins) < firstWord
}

// endRound draws the conclusions of a round: loss, GRTT, rate.
func (s *Sender) endRound(now time.Time) {
	if s.symbols > 0 && s.unanswered(now) {
		s.round.ends = now.Add(minReport)
		return
	}
	took := now.Sub(s.round.begins).Seconds()
	if took > 0 && s.devices.active > 0 && !s.round.starved && s.tells() {
		x := s.sample(took)
		if s.drain = s.control.Rate(); x.Blocked {
			s.drain = max(x.Sent, 1)
		}
		s.control.Round(x)
		s.pacer.SetBurst(now, s.burst())
		if s.applyRate(now) {
			return
		}
	}
	s.round.id++
	s.round.begins = now
	s.round.ends = now.Add(max(s.reportInterval()+s.reportInterval()/4, minReport))
	s.round.sent, s.round.blocked, s.round.starved = 0, false, false
}

// tells says whether enough was sent in the round to say anything.
func (s *Sender) tells() bool { return s.round.sent >= roundPackets*uint64(s.cfg.FrameBytes) }

// burst is how much lateness the pacer makes up for.
func (s *Sender) burst() time.Duration {
	if s.round.blocked || s.control.OwnPace() {
		return rate.BurstOwn
	}
	return rate.Burst
}

// hurry ends a round as soon as everybody has reported on it, and enough was sent in it; one of three or more need
// not have. Once the rate is found there is no haste, but no point in waiting either.
func (s *Sender) hurry(now time.Time) {
	if !s.tells() {
		return
	}
	least := uint64(devicePackets)
	if !s.control.Starting() {
		least = steadyPackets
		if now.Sub(s.round.begins) < minReport {
			return
		}
	}
	told, need := 0, s.devices.active
	if need > promptGroup {
		return // counting them at every report would cost more than it brings
	}
	if need >= outlierGroup {
		need--
	}
	for _, d := range s.devices.order {
		if d.waited() && d.round.id == s.round.id && d.round.declared >= least {
			told++
		}
	}
	if told >= max(need, 1) {
		s.endRound(now)
	}
}

// measure takes the quantiles that do not depend on the round.
func (s *Sender) measure() {
	if loss, n := s.quantile(func(d *device) (float64, bool) { return d.loss, d.lossOf > 200 }); n > 0 {
		s.loss, s.median = loss, s.round.vals[n/2]
	}
	if rtt, n := s.quantile(func(d *device) (float64, bool) { return float64(d.rtt), d.rtt > 0 }); n > 0 {
		s.grtt = min(max(time.Duration(1.25*rtt), protocol.MinGRTT), protocol.MaxGRTT)
	}
	worst := expectedMax(max(1, s.devices.active))
	if s.parityQ.most == 0 {
		s.parityQ.bias = worst - 1
	}
	s.parityQ.most = worst + 1
}

func (s *Sender) sample(took float64) rate.Sample {
	inRound := func(d *device) bool { return d.round.id == s.round.id && d.round.declared > 0 }
	loss, n := s.quantile(func(d *device) (float64, bool) {
		return 1 - float64(d.round.received)/float64(max(d.round.declared, 1)), inRound(d)
	})
	overrun, _ := s.quantile(func(d *device) (float64, bool) {
		return min(1, float64(d.round.overrun)/float64(max(d.round.declared, 1))), inRound(d)
	})
	delay, _ := s.quantile(func(d *device) (float64, bool) { return float64(d.delay), inRound(d) })
	old, _ := s.quantile(func(d *device) (float64, bool) { return oneIf(s.outdated(d)), inRound(d) })
	backlog, taken := s.backlog()
	marked, _ := s.quantile(func(d *device) (float64, bool) { return oneIf(d.round.marked), inRound(d) })
	packets, _ := s.quantile(func(d *device) (float64, bool) { return float64(d.round.declared), inRound(d) })
	return rate.Sample{
		Sent: uint64(float64(s.round.sent) / took), Loss: loss, Packets: packets, Overrun: overrun,
		Delay: max(0, time.Duration(delay)-s.ownDelay()), Fresh: float64(n) / float64(s.devices.active),
		Took: time.Duration(took * float64(time.Second)), Blocked: s.round.blocked,
		Old: old > 0, Marked: marked > 0, Backlog: backlog, Taken: taken,
	}
}

// outdated says whether the delay that a device reports, the median of its latest SYNCs, is of the time before the
// rate came down last.
func (s *Sender) outdated(d *device) bool { return d.seq < s.round.lowered+3*ownSamples/4 }

// backlog returns what is queued on the path to the devices, and how much of it they take, by their
// latest reports.
func (s *Sender) backlog() (time.Duration, float64) {
	delay, _ := s.quantile(func(d *device) (float64, bool) { return float64(d.delay), d.intake.rate > 0 })
	taken, _ := s.quantile(func(d *device) (float64, bool) { return -d.intake.rate, d.intake.rate > 0 })
	return max(0, time.Duration(delay)-s.ownDelay()), -taken * float64(s.cfg.FrameBytes)
}

// choked says whether far more is sent than the devices take.
func (s *Sender) choked() bool {
	delay, taken := s.backlog()
	return delay > chokedDelay && taken > 0 && taken < float64(s.control.Rate())/2
}

// intake is how many packets a second a device takes.
type intake struct {
	since   time.Time // the report up to which it is known
	packets float64   // since then
	rate    float64
	queued  bool // a queue was there already: what came was not just what was sent
}

// begin takes the first report, whatever it says.
func (i *intake) begin(now time.Time) {
	if i.since.IsZero() {
		i.since = now
	}
}

// add counts packets that a report says arrived since the one before. What came while nothing was sent for a while,
// lastly at idle, says nothing.
func (i *intake) add(now, idle time.Time, packets float64, queued bool) {
	i.begin(now)
	if i.since.Before(idle) {
		i.since, i.packets, i.queued = now, 0, queued
		return
	}
	i.packets += packets
	span := now.Sub(i.since)
	if span < minReport || i.packets == 0 {
		return
	}
	x := i.packets / span.Seconds()
	if i.rate > 0 && i.queued {
		x = (x + i.rate) / 2
	}
	i.since, i.packets, i.rate, i.queued = now, 0, x, queued
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// someBlock is a block of ordinary length.
func (s *Sender) someBlock() protocol.BlockNumber {
	return protocol.BlockNumber(min((s.cfg.Head+s.cfg.Blocks)/2, s.cfg.Blocks-1))
}
