package delivery

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/edition"
	"github.com/groupcast/groupcast/internal/forging"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// Store is what an engine needs of the store. Package store says what each does.
type Store interface {
	edition.Store
	forging.Store
	PageStore

	// Transfers
	AddTransfer(ctx context.Context, t store.Transfer) (store.Transfer, []groupcast.Delivery, error)
	Transfers(ctx context.Context, f groupcast.TransferFilter) (groupcast.Page[store.Transfer], error)
	IsEdition(ctx context.Context, no protocol.TransferNo, root protocol.Digest) (bool, error)
	SetTransferState(ctx context.Context, no protocol.TransferNo, s groupcast.TransferState, reason string,
		at time.Time) error
	CloseTransfer(ctx context.Context, no protocol.TransferNo, s groupcast.TransferState, d groupcast.DeliveryState,
		reason string, at time.Time) error
	ReleaseTransfer(ctx context.Context, no protocol.TransferNo, replaces []protocol.TransferNo, at time.Time) error
	PauseTransfer(ctx context.Context, no protocol.TransferNo, paused bool) error
	SetRateLimit(ctx context.Context, no protocol.TransferNo, bits uint64) error
	Replaced(ctx context.Context, by protocol.TransferNo) ([]protocol.TransferNo, error)
	Replacements(ctx context.Context) (map[protocol.TransferNo][]protocol.TransferNo, error)
	RetryTransfer(ctx context.Context, no protocol.TransferNo, expires time.Time,
		at time.Time) ([]groupcast.Delivery, error)
	AddTransferBytes(ctx context.Context, at store.SiteEpoch, no protocol.TransferNo, wire, https uint64) error
	SetSeries(ctx context.Context, no protocol.TransferNo, points []byte) error
	Series(ctx context.Context, no protocol.TransferNo) ([]byte, error)

	// Deliveries
	Deliveries(ctx context.Context, no protocol.TransferNo, w groupcast.Window) (groupcast.Page[groupcast.Delivery], error)
	Delivery(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID) (groupcast.Delivery, error)
	OwedOf(ctx context.Context, no protocol.TransferNo, w groupcast.Window) ([]groupcast.Delivery, error)
	OwedAll(ctx context.Context) ([]groupcast.Delivery, error)
	KeepProgress(ctx context.Context, devices map[protocol.TransferNo][]byte) error
	KeptProgress(ctx context.Context) (map[protocol.TransferNo][]byte, error)
	NoteProgress(ctx context.Context, last []groupcast.Delivery, over ...protocol.TransferNo) error
	UpdateDeliveries(ctx context.Context, deliveries []groupcast.Delivery, at time.Time) error
	PutOff(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, later bool, at time.Time) error
	CloseDelivery(ctx context.Context, c store.Closing, at time.Time) (owed int, err error)
	AddEntries(ctx context.Context, e groupcast.EntryPage, dev protocol.DeviceID, most int64) error
	Entries(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID,
		w groupcast.Window) ([]groupcast.DeliveryEntry, int, error)

	// Offers, and what proves them
	CloseOffer(ctx context.Context, number protocol.OfferNo) error
	TakeSite(ctx context.Context, id protocol.SiteID) (store.SiteEpoch, error)
	Placed(ctx context.Context) (map[protocol.DeviceID]protocol.SiteID, error)
	KeepSignedOffer(ctx context.Context, o store.SignedOffer) error
	AddHandouts(ctx context.Context, handouts []store.Handout, at time.Time) []error

	// Whom they are for
	Group(ctx context.Context, name string) (groupcast.Group, error)
	GroupByID(ctx context.Context, id protocol.GroupID) (groupcast.Group, error)
	Entitled(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID) (store.Entitlement, error)
	Devices(ctx context.Context, userID string, w groupcast.Window) (groupcast.Page[groupcast.Device], error)
	UpdateDevices(ctx context.Context, devices []groupcast.Device) error
}
