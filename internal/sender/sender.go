package sender

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// BlockSource gives the blocks of a session: 0 the index, then the manifest, then the stream.
// Each is checked against its digest as it is read: a source that changed must not reach
// anybody. It is called from two goroutines; content.Source is one.
type BlockSource interface {
	ReadBlock(n protocol.BlockNumber, buf []byte) (int, error)
}

// Config opens a session. Terms holds everything the offer says except session ID,
// tag, key check, source address and feedback port, which the session fills in.
type Config struct {
	Endpoint *Endpoint
	Key      seal.SigningKey
	Terms    wire.Offer
	Source   BlockSource
	Layout   *manifest.Layout // whole; nil: made of the manifest that Source gives
	Rate     uint64           // bytes a second; 0: auto
	// OnEvent hears what became of devices, in order, from the session's own goroutine. It
	// must not block and must not call Stop.
	OnEvent func(Event)
}

// Event is something the server has to act on.
type Event struct {
	Kind   EventKind
	Device protocol.DeviceID
	Reason string // in words
	Cause  string // of Behind: loss, silent, slow, inconsistent
}

// EventKind is the kind of a Event.
type EventKind uint8

// The kinds.
const (
	DeviceDone   EventKind = iota + 1 // the device reports that it stored everything
	DeviceBehind                      // it left multicast: catch up over HTTPS
	DeviceBack                        // it is heard again
)

// ErrSessionOver says that a session has ended.
var ErrSessionOver = errors.New("the session is over")

// Sender is one running session at the server. Its methods are safe for concurrent use.
type Sender struct {
	cfg        Config
	endpoint   *Endpoint
	link       *mcast.Link
	offer      wire.Offer
	offerBytes []byte
	signature  []byte
	seal       *seal.Session
	builder    *builder

	stopped atomic.Bool
	rate    atomic.Uint64 // the machine's, for the other sessions of the link
	wake    chan struct{}
	cancel  context.CancelFunc
	done    chan struct{} // closed when nothing more will be sealed

	mu      sync.Mutex // of everything below
	machine *send.Sender
	secret  seal.Secret
	running bool
	ended   bool
	sync    []byte // the SYNC in force, as sealed
	meter   meter
	limit   uint64 // bytes a second; 0: none …
	share   uint64 // … and of the interface
	devices []*attached
	byID    map[protocol.DeviceID]send.Device
}

