package groupcast

import (
	"context"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// WebService is what the web interface needs besides the other interfaces. Only LoginWeb is for
// browsers alone.
type WebService interface {
	// LoginWeb checks a password and returns a token of scope web, which the browser keeps as a
	// cookie. It ends WebIdle after its last use. It needs no principal.
	LoginWeb(ctx context.Context, from, user string, password Password) (token string, me Me, err error)
	// MyDeliveries lists what the user's devices are owed and received, newest first.
	MyDeliveries(ctx context.Context, p Principal) ([]Received, error)
	// SignIns lists where the user is logged in, newest use first.
	SignIns(ctx context.Context, p Principal) ([]SignIn, error)
	// EndSignIn ends one of them. Ending a receiver's login ends its device.
	EndSignIn(ctx context.Context, p Principal, id string) error
	// Series returns the course of a transfer, second by second, oldest first: at most MaxPoints;
	// longer ones in coarser steps. Only points later than after are returned; zero: all.
	Series(ctx context.Context, p Principal, no protocol.TransferNo, after time.Time) ([]Point, error)
	// KeyHolders lists the devices that were given the keys of a transfer's sessions: only they can
	// decrypt what was sent by multicast.
	KeyHolders(ctx context.Context, p Principal, no protocol.TransferNo) ([]KeyHolder, error)
	// KeySessions lists the last sessions of a group and how many devices have the keys of each.
	KeySessions(ctx context.Context, p Principal, group string) ([]KeySession, error)
	// Savings sums what multicast saved, in the last day and in total.
	Savings(ctx context.Context, p Principal) (Savings, error)
	// LossMap returns the loss of a transfer's devices over its whole time, while it runs and after.
	LossMap(ctx context.Context, p Principal, no protocol.TransferNo) (LossMap, error)
}

// WebIdle is how long a browser's sign-in lasts without use (security.md W1).
const WebIdle = 12 * time.Hour

// MaxPoints bounds the series of a transfer.
const MaxPoints = 3600

// KeyHolder is a device that was given a session's keys.
type KeyHolder struct {
	Session  protocol.SessionID `json:"session"`
	Version  uint64             `json:"membership_version"` // of the group, when the keys were given out
	DeviceID protocol.DeviceID  `json:"device_id"`
	Device   string             `json:"device"`
	User     string             `json:"user"`
	At       time.Time          `json:"at"`
}

// KeySession is a session of a group that keys were given out for.
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
	Saved     uint64 `json:"saved_bytes"`     // compared with a copy for each device; never negative for one transfer
}

// Received is a delivery as its receiver sees it: with the files' name and size.
type Received struct {
	Delivery
	Name string `json:"name"`
	Size uint64 `json:"bytes"`
}

// SignIn is one token of a user, without the token.
type SignIn struct {
	ID        string    `json:"id"` // a hash of the token
	Scope     Scope     `json:"scope"`
	Device    string    `json:"device,omitempty"`
	Address   string    `json:"address,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	LastUsed  time.Time `json:"last_used"`
	Current   bool      `json:"current"` // the login that asks
}

// Point is one step of a transfer's series. Rates are bits a second.
type Point struct {
	At      time.Time `json:"at"`
	Sent    uint64    `json:"sent"`   // by multicast and HTTPS
	Repair  uint64    `json:"repair"` // repair symbols among it
	P10     uint64    `json:"p10"`    // the slowest tenth of the receivers verify no faster
	P50     uint64    `json:"p50"`
	P90     uint64    `json:"p90"`
	Loss    float64   `json:"loss"` // median, percent
	Limiter string    `json:"limiter"`
}

// Bounds of a LossMap, and how its cells are written.
const (
	MaxLossRows  = 512     // devices, the worst
	MaxLossCells = 1 << 17 // of all rows: longer transfers have coarser columns
	LossScale    = 2       // a cell is LossScale times the loss in percent
	LossUnknown  = 255     // the cell of a time for which nothing is known
)

// LossMap is the loss of devices (rows) over the time of a transfer (columns).
type LossMap struct {
	Start   time.Time `json:"start,omitzero"`
	Seconds []uint32  `json:"seconds"` // when each column ended, after Start
	Heard   int       `json:"heard"`   // devices that took part; those that are not listed lost less
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
