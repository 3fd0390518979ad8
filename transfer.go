package groupcast

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// TransferState is the state of a transfer as a whole.
type TransferState string

// The states of a transfer.
const (
	TransferHeld      TransferState = "held"      // waits for `pending send`
	TransferWaiting   TransferState = "waiting"   // no device that lacks it is active
	TransferGathering TransferState = "gathering" // the gather window is open
	TransferSending   TransferState = "sending"   // a session runs, or a catch-up
	TransferDone      TransferState = "done"      // every delivery is closed
	TransferCancelled TransferState = "cancelled"
	TransferExpired   TransferState = "expired"
	TransferFailed    TransferState = "failed" // source changed or gone: Reason says which
)

// Open says whether some of the transfer is still owed.
func (s TransferState) Open() bool {
	switch s {
	case TransferHeld, TransferWaiting, TransferGathering, TransferSending:
		return true
	default:
		return false
	}
}

// Via is how a transfer may be sent.
type Via string

// The values of Via. ViaAuto is multicast for two or more devices and HTTPS for one.
const (
	ViaAuto      Via = "auto"
	ViaMulticast Via = "multicast"
	ViaHTTPS     Via = "https"
)

// Transfer is one manifest that one group is owed.
type Transfer struct {
	No         protocol.TransferNo `json:"id"`
	GroupID    protocol.GroupID    `json:"group_id"`
	Group      string              `json:"group"`
	Name       string              `json:"name"`              // of the first file or folder
	Files      int                 `json:"files"`             // and links
	Folders    int                 `json:"folders,omitempty"` // of their own: they are no files
	Bytes      uint64              `json:"bytes"`
	Blocks     int                 `json:"blocks"`
	State      TransferState       `json:"state"`
	Reason     string              `json:"reason,omitempty"`
	Cause      Cause               `json:"cause,omitempty"` // why an open one is not sent now
	Summary    string              `json:"summary"`         // its state and why, in one sentence
	CreatedAt  time.Time           `json:"created_at"`
	CreatedBy  string              `json:"created_by"`
	StartedAt  time.Time           `json:"started_at,omitzero"`
	EndedAt    time.Time           `json:"ended_at,omitzero"`
	ExpiresAt  time.Time           `json:"expires_at"`
	Hold       bool                `json:"hold"`
	Paused     bool                `json:"paused,omitempty"` // by an administrator: nothing of it is sent
	Via        Via                 `json:"via"`
	RateLimit  uint64              `json:"rate_limit"`        // bits a second; 0: auto
	InPlace    bool                `json:"in_place"`          // read from its place on the server's disk, not copied
	Root       protocol.Digest     `json:"root"`              // of the manifest; paged: of the final page, or zero
	FileHash   FileHash            `json:"file_hash"`         // which digests its files have
	Hashing    *Hashing            `json:"hashing,omitempty"` // of one whose files are being read; nil: all were
	Owed       int                 `json:"owed"`
	Verified   int                 `json:"verified"`
	Failed     int                 `json:"failed"`
	Incomplete int                 `json:"incomplete"`          // devices that have all of it but some entries
	Away       int                 `json:"away,omitempty"`      // of those that are owed it: not there now
	Stuck      int                 `json:"stuck,omitempty"`     // of those: there, and do not get it by themselves
	Progress   float64             `json:"progress,omitempty"`  // of an open one: bytes verified / bytes wanted by those that take part
	Session    *SessionStatus      `json:"session,omitempty"`   // while one runs
	Estimates  []Estimate          `json:"estimates,omitempty"` // while it is sent
	WireBytes  uint64              `json:"wire_bytes"`          // sent by multicast so far, with headers
	HTTPSBytes uint64              `json:"https_bytes"`
	Notes      []Note              `json:"notes,omitempty"`   // in the answer of AddTransfer only
	LeftOut    int                 `json:"left_out"`          // entries that were named and never part of it
	Lost       int                 `json:"lost"`              // entries that the server lost before all devices had them
	Forging    *Forging            `json:"forging,omitempty"` // nil: no member is known to have forged packets of it
	// A newer one of the group with all of its paths, to which what was owed of it went; 0: none. And, of one
	// transfer alone, those that went so to it.
	ReplacedBy protocol.TransferNo   `json:"replaced_by,omitempty"`
	Replaces   []protocol.TransferNo `json:"replaces,omitempty"`
	Selection  Selection             `json:"selection,omitzero"` // for whom of the group it is; zero: for all
	Standing   TransferStanding      `json:"standing"`
}

// FileHash is a way to make digests of files.
type FileHash string

