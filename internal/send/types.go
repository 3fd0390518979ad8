package send

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
)

// Device is the driver's handle of an attached device: a small integer.
type Device int

// Config says what is sent.
type Config struct {
	Blocks     int                            // session blocks, index and manifest included
	Length     func(protocol.BlockNumber) int // of each of them, in bytes
	SymbolSize int
	// Head is how many of the first blocks (index and manifest) everything else waits for.
	Head int
	// Zeros are blocks of zeros, which every device with the manifest has (docs/protocol.md §7): a
	// device that lacks everything does not lack these. nil: none.
	Zeros *protocol.BlockSet
	// Pages are how many of the head's last numbers are kept for the pages of format 2 (docs/format-2.md): they are sent
	// once Announce says so. 0: format 1.
	Pages int
	// Sourced says that a block of the stream is sent only once Available says that it can be read.
	Sourced bool
	// Wanted are blocks to send in any case; nil: only those that devices lack.
	Wanted       *protocol.BlockSet
	Rate         rate.Config
	Interleave   int           // blocks sent symbol by symbol in turn; 0: DefaultInterleave
	Quantile     float64       // share of the devices that sets rate and parity; 0: 0.95
	ProactiveMax float64       // parity sent unasked, of k; 0: DefaultProactiveMax; < 0: none
	FrameBytes   int           // bytes of a data packet on the wire; 0: S + 35 + 42
	GRTT         time.Duration // first guess; 0: DefaultGRTT
	Started      time.Time     // zero of SYNC's sent_at; zero: New's now
}

// Defaults and bounds.
const (
	DefaultInterleave   = 8
	calmInterleave      = 2 // while nothing is lost
	DefaultQuantile     = 0.95
	DefaultProactiveMax = 0.25
	DefaultGRTT         = 5 * time.Millisecond
	MaxTrain            = 64 // packets of a train
	linkOverhead        = 42 // UDP 8, IPv4 20, Ethernet 14
)

// SymbolRef names a symbol to send.
type SymbolRef struct {
	Block protocol.BlockNumber
	Index protocol.SymbolIndex
}

// Train is a run of data packets with consecutive numbers. Refs aliases the caller's buffer.
type Train struct {
	First protocol.PacketNumber
	Refs  []SymbolRef
}

// EventKind is the kind of an Event.
type EventKind uint8

// The kinds.
const (
	DeviceDone   EventKind = iota + 1 // it says that it stored everything
	DeviceBehind                      // it is not waited for any longer: HTTPS
	DeviceBack                        // one that was silent is heard again
	Over                              // nobody is waited for and END was sent
)

// Cause says why a device was left behind.
type Cause string

// The causes.
const (
	CauseLoss         Cause = "loss"
	CauseSilent       Cause = "silent"
	CauseSlow         Cause = "slow"
	CauseInconsistent Cause = "inconsistent"
	CauseDeaf         Cause = "deaf"  // it hears SYNCs, but no data
	CauseAlone        Cause = "alone" // it alone says that it cannot keep up, or that packets are forged
)

// Event is something the driver has to act on.
type Event struct {
	Kind   EventKind
	Device Device
	Cause  Cause  // of DeviceBehind
	Reason string // in words
}

// Status is a snapshot of a session.
type Status struct {
	Rate     uint64       // bytes a second, as paced
	Limiter  rate.Limiter // what holds it there; see Holder
	GRTT     time.Duration
	Loss     float64 // at the policy quantile
	Blocks   int
	Wanted   int     // blocks somebody lacked
	Pass     int     // 1 for the first
	PassDone bool    // no source symbols are left to send
	Progress float64 // of the pass, 0…1
	Owed     int     // repair symbols owed now
	Over     bool
	Counters Counters
	Devices  int // attached
	Active   int // of them, waited for
	Done     int
	Behind   int
	Forged   int // devices that report blocks which failed their digest
	// ForgedBlocks are those that are believed to have failed it.
	ForgedBlocks int

	idleBy rate.Limiter // what keeps it from using its rate …
	idles  bool         // … if anything does
}

// ForgerLikely says whether a member of the group forges packets: two devices report it, or one of fewer
// than three. The report of one among several may be false.
func (s Status) ForgerLikely() bool { return s.Forged >= 2 || s.Forged == 1 && s.Devices < 3 }

// Counters count for the life of the session.
type Counters struct {
	Source    uint64 // symbols sent in passes
	Proactive uint64 // parity sent unasked
	Repair    uint64 // parity sent because it was asked for
	Resent    uint64 // source symbols sent because bitmaps asked for them
	Syncs     uint64
	Bytes     uint64 // on the wire, SYNCs included
	Feedback  uint64 // packets heard
	NACKs     uint64 // feedback packets with something to ask
	Asked     uint64 // blocks named in NACKs
	Refused   uint64 // asks out of bounds (security.md F1)
	OnTheWay  uint64 // asks already answered
	Overs     uint64 // devices over their share of repair
}

// DeviceStatus is one device's progress by its reports.
type DeviceStatus struct {
	Device   Device
	Verified int
	Loss     float64
	RTT      time.Duration
	Overrun  uint64
	Bar      [64]byte
	Heard    time.Time // zero: never
	Done     bool
	Behind   Cause // empty: not
	Reason   string
}
