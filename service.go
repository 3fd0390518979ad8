package groupcast

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Service is everything that the server does on request. internal/server implements it,
// internal/httpapi serves it over HTTPS, internal/apiclient has the same methods without the
// Principal. Every method checks what the principal may do and returns *Error: EForbidden, or
// ENotFound where the principal must not learn that something exists.
//
// Groups, users and devices are named by name; a device also by the hex of its ID.
type Service interface {
	AccountService
	WelcomeService
	UserService
	MachineService
	SeatService
	SiteService
	SiteService
	FleetService
	GroupService
	TransferService
	PlanService
	UploadService
	OperationService
	AgentService
	RelayService
	WebService
}

// Window is a part of a long list: clients read it piece by piece.
type Window struct {
	From  int // rows to skip
	Limit int // maximum number of rows; 0: all of them
}

// Page is the part of a list that was asked for, and how many rows the whole list has.
type Page[T any] struct {
	Rows  []T
	Total int
}

// Password is what a user typed. It is sent as it is, over TLS, and never logged.
type Password string

const redacted = "[redacted]"

// String, GoString and LogValue keep a password out of messages and logs.
func (Password) String() string { return redacted }

// GoString is String for %#v.
func (Password) GoString() string { return redacted }

// LogValue is String for slog.
func (Password) LogValue() slog.Value { return slog.StringValue(redacted) }

// AccountService is about the principal's own account.
type AccountService interface {
	// Login checks a password, makes (or finds again, by its public key) the device and
	// hands out its two tokens. Only Login, LoginWeb and the way in (WelcomeService) need no principal.
	Login(ctx context.Context, from string, l Login) (LoggedIn, error)
	// Authenticate finds the principal behind a token.
	Authenticate(ctx context.Context, from, token string) (Principal, error)
	// Logout ends the principal's device: tokens, event stream, keys.
	Logout(ctx context.Context, p Principal) error
	ChangePassword(ctx context.Context, p Principal, c PasswordChange) error
	Me(ctx context.Context, p Principal) (Me, error)

	// GroupsOnOffer lists the groups that the user may ask to join or is in; mine: only those
	// that they are in or have asked to join.
	GroupsOnOffer(ctx context.Context, p Principal, mine bool) ([]GroupOnOffer, error)
	Join(ctx context.Context, p Principal, group, text string) (JoinRequest, error)
	Leave(ctx context.Context, p Principal, group string) error
}

// PasswordChange changes one's own password.
type PasswordChange struct {
	Old Password `json:"old"`
	New Password `json:"new"`
}

// Me is what a principal sees of itself.
type Me struct {
	User   User    `json:"user"`
	Device *Device `json:"device,omitempty"`
	Local  bool    `json:"local"`
	Admin  bool    `json:"admin"`
	Server string  `json:"server"` // what the server is called

	IdempotencyHours int `json:"idempotency_hours,omitempty"` // that it remembers keys; 0: it does not
}

// UserService is for administrators: accounts and their devices.
type UserService interface {
	AddUser(ctx context.Context, p Principal, n NewUser) (User, error)
	Users(ctx context.Context, p Principal, w Window) (Page[User], error)
	// UpdateUser changes role, password or whether the account is disabled; nil keeps.
	UpdateUser(ctx context.Context, p Principal, name string, c UserChange) (User, error)
	DeleteUser(ctx context.Context, p Principal, name string) error
	// UserGroups lists a user's memberships and open requests.
	UserGroups(ctx context.Context, p Principal, name string) ([]GroupOnOffer, error)
	// Devices lists devices. Users may list their own.
	Devices(ctx context.Context, p Principal, f DeviceFilter, w Window) (Page[Device], error)
	// RevokeDevice ends a device for good. Users may revoke their own.
	RevokeDevice(ctx context.Context, p Principal, id protocol.DeviceID) error
}

// NewUser asks for an account.
type NewUser struct {
	Name     string   `json:"name"`
	Role     Role     `json:"role,omitempty"` // empty: member
	Password Password `json:"password"`
}

// UserChange says what to change of an account.
type UserChange struct {
	Role     *Role     `json:"role,omitempty"`
	Password *Password `json:"password,omitempty"`
	Disabled *bool     `json:"disabled,omitempty"`
}

