package session

import (
	"context"
	"crypto/ed25519"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// BlockStore takes verified blocks of the stream (session numbers); spool.Staging is one.
type BlockStore interface {
	WriteBlock(n protocol.BlockNumber, data []byte) error
	Sync() error // makes what was written durable
}

// ReceiverConfig opens a session at a device. The offer has passed the gate already.
type ReceiverConfig struct {
	Intake     *Intake
	Verify     ed25519.PublicKey // the server's signing leaf's
	Offer      wire.Offer
	OfferBytes []byte
	Handout    groupcast.Handout
	Manifest   []byte // canonical bytes, if known already; OnManifest is called all the same
	// OnManifest hears the verified manifest once (canonical bytes), from a worker: the agent
	// stages it and answers where blocks go and which it holds. An error ends the session.
	OnManifest func(manifest []byte) (BlockStore, *protocol.BlockSet, error)
	// OnCatchUp: fetch these blocks over HTTPS and hand them to Supply.
	OnCatchUp func(ranges []protocol.Range, reason string)
	// OnSilent: nothing is heard of the group though the session should run.
	OnSilent func(reason string)
	// OnFeedback: a feedback body that got no answer by UDP; post it over HTTPS (≤ 2/s).
	OnFeedback func(body []byte)
}

// Receiver is one session at a device.
type Receiver struct{}

// NewReceiver checks the hand-out against the offer and prepares the session.
func NewReceiver(cfg ReceiverConfig) (*Receiver, error) { return &Receiver{}, nil }

// Run receives until every block is stored (nil), the session ends (ErrSessionOver), ctx
// ends or the disk fails. Nothing of it runs on when it returns.
func (r *Receiver) Run(ctx context.Context) error { return ctx.Err() }

// SupplyManifest hands over the canonical manifest, fetched over HTTPS.
func (r *Receiver) SupplyManifest(manifest []byte) error { return nil }

// Supply hands over a block fetched over HTTPS; it is verified like any other.
func (r *Receiver) Supply(n protocol.BlockNumber, data []byte) error { return nil }

// Status is the session as the device sees it.
func (r *Receiver) Status() ReceiverStatus { return ReceiverStatus{} }

// ReceiverStatus is a snapshot of a session at a device.
type ReceiverStatus struct {
	Verified int // blocks, index and manifest included
	Blocks   int
	Bytes    uint64 // of the stream, verified
	Manifest bool   // known
	Rate     uint64 // bytes a second heard lately
	Received uint64 // packets
	Lost     uint64 // of those the server declared
	Overrun  uint64 // dropped by this machine's own socket
	Heard    time.Time
	Drops    map[string]uint64 // packets not used, by reason
}
