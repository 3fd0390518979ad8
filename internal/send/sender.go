package send

import (
	"math/rand/v2"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Sender is the sending half of a session.
type Sender struct{}

// New makes the machine; nothing is sent before somebody is attached or Wanted is given.
func New(cfg Config, now time.Time, rnd *rand.Rand) *Sender { return &Sender{} }

// Attach adds a device, at any time, with the blocks it lacks; attaching again replaces what
// was known of it.
func (s *Sender) Attach(now time.Time, dev Device, lacks []protocol.Range, all bool) {}

// Detach forgets a device.
func (s *Sender) Detach(now time.Time, dev Device, reason string) {}

// Complete says that a device's receipt came by another way.
func (s *Sender) Complete(now time.Time, dev Device) {}

// HandleFeedback takes a device's report and NACKs; what is out of bounds is counted.
func (s *Sender) HandleFeedback(now time.Time, dev Device, f wire.Feedback) {}

// HandleTimeout does what is due by now.
func (s *Sender) HandleTimeout(now time.Time) {}

// NextTimeout is when the machine wants to be called again: HandleTimeout, then NextSync and
// NextTrain.
func (s *Sender) NextTimeout() (time.Time, bool) { return time.Time{}, false }

// NextTrain gives the next data packets that may leave now, in refs' array; cap(refs) bounds
// the train.
func (s *Sender) NextTrain(now time.Time, refs []SymbolRef) (Train, bool) { return Train{}, false }

// NextSync gives a SYNC that is due and its packet number. Its Repairs are valid until the
// next call.
func (s *Sender) NextSync(now time.Time) (wire.Sync, protocol.PacketNumber, bool) {
	return wire.Sync{}, 0, false
}

// Preview is a SYNC for a hand-out: the state as it is, nothing of it counted as sent.
func (s *Sender) Preview(now time.Time) wire.Sync { return wire.Sync{} }

// NextEvent gives the next event.
func (s *Sender) NextEvent() (Event, bool) { return Event{}, false }

// Queued tells the depth of this machine's own send queue, in bytes.
func (s *Sender) Queued(now time.Time, bytes int) {}

// SetCap changes the most the session may use, as other sessions of the interface come and
// go; 0: none.
func (s *Sender) SetCap(now time.Time, bytesPerSec uint64) {}

// Status is a snapshot; Devices lists the devices in the order of their handles.
func (s *Sender) Status() Status          { return Status{} }
func (s *Sender) Devices() []DeviceStatus { return nil }
