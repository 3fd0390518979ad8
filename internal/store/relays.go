package store

import (
	"context"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Relays send in sites what they fetched from the server, groups that are granted to their site only.
type Relays interface {
	// AddRelay announces a relay of a site that is not the server's own. It is one once it used its code: EConflict if
	// the name is taken, ENotFound if there is no such site.
	AddRelay(ctx context.Context, r NewRelay, at time.Time) error
	// EnrolRelay uses a code, once; ENotFound if it is unknown, was used, or is over.
	EnrolRelay(ctx context.Context, e Enrolment, at time.Time) (Relay, error)
	// Relays lists all of them by their names.
	Relays(ctx context.Context) ([]Relay, error)
	// FindRelay gives the relay of a token; ENotFound if there is none, or it is revoked.
	FindRelay(ctx context.Context, token TokenHash) (Relay, error)
	// RevokeRelay ends a relay for good; ENotFound if there is none that is not revoked already.
	RevokeRelay(ctx context.Context, id protocol.RelayID, at time.Time) error

	// GrantSite lets a group be sent in a site by its relays, UngrantSite ends that.
	GrantSite(ctx context.Context, site protocol.SiteID, group protocol.GroupID) error
	UngrantSite(ctx context.Context, site protocol.SiteID, group protocol.GroupID) error
	// GroupsOfSite lists the groups that are granted to a site.
	GroupsOfSite(ctx context.Context, site protocol.SiteID) ([]protocol.GroupID, error)
	// RelayMay says whether a relay may fetch a transfer at this moment: it is not revoked, the group is granted to its
	// site, and a device there is owed the transfer. Else it is ENotFound, whatever the reason.
	RelayMay(ctx context.Context, relay protocol.RelayID, no protocol.TransferNo) error

	// RelayOwed lists the transfers that RelayMay lets a relay fetch at this moment, the oldest first.
	RelayOwed(ctx context.Context, relay protocol.RelayID, most int) ([]protocol.TransferNo, error)

	// AddLease notes that a lease is about to be granted, or renewed. EConflict if the site was taken over, the relay is
	// not one of it, or the group not granted to it, and if another session has this ID.
	AddLease(ctx context.Context, l Lease) error
	DropLeases(ctx context.Context, sessions []protocol.SessionID) error
	Leases(ctx context.Context) ([]Lease, error)
}

// NewRelay is a relay that is announced.
type NewRelay struct {
	ID      protocol.RelayID
	Site    protocol.SiteID
	Name    string
	Code    TokenHash
	Expires time.Time // of the code
}

// Enrolment is what a relay begins with.
type Enrolment struct {
	Code, Token TokenHash
	Key         []byte // public, of the relay
}

// Relay is one that was announced.
type Relay struct {
	ID      protocol.RelayID
	Site    protocol.SiteID
	Name    string
	Key     []byte // nil: its code was not used yet
	Expires time.Time
	Created time.Time
	Revoked time.Time // zero: it is not
}

// Lease is a session of a relay that a lease was granted for.
type Lease struct {
	Session protocol.SessionID
	At      SiteEpoch
	Relay   protocol.RelayID
	Group   protocol.GroupID
	Version uint64 // of its membership
}
