package groupcast

import (
	"strings"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Login is the body of a login. The server's certificate has been checked before it is sent.
type Login struct {
	User           string   `json:"user"`
	Password       Password `json:"password"`
	Device         string   `json:"device"` // host name
	PublicKey      []byte   `json:"public_key"`
	OS             string   `json:"os"`
	Version        string   `json:"version"`
	ControlVersion int      `json:"control_version"`
	WireVersion    int      `json:"wire_version"`
}

// LoggedIn is the answer. It has two tokens, so that the one that stays on a receiver's disk is an
// agent's and never an administrator's (security.md C7).
type LoggedIn struct {
	User       User      `json:"user"`
	Device     Device    `json:"device"`
	Server     string    `json:"server"` // what the server is called
	AgentToken string    `json:"agent_token"`
	CLIToken   string    `json:"cli_token"`
	CLIExpires time.Time `json:"cli_expires"`
}

// Attach has what an agent reports when it attaches, as query parameters. All of it is optional: older
// agents report nothing. Each field is bounded by MaxAttachField.
type Attach struct {
	Instance string `json:"instance,omitempty"` // random, made when the process starts
	Boot     string `json:"boot,omitempty"`     // ID of the machine's boot, which never comes again
	Keep     bool   `json:"keep,omitempty"`     // the user says that this machine keeps the device
	Speaks   Speaks `json:"speaks,omitzero"`    // zero: the first release
	// The newest offer of this server that it was given, as signed: a server in an earlier state finds
	// out by it (security.md O4). Nothing in it is secret.
	Newest          []byte `json:"newest,omitempty"`
	NewestSignature []byte `json:"newest_signature,omitempty"`
}

// MaxAttachField bounds each field of Attach; MaxAttachOffer those of the offer, in bytes.
const (
	MaxAttachField = 64
	MaxAttachOffer = 1024
)

// Challenge is what a device signs to prove that it has its key. It is valid for a short time and for
// the token that it was requested with.
type Challenge struct {
	Nonce []byte `json:"nonce"`
}

// Renewal makes the token of a device valid again that was not used for long.
type Renewal struct {
	Token     string `json:"token"`
	Nonce     []byte `json:"nonce"`
	Signature []byte `json:"signature"` // seal.SignProof with the device's key
}

// Fork asks for a new device, because the home of the one that asks was copied to a second machine.
type Fork struct {
	Nonce     []byte `json:"nonce"`
	Signature []byte `json:"signature"`  // by the key of the copied device, over the new key
	PublicKey []byte `json:"public_key"` // the new key
	Device    string `json:"device"`     // host name
	OS        string `json:"os"`
	Version   string `json:"version"`
	Machine   string `json:"machine,omitempty"`   // ID of the machine: the same copy gets the same device again
	Instance  string `json:"instance,omitempty"`  // as in Attach
	CLIToken  string `json:"cli_token,omitempty"` // the command line's token in that home, to get one like it
}

// AgentState is everything that an agent needs to know: its groups, with the addresses to listen to,
// and what it is owed. Transfers that are open for it come with their offer.
type AgentState struct {
	Version uint64       `json:"version"`
	Now     time.Time    `json:"now"` // the server's clock: a difference is a warning
	Device  Device       `json:"device"`
	Groups  []AgentGroup `json:"groups"`
	Offers  []Offered    `json:"offers"`
	// Owed are the transfers that are owed to the device, also those that are not offered now.
	// OwedComplete says that it is all of them: what was partly received of others can be deleted.
	Owed         []protocol.TransferNo `json:"owed,omitempty"`
	OwedComplete bool                  `json:"owed_complete,omitempty"`
	// Withheld are groups of the user that this device receives nothing of: it waits for an
	// administrator's approval, or was denied.
	Withheld []WithheldGroup `json:"withheld,omitempty"`
	// NewDevices are other devices of the user that were added after this one and within a day: the
	// newest MaxNewDevices.
	NewDevices []NewDevice `json:"new_devices,omitempty"`
	// Signing is the leaf that offers, SYNCs, announcements and probes are signed with and
	// the CA behind it, in DER; the agent checks it against its pin (pki.VerifySigningLeaf).
	Signing [][]byte `json:"signing"`
	// Receipts is the newest version of receipts that the server takes; 0 (older servers): version 1.
	Receipts int `json:"receipts,omitempty"`
}

// MaxNewDevices bounds AgentState.NewDevices.
const MaxNewDevices = 5

// NewDevice is a new login, which the user's other devices are informed of.
type NewDevice struct {
	ID      protocol.DeviceID `json:"id"`
	User    string            `json:"user"`
	Name    string            `json:"name"`
	Since   time.Time         `json:"since"`
	Address string            `json:"address,omitempty"`
}

// WithheldGroup is a group that a device is not approved for.
type WithheldGroup struct {
	Name  string       `json:"name"`
	State RequestState `json:"state"` // open: an administrator has not decided; denied
}

// AgentGroup is a group the device's user is a member of.
type AgentGroup struct {
	ID      protocol.GroupID `json:"id"`
	Name    string           `json:"name"`
	Address string           `json:"address"` // IP:port
}

// Offered is a signed offer, in the event stream and in the state. Nothing in it is secret.
type Offered struct {
	Offer     []byte `json:"offer"`     // docs/protocol.md §3
	Signature []byte `json:"signature"` // Ed25519
	Group     string `json:"group"`     // the folder's name; the offer signs the group's ID
	Manifest  []byte `json:"manifest,omitempty"`
	// Transfer is for devices that cannot read the offer, so that they can report it.
	Transfer protocol.TransferNo `json:"transfer,omitempty"`
	// that got this offer at the same time: with many, each waits a random time before it answers
	Devices int `json:"devices,omitempty"`
}

// RefusedOld is the kind of a refusal of an offer that is older than one that the device was given
// before. The server takes it seriously only for its latest offer.
const RefusedOld = "old"

// Ready is a device's answer to an offer: what it lacks, or why it does not take part.
type Ready struct {
	Transfer protocol.TransferNo `json:"transfer"`
	Session  protocol.SessionID  `json:"session"`
	Lacks    []protocol.Range    `json:"lacks"`             // blocks of the session; nil with LacksAll
	LacksAll bool                `json:"lacks_all"`         // no manifest yet
	Refused  string              `json:"refused,omitempty"` // why, in words
	// the same as a code; also RefusedOld
	Kind      Refusal `json:"kind,omitempty"`
	Space     *Space  `json:"space,omitempty"` // of a refusal for want of space
	FreeBytes uint64  `json:"free_bytes"`
	DiskBytes uint64  `json:"disk_bytes,omitempty"`
	Reserve   uint64  `json:"reserve_bytes,omitempty"` // of the free bytes, what it keeps free
	Feedback  string  `json:"feedback,omitempty"`      // UDP address it will send from, if known
	MTU       int     `json:"mtu,omitempty"`           // of the network card that receives the group; 0: unknown

	// Of a paged transfer: Lacks are blocks of its stream.
	TransferID *protocol.TransferID `json:"transfer_id,omitempty"`
	// It compares what it has, and answers within ETA seconds: Lacks says nothing yet.
	Looking bool `json:"looking,omitempty"`
	ETA     int  `json:"eta_s,omitempty"`
	// Instead of Lacks: of the list that it sent with KeepLacks.
	LacksDigest *protocol.Digest `json:"lacks_digest,omitempty"`
}

// MostLooking is how long a device may look without a further word.
const MostLooking = 30 * time.Minute

// LacksSend is Handout.Lacks if the server does not know the list whose digest it was told.
const LacksSend = "send"

// Handout is the answer to Ready: the keys of the session, or that the device has to fetch over HTTPS.
type Handout struct {
	HTTPS         bool   `json:"https"` // fetch the blocks over HTTPS
	SessionSecret []byte `json:"session_secret,omitempty"`
	FeedbackKey   []byte `json:"feedback_key,omitempty"`
	FeedbackID    []byte `json:"feedback_id,omitempty"`
	FeedbackAddr  string `json:"feedback_addr,omitempty"`
	Sync          []byte `json:"sync,omitempty"` // the current SYNC, as encrypted on the wire
	Started       bool   `json:"started"`        // data is sent already: fetch the manifest over HTTPS
	// LacksSend: send the list with KeepLacks and answer the offer again. All else is empty.
	Lacks string `json:"lacks,omitempty"`
}

// Receipt is a device's signed statement that it has the verified files, or what became of them.
type Receipt struct {
	Transfer  protocol.TransferNo `json:"transfer"`
	Root      protocol.Digest     `json:"root"`    // of a paged transfer that of its final page; zero: not here
	Outcome   DeliveryState       `json:"outcome"` // verified, incomplete, already-had, superseded, failed, refused
	Reason    string              `json:"reason,omitempty"`
	Tally                         // the entries themselves were reported before, in EntryPages
	Bytes     uint64              `json:"bytes,omitempty"` // of an incomplete one: what the device has
	Path      Path                `json:"path"`
	Sequence  uint64              `json:"sequence"`
	Signature []byte              `json:"signature"`
	// ReceiptVersion; less: only outcome, transfer and root are signed
	Version int             `json:"version,omitempty"`
	List    protocol.Digest `json:"list,omitzero"`   // EntriesDigest of the reported entries
	Paged   *PagedReceipt   `json:"paged,omitempty"` // of a paged transfer, with ReceiptVersionPaged
}

// PagedReceipt is what a receipt of a paged transfer says beside the others.
type PagedReceipt struct {
	TransferID protocol.TransferID `json:"transfer_id"`
	Skeleton   protocol.Digest     `json:"skeleton"`
	Edition    protocol.Edition    `json:"edition"`
	Site       protocol.SiteID     `json:"site"` // of the offer
}

// The versions of receipts whose signature covers all of them.
const (
	ReceiptVersion      = 2
	ReceiptVersionPaged = 3 // of paged transfers
)

// MaxReason bounds, in bytes, a reason in words.
const MaxReason = 500

// Clip shortens a reason to MaxReason bytes.
func Clip(reason string) string {
	if len(reason) > MaxReason {
		return strings.ToValidUTF8(reason[:MaxReason], "")
	}
	return reason
}

// MaxEntryPage bounds the entries of an EntryPage.
const MaxEntryPage = 200

// EntryPage is a part of the entries that the device does not have under their names, the missing ones
// first. All of them are reported before the receipt. From 0 begins the list again.
type EntryPage struct {
	Transfer protocol.TransferNo `json:"transfer"`
	From     int                 `json:"from"`
	Entries  []DeliveryEntry     `json:"entries"`
}

// AgentReport is an agent's report over HTTPS: while it catches up, and when UDP feedback does not get
// through. One with Feedback has the progress in it.
type AgentReport struct {
	Transfer  protocol.TransferNo `json:"transfer"`
	Blocks    int                 `json:"blocks_verified"`
	Bytes     uint64              `json:"bytes_verified"`
	Bar       []byte              `json:"bar,omitempty"` // as in Delivery
	Path      Path                `json:"path"`
	Reason    string              `json:"reason,omitempty"` // why it left multicast, in words
	FreeBytes uint64              `json:"free_bytes"`
	DiskBytes uint64              `json:"disk_bytes,omitempty"`    // of the disk with the free bytes; 0: not known
	Reserve   uint64              `json:"reserve_bytes,omitempty"` // what it keeps free of it
	MTU       int                 `json:"mtu,omitempty"`           // of the network card that receives groups; 0: unknown
	Feedback  []byte              `json:"feedback,omitempty"`      // a feedback body (docs/protocol.md §6)
	Work      *Work               `json:"work,omitempty"`          // what it does besides receiving
}
