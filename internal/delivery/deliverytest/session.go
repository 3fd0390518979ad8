// Package deliverytest has made-up sessions and sources, for tests of what drives them: tests say
// what a session's devices report and when it ends; no packet is sent.
package deliverytest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/wire"
)

// Wire is how many bytes each session says it has sent.
const Wire = 1000

// Session is a session without packets, of either format.
type Session struct {
	key   seal.SigningKey
	hear  func(sender.Event)
	terms wire.Offer   // of format 1
	offer sender.Offer // without its signature
	end   chan error
	made  time.Time

	mu       sync.Mutex
	attached map[protocol.DeviceID][]protocol.Range
	complete []protocol.DeviceID
	feedback map[protocol.DeviceID][]byte
	limit    uint64
	rate     uint64
	begun    bool
	stopped  bool
	moved    bool
	devices  []sender.DeviceStatus
	shown    groupcast.SessionStatus
	forging  *groupcast.Forging
	forged   *protocol.BlockSet // nil: none
	refuse   error
}

// NewSession makes a session with an ID of its own.
func NewSession(cfg sender.Config) *Session {
	terms := cfg.Terms
	terms.Session = protocol.NewSessionID()
	s := newSession(cfg.Key, cfg.OnEvent, sender.Offer{
		Bytes: wire.AppendOffer(nil, terms), Session: terms.Session, Number: terms.Number, Group: terms.Group,
		GroupAddr: terms.GroupAddr, SymbolSize: terms.SymbolSize, FeedbackPort: terms.FeedbackPort,
	})
	s.terms = terms
	return s
}

// NewPaged makes a session of format 2.
func NewPaged(key seal.SigningKey, terms format2.Offer, hear func(sender.Event)) *Session {
	terms.Session = protocol.NewSessionID()
	return newSession(key, hear, sender.Offer{
		Bytes: format2.AppendOffer(nil, terms), Session: terms.Session, Number: terms.Number, Group: terms.Group,
		GroupAddr: terms.GroupAddr, SymbolSize: terms.SymbolSize, FeedbackPort: terms.FeedbackPort, Paged: true,
		MACs: terms.Flags&format2.OfferMACs != 0,
	})
}

func newSession(key seal.SigningKey, hear func(sender.Event), offer sender.Offer) *Session {
	return &Session{
		key: key, hear: hear, offer: offer, end: make(chan error, 4), attached: map[protocol.DeviceID][]protocol.Range{},
		feedback: map[protocol.DeviceID][]byte{}, made: time.Now(),
	}
}

func (s *Session) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Offer is what is signed.
func (s *Session) Offer() sender.Offer {
	o := s.offer
	o.Signature = seal.SignOffer(s.key, o.Bytes)
	return o
}

// Attach hands keys out as long as the session was not stopped.
func (s *Session) Attach(dev protocol.DeviceID, lacks []protocol.Range, _ bool) (groupcast.Handout, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return groupcast.Handout{}, s.refuse
	}
	if s.stopped {
		return groupcast.Handout{}, sender.ErrSessionOver
	}
	s.attached[dev] = lacks
	return groupcast.Handout{SessionSecret: s.offer.Session[:], FeedbackKey: []byte("key")}, nil
}

// Detach takes a device out.
func (s *Session) Detach(dev protocol.DeviceID, _ string) {
	s.locked(func() { delete(s.attached, dev) })
}

// Complete notes that a device is done.
func (s *Session) Complete(dev protocol.DeviceID) {
	s.locked(func() { s.complete = append(s.complete, dev) })
}

// Limit is told what the session may use.
func (s *Session) Limit(bytesPerSec uint64) { s.locked(func() { s.limit = bytesPerSec }) }

// SetRate is told at which rate it sends.
func (s *Session) SetRate(bytesPerSec uint64) { s.locked(func() { s.rate = bytesPerSec }) }

// Feedback takes a body that came over HTTPS.
func (s *Session) Feedback(dev protocol.DeviceID, body []byte) (err error) {
	s.locked(func() { s.feedback[dev], err = body, s.refuse })
	return err
}

