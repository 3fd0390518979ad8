package server

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/bandwidth"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// engineConfig is what an engine is made of.
type engineConfig struct {
	Server     protocol.ServerID
	Key        seal.SigningKey // signs offers
	Store      engineStore
	Content    Library
	Agents     Agents
	Screens    Screens
	Lines      *bandwidth.Lines
	Slots      Slots
	Timing     schedule.Timing
	RetrySpace uint64 // bytes of content kept for retries; 0: 20 GiB
	Log        *slog.Logger
	Now        func() time.Time

	// OpenOffer draws the number of an offer and gives the lowest one that is still open.
	OpenOffer func(
		ctx context.Context, in store.SiteEpoch, no protocol.TransferNo,
	) (number, floor protocol.OfferNo, err error)
	NewSender  func(sender.Config) (Session, error)
	OpenSource func(context.Context, store.Transfer) (content.Blocks, error)
	SendPlain  func(ctx context.Context, to netip.AddrPort, packet []byte) error
	OpenWatch  func() Watch // of this machine's network; what is nil tells nothing
}

// Session is a multicast session as package sender runs it.
type Session interface {
	Offer() (wire.Offer, []byte, []byte)
	Attach(dev protocol.DeviceID, lacks []protocol.Range, all bool) (groupcast.Handout, error)
	Detach(dev protocol.DeviceID, reason string)
	Complete(dev protocol.DeviceID)
	Limit(bytesPerSec uint64)
	Feedback(dev protocol.DeviceID, body []byte) error
	Run(ctx context.Context) error
	Misplaced() bool
	Stop()
	Status() sender.Status
	Failed(r protocol.Range) bool // all of them came with a wrong digest
}

// Agents are the devices that are connected (*presence.Agents).
type Agents interface {
	Send(dev protocol.DeviceID, event groupcast.AgentEvent)
	Has(dev protocol.DeviceID) bool
	Machines(dev protocol.DeviceID) int
	Unfit(dev protocol.DeviceID) string
	SymbolFor(devices []protocol.DeviceID, six bool) uint16
	End(user string, device *protocol.DeviceID, reason error)
	HintAll()
}

// Screens are told of what changes (*presence.Events).
type Screens interface {
	Publish(event groupcast.Event)
}

// Slots bound the downloads that run at once (*presence.CatchUpSlots).
type Slots interface {
	Enter(ctx context.Context, p groupcast.Principal) error
	Leave(p groupcast.Principal)
	Waiting(user string) bool
}

// Watch tells that the network of this machine changed (*mcast.Watch).
type Watch interface {
	C() <-chan struct{}
	Close()
}

// Library holds the content of transfers (*content.Library).
type Library interface {
	Kept(id string) (content.Kept, error)
	Manifest(id string) (*manifest.Manifest, content.Kept, error)
	Keep(m *manifest.Manifest, name string, p content.Place, from string) (content.Built, error)
	Made(id string)
	Forget(id string) error
	Remove(id string) error
	Names() ([]string, error)
}

// engineStore is what an engine needs of the store. Package store says what each does.
type engineStore interface {
	// Transfers
	AddTransfer(ctx context.Context, t store.Transfer) (store.Transfer, []groupcast.Delivery, error)
	Transfer(ctx context.Context, no protocol.TransferNo) (store.Transfer, error)
	Transfers(ctx context.Context, f groupcast.TransferFilter) (groupcast.Page[store.Transfer], error)
	TransferOfContent(ctx context.Context, content string) (store.Transfer, error)
	ReplaceContent(ctx context.Context, no protocol.TransferNo, e store.Edition) (store.Transfer, error)
	IsEdition(ctx context.Context, no protocol.TransferNo, root protocol.Digest) (bool, error)
	LeftOut(ctx context.Context, no protocol.TransferNo, w groupcast.Window) ([]groupcast.LeftOut, int, error)
	SetTransferState(ctx context.Context, no protocol.TransferNo, s groupcast.TransferState, reason string,
		at time.Time) error
	CloseTransfer(ctx context.Context, no protocol.TransferNo, s groupcast.TransferState, d groupcast.DeliveryState,
		reason string, at time.Time) error
	ReleaseTransfer(ctx context.Context, no protocol.TransferNo) error
	RetryTransfer(ctx context.Context, no protocol.TransferNo, expires time.Time,
		at time.Time) ([]groupcast.Delivery, error)
	NoteForged(ctx context.Context, at store.SiteEpoch, no protocol.TransferNo, f groupcast.Forging) error
	AddTransferBytes(ctx context.Context, at store.SiteEpoch, no protocol.TransferNo, wire, https uint64) error
	KeepFiles(ctx context.Context, no protocol.TransferNo, files []groupcast.FileEntry) error
	SetContentGone(ctx context.Context, no protocol.TransferNo) error
	SetSeries(ctx context.Context, no protocol.TransferNo, points []byte) error
	Series(ctx context.Context, no protocol.TransferNo) ([]byte, error)

	// Deliveries
	Deliveries(ctx context.Context, no protocol.TransferNo, w groupcast.Window) (groupcast.Page[groupcast.Delivery], error)
	Delivery(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID) (groupcast.Delivery, error)
	OwedOf(ctx context.Context, no protocol.TransferNo, w groupcast.Window) ([]groupcast.Delivery, error)
	OwedAll(ctx context.Context) ([]groupcast.Delivery, error)
	UpdateDeliveries(ctx context.Context, deliveries []groupcast.Delivery, at time.Time) error
	PutOff(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, later bool, at time.Time) error
	CloseDelivery(ctx context.Context, c store.Closing, at time.Time) (owed int, err error)
	AddEntries(ctx context.Context, e groupcast.EntryPage, dev protocol.DeviceID, most int64) error
	Entries(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID,
		w groupcast.Window) ([]groupcast.DeliveryEntry, int, error)

	// Offers, and what proves them
	CloseOffer(ctx context.Context, number protocol.OfferNo) error
	TakeSite(ctx context.Context, id protocol.SiteID) (store.SiteEpoch, error)
	KeepSignedOffer(ctx context.Context, o store.SignedOffer) error
	KeepSmallManifest(ctx context.Context, no protocol.TransferNo, root protocol.Digest, manifest []byte) error
	AddHandouts(ctx context.Context, handouts []store.Handout, at time.Time) []error

	// Whom they are for
	Group(ctx context.Context, name string) (groupcast.Group, error)
	GroupByID(ctx context.Context, id protocol.GroupID) (groupcast.Group, error)
	Entitled(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID) (store.Entitlement, error)
	Devices(ctx context.Context, userID string, w groupcast.Window) (groupcast.Page[groupcast.Device], error)
	UpdateDevices(ctx context.Context, devices []groupcast.Device) error
}
