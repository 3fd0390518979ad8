package groupcast

import (
	"context"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// PlanService says what a transfer would meet before it is made.
type PlanService interface {
	// PlanTransfer says what a transfer to groups would meet now: what is sent, who is ready for it, when it
	// begins and how long it takes. Nothing is promised, no device is asked, and no file is read.
	PlanTransfer(ctx context.Context, p Principal, q PlanQuery) (SendPlan, error)
}

// The bounds of plans.
const (
	MaxPlanGroups  = 100   // groups that one plan is for
	MaxPlanned     = 1000  // devices that a plan lists, those that are not ready first
	MaxPlanEntries = 10000 // entries that are declared; of more only their number and size
	MaxPlanLeftOut = 100   // entries that a plan names of those that cannot be sent
)

// PlanQuery is a transfer to one group or several that somebody thinks of. What is sent is said in one of four
// ways: Paths, Upload, Entries, or Files and Bytes alone; without any only the devices are looked at.
type PlanQuery struct {
	Groups  []string      `json:"groups"`
	Paths   []string      `json:"paths,omitempty"`   // on the server's own disk
	Upload  string        `json:"upload,omitempty"`  // an upload, complete or not
	Entries []UploadEntry `json:"entries,omitempty"` // what would be uploaded, at most MaxPlanEntries
	Files   int           `json:"files,omitempty"`   // how many they are if that are more
	Bytes   uint64        `json:"bytes,omitempty"`
	Exclude []string      `json:"exclude,omitempty"` // of paths and entries: patterns of what is left out
	Hold    bool          `json:"hold,omitempty"`
	Now     bool          `json:"now,omitempty"`
	Rate    uint64        `json:"rate,omitempty"` // bits a second
	Via     Via           `json:"via,omitempty"`

	Selection Selection `json:"selection,omitzero"` // for whom of each group it is; zero: for all
}

// SendPlan is what a transfer would meet. Each group gets a transfer of its own.
type SendPlan struct {
	At      time.Time       `json:"at"`
	Known   bool            `json:"known"` // whether it was said what is sent; else the figures of it are 0
	Files   int             `json:"files"`
	Folders int             `json:"folders"`
	Bytes   uint64          `json:"bytes"`    // to each device
	LeftOut LeftOutPage     `json:"left_out"` // of paths and entries: what is excluded or cannot be sent
	Bad     int             `json:"bad"`      // of those, what cannot be sent
	Full    bool            `json:"full"`     // the server's own disk has no room for the upload
	Hold    bool            `json:"hold"`
	Groups  []GroupPlan     `json:"groups"`
	Devices []PlannedDevice `json:"devices"` // of all groups, each once; those that are not ready first
	PlanCounts
}

// PlanCounts are how many devices stand how.
type PlanCounts struct {
	Total    int `json:"total"` // devices in all, listed or not
	Ready    int `json:"ready"`
	Away     int `json:"away"`
	NoSpace  int `json:"no_space"`
	Unfit    int `json:"unfit"`
	NoDevice int `json:"no_device"` // members who have no device yet
}

// GroupPlan is what the transfer to one group would meet.
type GroupPlan struct {
	Group   string `json:"group"`
	Members int    `json:"members"`
	PlanCounts
	Blocked Code      `json:"blocked,omitempty"` // why it would be refused: nobody, unconfirmed, exhausted
	Begins  PlanStart `json:"begins"`
	Takes   PlanTime  `json:"takes"`
	// Open transfers to it of which all paths are sent again: what they still owe is dropped.
	Replaces []Replaced `json:"replaces"`
	// Whether it is known what is replaced: false if the paths were not named or are too many to compare.
	Compared bool `json:"compared"`
}

// PlanStanding says whether a device can take what is sent.
type PlanStanding string

// The standings.
const (
	PlanReady   PlanStanding = "ready"
	PlanAway    PlanStanding = "away"     // it is not connected: it gets it when it is back
	PlanNoSpace PlanStanding = "no-space" // connected, and its disk has no room for it
	PlanUnfit   PlanStanding = "unfit"    // connected, and nothing can be sent to it
)

// PlannedDevice is one device of a plan. Whatever it is, nothing was asked of it: this is what the server knows.
type PlannedDevice struct {
	DeviceID protocol.DeviceID `json:"device_id"`
	Device   string            `json:"device"`
	User     string            `json:"user"`
	Groups   []string          `json:"groups"` // of those of the plan
	Stands   PlanStanding      `json:"stands"`
	LastSeen time.Time         `json:"last_seen,omitzero"` // of one that is away; zero: never
	Path     Path              `json:"path"`               // as of the last probe or session
	Needs    uint64            `json:"needs_bytes"`        // of its disk: once for each group
	Free     uint64            `json:"free_bytes"`
	Reserve  uint64            `json:"reserve_bytes,omitempty"` // what it keeps free
	Lacks    uint64            `json:"lacks_bytes,omitempty"`   // what has to be freed there; of those that are away, too
	Machines int               `json:"machines,omitempty"`      // of an unfit one: how many use its login
	Unfit    string            `json:"unfit,omitempty"`         // why its version does not fit, in words
	Earlier  EarlierFormat     `json:"earlier_format,omitempty"`
}

// PlanStart says when the data of a transfer would begin to flow.
type PlanStart struct {
	Code   PlanStartCode       `json:"code"`
	Behind protocol.TransferNo `json:"behind,omitempty"` // the transfer that goes first
	Name   string              `json:"name,omitempty"`   // of it
	Until  time.Time           `json:"until,omitzero"`   // when that one is expected to be through; zero: unknown
	Wait   time.Duration       `json:"wait_ns,omitempty"`
}

// PlanStartCode is when a transfer begins, as a code.
type PlanStartCode string

// When a transfer begins.
const (
	StartsNow       PlanStartCode = "now"
	StartsGathering PlanStartCode = "gathering"   // once nobody new has come for a moment, after Wait at the latest
	StartsBehind    PlanStartCode = "behind"      // after the transfer that is being sent to the group
	StartsHeld      PlanStartCode = "held"        // when somebody says "send now"
	StartsBack      PlanStartCode = "away"        // when the first device is back
	StartsRoom      PlanStartCode = "room"        // when a device has room
	StartsFit       PlanStartCode = "unfit"       // when a device can take part
	StartsMembers   PlanStartCode = "nobody"      // when there is a member with a device
	StartsConfirmed PlanStartCode = "unconfirmed" // when an administrator has confirmed the memberships
)

// PlanTime says how long the transfer takes for those who are ready, once it begins.
type PlanTime struct {
	Via     Via           `json:"via"`               // multicast or https: the way that it goes to those who are ready
	Rate    uint64        `json:"rate,omitempty"`    // bits a second that it is counted with; 0: nothing is known
	For     time.Duration `json:"for_ns,omitempty"`  // at that rate
	AtLeast bool          `json:"at_least"`          // nothing was measured: For is the least that the limit allows
	Limiter string        `json:"limiter,omitempty"` // what holds the rate: "cap", or what held it when it was measured
	Cap     uint64        `json:"cap,omitempty"`     // the lowest limit that is set, bits a second; 0: none
	CapOf   CapOf         `json:"cap_of,omitempty"`
	Pace    *Pace         `json:"measured,omitempty"` // what Rate goes by; nil: nothing was measured here yet
}

// CapOf says whose limit a cap is.
type CapOf string

// Whose limit it is.
const (
	CapOfTransfer CapOf = "transfer" // the one that was asked for
	CapOfServer   CapOf = "server"   // that of all transfers together
)

// Pace is how quickly an earlier transfer went, from its beginning until those who took part had it.
type Pace struct {
	Transfer protocol.TransferNo `json:"transfer"`
	Group    string              `json:"group"` // it may be another one
	At       time.Time           `json:"at"`    // when it began
	Bytes    uint64              `json:"bytes"`
	Took     time.Duration       `json:"took_ns"`
	Rate     uint64              `json:"rate"` // bits a second, of its content
	Devices  int                 `json:"devices"`
	Via      Via                 `json:"via"`
	Limit    uint64              `json:"limit,omitempty"`   // that it had, bits a second
	Limiter  string              `json:"limiter,omitempty"` // what held it most of the time; empty: not known
	Slowest  string              `json:"slowest,omitempty"` // USER/DEVICE, far behind the others; empty: none
	Of       int                 `json:"of"`                // how many transfers it is the middle of
}

// Replaced is an open transfer that a newer one would replace.
type Replaced struct {
	Transfer protocol.TransferNo `json:"transfer"`
	Name     string              `json:"name"`
	At       time.Time           `json:"at"`   // when it was made
	Owed     int                 `json:"owed"` // to how many it is owed still
}