// GroupService is for administrators: groups, members and requests.
type GroupService interface {
	// CreateGroup makes a group. Its answer's Warning says why an address is a poor choice.
	CreateGroup(ctx context.Context, p Principal, n NewGroup) (Group, error)
	Groups(ctx context.Context, p Principal) ([]Group, error)
	Group(ctx context.Context, p Principal, name string) (Group, error)
	DeleteGroup(ctx context.Context, p Principal, name string) error
	UpdateGroup(ctx context.Context, p Principal, name string, c GroupChange) (Group, error)

	Members(ctx context.Context, p Principal, group string, w Window) (Page[Member], error)
	AddMember(ctx context.Context, p Principal, group, user string) (Member, error)
	// RemoveMember returns when nothing more is encrypted for the user (security.md K2).
	RemoveMember(ctx context.Context, p Principal, group, user string) error

	// Requests lists the join requests of a state, those of new devices among them; all states for "".
	Requests(ctx context.Context, p Principal, state RequestState, w Window) (Page[JoinRequest], error)
	// Approve and Deny decide on a user's request to join, or, for USER/DEVICE, on a new device.
	// One that was denied may be approved later.
	Approve(ctx context.Context, p Principal, group, user string) (JoinRequest, error)
	Deny(ctx context.Context, p Principal, group, user string) (JoinRequest, error)
}

// NewGroup asks for a group.
type NewGroup struct {
	Name        string `json:"name"`
	Address     string `json:"address,omitempty"` // IP or IP:port; empty: one is picked
	Description string `json:"description,omitempty"`
	Unlisted    bool   `json:"unlisted,omitempty"`

	NewDevices NewDevices `json:"new_devices,omitempty"` // empty: allow
}

// TransferService is for administrators: the files that groups are owed.
type TransferService interface {
	// AddTransfer makes a transfer of files to a group: paths of the server's disk (local principal, or
	// below the --source folder) or a complete upload. `send` is AddTransfer with Now.
	AddTransfer(ctx context.Context, p Principal, n NewTransfer) (Transfer, error)
	// Transfers lists the newest first; of every group for "".
	Transfers(ctx context.Context, p Principal, f TransferFilter) (Page[Transfer], error)
	Transfer(ctx context.Context, p Principal, no protocol.TransferNo) (Transfer, error)
	// Deliveries lists what each device is owed or received, with the reason in words.
	Deliveries(ctx context.Context, p Principal, no protocol.TransferNo, w Window) (Page[Delivery], error)
	Files(ctx context.Context, p Principal, no protocol.TransferNo, w Window) (Page[FileEntry], error)
	// CheckTransfer lists the entries of a new transfer's paths that cannot be sent or are excluded.
	// It makes no transfer.
	CheckTransfer(ctx context.Context, p Principal, n NewTransfer, w Window) (LeftOutPage, error)
	// LeftOut lists the entries that were asked for and are not in a transfer, with those that were
	// lost since.
	LeftOut(ctx context.Context, p Principal, no protocol.TransferNo, w Window) (LeftOutPage, error)
	// TransferProof returns a proof of what became of a transfer so far. EConflict if no offer of it
	// was kept.
	TransferProof(ctx context.Context, p Principal, no protocol.TransferNo) (Proof, error)
	// CancelTransfer cancels what is still owed; `pending remove` uses it, too.
	CancelTransfer(ctx context.Context, p Principal, no protocol.TransferNo) (Transfer, error)
	// DeliveryEntries lists the entries that a device does not have under their names, the missing
	// ones first: at most 1,000 at once.
	DeliveryEntries(ctx context.Context, p Principal, no protocol.TransferNo, dev protocol.DeviceID,
		w Window) (DeliveryEntries, error)
	// RetryTransfer reopens deliveries that are incomplete, failed, refused, expired or cancelled.
	RetryTransfer(ctx context.Context, p Principal, no protocol.TransferNo) (Transfer, error)
	// ActOnDelivery lets one device catch up over HTTPS at once, puts it off or drops it. EConflict
	// if that is not possible: the delivery is done or held, or the device is not connected.
	ActOnDelivery(ctx context.Context, p Principal, no protocol.TransferNo, dev protocol.DeviceID,
		a DeliveryAction) (Delivery, error)
	// DropMember cancels what a member is still owed of a transfer; a member without a device can
	// be dropped only so. ENotFound if that is nothing.
	DropMember(ctx context.Context, p Principal, no protocol.TransferNo, user string) (Transfer, error)
	// SendTransfer sends one transfer now that is held or gathering.
	SendTransfer(ctx context.Context, p Principal, no protocol.TransferNo) (Transfer, error)
	// PauseTransfer stops an open transfer: nothing of it is sent until ResumeTransfer, SendTransfer or RetryTransfer.
	// Devices keep what they have of it. EConflict if it is closed; twice is the same as once.
	PauseTransfer(ctx context.Context, p Principal, no protocol.TransferNo) (Transfer, error)
	ResumeTransfer(ctx context.Context, p Principal, no protocol.TransferNo) (Transfer, error)
	// ChangeTransfer changes an open transfer, at once also where it is being sent. EConflict if it is closed.
	ChangeTransfer(ctx context.Context, p Principal, no protocol.TransferNo, c TransferChange) (Transfer, error)
	// Pending lists the open transfers of a group with what is owed to whom and why it
	// waits, the oldest first; of every group for "". A row of the window is one owed delivery
	// (or a transfer that is owed to nobody): a transfer may be on two pages.
	Pending(ctx context.Context, p Principal, group string, w Window) (Page[PendingTransfer], error)
	// SendPending sends everything that is pending for a group now.
	SendPending(ctx context.Context, p Principal, group string) ([]Transfer, error)
}