// New draws the session's secrets, which live in memory only, and signs its offer.
func New(cfg Config) (*Sender, error) {
	if cfg.Layout == nil {
		l, err := readLayout(cfg.Terms, cfg.Source)
		if err != nil {
			return nil, err
		}
		cfg.Layout = l
	}
	link, err := cfg.Endpoint.hold(cfg.Terms.GroupAddr.Addr())
	if err != nil {
		return nil, err
	}
	s := &Sender{
		cfg: cfg, endpoint: cfg.Endpoint, link: link, secret: seal.NewSecret(),
		wake: make(chan struct{}, 1), done: make(chan struct{}), cancel: func() {},
		byID: make(map[protocol.DeviceID]send.Device),
	}
	if err := s.sign(); err != nil {
		return nil, err
	}
	s.share = s.endpoint.maxRate()
	s.machine = send.New(s.machineConfig(), time.Now(), rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	s.builder = s.newBuilder()
	return s, nil
}

// readLayout makes the layout of the manifest that a source gives.
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

// sign completes the offer and signs it; its bytes never change from here on.
func (s *Sender) sign() error {
	tag, err := s.endpoint.newTag()
	if err != nil {
		return err
	}
	o := s.cfg.Terms
	o.SymbolSize = s.fitting(o)
	o.Session, o.Tag = protocol.NewSessionID(), tag
	o.KeyCheck = seal.KeyCheck(s.secret, o.Server, o.Session)
	o.Source = s.link.Source(o.GroupAddr.Addr())
	o.FeedbackPort = s.endpoint.FeedbackPort()
	s.offer, s.offerBytes = o, wire.AppendOffer(nil, o)
	s.signature = seal.SignOffer(s.cfg.Key, s.offerBytes)
	if s.seal, err = seal.NewSession(s.secret, s.offerBytes); err != nil {
		s.endpoint.dropTag(tag)
		return fmt.Errorf("keys of session %s: %w", o.Session, err)
	}
	return nil
}

// fitting is the symbol size of the terms, or what the interface's own packets hold.
func (s *Sender) fitting(o wire.Offer) uint16 {
	return min(o.SymbolSize, uint16(protocol.SymbolFor(s.link.Interface.MTU, o.GroupAddr.Addr().Unmap().Is6())))
}

func (s *Sender) machineConfig() send.Config {
	return send.Config{
		Blocks: s.cfg.Layout.Blocks(), SymbolSize: int(s.offer.SymbolSize),
		Length: func(b protocol.BlockNumber) int {
			n, _ := s.cfg.Layout.Length(b)
			return n
		},
		Head:  int(s.cfg.Layout.FirstStream()),
		Zeros: s.cfg.Layout.Zeros(),
		Rate:  rate.Config{Fixed: s.cfg.Rate, Cap: s.endpoint.maxRate()},
	}
}

func (s *Sender) newBuilder() *builder {
	size := int(s.offer.SymbolSize)
	buffer := protocol.SourceSymbols(s.cfg.Layout.Longest(), size) * size
	b := &builder{
		cache: newCache(s.cfg.Source, s.cfg.Layout, buffer),
		code:  fec.NewCode(), seal: s.seal, offer: &s.offer, stopped: &s.stopped,
		packet: size + protocol.DataOverhead,
	}
	b.writer = newWriter(s.link, s.offer.GroupAddr, b.maxRefs()*b.packet, &s.stopped)
	return b
}

// Offer gives the offer, its bytes and their signature: what is announced and stored.
func (s *Sender) Offer() (wire.Offer, []byte, []byte) { return s.offer, s.offerBytes, s.signature }

// Attach adds a device (or replaces its keys) with what it lacks and gives the hand-out. A list that
// is none is refused with a *protocol.RangesError.
func (s *Sender) Attach(dev protocol.DeviceID, lacks []protocol.Range, all bool) (groupcast.Handout, error) {
	if all {
		lacks = nil
	}
	lacks, err := protocol.MergeRanges(lacks, s.cfg.Layout.Blocks()) // before the lock: the list is somebody else's
	if err != nil {
		return groupcast.Handout{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.stopped.Load() {
		return groupcast.Handout{}, ErrSessionOver
	}
	handle, known := s.byID[dev]
	if !known {
		handle = send.Device(len(s.devices))
		s.devices = append(s.devices, newAttached(dev))
		s.byID[dev] = handle
	}
	if !s.devices[handle].attaches.AllowN(time.Now(), 1) {
		return groupcast.Handout{}, errTooManyAttaches
	}
	key, id := seal.NewSecret(), seal.NewFeedbackID()
	h := &handout{sender: s, device: handle, opener: seal.NewFeedbackOpener(key, id)}
	if err := s.endpoint.desk.add(id, h); err != nil {
		return groupcast.Handout{}, err
	}
	s.endpoint.desk.drop(s.devices[handle].feedback)
	s.devices[handle].feedback = id
	s.machine.Attach(time.Now(), handle, lacks, all)
	s.poke()
	return groupcast.Handout{
		SessionSecret: slices.Clone(s.secret[:]), FeedbackKey: key[:], FeedbackID: id[:],
		Sync: s.currentSync(), Started: s.running,
	}, nil
}

// currentSync gives the SYNC in force: the newest on the wire, or one that only hand-outs
// carry. It has a packet number of its own, for a number is sealed once.
func (s *Sender) currentSync() []byte {
	if s.sync == nil {
		s.sealSync(time.Now())
	}
	return s.sync
}

// sealSync seals a SYNC if one is due.
func (s *Sender) sealSync(now time.Time) bool {
	sync, number, due := s.machine.NextSync(now)
	if due {
		s.sync = s.seal.SealSync(s.cfg.Key, number, sync)
	}
	return due
}

// Detach forgets a device: its feedback keys end at once.
func (s *Sender) Detach(dev protocol.DeviceID, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	handle, known := s.byID[dev]
	if !known || s.ended {
		return
	}
	s.endpoint.desk.drop(s.devices[handle].feedback)
	s.machine.Detach(time.Now(), handle, reason)
	s.poke()
}

// Complete says that a device's receipt came.
func (s *Sender) Complete(dev protocol.DeviceID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if handle, known := s.byID[dev]; known && !s.ended {
		s.machine.Complete(time.Now(), handle)
		s.poke()
	}
}

// Feedback hands over a feedback body that came over HTTPS (AgentReport.Feedback).
func (s *Sender) Feedback(dev protocol.DeviceID, body []byte) error {
	f, err := wire.ParseFeedback(body)
	if err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "this is no feedback").Wrap(err)
	}
	s.mu.Lock()
	handle, known := s.byID[dev]
	s.mu.Unlock()
	if !known {
		return groupcast.Errorf(groupcast.ENotFound, "the device takes no part in this session")
	}
	if !s.hear(handle, f) {
		return errTooMuchFeedback
	}
	return nil
}

var (
	errTooMuchFeedback = later("this device sends more feedback than %d a second", deviceFeedback)
	errTooManyAttaches = later("this device asks for the keys of one session again and again")
)

func later(format string, args ...any) error {
	e := groupcast.Errorf(groupcast.EExhausted, format, args...).WithHint("it is tried again by itself")
	e.After = time.Second
	return e
}

// hear takes feedback that has passed the checks, if the device has not sent too much of it.
func (s *Sender) hear(dev send.Device, f wire.Feedback) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return true
	}
	now := time.Now()
	if !s.devices[dev].budget.AllowN(now, 1) {
		return false
	}
	s.machine.HandleFeedback(now, dev, f)
	s.poke()
	return true
}

