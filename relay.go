package groupcast

import (
	"context"
	"io"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// RelayService is about relays: programs in other sites that fetch in advance what is owed to the devices there.
type RelayService interface {
	// AddRelay announces a relay of a site and gives the code that it begins with, once.
	AddRelay(ctx context.Context, p Principal, n NewRelay) (RelayInvitation, error)
	Relays(ctx context.Context, p Principal) ([]Relay, error)
	// RevokeRelay ends a relay for good: what it holds is unreadable once it was stopped.
	RevokeRelay(ctx context.Context, p Principal, name string) error
	// GrantSite lets the relays of a site have what a group is sent; UngrantSite ends that.
	GrantSite(ctx context.Context, p Principal, site, group string) error
	UngrantSite(ctx context.Context, p Principal, site, group string) error

	// EnrolRelay is a relay's first call: it has no token yet, and its code is what lets it in.
	EnrolRelay(ctx context.Context, from string, e RelayEnrolment) (RelayEnrolled, error)
	// RenewRelay says what the relay holds, and answers what it should hold.
	RenewRelay(ctx context.Context, p Principal, r RelayReport) (RelayOrders, error)
	// RelaySkeleton, RelayPages and RelayStream are like Skeleton, TransferPages and Stream, of what is owed to a device
	// of the relay's site.
	RelaySkeleton(ctx context.Context, p Principal, no protocol.TransferNo) (io.ReadCloser, error)
	RelayPages(ctx context.Context, p Principal, no protocol.TransferNo, from protocol.PageNo) (io.ReadCloser, error)
	RelayStream(ctx context.Context, p Principal, no protocol.TransferNo, asked protocol.Range) (io.ReadCloser, error)
}

// Times and bounds of relays.
const (
	RelayCodeLife     = 24 * time.Hour
	RelayRenewEvery   = 5 * time.Second
	RelayAwayAfter    = 3 * RelayRenewEvery
	MostRelayOrders   = 256 // transfers that a relay is told of at once: the oldest
	MostRelayProblems = 500 // characters of what a relay says is wrong
)

// RelayRef is the relay behind a principal of scope ScopeRelay.
type RelayRef struct {
	ID   protocol.RelayID
	Site protocol.SiteID
	Name string
}

// NewRelay is a relay that is announced.
type NewRelay struct {
	Site string `json:"site"`
	Name string `json:"name,omitempty"` // empty: as the site, with a number if that is taken
}

// RelayInvitation is what a relay begins with. The code is shown once.
type RelayInvitation struct {
	Relay   Relay     `json:"relay"`
	Code    string    `json:"code"`
	Expires time.Time `json:"expires"`
}

// RelayState is how a relay stands.
type RelayState string

// The states of relays.
const (
	RelayInvited RelayState = "invited" // its code was not used yet
	RelayExpired RelayState = "expired" // nor will it be
	RelayHere    RelayState = "here"    // it renews
	RelayAway    RelayState = "away"
	RelayRevoked RelayState = "revoked"
)

// Relay is one, with what it said last. What it says is not kept when the server ends.
type Relay struct {
	ID        protocol.RelayID `json:"id"`
	Name      string           `json:"name"`
	Site      string           `json:"site"`
	Groups    []string         `json:"groups"` // that are granted to its site
	State     RelayState       `json:"state"`
	CreatedAt time.Time        `json:"created_at"`
	Expires   time.Time        `json:"expires"` // of its code
	SeenAt    time.Time        `json:"seen_at,omitzero"`
	Report    *RelayReport     `json:"report,omitempty"` // nil: it said nothing since the server started
}

// RelayEnrolment is the first thing that a relay says.
type RelayEnrolment struct {
	Code      string `json:"code"` // the secret of it
	PublicKey []byte `json:"public_key"`
}

// RelayEnrolled is what an enrolled relay is, and its token.
type RelayEnrolled struct {
	ID    protocol.RelayID `json:"id"`
	Name  string           `json:"name"`
	Site  string           `json:"site"`
	Token string           `json:"token"`
}

// RelayReport is what a relay says of itself.
type RelayReport struct {
	Version   string         `json:"version"`
	Quota     uint64         `json:"quota"`   // bytes that its cache may take
	Bytes     uint64         `json:"bytes"`   // that it takes
	Fetched   uint64         `json:"fetched"` // bytes from the server, since it started
	Transfers []RelayHolding `json:"transfers"`
}

// RelayHolding is how much of a transfer a relay holds.
type RelayHolding struct {
	Transfer protocol.TransferNo `json:"transfer"`
	Edition  protocol.Edition    `json:"edition"`
	Bytes    uint64              `json:"bytes"` // of the transfer
	Held     uint64              `json:"held"`
	Whole    bool                `json:"whole"`
	Problem  string              `json:"problem,omitempty"` // why it does not get on
}

// RelayOrders is what a relay should hold, all of it: what is not in it may go.
type RelayOrders struct {
	Signing   [][]byte     `json:"signing"` // as in AgentState
	Transfers []RelayOrder `json:"transfers"`
}

// RelayOrder is a paged transfer that is owed in the relay's site.
type RelayOrder struct {
	Transfer      protocol.TransferNo `json:"transfer"`
	TransferID    protocol.TransferID `json:"transfer_id"`
	Group         protocol.GroupID    `json:"group_id"`
	Edition       protocol.Edition    `json:"edition"`
	Skeleton      protocol.Digest     `json:"skeleton"`
	SkeletonBytes uint64              `json:"skeleton_bytes"`
	Pages         uint32              `json:"pages"`
	Blocks        uint32              `json:"blocks"`
	Bytes         uint64              `json:"bytes"`
	CacheKey      []byte              `json:"cache_key"` // of the group's blocks; for the relay's memory only
}
