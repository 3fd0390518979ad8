package recv

import (
	"time"

	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Layout knows the lengths of blocks, as far as the offer and the manifest have them. *manifest.Layout
// implements it.
type Layout interface {
	Length(protocol.BlockNumber) (int, bool)
}

// Config says what is received.
type Config struct {
	Layout Layout // as the offer tells it, or whole
	Blocks int    // session blocks, as the offer bounds them
	Head   int    // of them, index and manifest: the bar leaves them out
	// Pages are how many of the head's last numbers are kept for the pages of format 2 (docs/format-2.md): the
	// driver says with Declare what SYNCs say of them, and with Known what they bring. 0: format 1.
	Pages      int
	Have       *protocol.BlockSet // verified already (session numbers); copied; nil: none
	SymbolSize int
	MaxK       int // largest k of the session; 0: what the fixed cutter gives
	PoolBytes  int // 0: protocol.ReceiverPoolBytes
	RingBytes  int // 0: protocol.RingBytes
	First      wire.Sync
	Waiting    bool // the session had not begun at the hand-out: silence is no sign yet
	Held       bool // packets and SYNCs are handed over later than they come: SampleDelay says when SYNCs came
}

// Symbol is a symbol of a block that is ready; Data aliases the pool.
type Symbol = fec.Symbol

// EventKind is the kind of an Event.
type EventKind uint8

// The kinds.
const (
	// BlockReady: Symbols are k symbols of Block; decode all k (into Memory: source symbols lie in
	// their places there), verify the first Length bytes, store, then BlockStored. They stay valid
	// until BlockStored. With Suspect, Memory is what came out of the symbols of Held, with a wrong
	// digest, and Symbols came since: fec.Code.Locate leaves out what is wrong.
	BlockReady EventKind = iota + 1
	CatchUp              // fetch Ranges over HTTPS
	Done                 // everything is stored
	Silent               // nothing valid was heard for a while though the session should run
	Unheard              // NACKs bring nothing: post NextFeedback's bodies over HTTPS, too
	Ended                // the server says END: ask over TLS
)

// Event is something the driver has to act on.
type Event struct {
	Kind    EventKind
	Block   protocol.BlockNumber
	Length  int
	Symbols []Symbol
	Memory  []byte // k symbols
	Suspect bool
	Held    fec.Set
	Ranges  []protocol.Range
	Reason  string // in words
}

// Outcome is what became of a ready block.
type Outcome uint8

// The outcomes.
const (
	Stored   Outcome = iota + 1 // verified and written
	Mismatch                    // its digest is wrong
	Failed                      // it could not be written; it is asked for again
)

// Status is a snapshot of a session at a device.
type Status struct {
	Verified int
	Blocks   int
	Devices  int // of the group, as the newest SYNC says
	Partial  int // blocks in the pool
	Rate     uint64
	GRTT     time.Duration
	Loss     float64
	Declared uint64 // packets that signed ranges declared
	Received uint64 // of them
	Heard    time.Time
	Done     bool
	Forged   int // blocks that came with a wrong digest
	Drops    Drops
	Asks     uint64 // feedback packets with something to ask
	Reports  uint64 // and without
}

// Drops count packets and symbols that were not used, by reason.
type Drops struct {
	Duplicate  uint64 // symbol held already
	Verified   uint64 // block stored already
	Malformed  uint64 // block, length or symbol out of range
	Window     uint64 // outside the signed window (security.md I8)
	Ring       uint64 // no manifest yet and the ring is full
	Pool       uint64 // no room
	Evicted    uint64 // symbols thrown out of the pool
	Stale      uint64 // SYNC not newer
	Mismatched uint64 // blocks whose digest was wrong
}
