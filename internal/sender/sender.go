package sender

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// BlockSource gives the blocks of a session: block 0 is the index, then comes the manifest, then the
// stream. It checks each block against its digest as it reads it, so that files that changed are not
// sent. It is called from several goroutines. content.Source is a BlockSource.
type BlockSource interface {
	ReadBlock(n protocol.BlockNumber, buf []byte) (int, error)
}

// Config says what New makes a session of. Terms is the offer without session ID, tag, key check,
// source address and feedback port, which the session fills in.
type Config struct {
	Endpoint *Endpoint
	Key      seal.SigningKey
	Terms    wire.Offer
	Source   BlockSource
	Layout   *manifest.Layout // with the whole manifest; nil: read from Source
	Rate     uint64           // bytes a second; 0: auto
	// OnEvent is called for each change of a device, in order, from the goroutine of Run. It must not
	// block and must not call Stop.
	OnEvent func(Event)
}

// Event is something the server has to act on.
type Event struct {
	Kind   EventKind
	Device protocol.DeviceID
	Reason string // for people
	Cause  string // of DeviceBehind: loss, silent, slow, inconsistent
}

// EventKind is the kind of a Event.
type EventKind uint8

// The kinds.
const (
	DeviceDone   EventKind = iota + 1 // the device reports that it has stored everything
	DeviceBehind                      // it is not waited for any more: it catches up over HTTPS
	DeviceBack                        // it sends feedback again
)

// ErrSessionOver says that a session has ended.
var ErrSessionOver = errors.New("the session is over")

// Sender is one running session at the server. Its methods are safe for concurrent use.
type Sender struct {
	common
	format     format
	feed       *pageFeed // of a transfer of format 2
	link       *mcast.Link
	offer      Offer
	tag        protocol.SessionTag
	from       netip.Addr // that packets come from
	seal       *seal.Session
	packetizer *packetizer
	length     func(protocol.BlockNumber) int
	started    time.Time

	stopped atomic.Bool
	rate    atomic.Uint64 // of the machine, bytes a second; other sessions of the link read it
	wake    chan struct{}
	cancel  context.CancelFunc
	done    chan struct{} // closed when nothing more will be sealed

	mu      sync.Mutex // guards everything below
	machine *send.Sender
	secret  seal.Secret
	running bool
	ended   bool
	lived   bool   // its time is used up …
	muted   bool   // … and so is its chain
	sync    []byte // the latest SYNC, as sealed
	meter   meter
	limit   uint64                 // of this session, bytes a second; 0: none
	share   uint64                 // of the interface, bytes a second; 0: no limit
	soon    []protocol.BlockNumber // scratch
	devices []*device
	byID    map[protocol.DeviceID]send.Device
}

// common is what both formats are configured with.
type common struct {
	endpoint *Endpoint
	group    netip.AddrPort
	source   BlockSource
	fixed    uint64 // rate, bytes a second; 0: auto
	onEvent  func(Event)
}

// New draws the session's secrets, which are kept in memory only, and signs its offer.
func New(cfg Config) (*Sender, error) {
	if cfg.Layout == nil {
		l, err := readLayout(cfg.Terms, cfg.Source)
		if err != nil {
			return nil, err
		}
		cfg.Layout = l
	}
	c := common{cfg.Endpoint, cfg.Terms.GroupAddr, cfg.Source, cfg.Rate, cfg.OnEvent}
	return newSender(c, &plain{cfg: cfg}, nil)
}

