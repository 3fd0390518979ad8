package delivery

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/bandwidth"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/edition"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/reading"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
)

// Config is what an engine is made of.
type Config struct {
	Server     protocol.ServerID
	Key        seal.SigningKey // signs offers
	Store      Store
	Content    Library
	Agents     Agents
	Screens    Screens
	Lines      *bandwidth.Lines
	Slots      Slots
	Timing     schedule.Timing
	RetrySpace uint64 // bytes of content kept for retries; 0: 20 GiB
	Log        *slog.Logger
	Now        func() time.Time

	// Audit writes into the audit log; nil: there is none.
	Audit func(ctx context.Context, action, object, detail string)
	// OpenOffer draws the number of an offer and gives the lowest one that is still open.
	OpenOffer func(
		ctx context.Context, in store.SiteEpoch, no protocol.TransferNo,
	) (number, floor protocol.OfferNo, err error)
	NewSender  func(sender.Config) (Session, error)
	NewPaged   func(PagedSession) (Session, error)
	OpenSource func(context.Context, store.Transfer) (content.Blocks, error)
	// OpenPaged opens the source of a paged transfer; some of its entries have to be read even if they look unchanged.
	OpenPaged func(context.Context, store.Transfer, PageStore, []uint32) (reading.Source, error)
	SendPlain func(ctx context.Context, to netip.AddrPort, packet []byte) error
	OpenWatch func() Watch // of this machine's network; what is nil tells nothing
}

// Session is a multicast session as package sender runs it.
type Session interface {
	Offer() sender.Offer
	Attach(dev protocol.DeviceID, lacks []protocol.Range, all bool) (groupcast.Handout, error)
	Detach(dev protocol.DeviceID, reason string)
	Complete(dev protocol.DeviceID)
	Limit(bytesPerSec uint64)
	SetRate(bytesPerSec uint64)
	Feedback(dev protocol.DeviceID, body []byte) error
	Run(ctx context.Context) error
	Misplaced() bool
	Clock() uint64 // microseconds since the session began
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
	TooOldFor(dev protocol.DeviceID, wire int) string
	SymbolFor(devices []protocol.DeviceID, six bool) uint16
	End(user string, device *protocol.DeviceID, reason error)
	HintAll()
}

// Screens are event streams of clients (*presence.Events).
type Screens interface {
	Publish(event groupcast.Event)
}

// Slots bound the downloads that run at once (*presence.CatchUpSlots).
type Slots interface {
	Enter(ctx context.Context, p groupcast.Principal) error
	Leave(p groupcast.Principal)
	Waiting(user string) bool
}

// Watch reports changes of this machine's network (*mcast.Watch).
type Watch interface {
	C() <-chan struct{}
	Close()
}

// Library holds the content of transfers (*content.Library).
type Library interface {
	edition.Library
	Kept(id string) (content.Kept, error)
}