// Run ends when a test says so, when it is stopped, or with ctx.
func (s *Session) Run(ctx context.Context) error {
	s.locked(func() { s.begun = true })
	select {
	case err := <-s.end:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop ends it.
func (s *Session) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped = true
		s.end <- nil
	}
}

// Misplaced says whether a test moved the session's network card.
func (s *Session) Misplaced() (moved bool) {
	s.locked(func() { moved = s.moved })
	return moved
}

// Clock is the time since it was made.
func (s *Session) Clock() uint64 { return uint64(time.Since(s.made).Microseconds()) }

// Status is what tests made it.
func (s *Session) Status() (st sender.Status) {
	s.locked(func() {
		st = sender.Status{Wire: Wire, Running: s.begun, Devices: s.devices, Session: s.shown, Forging: s.forging}
	})
	return st
}

// Failed says whether all these blocks are forged.
func (s *Session) Failed(r protocol.Range) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := r.First; b < r.End(); b++ {
		if s.forged == nil || !s.forged.Has(b) {
			return false
		}
	}
	return true
}

// Now follows what a test asks for or does.

// Terms is the offer of one of format 1.
func (s *Session) Terms() wire.Offer { return s.terms }

// Sealing says whether data flows.
func (s *Session) Sealing() (is bool) {
	s.locked(func() { is = s.begun && !s.stopped })
	return is
}

// Limited is what it was last told that it may use.
func (s *Session) Limited() (bytesPerSec uint64) {
	s.locked(func() { bytesPerSec = s.limit })
	return bytesPerSec
}

// Rate is the rate that it was last told.
func (s *Session) Rate() (bytesPerSec uint64) {
	s.locked(func() { bytesPerSec = s.rate })
	return bytesPerSec
}

// Lacks is what a device said that it lacks when it was handed the keys.
func (s *Session) Lacks(dev protocol.DeviceID) (lacks []protocol.Range, attached bool) {
	s.locked(func() { lacks, attached = s.attached[dev] })
	return lacks, attached
}

// Completed lists those that are done.
func (s *Session) Completed() (all []protocol.DeviceID) {
	s.locked(func() { all = append(all, s.complete...) })
	return all
}

// Told is the last feedback of a device that came over HTTPS.
func (s *Session) Told(dev protocol.DeviceID) (body []byte) {
	s.locked(func() { body = s.feedback[dev] })
	return body
}

// Refuse makes it refuse keys and feedback; nil: not any more.
func (s *Session) Refuse(err error) { s.locked(func() { s.refuse = err }) }

// Move puts its network card away.
func (s *Session) Move() { s.locked(func() { s.moved = true }) }

// End ends it by itself.
func (s *Session) End(err error) { s.end <- err }

// Hear tells whoever made it what happened to a device.
func (s *Session) Hear(event sender.Event) { s.hear(event) }

// Report makes devices say how they do, now.
func (s *Session) Report(devices ...sender.DeviceStatus) {
	s.locked(func() {
		for i := range devices {
			devices[i].LastReport = time.Now()
		}
		s.devices = devices
	})
}

// Show sets what it says of itself.
func (s *Session) Show(st groupcast.SessionStatus) { s.locked(func() { s.shown = st }) }

// Forge sets what it knows of forged packets; blocks are those with a wrong digest.
func (s *Session) Forge(f *groupcast.Forging, blocks *protocol.BlockSet) {
	s.locked(func() { s.forging, s.forged = f, blocks })
}

// Sessions are the sessions that were made, the newest last.
type Sessions struct {
	mu  sync.Mutex
	all []*Session
}

// Make makes one more.
func (s *Sessions) Make(cfg sender.Config) *Session { return s.Add(NewSession(cfg)) }

// Add takes one more.
func (s *Sessions) Add(made *Session) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, made)
	return made
}

// Count says how many were made.
func (s *Sessions) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// Newest gives the newest.
func (s *Sessions) Newest(t testing.TB) *Session {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		t.Fatal("no session was opened")
	}
	return s.all[len(s.all)-1]
}
