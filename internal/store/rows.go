package store

import (
	"log/slog"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Calls with an idempotency key that are remembered.
const (
	MaxKeyedCalls    = 1000 // of an account
	MaxAllKeyedCalls = 100_000
)

// Bounds of what is kept for one user (security.md C9, C10).
const (
	MaxDevices      = 1000
	MaxOpenRequests = 20
	MaxDeviceTokens = 16   // of a scope, for one device
	MaxUserTokens   = 1000 // of a scope, without a device: browsers
	DefaultLimit    = 100  // of listings without a limit
	MaxLimit        = 1000 // of any listing with one
	// MaxOpenTransfers bounds a listing of what is open.
	MaxOpenTransfers = 100_000
)

// Limited bounds how many rows a listing gives.
func Limited(asked int) int64 {
	switch {
	case asked <= 0:
		return DefaultLimit
	case asked > MaxLimit:
		return MaxLimit
	}
	return int64(asked)
}

// Hash is a password's Argon2id hash in PHC form. It prints as [redacted].
type Hash string

const redacted = "[redacted]"

// String, GoString and LogValue keep the hash out of messages and logs.
func (Hash) String() string { return redacted }

// GoString is String for %#v.
func (Hash) GoString() string { return redacted }

// LogValue is String for slog.
func (Hash) LogValue() slog.Value { return slog.StringValue(redacted) }

// TokenHash is the SHA-256 of a token.
type TokenHash [32]byte

// NewUser is an account to be made.
type NewUser struct {
	Name string
	Role groupcast.Role
	Hash Hash
}

// Token is one token, known by its hash.
type Token struct {
	Hash      TokenHash
	UserID    string
	Device    protocol.DeviceID // zero: of no device
	Scope     groupcast.Scope
	CreatedAt time.Time
	LastUsed  time.Time
	Expires   time.Time // zero: when it was not used for long
	Address   string    // where it was asked for
	Name      string    // of the device, in listings
}

// Copy says of which device another one is a copy, and on which machine it runs. Zero: of none.
type Copy struct {
	Of      protocol.DeviceID
	Machine string // in the agent's own notation; empty: not known
}

// DeviceLogin is how long the login of a device lasts.
type DeviceLogin struct {
	LastUsed  time.Time // zero: it has none
	OwedUntil time.Time // when the last of what it is owed expires; zero: it is owed nothing
	CopyOf    string    // name of the device that it is a copy of
	Owed      int       // open transfers that it is owed
	Groups    []string  // names of the groups that it may have files of
}

// Transfer is a transfer with what only the server needs to know of it.
type Transfer struct {
	groupcast.Transfer
	Source         string              // where its content lies; the server's own notation
	Content        string              // the name of its manifest in the server's folder
	Left           []groupcast.LeftOut // for AddTransfer: what is left out, by name
	Only, Except   []Term              // for AddTransfer: its Selection, resolved
	ManifestBytes  uint64
	ManifestBlocks uint32
	ContentGone    bool

	// Of format 2 (docs/format-2.md), for life: pages in place of a manifest. Root is that of the final page then,
	// zero until it is signed.
	Paged         bool
	Delta         bool // all pages are signed before it is offered, and devices say what they lack
	ID            protocol.TransferID
	Edition       protocol.Edition
	Skeleton      protocol.Digest // of its index
	SkeletonBytes uint64
	Pages         uint32 // page numbers that offers reserve
}

// Term is one term of a selection: a device, or a label.
type Term struct {
	Device     protocol.DeviceID // zero: it is a label
	Key, Value string
}

// Labelled is what became of a device whose labels were to be changed. With an error nothing did.
type Labelled struct {
	Device groupcast.Device // with its labels
	Err    error            // ENotFound, EExhausted
}

// Edition is what a transfer holds from now on in place of what it held.
type Edition struct {
	Was            string // the content that it replaces
	Content        string
	Root           protocol.Digest
	Files, Folders int // files and links; folders
	Blocks         int
	Bytes          uint64
	ManifestBytes  uint64
	ManifestBlocks uint32
	Renewed        bool                // files are as they are now: what it held before is no edition of it
	Lost           []groupcast.LeftOut // all that the transfer lacks now of what it held at first

	// Of a paged transfer: Edition is the one after that which it replaces, Root is zero, and it lacks what its
	// pages say.
	Edition       protocol.Edition
	Skeleton      protocol.Digest
	SkeletonBytes uint64
	Pages         uint32
}

// Entitlement is why a device may have a transfer.
type Entitlement struct {
	GroupID  protocol.GroupID
	Version  uint64 // of the group's membership, read in the same transaction
	Delivery groupcast.Delivery
}

// Closing is how a delivery ends.
type Closing struct {
	Transfer protocol.TransferNo
	Device   protocol.DeviceID
	UserID   string // of a delivery without a device
	State    groupcast.DeliveryState
	Reason   string
	Path     groupcast.Path // PathUnknown or "" keeps what is known
	Receipt  []byte
	Last     *Progress      // what the device had in the end; nil keeps what is known
	Signed   *SignedReceipt // what the device signed; nil: it did not close it itself
	Covers   groupcast.Signed
	groupcast.Tally
}

// Progress is how far a delivery got.
type Progress struct {
	Blocks      int
	Bytes       uint64
	LossPercent float64
	Bar         []byte
	Path        groupcast.Path
}

// Closed is what became of a Closing.
type Closed struct {
	Owed int // how many of the transfer were still owed after it
	Err  error
}

// MaxHandouts bounds a listing of who was handed keys.
const MaxHandouts = 100_000

// Handout records that a device was given a session's keys.
type Handout struct {
	Transfer protocol.TransferNo
	Session  protocol.SessionID
	Device   protocol.DeviceID
	Version  uint64 // of the group's membership
	Site     SiteEpoch
}

// AuditFilter narrows the audit log; zero fields do not.
type AuditFilter struct {
	Limit  int
	Before int64  // only entries with a smaller ID
	Actor  string // exactly
	Action string // exactly, or as a noun: "member" is every member.*
	Object string // exactly
	Since  time.Time
	Until  time.Time
}
