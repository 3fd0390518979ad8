package recv

import (
	"math/rand/v2"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Receiver is the receiving half of a session.
type Receiver struct{}

// New makes the machine.
func New(cfg Config, now time.Time, rnd *rand.Rand) *Receiver { return &Receiver{} }

// Accepts says whether a packet number lies in the window around the last signed SYNC
// (security.md I3). Ask before a key is derived for it.
func (r *Receiver) Accepts(pn protocol.PacketNumber) bool { return false }

// HandleSync takes a SYNC whose signature holds.
func (r *Receiver) HandleSync(now time.Time, s wire.Sync) {}

// HandleData takes an opened data packet; the symbol is copied.
func (r *Receiver) HandleData(now time.Time, pn protocol.PacketNumber, d wire.Data) {}

// SetLayout gives the whole layout once the manifest is verified, and have, what is found to
// be held already (nil: nothing).
func (r *Receiver) SetLayout(now time.Time, l Layout, have *protocol.BlockSet) {}

// BlockStored says what became of a block: one that was ready, or (Stored) one that came
// over HTTPS.
func (r *Receiver) BlockStored(now time.Time, b protocol.BlockNumber, o Outcome) {}

// Overrun tells how many packets the socket has dropped since the session began.
func (r *Receiver) Overrun(now time.Time, total uint32) {}

// Backlog tells how many blocks wait for disk.
func (r *Receiver) Backlog(n int) {}

// NextEvent gives the next event.
func (r *Receiver) NextEvent() (Event, bool) { return Event{}, false }

// NextFeedback gives a feedback body that is due. Its slices are valid until the next call.
func (r *Receiver) NextFeedback(now time.Time) (wire.Feedback, bool) { return wire.Feedback{}, false }

// HandleTimeout does what is due by now.
func (r *Receiver) HandleTimeout(now time.Time) {}

// NextTimeout is when the machine wants HandleTimeout, then NextEvent and NextFeedback.
func (r *Receiver) NextTimeout() (time.Time, bool) { return time.Time{}, false }

// Status is a snapshot.
func (r *Receiver) Status() Status { return Status{} }