// TransferFilter narrows a list of transfers.
type TransferFilter struct {
	Group string `json:"group,omitempty"`
	Open  bool   `json:"open,omitempty"`  // only open ones
	Limit int    `json:"limit,omitempty"` // 0: 100
	From  int    `json:"from,omitempty"`  // rows to skip
	// Oldest lists the oldest first; only with Open.
	Oldest bool `json:"-"`
}

// PendingTransfer is an open transfer with its owed deliveries.
type PendingTransfer struct {
	Transfer   Transfer   `json:"transfer"`
	Reason     string     `json:"reason"` // why the transfer as a whole waits, in words
	Deliveries []Delivery `json:"deliveries"`
}

// UploadService is for administrators: files on their way to the server.
type UploadService interface {
	// CreateUpload declares the entries; folders and symbolic links need no data.
	CreateUpload(ctx context.Context, p Principal, entries []UploadEntry) (Upload, error)
	// CheckUpload lists the entries that cannot be sent or are excluded by a pattern. It makes no upload.
	CheckUpload(ctx context.Context, p Principal, entries []UploadEntry, exclude []string) (LeftOutPage, error)
	Upload(ctx context.Context, p Principal, id string) (Upload, error)
	// WriteUpload appends to one file; offset must be the number of bytes that the server has of it.
	// EConflict otherwise: read Upload and continue from there.
	WriteUpload(ctx context.Context, p Principal, id, path string, offset uint64, r io.Reader) (UploadEntry, error)
	// CompleteUpload checks that every byte is there; AddTransfer does so, too.
	CompleteUpload(ctx context.Context, p Principal, id string) (Upload, error)
	// DeleteUpload deletes an upload that no transfer was made of.
	DeleteUpload(ctx context.Context, p Principal, id string) error
	// UnfinishedUploads lists the uploads that no transfer was made of yet, the newest first.
	UnfinishedUploads(ctx context.Context, p Principal) ([]UnfinishedUpload, error)
}

// OperationService is for administrators: the server itself.
type OperationService interface {
	// Check asks devices over the control channel and over multicast.
	// Check tells of each device as soon as it is known how it is reached; told is called by one goroutine.
	Check(ctx context.Context, p Principal, q CheckQuery, told func(CheckResult)) error
	// Audit lists the newest entries first. Total counts those that the query asks for, whatever Before and Limit say.
	Audit(ctx context.Context, p Principal, q AuditQuery) (Page[AuditEntry], error)
	// Backup streams a tar. It has the CA's keys: with it one can impersonate this server.
	Backup(ctx context.Context, p Principal, o BackupOptions) (io.ReadCloser, error)
	// ConfirmMemberships lets sending begin again after a restore, or after the server's home was
	// otherwise set to an earlier state.
	ConfirmMemberships(ctx context.Context, p Principal) error
	ServerStatus(ctx context.Context, p Principal) (ServerStatus, error)
	// Events subscribes to all changes. A subscriber that falls 256 events behind is cut off
	// (EExhausted from Next); it subscribes and reads the state again.
	Events(ctx context.Context, p Principal) (EventStream, error)
}

// CheckQuery says which devices to check: a group's, a user's, or all.
type CheckQuery struct {
	Group string `json:"group,omitempty"`
	User  string `json:"user,omitempty"`
}

// AuditQuery narrows the audit log.
type AuditQuery struct {
	Limit  int    `json:"limit,omitempty"`  // 0: 100
	Before int64  `json:"before,omitempty"` // only entries with a smaller ID; 0: all
	Actor  string `json:"actor,omitempty"`  // exactly; empty: all
	Action string `json:"action,omitempty"` // exactly, or as a noun: "member" is every member.*
	Object string `json:"object,omitempty"` // exactly

	Since time.Time `json:"since,omitzero"` // only entries from then on; zero: all
	Until time.Time `json:"until,omitzero"` // only entries before then; zero: all
}

// BackupOptions says what a backup has besides the database and the keys.
type BackupOptions struct {
	Content bool `json:"content,omitempty"` // uploaded files too
}

// ServerStatus is the state of the server.
type ServerStatus struct {
	ServerID  protocol.ServerID `json:"server_id"` // the fingerprint
	Version   string            `json:"version"`
	StartedAt time.Time         `json:"started_at"`
	Devices   int               `json:"devices"`
	Active    int               `json:"active"`
	Sessions  int               `json:"sessions"`
	Interface string            `json:"interface"`
	Restored  bool              `json:"restored"` // nothing is sent until ConfirmMemberships
	SetBack   SetBack           `json:"set_back,omitempty"`
	Note      string            `json:"note,omitempty"`
	About     *ServerAbout      `json:"about,omitempty"` // what it is made of, and keeps
}