// Limit changes the most that this session may use, in bytes a second; 0: no limit of its own.
func (s *Sender) Limit(bytesPerSec uint64) {
	s.setCap(func() { s.limit = bytesPerSec })
}

// setShare changes its share of the interface.
func (s *Sender) setShare(bytesPerSec uint64) {
	s.setCap(func() { s.share = bytesPerSec })
}

// setCap lets the lower of the two hold.
func (s *Sender) setCap(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := lower(s.limit, s.share)
	change()
	if now := lower(s.limit, s.share); now != before {
		s.machine.SetCap(time.Now(), now)
	}
}

// lower is the lower of two limits, where 0 is none.
func lower(a, b uint64) uint64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// poke makes the loop look again.
func (s *Sender) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Stop stops sealing at once, drops what is queued and returns when nothing more is sealed
// or sent (security.md K2). It ends every feedback key of the session.
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

// end wipes the keys; the session answers nothing from here on.
func (s *Sender) end() {
	s.mu.Lock()
	ended := s.ended
	s.ended = true
	s.secret = seal.Secret{}
	for _, d := range s.devices {
		s.endpoint.desk.drop(d.feedback)
	}
	s.mu.Unlock()
	if !ended {
		s.endpoint.dropTag(s.offer.Tag) // outside: the endpoint locks first, then the sender
		s.endpoint.release(s.link)
	}
}

// Misplaced says that packets to the group leave by another interface or from another address by
// now: receivers believe the address that the offer names, so that only a new session reaches them.
func (s *Sender) Misplaced() bool {
	now, err := s.endpoint.choose(s.offer.GroupAddr.Addr())
	return err == nil && now.Source(s.offer.GroupAddr.Addr()).IsValid() &&
		(now.Index != s.link.Interface.Index || now.Source(s.offer.GroupAddr.Addr()) != s.offer.Source.Unmap())
}
