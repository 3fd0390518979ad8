package groupcast

import (
	"context"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// WebService is what the web interface asks for beyond the rest. Nothing in it is for
// browsers only but LoginWeb.
type WebService interface {
	// LoginWeb checks a password and hands out a token of scope web, which the browser keeps
	// as a cookie. It ends WebIdle after its last use. It needs no principal.
	LoginWeb(ctx context.Context, from, user string, password Password) (token string, me Me, err error)
	// MyDeliveries lists what the user's devices are owed and got, newest first.
	MyDeliveries(ctx context.Context, p Principal) ([]Received, error)
	// SignIns lists where the user is logged in, newest use first.
	SignIns(ctx context.Context, p Principal) ([]SignIn, error)
	// EndSignIn ends one of them. The end of a receiver's is the end of its device.
	EndSignIn(ctx context.Context, p Principal, id string) error
	// Series tells how a transfer went, second by second, oldest first: at most MaxPoints;
	// longer ones are told in coarser steps. after leaves out what was told before; zero: none.
	Series(ctx context.Context, p Principal, no protocol.TransferNo, after time.Time) ([]Point, error)
	// KeyHolders lists which devices were handed the keys of a transfer's sessions: they, and
	// nobody else, could open what was sent by multicast.
	KeyHolders(ctx context.Context, p Principal, no protocol.TransferNo) ([]KeyHolder, error)
	// KeySessions lists the last sessions of a group with how many devices hold the key.
	KeySessions(ctx context.Context, p Principal, group string) ([]KeySession, error)
	// Savings sums what multicast spared: over the last day and over all time.
	Savings(ctx context.Context, p Principal) (Savings, error)
	// LossMap tells the loss of a transfer's devices over its whole time, while it runs and after.
	LossMap(ctx context.Context, p Principal, no protocol.TransferNo) (LossMap, error)
}

// WebIdle is how long a browser's sign-in lasts without use (security.md W1).
const WebIdle = 12 * time.Hour

// MaxPoints bounds the series of a transfer.
const MaxPoints = 3600

// KeyHolder is a device that was handed a session's key.
type KeyHolder struct {
	Session  protocol.SessionID `json:"session"`
	Version  uint64             `json:"membership_version"` // of the group, when it was handed out
	DeviceID protocol.DeviceID  `json:"device_id"`
	Device   string             `json:"device"`
	User     string             `json:"user"`
	At       time.Time          `json:"at"`
}

// KeySession is a session of a group whose key was handed out.
type KeySession struct {
	Transfer protocol.TransferNo `json:"transfer"`
	Name     string              `json:"name"`
	Session  protocol.SessionID  `json:"session"`
	Version  uint64              `json:"membership_version"`
	FirstAt  time.Time           `json:"first_at"`
	Devices  int                 `json:"devices"`
}

// Savings is what was delivered and what it took.
type Savings struct {
	Day Traffic `json:"day"` // transfers that were first sent in the last 24 hours
	All Traffic `json:"all"`
}

// Traffic sums transfers that were sent.
type Traffic struct {
	Transfers int    `json:"transfers"`
	Delivered uint64 `json:"delivered_bytes"` // to all devices together, verified
	Sent      uint64 `json:"sent_bytes"`      // by multicast and HTTPS
	Saved     uint64 `json:"saved_bytes"`     // against a copy for each; never less than nothing for one transfer
}

// Received is a delivery as its receiver sees it: with the files' name and size.
type Received struct {
	Delivery
	Name string `json:"name"`
	Size uint64 `json:"bytes"`
}

// SignIn is one token of a user, without the token.
type SignIn struct {
	ID        string    `json:"id"` // not the token, nor its way back
	Scope     Scope     `json:"scope"`
	Device    string    `json:"device,omitempty"`
	Address   string    `json:"address,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	LastUsed  time.Time `json:"last_used"`
	Current   bool      `json:"current"` // the one that asks
}

// Point is one step of a transfer's series. Rates are bits a second.
type Point struct {
	At      time.Time `json:"at"`
	Sent    uint64    `json:"sent"`   // by multicast and HTTPS
	Repair  uint64    `json:"repair"` // parity among it
	P10     uint64    `json:"p10"`    // what the slowest tenth of the receivers verify at most
	P50     uint64    `json:"p50"`
	P90     uint64    `json:"p90"`
	Loss    float64   `json:"loss"` // median, percent
	Limiter string    `json:"limiter"`
}

// Bounds of a LossMap, and how its cells are written.
const (
	MaxLossRows  = 512     // devices, the worst
	MaxLossCells = 1 << 17 // of all rows: longer transfers have coarser columns
	LossScale    = 2       // a cell is so many times the percent of loss
	LossUnknown  = 255     // the cell of a time of which nothing is known
)

// LossMap is the loss of devices (rows) over the time of a transfer (columns).
type LossMap struct {
	Start   time.Time `json:"start,omitzero"`
	Seconds []uint32  `json:"seconds"` // when each column ended, after Start
	Heard   int       `json:"heard"`   // devices that took part; those not listed lost less
	Devices []LossRow `json:"devices"` // the worst first
}

// LossRow is one device's loss. A cell is LossScale times the percent, or LossUnknown.
type LossRow struct {
	DeviceID protocol.DeviceID `json:"device_id"`
	User     string            `json:"user"`
	Device   string            `json:"device"`
	Mean     float64           `json:"mean"` // percent, over its time in sessions
	Cells    []byte            `json:"cells"`
}