// SetBack says how the server found out that its state is an earlier one, in which members who were
// removed since are members again.
type SetBack string

// Unconfirmed is the message of EUnconfirmed.
const Unconfirmed = "the server's state was set back to an earlier one (by a backup, or a copy of its home) and it " +
	"sends nothing until an administrator confirms the memberships"

// The values of SetBack.
const (
	SetBackRestored SetBack = "restored" // `groupcast restore` put a backup there
	SetBackDevice   SetBack = "device"   // a device holds an offer that the server signed and does not know
	SetBackWitness  SetBack = "witness"  // a counter in a file outside of the database is ahead of it
)

// EventStream is a bounded subscription.
type EventStream interface {
	// Next waits for an event. The first one is EventHello.
	Next(ctx context.Context) (Event, error)
	Close()
}

// AgentService is for agents: principals with ScopeAgent and a device.
type AgentService interface {
	// AgentEvents attaches the device: it is active while the stream is open. A second attach of a
	// device ends the first (EConflict from Next), unless both come from processes that still run:
	// then it is refused with ECopied.
	AgentEvents(ctx context.Context, p Principal, a Attach) (AgentStream, error)
	// Challenge returns the nonce to sign for Renew and Fork. It needs no principal.
	Challenge(ctx context.Context, token string) (Challenge, error)
	// Renew makes a token valid again that was not used for long. It needs no principal but the
	// proof that the device has its key. EUnauthorized if the login has ended.
	Renew(ctx context.Context, from string, r Renewal) error
	// Fork makes a device for a copied home; the device that was copied stays as it is.
	Fork(ctx context.Context, p Principal, f Fork) (LoggedIn, error)
	AgentState(ctx context.Context, p Principal) (AgentState, error)
	// Ready answers an offer. It returns the session's keys, or that the device has to fetch over HTTPS.
	Ready(ctx context.Context, p Principal, r Ready) (Handout, error)
	// Manifest streams the bytes of a manifest that is owed to the device.
	Manifest(ctx context.Context, p Principal, no protocol.TransferNo) (io.ReadCloser, error)
	// Blocks streams count consecutive session blocks from first on: block 0 is the index, then come
	// the manifest and the packed stream. Each call checks that the device is still owed them.
	Blocks(ctx context.Context, p Principal, no protocol.TransferNo, first protocol.BlockNumber,
		count uint32) (io.ReadCloser, error)
	PagedService
	Report(ctx context.Context, p Principal, r AgentReport) error
	// Entries reports the entries that the device does not have under their names, page by page,
	// before the receipt. EConflict when the server keeps no more of them; the receipt counts all.
	Entries(ctx context.Context, p Principal, e EntryPage) error
	Receipt(ctx context.Context, p Principal, r Receipt) error
	// ProbesHeard answers AgentProbe.
	ProbesHeard(ctx context.Context, p Principal, a ProbeAnswer) error
}

// AgentEventKind is the kind of a message to an agent.
type AgentEventKind string

// The kinds of events to agents.
const (
	AgentHello AgentEventKind = "hello" // first of a stream: read the state
	AgentOffer AgentEventKind = "offer" // Offer: answer Ready
	AgentHint  AgentEventKind = "state" // something changed: read the state
	AgentProbe AgentEventKind = "probe" // Probe: answer ProbesHeard at once
	AgentEnd   AgentEventKind = "end"   // Session is over and its keys are to be forgotten; with Over all of Transfer is
)

// AgentEvent is one line of the stream to an agent.
type AgentEvent struct {
	Version  uint64              `json:"version"`
	Kind     AgentEventKind      `json:"kind"`
	Offer    *Offered            `json:"offer,omitempty"`
	Probe    string              `json:"probe,omitempty"` // ID to answer with
	Transfer protocol.TransferNo `json:"transfer,omitempty"`
	Session  *protocol.SessionID `json:"session,omitempty"`
	Server   *Speaks             `json:"server,omitempty"` // AgentHello: what the server speaks
	Over     bool                `json:"over,omitempty"`   // AgentEnd: nothing of Transfer is owed any more
}

// ProbeAnswer says which multicast probes the device received lately: the last 64 nonces that it
// verified, in hex. The server asks twice: once for the round trip, once after its probes.
type ProbeAnswer struct {
	Probe string   `json:"probe"`
	Heard []string `json:"heard"`
}

// AgentStream is the bounded stream of events to one agent.
type AgentStream interface {
	Next(ctx context.Context) (AgentEvent, error)
	Close()
}