func newSender(c common, f format, feed *pageFeed) (*Sender, error) {
	link, err := c.endpoint.acquireLink(c.group.Addr())
	if err != nil {
		return nil, err
	}
	s := &Sender{
		common: c, format: f, feed: feed, link: link, secret: seal.NewSecret(), from: link.Source(c.group.Addr()),
		started: time.Now(), wake: make(chan struct{}, 1), done: make(chan struct{}), cancel: func() {},
		byID: make(map[protocol.DeviceID]send.Device),
	}
	s.started = s.started.Add(-f.ahead())
	if err := s.sign(); err != nil {
		s.endpoint.releaseLink(link)
		return nil, err
	}
	s.share = s.endpoint.maxRate()
	m := f.machine()
	m.Sourced, m.SymbolSize, m.Started = true, int(s.offer.SymbolSize), s.started
	m.Rate = rate.Config{Fixed: c.fixed, Cap: s.share}
	s.length, s.soon = m.Length, make([]protocol.BlockNumber, 0, soonBlocks)
	s.machine = send.New(m, s.started, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	s.packetizer = s.newPacketizer(m.Blocks)
	return s, nil
}

// readLayout reads the manifest from the source and makes its layout.
func readLayout(terms wire.Offer, source BlockSource) (*manifest.Layout, error) {
	l, err := manifest.NewLayout(terms)
	if err != nil {
		return nil, fmt.Errorf("terms of the offer: %w", err)
	}
	raw := make([]byte, terms.ManifestBytes)
	at := 0
	for b := protocol.BlockNumber(1); b < l.FirstStream(); b++ {
		n, err := source.ReadBlock(b, raw[at:min(at+protocol.BlockSize, len(raw))])
		if err != nil {
			return nil, fmt.Errorf("block %d of the manifest: %w", b, err)
		}
		at += n
	}
	return l.WithManifest(raw[:at])
}

// sign completes the offer and signs it. Its bytes do not change from here on.
func (s *Sender) sign() error {
	tag, err := s.endpoint.newTag()
	if err != nil {
		return err
	}
	group := s.group.Addr()
	s.tag = tag
	s.offer, s.seal, err = s.format.sign(drawn{
		secret: s.secret, session: protocol.NewSessionID(), tag: tag, source: s.from, port: s.link.SourcePort(group),
		feedback: s.endpoint.FeedbackPort(), symbol: uint16(protocol.SymbolFor(s.link.Interface.MTU, group.Unmap().Is6())),
		clock: func() time.Duration { return time.Since(s.started) },
	})
	if err != nil {
		s.endpoint.freeTag(tag)
		return fmt.Errorf("the offer of session %s: %w", s.offer.Session, err)
	}
	return nil
}

func (s *Sender) newPacketizer(blocks int) *packetizer {
	size := int(s.offer.SymbolSize)
	buffer := protocol.SourceSymbols(s.format.longest(), size) * size
	b := &packetizer{
		cache: newBlockCache(s.source, blocks, buffer, size, s.wakeLoop),
		code:  fec.NewCode(), symbolSize: size, stopped: &s.stopped,
		packet: size + protocol.DataOverhead,
	}
	marks := s.format.marks()
	if marks != nil {
		b.packet += format2.MACBytes
	}
	b.writer = newWriter(s.link, s.offer.GroupAddr, b.maxRefs()*b.packet, &s.stopped)
	b.writer.seal, b.writer.tag, b.writer.marks = s.seal, s.tag, marks
	return b
}

// Clock is the time of the session in microseconds, as its SYNCs say it.
func (s *Sender) Clock() uint64 { return uint64(time.Since(s.started).Microseconds()) }

// Attach adds a device with the blocks it lacks, or gives a device that takes part new keys, and
// returns the hand-out. Ranges that are not in order or beyond the session are refused with a
// *protocol.RangesError.
func (s *Sender) Attach(dev protocol.DeviceID, lacks []protocol.Range, all bool) (groupcast.Handout, error) {
	// Before the lock is taken: how long this takes is up to the device.
	lacks, err := s.format.lacks(lacks, all)
	if err != nil {
		return groupcast.Handout{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.lived || s.stopped.Load() {
		return groupcast.Handout{}, ErrSessionOver
	}
	handle, known := s.byID[dev]
	if !known {
		handle = send.Device(len(s.devices))
		s.devices = append(s.devices, newDevice(dev))
		s.byID[dev] = handle
	}
	if !s.devices[handle].attaches.AllowN(time.Now(), 1) {
		return groupcast.Handout{}, errTooManyAttaches
	}
	key, id := seal.NewSecret(), seal.NewFeedbackID()
	h := &feedbackKey{sender: s, device: handle, opener: seal.NewFeedbackOpener(key, id)}
	if err := s.endpoint.demux.add(id, h); err != nil {
		return groupcast.Handout{}, err
	}
	s.endpoint.demux.drop(s.devices[handle].feedback)
	s.devices[handle].feedback = id
	s.machine.Attach(time.Now(), handle, lacks, all)
	s.wakeLoop()
	sync := s.currentSync()
	if sync == nil {
		return groupcast.Handout{}, ErrSessionOver
	}
	return groupcast.Handout{
		SessionSecret: slices.Clone(s.secret[:]), FeedbackKey: key[:], FeedbackID: id[:], Sync: sync, Started: s.running,
	}, nil
}

// currentSync gives the latest SYNC. Before the first is sent it seals one for hand-outs, with a
// packet number of its own, because a number is sealed only once.
func (s *Sender) currentSync() []byte {
	if s.sync == nil {
		s.sealSync(time.Now())
	}
	return s.sync
}

// sealSync seals a SYNC if one is due, and says whether it did.
func (s *Sender) sealSync(now time.Time) bool {
	sync, number, due := s.machine.NextSync(now)
	if !due {
		return false
	}
	packet, ok := s.format.sealSync(s.machine, sync, number)
	if !ok {
		s.lived, s.muted = true, true
		return false
	}
	s.sync = packet
	return true
}

// Detach removes a device: its feedback is not opened from here on.
func (s *Sender) Detach(dev protocol.DeviceID, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	handle, known := s.byID[dev]
	if !known || s.ended {
		return
	}
	s.endpoint.demux.drop(s.devices[handle].feedback)
	s.machine.Detach(time.Now(), handle, reason)
	s.wakeLoop()
}

// Complete notes that a device's receipt came: it has everything.
func (s *Sender) Complete(dev protocol.DeviceID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if handle, known := s.byID[dev]; known && !s.ended {
		s.machine.Complete(time.Now(), handle)
		s.wakeLoop()
	}
}

// Feedback takes a feedback body that came over HTTPS (AgentReport.Feedback).
func (s *Sender) Feedback(dev protocol.DeviceID, body []byte) error {
	f, err := s.format.parse(body)
	if err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "this is no feedback").Wrap(err)
	}
	s.mu.Lock()
	handle, known := s.byID[dev]
	s.mu.Unlock()
	if !known {
		return groupcast.Errorf(groupcast.ENotFound, "the device takes no part in this session")
	}
	if !s.handleFeedback(handle, f) {
		return errTooMuchFeedback
	}
	return nil
}

var (
	errTooMuchFeedback = tryLater("this device sends more feedback than %d a second", deviceFeedback)
	errTooManyAttaches = tryLater("this device asks for the keys of one session again and again")
)

func tryLater(format string, args ...any) error {
	e := groupcast.Errorf(groupcast.EExhausted, format, args...).WithHint("it is tried again by itself")
	e.After = time.Second
	return e
}

// handleFeedback gives authenticated feedback to the machine. It is false if the device sends more
// than it may.
func (s *Sender) handleFeedback(dev send.Device, f wire.Feedback) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return true
	}
	now := time.Now()
	if !s.devices[dev].reports.AllowN(now, 1) {
		return false
	}
	s.machine.HandleFeedback(now, dev, f)
	s.wakeLoop()
	return true
}