// The ways.
const (
	SHA256 FileHash = "sha-256"
	BLAKE3 FileHash = "blake3" // of transfers that are sent while their files are read
)

// Named is how people write it.
func (h FileHash) Named() string {
	if h == BLAKE3 {
		return "BLAKE3"
	}
	return "SHA-256"
}

// Hashing is how far the files of a transfer are read that is sent meanwhile.
type Hashing struct {
	Bytes uint64 `json:"bytes"` // of the transfer's
	Pages int    `json:"pages"` // signed lists of digests so far
}

// Forging is what is known of packets that a member of the group forged. All members have the same
// key, so it is not known which one it was. Receivers write nothing of such packets.
type Forging struct {
	Code    ForgingCode `json:"code"`
	Devices int         `json:"devices"` // that reported it
	Blocks  int         `json:"blocks"`  // that came with a wrong digest, at least
}

// ForgingCode is the kind of forgery.
type ForgingCode string

// MemberForges: two devices reported it, or one of fewer than three.
const MemberForges ForgingCode = "member-forges"

// Note is something of a new transfer that is not carried as it is.
type Note struct {
	Code  NoteCode `json:"code"`
	Count int      `json:"count"` // how many entries it is about
	Path  string   `json:"path"`  // the first of them
}

// NoteCode says what a note is about.
type NoteCode string

// NoteTimes: times outside the years 1678 to 2261, which are carried in whole seconds, and no
// further than the years 1 to 9999.
const NoteTimes NoteCode = "times"

// Entries is how many paths the transfer has.
func (t Transfer) Entries() int { return t.Files + t.Folders }

// Estimate says when a share of a transfer's devices will be done.
type Estimate struct {
	Share   int       `json:"share"`       // percent of the devices: 50, 95, 100
	Devices int       `json:"devices"`     // how many devices that is
	Done    bool      `json:"done"`        // whether they are done
	At      time.Time `json:"at,omitzero"` // when they will be; with Waits: those that take part; zero: unknown
	Waits   int       `json:"waits"`       // how many more devices must take part: they are away, put off, refused …
}

// SessionStatus is the current state of a transfer's multicast session.
type SessionStatus struct {
	ID          protocol.SessionID `json:"id"`
	Rate        uint64             `json:"rate"`    // bits a second now
	Limiter     string             `json:"limiter"` // what limits the rate: one of internal/rate's limiters
	Sent        uint64             `json:"sent_bytes"`
	SourceSent  uint64             `json:"source_symbols"`
	ParitySent  uint64             `json:"parity_symbols"`
	LossPercent float64            `json:"loss_percent"` // median of the devices
	Progress    float64            `json:"progress"`     // 0…1, median of the devices
	Pass        int                `json:"pass"`
	Devices     int                `json:"devices"`
	Marked      bool               `json:"marked"` // its packets have codes that members cannot forge, because one did
	Remaining   time.Duration      `json:"remaining_ns"`
}

// DeliveryState is the state of one device's delivery.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryQueued     DeliveryState = "queued"
	DeliveryReceiving  DeliveryState = "receiving"
	DeliveryVerified   DeliveryState = "verified"
	DeliveryAlreadyHad DeliveryState = "already-had"
	DeliverySuperseded DeliveryState = "superseded"
	DeliveryIncomplete DeliveryState = "incomplete" // some entries are missing at the device; the others are verified
	DeliveryFailed     DeliveryState = "failed"
	DeliveryRefused    DeliveryState = "refused" // no space, names it cannot hold …: tried again when that changes
	DeliveryExpired    DeliveryState = "expired"
	DeliveryCancelled  DeliveryState = "cancelled"
)

// Owed says whether the delivery is still open.
func (s DeliveryState) Owed() bool {
	switch s {
	case DeliveryQueued, DeliveryReceiving, DeliveryRefused:
		return true
	default:
		return false
	}
}

// Delivered says whether the device has every entry as it was sent, or a newer one.
func (s DeliveryState) Delivered() bool {
	switch s {
	case DeliveryVerified, DeliveryAlreadyHad, DeliverySuperseded:
		return true
	default:
		return false
	}
}

// Retryable says whether RetryTransfer reopens the delivery.
func (s DeliveryState) Retryable() bool {
	switch s {
	case DeliveryIncomplete, DeliveryFailed, DeliveryRefused, DeliveryExpired, DeliveryCancelled:
		return true
	default:
		return false
	}
}

// Cause is why a delivery or a whole transfer waits. One that is being sent has none.
type Cause string

