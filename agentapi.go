package groupcast

import (
	"strings"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Login is what `login` sends, over a connection whose pin has been checked before.
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

// LoggedIn is the answer: two tokens, so that what lies on a receiver's disk for good is
// an agent's token and never an administrator's (security.md C7).
type LoggedIn struct {
	User       User      `json:"user"`
	Device     Device    `json:"device"`
	AgentToken string    `json:"agent_token"`
	CLIToken   string    `json:"cli_token"`
	CLIExpires time.Time `json:"cli_expires"`
}

// Attach is what an agent says of itself when it attaches, as parameters of the address. All of
// it is optional: an older agent says nothing. Bounded by MaxAttachField each.
type Attach struct {
	Instance string `json:"instance,omitempty"` // drawn at random when the process starts: no two that live share it
	Boot     string `json:"boot,omitempty"`     // names the machine's boot: a machine never comes back to an earlier one
	Keep     bool   `json:"keep,omitempty"`     // its user says that this is the machine that logged in
	Speaks   Speaks `json:"speaks,omitzero"`    // its program; who says nothing is of the first release
	// The newest offer of this server that it was given, as signed: a server whose home was set back
	// to an earlier state learns from it that it was (security.md O4). Nothing in it is secret.
	Newest          []byte `json:"newest,omitempty"`
	NewestSignature []byte `json:"newest_signature,omitempty"`
}

// MaxAttachField bounds each field of Attach; MaxAttachOffer those of the offer, in bytes.
const (
	MaxAttachField = 64
	MaxAttachOffer = 1024
)

// Challenge is what a device signs to show that it has its key: good for a short while, for
// whoever holds the token that it was asked with.
type Challenge struct {
	Nonce []byte `json:"nonce"`
}

// Renewal wakes the token of a device that was quiet for long.
type Renewal struct {
	Token     string `json:"token"`
	Nonce     []byte `json:"nonce"`
	Signature []byte `json:"signature"` // seal.SignProof with the device's key
}

// Fork asks for a device of its own: the home of the one that asks was copied to a second machine.
type Fork struct {
	Nonce     []byte `json:"nonce"`
	Signature []byte `json:"signature"`  // by the key of the device it was, over the new one
	PublicKey []byte `json:"public_key"` // the new one
	Device    string `json:"device"`     // host name
	OS        string `json:"os"`
	Version   string `json:"version"`
	Machine   string `json:"machine,omitempty"`   // names the machine: the same copy gets the same device again
	Instance  string `json:"instance,omitempty"`  // as in Attach
	CLIToken  string `json:"cli_token,omitempty"` // the login of the command line in that home, to get one like it
}

// AgentState is everything an agent needs to know: its groups and what it is owed. Groups
// are the addresses to listen to; transfers that are open for it carry their offer.
type AgentState struct {
	Version uint64       `json:"version"`
	Now     time.Time    `json:"now"` // the server's clock: a difference is a warning
	Device  Device       `json:"device"`
	Groups  []AgentGroup `json:"groups"`
	Offers  []Offered    `json:"offers"`
	// Owed are the transfers that are owed to the device, those that are not offered now, too;
	// OwedComplete says that it is all of them. What is half received of any other can go.
	Owed         []protocol.TransferNo `json:"owed,omitempty"`
	OwedComplete bool                  `json:"owed_complete,omitempty"`
	// Withheld are groups of the user of which this device gets nothing: it waits for an
	// administrator, or was denied.
	Withheld []WithheldGroup `json:"withheld,omitempty"`
	// NewDevices are other devices of the user that are younger than this one and than a day: the
	// newest MaxNewDevices.
	NewDevices []NewDevice `json:"new_devices,omitempty"`
	// Signing is the leaf that offers, SYNCs, announcements and probes are signed with and
	// the CA behind it, in DER; the agent checks it against its pin (pki.VerifySigningLeaf).
	Signing [][]byte `json:"signing"`
	// Receipts is the newest version of receipts that the server takes; an older server says
	// nothing, and takes version 1.
	Receipts int `json:"receipts,omitempty"`
}

// MaxNewDevices bounds AgentState.NewDevices.
const MaxNewDevices = 5

// NewDevice tells a user's other devices of a login that they may know nothing of.
type NewDevice struct {
	ID      protocol.DeviceID `json:"id"`
	User    string            `json:"user"`
	Name    string            `json:"name"`
	Since   time.Time         `json:"since"`
	Address string            `json:"address,omitempty"`
}

// WithheldGroup is a group that a device is not admitted to.
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

// Offered is a signed offer as the event stream and the state carry it: no secret in it.
type Offered struct {
	Offer     []byte `json:"offer"`     // docs/protocol.md §3
	Signature []byte `json:"signature"` // Ed25519
	Group     string `json:"group"`     // the folder's name; the offer signs the group's ID
	Manifest  []byte `json:"manifest,omitempty"`
	// Transfer names what is offered to a device that cannot read the offer, so that it can say so.
	Transfer protocol.TransferNo `json:"transfer,omitempty"`
	// that got this offer at the same time: many take turns to answer
	Devices int `json:"devices,omitempty"`
}

// RefusedOld is the kind of a refusal of an offer that is older than what the device was given
// before. The server heeds it of the offer that it gave last: to others it is no news.
const RefusedOld = "old"

// Ready is a device's answer to an offer: what it lacks, or why it will not take part.
type Ready struct {
	Transfer protocol.TransferNo `json:"transfer"`
	Session  protocol.SessionID  `json:"session"`
	Lacks    []protocol.Range    `json:"lacks"`             // blocks of the session; nil with LacksAll
	LacksAll bool                `json:"lacks_all"`         // no manifest yet
	Refused  string              `json:"refused,omitempty"` // in words: no space …
	// of the refusal, a Refusal: space, version, old, unreadable, names, folder, manifest-…
	Kind      Refusal `json:"kind,omitempty"`
	FreeBytes uint64  `json:"free_bytes"`
	Feedback  string  `json:"feedback,omitempty"` // UDP address it will send from, if known
	MTU       int     `json:"mtu,omitempty"`      // of the card that hears the group; 0: not known
}

// Handout is the answer to Ready: the keys of the session, or the word to fetch over HTTPS.
type Handout struct {
	HTTPS         bool   `json:"https"` // fetch the blocks over HTTPS
	SessionSecret []byte `json:"session_secret,omitempty"`
	FeedbackKey   []byte `json:"feedback_key,omitempty"`
	FeedbackID    []byte `json:"feedback_id,omitempty"`
	FeedbackAddr  string `json:"feedback_addr,omitempty"`
	Sync          []byte `json:"sync,omitempty"` // the SYNC in force, as sealed on the wire
	Started       bool   `json:"started"`        // data flows already: fetch the manifest over HTTPS
}

// Receipt is a device's signed word that it holds the verified files, or what became of them.
type Receipt struct {
	Transfer  protocol.TransferNo `json:"transfer"`
	Root      protocol.Digest     `json:"root"`
	Outcome   DeliveryState       `json:"outcome"` // verified, incomplete, already-had, superseded, failed, refused
	Reason    string              `json:"reason,omitempty"`
	Tally                         // what is missing and beside was told before, in EntryPages
	Bytes     uint64              `json:"bytes,omitempty"` // of an incomplete one: what lies there
	Path      Path                `json:"path"`
	Sequence  uint64              `json:"sequence"`
	Signature []byte              `json:"signature"`
	// ReceiptVersion; less: only outcome, transfer and root are signed
	Version int             `json:"version,omitempty"`
	List    protocol.Digest `json:"list,omitzero"` // EntriesDigest of what was told
}

// ReceiptVersion is the version of receipts whose signature covers all of them.
const ReceiptVersion = 2

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

// EntryPage is a stretch of the entries that do not lie under their names, the missing ones
// first. All of them are told before the receipt. From 0 begins the list anew.
type EntryPage struct {
	Transfer protocol.TransferNo `json:"transfer"`
	From     int                 `json:"from"`
	Entries  []DeliveryEntry     `json:"entries"`
}

// AgentReport is what an agent tells over HTTPS: when UDP feedback does not get through,
// and while it catches up. One with Feedback tells its progress there.
type AgentReport struct {
	Transfer  protocol.TransferNo `json:"transfer"`
	Blocks    int                 `json:"blocks_verified"`
	Bytes     uint64              `json:"bytes_verified"`
	Bar       []byte              `json:"bar,omitempty"` // as in Delivery
	Path      Path                `json:"path"`
	Reason    string              `json:"reason,omitempty"` // why it left multicast, in words
	FreeBytes uint64              `json:"free_bytes"`
	MTU       int                 `json:"mtu,omitempty"`      // of the card that hears groups; 0: not known
	Feedback  []byte              `json:"feedback,omitempty"` // a feedback body (docs/protocol.md §6) by another road
	Work      *Work               `json:"work,omitempty"`     // what keeps it busy besides receiving
}
