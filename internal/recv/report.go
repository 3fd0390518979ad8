package recv

import (
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

const (
	doneReports  = 6 // a device that is done says so at most so often
	promptGroup  = 64
	delaySamples = 16
	delayWindow  = 10 * time.Second
)

// reporting is when the device reports, and what it has not reported yet.
type reporting struct {
	at      time.Time
	left    int // reports of being done
	overrun uint32
	told    uint32 // overruns reported so far
	backlog int
	marked  bool   // a packet since the last report carried a congestion mark
	slow    uint32 // symbols lost since the last report because the disk holds the pool
}

func (p *reporting) sayDone(now time.Time, after time.Duration) {
	p.left = doneReports
	p.at = now.Add(after)
}

// doneDelay spreads the good news of a large group over an interval.
func (r *Receiver) doneDelay() time.Duration {
	if r.sync.group <= promptGroup {
		return r.spread(r.sync.grtt * time.Duration(r.sync.group) / 16)
	}
	return r.spread(r.sync.interval)
}

// solicited brings the next report forward, in small groups.
func (r *Receiver) solicited(now time.Time) {
	if r.sync.group <= promptGroup && (!r.done || r.report.left > 0) {
		r.report.at = earliest(r.report.at, now.Add(r.backoff()))
	}
}

// Overrun sets how many packets the socket has dropped since the session began.
func (r *Receiver) Overrun(now time.Time, total uint32) { r.report.overrun = total }

// poolFull counts symbols for which the pool had no room: a machine with a slow disk is overrun just as
// one with a socket that overflows. A pool full of partly received blocks does not count: a member can
// fill it, so it says nothing about this machine.
func (p *reporting) poolFull(waiting bool, symbols int) {
	if waiting {
		p.slow += uint32(symbols)
	}
}

// Marked reports a packet with the network's congestion mark (RFC 3168): a queue on the path is
// filling up, and nothing is lost yet.
func (r *Receiver) Marked() { r.report.marked = true }

// Backlog sets how many blocks wait for the disk.
func (r *Receiver) Backlog(n int) { r.report.backlog = n }

// NextFeedback gives a feedback body that is due. Its slices are valid until the next call.
func (r *Receiver) NextFeedback(now time.Time) (wire.Feedback, bool) {
	if r.asks.over(now) {
		r.consider(now)
	}
	asks := false
	if r.asks.due {
		r.asks.due = false
		asks = r.collect(now)
		r.consider(now)
	}
	due := !now.Before(r.report.at) && (!r.done || r.report.left > 0)
	if !asks && !due {
		return wire.Feedback{}, false
	}
	f := r.body(now)
	if forged := r.forged(); forged && !asks || asks && r.asks.forged {
		f.Flags |= wire.FeedbackMismatch
	}
	if asks {
		r.asksN++
		r.asks.pay(now)
		f.NACKs, f.Bitmaps = r.asks.nacks, r.asks.bitmaps
		if r.asks.fresh {
			f.Ranges = r.asks.ranges
		}
	} else {
		r.repN++
	}
	f.Flags |= wire.FeedbackBar
	f.Bar = r.bar()
	r.reported(now)
	return f, true
}

// reported begins the next interval, in the device's own slot.
func (r *Receiver) reported(now time.Time) {
	p := &r.report
	if r.done {
		p.left--
	}
	if next := p.at.Add(r.sync.interval); next.Sub(now) <= 3*r.sync.interval/2 {
		p.at = next
	}
	if !p.at.After(now) {
		p.at = now.Add(r.sync.interval/2 + r.spread(r.sync.interval))
	}
}

// body is a report; what it says "since the last one" begins again.
func (r *Receiver) body(now time.Time) wire.Feedback {
	f := wire.Feedback{
		High: r.high, Verified: uint32(r.have.Count()),
		Declared: r.loss.declared, Received: r.loss.received,
		Overrun: r.report.overrun - r.report.told + r.report.slow, Delay: r.delay.median(),
		Backlog: uint16(min(r.report.backlog, 1<<16-1)),
	}
	if r.sync.started {
		f.SyncSequence = r.sync.sequence
		f.SyncAge = uint32(min(now.Sub(r.sync.at).Microseconds(), 1<<32-1))
	}
	if r.done {
		f.Flags |= wire.FeedbackDone
	}
	if r.report.marked {
		f.Flags |= wire.FeedbackMarked
	}
	r.loss.declared, r.loss.received = 0, 0
	r.report.told, r.report.slow, r.report.marked = r.report.overrun, 0, false
	return f
}

// bar is the device's progress at a glance, index and manifest left out: what it shows is what
// of the files is there.
func (r *Receiver) bar() [protocol.BarBytes]byte {
	first := protocol.BlockNumber(r.cfg.Head)
	return protocol.BarOf(r.cfg.Blocks-r.cfg.Head, func(bucket int, lo, hi protocol.BlockNumber) int {
		switch {
		case hi-lo > 1:
			return int(r.counts[bucket])
		case r.have.Has(first + lo):
			return 1
		}
		return 0
	})
}

// delays follows the one-way delay of SYNCs above the smallest seen lately; the clocks need
// not agree.
type delays struct {
	least   [2]int64 // of this window and the one before, µs
	since   time.Time
	samples [delaySamples]int64
	n       int
}

func (d *delays) sample(now time.Time, sentAt uint64) {
	v := now.UnixMicro() - int64(sentAt)
	switch {
	case d.n == 0:
		d.least, d.since = [2]int64{v, v}, now
	case now.Sub(d.since) > delayWindow:
		d.least, d.since = [2]int64{v, d.least[0]}, now
	}
	d.least[0] = min(d.least[0], v)
	d.samples[d.n%delaySamples] = v
	d.n++
}

func (d *delays) median() uint32 {
	n := min(d.n, delaySamples)
	if n == 0 {
		return 0
	}
	s := d.samples
	slices.Sort(s[:n])
	return uint32(min(max(s[n/2]-min(d.least[0], d.least[1]), 0), 1<<32-1))
}