// The causes.
const (
	CauseAway     Cause = "away"      // its receiver is not connected
	CauseNoDevice Cause = "no-device" // the member has no device yet
	CauseHeld     Cause = "held"      // the transfer is held
	CauseWaits    Cause = "waits"     // its turn has not come
	CauseSilent   Cause = "silent"    // connected, but does not answer
	CauseBehind   Cause = "behind"    // it is served over HTTPS instead of multicast; Reason says why
	CauseLater    Cause = "later"     // an administrator put it off
	CauseRefused  Cause = "refused"   // the device cannot take it; Reason says why
	CauseSource   Cause = "source"    // the server cannot read the files now; Reason says why

	CausePaused Cause = "paused" // an administrator paused the transfer

	// Of a closed one: a newer transfer with the same paths is owed instead.
	CauseReplaced Cause = "replaced"

	CauseUnconfirmed Cause = "unconfirmed" // after a restore nothing is sent until an administrator confirms
	CauseGathering   Cause = "gathering"   // of a transfer: it waits a moment for others that may come
	CauseEmpty       Cause = "empty"       // of a transfer: the group has no members with devices yet
)

// DeliveryAction is what an administrator can do about a device that delays a transfer.
type DeliveryAction string

// The actions.
const (
	CatchUp DeliveryAction = "catch-up" // it leaves multicast and fetches over HTTPS at once
	PutOff  DeliveryAction = "later"    // it leaves what is sent now; it stays owed
	Drop    DeliveryAction = "drop"     // its delivery is cancelled
)

// DeliveryActions are all actions.
var DeliveryActions = []DeliveryAction{CatchUp, PutOff, Drop}

// Delivery is what one device is owed of one transfer. A member without a device is owed
// one delivery with a zero DeviceID; their first device takes it over.
type Delivery struct {
	Transfer    protocol.TransferNo `json:"transfer"`
	Group       string              `json:"group"`
	UserID      string              `json:"user_id"`
	User        string              `json:"user"`
	DeviceID    protocol.DeviceID   `json:"device_id"`
	Device      string              `json:"device"` // empty: no device yet
	State       DeliveryState       `json:"state"`
	Reason      string              `json:"reason,omitempty"`  // why it waits, failed or was refused, in words
	Cause       Cause               `json:"cause,omitempty"`   // the same as a code: while it is owed, or replaced
	Refusal     Refusal             `json:"refusal,omitempty"` // of one that was refused: why, as a code
	Space       *Space              `json:"space,omitempty"`   // of one that was refused for want of space
	Path        Path                `json:"path"`
	Active      bool                `json:"active"`
	Machines    int                 `json:"machines,omitempty"` // that use the device's login now, if there are several
	Blocks      int                 `json:"blocks_verified"`
	Bytes       uint64              `json:"bytes_verified"`
	LossPercent float64             `json:"loss_percent"`
	Bar         []byte              `json:"bar,omitempty"` // 64 bytes: 256 buckets of 2 bits
	UpdatedAt   time.Time           `json:"updated_at"`
	Work        *Work               `json:"work,omitempty"`        // what the device does now besides receiving
	Signed      Signed              `json:"signed,omitempty"`      // of a closed one: what of it the device signed
	ReplacedBy  protocol.TransferNo `json:"replaced_by,omitempty"` // the newer transfer that the device is owed instead
	Standing    Standing            `json:"standing"`
	Tally
}

// Work is what a device does while it receives nothing over the network.
type Work struct {
	Phase WorkPhase `json:"phase"`
	Done  int       `json:"done"` // of the transfer's entries
	Of    int       `json:"of"`
	At    time.Time `json:"at,omitzero"` // when the server heard of it
}

// WorkPhase is the kind of work.
type WorkPhase string

// The phases.
const (
	WorkLooking WorkPhase = "looking" // for what it has already
	WorkWriting WorkPhase = "writing" // it puts the files in place
)

// Tally counts the entries of a closed delivery, as the device reported them. All are 0 for receivers
// of older versions, which report none.
type Tally struct {
	Entries int `json:"entries,omitempty"` // files, folders and links of the transfer
	Missing int `json:"missing,omitempty"` // of those, what the device does not have
	Beside  int `json:"beside,omitempty"`  // of those, what the device has under another name
	// Of those, files that the server could not deliver. A receipt counts them beside Missing, a delivery in it.
	Void int `json:"void,omitempty"`
}

// EntryResult is what became of an entry that a device does not have under its name.
type EntryResult string

// The results.
const (
	EntryMissing EntryResult = "missing" // the device does not have it
	EntryBeside  EntryResult = "beside"  // the device has it under another name
)

