package session

import (
	"context"
	"crypto/ed25519"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// BlockSource gives the blocks of a session: 0 the index, then the manifest, then the stream.
// It re-checks nothing; the sender compares every block with its digest.
type BlockSource interface {
	ReadBlock(n protocol.BlockNumber, buf []byte) (int, error)
}

// SenderConfig opens a session. Terms holds everything the offer says except session ID,
// tag, key check, source address and feedback port, which the session fills in.
type SenderConfig struct {
	Station *Station
	Key     ed25519.PrivateKey // the signing leaf's
	Terms   wire.Offer
	Source  BlockSource
	Rate    uint64 // bytes a second; 0: auto
	// OnEvent hears what became of devices, in order, from the session's own goroutine. It
	// must not block and must not call the Sender.
	OnEvent func(SenderEvent)
}

// SenderEvent is something the server has to act on.
type SenderEvent struct {
	Kind   SenderEventKind
	Device protocol.DeviceID
	Reason string // in words
	Cause  string // of Behind: loss, silent, slow, inconsistent
}

// SenderEventKind is the kind of a SenderEvent.
type SenderEventKind uint8

// The kinds.
const (
	DeviceDone   SenderEventKind = iota + 1 // the device reports that it stored everything
	DeviceBehind                            // it left multicast: catch up over HTTPS
	DeviceBack                              // it is heard again
)

// Sender is one running session at the server.
type Sender struct{}

// NewSender draws the session's secrets, which live in memory only, and signs its offer.
func NewSender(cfg SenderConfig) (*Sender, error) { return &Sender{}, nil }

// Offer gives the offer, its bytes and their signature: what is announced and stored.
func (s *Sender) Offer() (wire.Offer, []byte, []byte) { return wire.Offer{}, nil, nil }

// Attach adds a device (or replaces its keys) with what it lacks and gives the hand-out.
func (s *Sender) Attach(dev protocol.DeviceID, lacks []protocol.Range, all bool) (groupcast.Handout, error) {
	return groupcast.Handout{}, nil
}

// Detach forgets a device: its feedback keys end at once.
func (s *Sender) Detach(dev protocol.DeviceID, reason string) {}

// Complete says that a device's receipt came.
func (s *Sender) Complete(dev protocol.DeviceID) {}

// Feedback hands over a feedback body that came over HTTPS (AgentReport.Feedback).
func (s *Sender) Feedback(dev protocol.DeviceID, body []byte) error { return nil }

// Run sends until everybody attached is done, Stop is called, ctx ends or the source fails;
// only the last is an error. Devices may be attached before and while it runs.
func (s *Sender) Run(ctx context.Context) error { return ctx.Err() }

// Stop stops sealing at once, drops what is queued and returns when nothing more is sealed
// or sent (security.md K2). It ends every feedback key of the session.
func (s *Sender) Stop() {}

// Status is the session as the live view shows it, with the devices attached.
func (s *Sender) Status() SenderStatus { return SenderStatus{} }

// SenderStatus is a snapshot of a session.
type SenderStatus struct {
	Session groupcast.SessionStatus
	Running bool
	Wire    uint64 // bytes sent, headers included
	Devices []DeviceStatus
}

// DeviceStatus is one device's progress as its reports tell it.
type DeviceStatus struct {
	Device      protocol.DeviceID
	Blocks      int // verified
	LossPercent float64
	Bar         [64]byte
	LastReport  time.Time // zero: none yet
	Behind      string    // why it left multicast; empty: it did not
	Done        bool
}
