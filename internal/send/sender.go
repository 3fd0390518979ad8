package send

import (
	"math/rand/v2"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
)

// Sender is the sending half of a session.
type Sender struct {
	cfg     Config
	rnd     *rand.Rand
	started time.Time

	// Of every block: 10 bytes and a few bits, whatever its length.
	last   []protocol.PacketNumber // of the last packet sent of it
	parity []uint8                 // rows used, so the next fresh symbol is k+parity
	owed   []uint8                 // fresh parity symbols owed
	wanted *protocol.BlockSet      // somebody lacked it

	pass    pass
	source  source
	repair  repairs
	forged  claims
	parityQ learner
	devices deviceSet
	round   round
	sync    syncs
	pacer   *rate.Pacer
	control *rate.Controller

	queued   int                   // bytes in this machine's own send queue …
	drain    uint64                // … which leave at so many a second
	number   protocol.PacketNumber // the next one
	grtt     time.Duration
	measured bool    // grtt is a measurement
	loss     float64 // at the policy quantile
	median   float64 // and in the middle
	turn     int     // trains of repair since the last train of the pass
	events   []Event
	count    Counters
	symbols  uint64 // data packets sent
	over     bool
}

// Bounds of this machine's own send queue.
const (
	queueTime  = 15 * time.Millisecond
	leastQueue = 32 << 10
)

// New makes the state machine. Nothing is sent before a device is attached, unless Wanted is given.
func New(cfg Config, now time.Time, rnd *rand.Rand) *Sender {
	cfg = cfg.withDefaults(now)
	s := &Sender{
		cfg: cfg, rnd: rnd, started: cfg.Started,
		last:    make([]protocol.PacketNumber, cfg.Blocks),
		parity:  make([]uint8, cfg.Blocks),
		owed:    make([]uint8, cfg.Blocks),
		wanted:  protocol.NewBlockSet(cfg.Blocks),
		pass:    newPass(cfg.Blocks, cfg.Interleave),
		repair:  newRepairs(cfg.Blocks),
		devices: newDeviceSet(),
		control: rate.NewController(cfg.Rate),
		number:  1,
		grtt:    cfg.GRTT,
	}
	if cfg.Sourced {
		s.source.ready = protocol.NewBlockSet(cfg.Blocks)
	}
	s.drain = s.control.Rate()
	s.pacer = rate.NewPacer(now, s.control.Rate(), cfg.FrameBytes)
	s.round.restart(now)
	if cfg.Wanted != nil {
		s.wantSet(now, cfg.Wanted)
	}
	return s
}

func (c Config) withDefaults(now time.Time) Config {
	if c.Interleave <= 0 {
		c.Interleave = DefaultInterleave
	}
	if c.Quantile <= 0 || c.Quantile > 1 {
		c.Quantile = DefaultQuantile
	}
	if c.ProactiveMax == 0 {
		c.ProactiveMax = DefaultProactiveMax
	}
	if c.FrameBytes <= 0 {
		c.FrameBytes = c.SymbolSize + protocol.DataOverhead + linkOverhead
	}
	if c.GRTT <= 0 {
		c.GRTT = DefaultGRTT
	}
	if c.Started.IsZero() {
		c.Started = now
	}
	return c
}

// k is the number of source symbols of a block.
func (s *Sender) k(b protocol.BlockNumber) int {
	return max(1, protocol.SourceSymbols(s.cfg.Length(b), s.cfg.SymbolSize))
}

// rows is the number of parity rows of a block that were never sent. The last symbol index
// is never used: in a NACK it would read as NoParity.
func (s *Sender) rows(b protocol.BlockNumber, k int) int {
	return protocol.MaxSymbols - 1 - k - int(s.parity[b])
}

func (s *Sender) wantSet(now time.Time, set *protocol.BlockSet) {
	for b, ok := set.Next(0); ok; b, ok = set.Next(b + 1) {
		s.want(now, b)
	}
}

// want adds a block to this pass or, if the pass is beyond it, to the next.
func (s *Sender) want(now time.Time, b protocol.BlockNumber) {
	if s.isPage(b) && int(b-s.firstPage()) >= s.source.front {
		return // it is sent when it is announced, or is under way
	}
	if s.source.dropped != nil && s.source.dropped.Has(b) {
		return
	}
	s.wanted.Add(b)
	s.pass.add(now, b)
}

// NextEvent gives the next event.
func (s *Sender) NextEvent() (Event, bool) {
	if len(s.events) == 0 {
		return Event{}, false
	}
	e := s.events[0]
	s.events = s.events[1:]
	return e, true
}

func (s *Sender) emit(e Event) { s.events = append(s.events, e) }

// Queued sets the depth of this machine's own send queue, in bytes. false: it is deep enough; more would
// delay repair and hide from the rate controller what the wire takes.
func (s *Sender) Queued(bytes int) bool {
	s.queued = bytes
	if bytes <= max(leastQueue, int(float64(s.control.Rate())*queueTime.Seconds())) {
		return true
	}
	s.round.blocked = true
	return false
}

// Rate is the rate in force, in bytes a second.
func (s *Sender) Rate() uint64 { return s.control.Rate() }

// SetCap changes the most the session may use, as other sessions of the interface come and
// go; 0: none.
func (s *Sender) SetCap(now time.Time, bytesPerSec uint64) {
	s.control.SetCap(bytesPerSec)
	s.applyRate(now)
}

// SetRate changes the rate to a fixed one, or with 0 to what is found out.
func (s *Sender) SetRate(now time.Time, bytesPerSec uint64) {
	s.control.SetFixed(bytesPerSec)
	s.applyRate(now)
}

// applyRate hands a changed rate to the pacer and begins a new round: samples of two rates
// are not mixed.
func (s *Sender) applyRate(now time.Time) (changed bool) {
	r := s.control.Rate()
	if r == s.round.rate {
		return false
	}
	s.pacer.SetRate(now, r)
	if r < s.round.rate {
		s.round.lowered = s.sync.sequence + 1
	}
	s.round.rate = r
	s.renew(now)
	return true
}

// HandleTimeout does what is due by now.
func (s *Sender) HandleTimeout(now time.Time) {
	s.repair.promote(now)
	s.startPass(now)
	s.noteWait(now)
	s.parityQ.judge(now)
	if !now.Before(s.round.ends) {
		s.endRound(now)
	}
	if !now.Before(s.devices.checkAt) {
		s.excuse(now)
		s.devices.checkAt = now.Add(checkInterval)
		s.checkDevices(now)
		s.measure()
	}
	if now.Sub(s.devices.oddAt) >= minReport {
		s.devices.oddAt = now
		s.judgeOdd(now)
	}
	s.checkOver(now)
}

// NextTimeout is when the machine wants to be called again: HandleTimeout, then NextSync and
// NextTrain.
func (s *Sender) NextTimeout() (time.Time, bool) {
	if s.over || s.devices.ever == 0 && s.cfg.Wanted == nil {
		return time.Time{}, false
	}
	t := earlier(s.syncDue(), s.round.ends)
	t = earlier(t, s.devices.checkAt)
	if s.sync.ending {
		return s.syncDue(), true
	}
	if s.sendable() {
		t = earlier(t, s.pacer.Next(s.round.now, MaxTrain))
	}
	if at, ok := s.repair.readyAt(); ok {
		t = earlier(t, at)
	}
	if at, ok := s.pass.startAt(); ok {
		t = earlier(t, at)
	}
	return t, true
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