// DeliveryEntry is an entry of a transfer that a device does not have under its name.
type DeliveryEntry struct {
	Path   string      `json:"path"`
	Kind   string      `json:"kind"` // file, folder, symlink
	Result EntryResult `json:"result"`
	Name   string      `json:"name,omitempty"` // of EntryBeside: the other name
	Reason string      `json:"reason,omitempty"`
}

// DeliveryEntries is a part of the entries that a device does not have under their names, the missing
// ones first.
type DeliveryEntries struct {
	Total   int             `json:"total"`  // how many there are
	Listed  int             `json:"listed"` // how many of them the server keeps; it has a bound
	Entries []DeliveryEntry `json:"entries"`
}

// FileEntry is one path of a transfer, as listings show it.
type FileEntry struct {
	Path   string          `json:"path"`
	Kind   string          `json:"kind"` // file, folder, symlink
	Size   uint64          `json:"size"`
	Digest protocol.Digest `json:"digest"`         // of a file: by Hash; zero: it was not read yet
	Hash   FileHash        `json:"hash,omitempty"` // of a file; empty: SHA256
}

// NewTransfer asks for a transfer.
type NewTransfer struct {
	Group  string        `json:"group"`
	Paths  []string      `json:"paths,omitempty"`  // on the server's own disk
	Upload string        `json:"upload,omitempty"` // or an upload that is complete
	Hold   bool          `json:"hold,omitempty"`
	Now    bool          `json:"now,omitempty"` // no gather window
	Keep   time.Duration `json:"keep_ns,omitempty"`
	Rate   uint64        `json:"rate,omitempty"` // bits a second
	Via    Via           `json:"via,omitempty"`
	Copy   bool          `json:"copy,omitempty"` // of paths: copy the files first instead of reading them from their place

	Selection Selection `json:"selection,omitzero"` // for whom of the group it is; zero: for all

	Exclude []string `json:"exclude,omitempty"`  // of paths: patterns of entries to leave out
	SkipBad bool     `json:"skip_bad,omitempty"` // of paths: leave out what cannot be sent
	// Of an upload: the entries that the client left out, at most MaxLeftOut, and how many there are.
	LeftOut      []LeftOut `json:"left_out,omitempty"`
	LeftOutCount int       `json:"left_out_count,omitempty"`
}

// TransferChange is what changes of an open transfer; nil stays as it is.
type TransferChange struct {
	Rate *uint64 `json:"rate,omitempty"` // bits a second; 0: auto
}

// Upload is a set of files that a client sends to the server. Each file can be resumed at its offset.
type Upload struct {
	ID        string        `json:"id"`
	CreatedAt time.Time     `json:"created_at"`
	Entries   []UploadEntry `json:"entries"`
}

// UnfinishedUpload is an upload that no transfer was made of yet.
type UnfinishedUpload struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"` // of its first file or folder
	Files     int       `json:"files"`
	Folders   int       `json:"folders"`
	Bytes     uint64    `json:"bytes"`
	Held      uint64    `json:"held"` // bytes that the server has
	By        string    `json:"by"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"` // when the last bytes came
	ExpiresAt time.Time `json:"expires_at"` // unless more bytes come
}

// UploadEntry is one path of an upload.
type UploadEntry struct {
	Path   string    `json:"path"`
	Kind   string    `json:"kind"` // file, folder, symlink
	Size   uint64    `json:"size"`
	Offset uint64    `json:"offset"` // bytes that the server has
	Mode   uint32    `json:"mode"`
	MTime  time.Time `json:"mtime"`
	Target string    `json:"target,omitempty"` // of a symlink
}

// CheckResult says whether one device is active and how data reaches it.
type CheckResult struct {
	DeviceID  protocol.DeviceID `json:"device_id"`
	Device    string            `json:"device"`
	User      string            `json:"user"`
	Active    bool              `json:"active"`
	RoundTrip time.Duration     `json:"round_trip_ns"` // over the control channel
	Multicast []ProbeResult     `json:"multicast"`     // per group
	LastSeen  time.Time         `json:"last_seen,omitzero"`
	Loss      float64           `json:"loss_percent"`
	FreeBytes uint64            `json:"free_bytes"`
	Machines  int               `json:"machines,omitempty"` // that use its login, if there are several
	Reach     Reach             `json:"reach"`              // how data reaches it
	Unfit     string            `json:"unfit,omitempty"`    // why nothing can be sent to it, in words
}

// ProbeResult says how many of a group's probes a device received.
type ProbeResult struct {
	Group string `json:"group"`
	Sent  int    `json:"sent"`
	Heard int    `json:"heard"`
}
