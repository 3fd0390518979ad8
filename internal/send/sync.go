package send

import (
	"math"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Timing of SYNCs.
const (
	minSyncGap    = 2 * time.Millisecond  // between SYNCs that events call for
	passSyncGap   = 6 * time.Millisecond  // … in the middle of a pass, where nobody waits for them
	frontSyncGap  = 20 * time.Millisecond // … and that a front which moved far calls for
	startSyncGap  = 4 * time.Millisecond  // while the rate doubles, each solicits reports …
	fewSyncGap    = 2 * time.Millisecond  // … of up to fewDevices
	crowdSyncGap  = 25 * time.Millisecond // … but not of more than promptGroup devices
	autoSyncGap   = 50 * time.Millisecond // while data flows and the rate is being found
	ownSamples    = 16                    // SYNCs of which a receiver reports the median delay
	frontBytes    = 2 << 20               // this much sent is far
	earlySymbols  = 500                   // until so many are sent, index and manifest hurry
	ends          = 3                     // SYNCs that say END
	endGap        = 5 * time.Millisecond
	maxRepairs    = 250  // advertised in one SYNC
	windowBehind  = 512  // blocks below the front that may be kept
	windowAhead   = 64   // blocks ahead of the front at least
	sentRemember  = 1024 // SYNCs whose time is remembered
	reportBytes   = 200  // of a report on the wire
	reportFloor   = 64 << 10
	reportShare   = 25 // reports may take 1/25 of the rate
	minReport     = 100 * time.Millisecond
	startReport   = 50 * time.Millisecond
	maxReport     = 30 * time.Second
	smallGroup    = 8
	mediumGroup   = 64
	fewDevices    = 16
	promptGroup   = 64                   // devices up to which SOLICIT is answered at once
	reactionDelay = 3 * time.Millisecond // from a NACK to the SYNC that silences the others
)

// syncs is what is known of the SYNCs sent.
type syncs struct {
	sequence   uint64
	last       time.Time // of the newest
	soon       bool      // an event calls for one
	frontMoved bool
	bytes      int // sent since
	first      pn  // packet number after the newest
	ending     bool
	closing    bool // … whoever is waited for
	ended      int
	times      [sentRemember]time.Time
	own        [ownSamples]time.Duration // the newest went through this machine's queue for so long
	repairs    []wire.Repair
}

// syncSoon asks for a SYNC as soon as the spacing allows.
func (s *Sender) syncSoon() { s.sync.soon = true }

// syncDue is when the next SYNC goes out.
func (s *Sender) syncDue() time.Time {
	y := &s.sync
	gap := protocol.SyncInterval
	switch {
	case y.ending && y.ended > 0:
		gap = endGap
	case y.soon && s.prompt() && !s.pass.idle() && s.symbols > earlySymbols:
		gap = passSyncGap
	case y.soon || y.ending:
		gap = minSyncGap
	case s.control.Starting() && s.sendable():
		gap = s.startGap()
	case y.frontMoved && y.bytes >= frontBytes:
		gap = frontSyncGap
	case s.cfg.Rate.Fixed == 0 && s.sendable():
		gap = autoSyncGap
	}
	return y.last.Add(gap)
}

// startGap is the time between SYNCs while the rate doubles.
func (s *Sender) startGap() time.Duration {
	switch n := len(s.devices.order); {
	case n <= fewDevices:
		return fewSyncGap
	case s.prompt():
		return startSyncGap
	}
	return crowdSyncGap
}

// prompt says whether the group is small enough for reports that are asked for.
func (s *Sender) prompt() bool { return len(s.devices.order) <= promptGroup }

// Close ends the session, whoever is waited for: SYNCs say so, then it is over.
func (s *Sender) Close() {
	s.sync.ending, s.sync.closing = true, true
	s.syncSoon()
}

// NextSync gives a SYNC that is due and its packet number. Its Repairs are valid until the
// next call.
func (s *Sender) NextSync(now time.Time) (wire.Sync, protocol.PacketNumber, bool) {
	s.round.now = now
	idle := s.devices.ever == 0 && s.cfg.Wanted == nil
	if s.over || idle || now.Before(s.syncDue()) {
		return wire.Sync{}, 0, false
	}
	y := &s.sync
	y.sequence++
	m := s.Preview(now)
	number := s.number
	y.last, y.soon, y.frontMoved, y.bytes = now, false, false, 0
	y.first = number + 1
	y.times[y.sequence%sentRemember] = now
	y.own[(y.sequence-1)%uint64(len(y.own))] = s.queueDelay()
	s.number++
	s.count.Syncs++
	if y.sequence == s.round.since {
		s.round.begins, s.round.sent = now, 0
	}
	s.spend(now, protocol.MinSyncPacket+linkOverhead+5*len(m.Repairs))
	s.sync.bytes = 0
	if y.ending {
		s.countEnd()
	}
	return m, number, true
}

func (s *Sender) countEnd() {
	s.sync.ended++
	if s.sync.ended == ends {
		s.over = true
		s.emit(Event{Kind: Over})
	}
}

// Preview is a SYNC for a hand-out: the state as it is, nothing of it counted as sent.
func (s *Sender) Preview(now time.Time) wire.Sync {
	y := &s.sync
	m := wire.Sync{
		Sequence:       y.sequence,
		SentAt:         uint64(max(0, now.Sub(s.started).Microseconds())),
		Flags:          s.syncFlags(),
		GRTT:           uint32(s.grtt.Microseconds()),
		GroupSize:      uint32(min(max(len(s.devices.order), 1), protocol.MaxGroupSize)),
		Backoff:        s.backoff(),
		Rate:           s.control.Rate(),
		RangeFirst:     max(y.first, 1),
		RangeLast:      s.number - 1,
		Front:          s.pass.front(),
		ReportInterval: uint32(s.reportInterval().Microseconds()),
	}
	m.WindowLow, m.WindowHigh = s.window(m.Front)
	m.Repairs = s.advertise()
	return m
}

// queueDelay is about how long this machine's own queue holds what is handed over now; the
// kernel counts the memory of packets, which is more than they take on the wire.
func (s *Sender) queueDelay() time.Duration {
	return time.Duration(float64(s.queued) / float64(max(s.drain, 1)) * float64(time.Second))
}

// ownDelay is the share of this machine's own queue in the delay that receivers report: of
// the median of their latest SYNCs.
func (s *Sender) ownDelay() time.Duration {
	own := s.sync.own
	n := min(s.sync.sequence, uint64(len(own)))
	slices.Sort(own[:n])
	return own[n/2]
}

func (s *Sender) syncFlags() wire.SyncFlags {
	var f wire.SyncFlags
	if s.control.Starting() && s.prompt() && s.sendable() {
		f |= wire.SyncSolicit
	}
	if s.through() {
		f |= wire.SyncPassDone
		if s.repair.owed == 0 && s.devices.active > 0 {
			f |= wire.SyncSolicit
		}
	}
	if s.sync.ending {
		f |= wire.SyncEnd
	}
	return f
}

// window bounds the blocks that receivers may keep symbols of (security.md I8): a little
// behind the front, and as far ahead as the pass comes before the SYNC after the next two.
func (s *Sender) window(front protocol.BlockNumber) (low, high protocol.BlockNumber) {
	if front > windowBehind {
		low = front - windowBehind
	}
	perBlock := float64(s.cfg.FrameBytes * max(1, s.k(0)))
	if s.cfg.Blocks > 1 {
		perBlock = float64(s.cfg.FrameBytes * s.k(s.someBlock()))
	}
	ahead := float64(s.control.Rate()) * 3 * protocol.SyncInterval.Seconds() / perBlock
	return low, s.pass.high(windowAhead + int(math.Ceil(ahead)))
}

// advertise lists what is owed, as RFC 5740's REPAIR_ADV does.
func (s *Sender) advertise() []wire.Repair {
	out := s.sync.repairs[:0]
	add := func(b protocol.BlockNumber) {
		if n := s.owing(b); n > 0 && len(out) < maxRepairs {
			out = append(out, wire.Repair{Block: b, Symbols: uint8(min(n, 255))})
		}
	}
	for _, b := range s.repair.active {
		add(b)
	}
	for _, h := range s.repair.waiting {
		add(h.block)
	}
	s.sync.repairs = out
	return out
}

// backoff is K of RFC 5401: with unicast NACKs others fall silent only once the server has
// spoken, so in large groups K·GRTT has to leave it the time to.
func (s *Sender) backoff() uint8 {
	n := len(s.devices.order)
	f := 6.0
	switch {
	case n <= smallGroup:
		return 1
	case n <= mediumGroup:
		f = 2
	}
	return uint8(min(math.Ceil(f*float64(s.grtt+reactionDelay)/float64(s.grtt)), 255))
}

// reportInterval keeps the reports of the whole group within a share of the rate.
func (s *Sender) reportInterval() time.Duration {
	budget := max(float64(s.control.Rate())/reportShare, reportFloor)
	t := time.Duration(float64(len(s.devices.order)*reportBytes) / budget * float64(time.Second))
	least := minReport
	if s.control.Starting() {
		least = startReport
	}
	return min(max(t, least), maxReport)
}

// settleTime is how long reports still speak of packets sent before the rate changed.
func (s *Sender) settleTime() time.Duration {
	gap := autoSyncGap
	if s.control.Starting() {
		gap = s.startGap()
	}
	return s.reportInterval() + 2*gap + s.grtt
}