// Limit changes the most that this session may use, in bytes a second; 0: no limit of its own.
func (s *Sender) Limit(bytesPerSec uint64) {
	s.setCap(func() { s.limit = bytesPerSec })
}

// SetRate changes the rate at which it sends, in bytes a second; 0: it is found out.
func (s *Sender) SetRate(bytesPerSec uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machine.SetRate(time.Now(), bytesPerSec)
}

// setShare changes its share of the interface.
func (s *Sender) setShare(bytesPerSec uint64) {
	s.setCap(func() { s.share = bytesPerSec })
}

// setCap changes limit or share; the lower of the two applies.
func (s *Sender) setCap(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := lowerLimit(s.limit, s.share)
	change()
	if now := lowerLimit(s.limit, s.share); now != before {
		s.machine.SetCap(time.Now(), now)
	}
}

// lowerLimit is the lower of two limits, where 0 is no limit.
func lowerLimit(a, b uint64) uint64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// wakeLoop makes Run ask the machine again.
func (s *Sender) wakeLoop() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Stop stops sealing at once, drops what is queued and returns when nothing more is sealed
// or sent (security.md K2). Feedback of the session is not opened any more.
func (s *Sender) Stop() {
	s.stopped.Store(true)
	s.mu.Lock()
	running := s.running
	s.cancel()
	s.mu.Unlock()
	if running {
		<-s.done
	}
	s.end()
}

// end wipes the keys and gives back what the session holds of the endpoint.
func (s *Sender) end() {
	s.mu.Lock()
	ended := s.ended
	s.ended = true
	s.secret = seal.Secret{}
	for _, d := range s.devices {
		s.endpoint.demux.drop(d.feedback)
	}
	s.mu.Unlock()
	if !ended {
		s.endpoint.freeTag(s.tag) // without the lock: the endpoint's is taken first, then the sender's
		s.endpoint.releaseLink(s.link)
	}
}

// Misplaced says whether packets to the group would now leave by another interface or from another
// address than the offer names. Receivers take packets from that address only: a new session has to
// replace this one.
func (s *Sender) Misplaced() bool {
	group := s.group.Addr()
	now, err := s.endpoint.interfaceFor(group)
	return err == nil && now.Source(group).IsValid() &&
		(now.Index != s.link.Interface.Index || now.Source(group) != s.from)
}
