// Package store says what the server keeps and what each change of it means: one method is
// one transaction. It knows no SQL (package sqlite), no rule about who may do what (package
// server) and no clock: every time comes from the caller.
//
// Errors are *groupcast.Error: ENotFound, EConflict, EChanged, EInvalid, EExhausted; anything else is the disk's.
package store

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Store is everything the server keeps. It is safe for concurrent use.
//
// Removals, revocations, changes of roles and passwords, offer and transfer numbers are
// durable before the method returns (security.md K10); progress may lose its last seconds.
type Store interface {
	Users
	Tokens
	Devices
	Sites
	Relays
	Groups
	Seats
	Members
	Requests
	Transfers
	Pages
	Deliveries
	Offers
	Proofs
	Records
	KeyedCalls
	Close() error
}

// Users are accounts. A password is here only as its Argon2id hash.
type Users interface {
	// AddUser makes an account and gives it its ID: EConflict if the name is taken.
	AddUser(ctx context.Context, n NewUser, at time.Time) (groupcast.User, error)
	User(ctx context.Context, name string) (groupcast.User, error)
	UserByID(ctx context.Context, id string) (groupcast.User, error)
	Users(ctx context.Context, w groupcast.Window) (groupcast.Page[groupcast.User], error)
	// Credentials gives the account with its password hash.
	Credentials(ctx context.Context, name string) (groupcast.User, Hash, error)
	SetPassword(ctx context.Context, userID string, h Hash) error
	// SetRole and SetDisabled answer EConflict if no administrator would be left.
	SetRole(ctx context.Context, userID string, r groupcast.Role) error
	SetDisabled(ctx context.Context, userID string, disabled bool) error
	// DeleteUser ends memberships, requests, devices and tokens and cancels what is owed. It
	// gives the groups that they were in. EConflict if no administrator would be left.
	DeleteUser(ctx context.Context, userID string, at time.Time) ([]protocol.GroupID, error)
	// Administrators counts the accounts that can administer.
	Administrators(ctx context.Context) (int, error)
}

// Tokens are known by their SHA-256 only.
type Tokens interface {
	// AddToken keeps a token; of those of its scope for the same device, or without a device,
	// the oldest go past MaxDeviceTokens and MaxUserTokens.
	AddToken(ctx context.Context, t Token) error
	// FindToken gives a token with its user; ENotFound if it is unknown, has expired by now or
	// its device was revoked. Device is nil for a token without one.
	FindToken(ctx context.Context, hash TokenHash, now time.Time) (Token, groupcast.User, *groupcast.Device, error)
	// TouchTokens notes when tokens were used last, many at once.
	TouchTokens(ctx context.Context, used map[TokenHash]time.Time) error
	DeleteToken(ctx context.Context, hash TokenHash) error
	// Tokens lists a user's tokens that have not expired, the last used first.
	Tokens(ctx context.Context, userID string, now time.Time) ([]Token, error)
	// DeleteTokens ends a user's tokens of a scope (of every scope for ""), except one.
	DeleteTokens(ctx context.Context, userID string, scope groupcast.Scope, except TokenHash) error
	// PruneTokens forgets what has expired or was not used since a time. For tokens of agents
	// that is quietSince, and never while their device is owed something.
	PruneTokens(ctx context.Context, now, unusedSince, quietSince time.Time) (int, error)
}

// Devices are the machines of users.
type Devices interface {
	// AddDevice makes a device, its name unique per user, and owes it every open transfer of
	// the user's groups whose Selection takes it; it takes over deliveries that had no device. For groups in which new
	// devices are to be approved a request is kept instead. EExhausted past MaxDevices.
	AddDevice(ctx context.Context, d groupcast.Device, at time.Time) (groupcast.Device, []groupcast.Delivery, error)
	// AddCopy is AddDevice for a machine with a copy of another device's home.
	AddCopy(ctx context.Context, d groupcast.Device, c Copy, at time.Time) (groupcast.Device, []groupcast.Delivery, error)
	// Copies lists the devices that were made as copies of one on a machine, by name.
	Copies(ctx context.Context, c Copy) ([]groupcast.Device, error)
	// RekeyDevice gives a device another public key; its tokens end. It gives what it is owed.
	RekeyDevice(ctx context.Context, id protocol.DeviceID, publicKey []byte, at time.Time) ([]groupcast.Delivery, error)
	// Logins says, for the devices that Devices would list, when their login was used last, and
	// until when they are owed something.
	Logins(ctx context.Context, userID string, w groupcast.Window, held bool) (map[protocol.DeviceID]DeviceLogin, error)
	Device(ctx context.Context, id protocol.DeviceID) (groupcast.Device, error)
	DeviceByKey(ctx context.Context, userID string, publicKey []byte) (groupcast.Device, error)
	// Devices lists a user's devices; everyone's for "". Only they come with their labels.
	Devices(ctx context.Context, userID string, w groupcast.Window) (groupcast.Page[groupcast.Device], error)
	// UpdateDevices notes LastSeen, Address, Path, FreeBytes, DiskBytes, ReserveBytes, LossPercent, Clock, OS,
	// Version and Wire of many devices at once. Unknown ones are passed over.
	UpdateDevices(ctx context.Context, devices []groupcast.Device) error
	// LabelDevices sets and removes labels of devices, and says what became of each. What is owed stays as it is.
	LabelDevices(ctx context.Context, c groupcast.LabelChange) ([]Labelled, error)
	// RevokeDevice ends a device for good: its tokens go, what it is owed is cancelled. What
	// a user's last device was owed stays owed to the user, but for transfers that are only for some devices.
	RevokeDevice(ctx context.Context, id protocol.DeviceID, at time.Time) (groupcast.Device, error)
}

// Groups are who may receive, with an address.
type Groups interface {
	// AddGroup makes the group with g's ID, name, address, description and Unlisted.
	AddGroup(ctx context.Context, g groupcast.Group, at time.Time) (groupcast.Group, error)
	Group(ctx context.Context, name string) (groupcast.Group, error)
	GroupByID(ctx context.Context, id protocol.GroupID) (groupcast.Group, error)
	Groups(ctx context.Context) ([]groupcast.Group, error)
	// DeleteGroup ends its memberships and requests and cancels its open transfers, which it
	// gives.
	DeleteGroup(ctx context.Context, id protocol.GroupID, at time.Time) ([]protocol.TransferNo, error)
	// SetNewDevices says what becomes of new devices. When they are allowed those that wait are
	// admitted, and owed what is open, which it gives; those that were denied stay so.
	SetNewDevices(ctx context.Context, id protocol.GroupID, n groupcast.NewDevices, by string,
		at time.Time) ([]groupcast.Delivery, error)
	// GroupsOfDevice lists the groups of its user that a device is admitted to; Withheld the others.
	GroupsOfDevice(ctx context.Context, dev protocol.DeviceID) ([]groupcast.Group, error)
	Withheld(ctx context.Context, dev protocol.DeviceID) ([]groupcast.WithheldGroup, error)
	// GroupsOfUser lists the groups a user is in.
	GroupsOfUser(ctx context.Context, userID string) ([]groupcast.Group, error)
	// GroupsOnOffer lists the groups as a user sees them: those that they are in or have asked to
	// join and, unless mine, all that are listed.
	GroupsOnOffer(ctx context.Context, userID string, mine bool) ([]groupcast.GroupOnOffer, error)
}

// Seats are where the devices of a group stand in their room.
type Seats interface {
	// Seats gives a group's map; a zero one if none was set.
	Seats(ctx context.Context, group protocol.GroupID) (groupcast.SeatMap, error)
	// SetSeats replaces a group's map, under the next version: EChanged if its version is another than
	// m.Version, EInvalid for a device that is not admitted to the group. Seats go with the membership and with
	// the device.
	SetSeats(ctx context.Context, group protocol.GroupID, m groupcast.SeatMap, by string, at time.Time) error
}

// Members are users in groups. Each change raises the group's membership version.
type Members interface {
	// AddMember makes a user a member, closes their open request as approved and owes their
	// devices every open transfer of the group whose Selection takes them: the deliveries that it returns. EConflict if
	// they
	// are a member.
	AddMember(ctx context.Context, group protocol.GroupID, userID, by string, at time.Time) (groupcast.Member,
		[]groupcast.Delivery, error)
	// RemoveMember ends a membership and cancels what its devices were owed.
	RemoveMember(ctx context.Context, group protocol.GroupID, userID string, at time.Time) error
	Members(ctx context.Context, group protocol.GroupID, w groupcast.Window) (groupcast.Page[groupcast.Member], error)
	// Memberships gives the IDs of the members of every group that has some.
	Memberships(ctx context.Context) (map[protocol.GroupID][]string, error)
	// Entitled reads in one transaction whether a device may have a transfer now, with the
	// membership's version (security.md K9, C8): the device lives, its user is not disabled
	// and a member, it is admitted to the group (C9), the transfer is open, not held, and owed to it. ENotFound otherwise,
	// whatever
	// it is.
	Entitled(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID) (Entitlement, error)
}

// Requests are wishes to become a member.
type Requests interface {
	// AddRequest keeps a request: EConflict if the user is a member or has one open for the
	// group, EExhausted past MaxOpenRequests (security.md C10).
	AddRequest(ctx context.Context, group protocol.GroupID, userID, text string,
		at time.Time) (groupcast.JoinRequest, error)
	// Requests lists the requests of a state, oldest first; of every state for "".
	Requests(ctx context.Context, state groupcast.RequestState,
		w groupcast.Window) (groupcast.Page[groupcast.JoinRequest], error)
	// ApproveRequest is AddMember for a user with an open request; ENotFound without one.
	ApproveRequest(ctx context.Context, group protocol.GroupID, userID, by string, at time.Time) (groupcast.JoinRequest,
		[]groupcast.Delivery, error)
	DenyRequest(ctx context.Context, group protocol.GroupID, userID, by string,
		at time.Time) (groupcast.JoinRequest, error)
	// AdmitDevice lets a device that waits, or was denied, into a group of its user and owes it
	// what is open, which it gives. ENotFound if neither is so.
	AdmitDevice(ctx context.Context, group protocol.GroupID, dev protocol.DeviceID, by string,
		at time.Time) (groupcast.JoinRequest, []groupcast.Delivery, error)
	// DenyDevice keeps a device that waits out. ENotFound if it does not wait.
	DenyDevice(ctx context.Context, group protocol.GroupID, dev protocol.DeviceID, by string,
		at time.Time) (groupcast.JoinRequest, error)
	// WithdrawRequest takes an open request back.
	WithdrawRequest(ctx context.Context, group protocol.GroupID, userID string) error
}

// Transfers are promises of files to groups.
type Transfers interface {
	// LastTransferNo is the highest number drawn so far, 0 for none.
	LastTransferNo(ctx context.Context) (protocol.TransferNo, error)
	// AddTransfer draws the next number and keeps the transfer under it, both or neither: what
	// is kept later has the higher number. It owes the transfer to every device of every
	// member, and to each member without a device, and gives the deliveries. A Selection narrows that, here and for all
	// who come later, by the labels of that moment: ENobody if nobody is left, and a member without a device waits for
	// no transfer that is Only for some. What the transfers that it Replaces still owe to the same devices is cancelled
	// in favour of it; a transfer that owes nothing then is closed. Those that are closed already stay as they are.
	AddTransfer(ctx context.Context, t Transfer) (Transfer, []groupcast.Delivery, error)
	Transfer(ctx context.Context, no protocol.TransferNo) (Transfer, error)
	// TransferOfContent gives the transfer that has the content of this name now.
	TransferOfContent(ctx context.Context, content string) (Transfer, error)
	// ReplaceContent gives a transfer new content, because files of it changed. Its root before
	// is an edition of it from here on if nothing was lacking then, and none is if it is renewed.
	// EConflict if its content is another than e.Was, or its format.
	ReplaceContent(ctx context.Context, no protocol.TransferNo, e Edition) (Transfer, error)
	// IsEdition says whether a transfer had this root before, with all that was promised.
	IsEdition(ctx context.Context, no protocol.TransferNo, root protocol.Digest) (bool, error)
	// LeftOut lists what is known by name of what a transfer lacks, by path, and how much that is.
	LeftOut(ctx context.Context, no protocol.TransferNo, w groupcast.Window) ([]groupcast.LeftOut, int, error)
	// Transfers lists the newest first, or the oldest where that is asked for.
	Transfers(ctx context.Context, f groupcast.TransferFilter) (groupcast.Page[Transfer], error)
	// SetTransferState moves an open transfer; the first TransferSending sets StartedAt and a
	// closed state sets EndedAt.
	SetTransferState(ctx context.Context, no protocol.TransferNo, s groupcast.TransferState, reason string,
		at time.Time) error
	// CloseTransfer ends an open transfer (cancelled, expired, failed) with every delivery
	// that is still owed. EConflict if it is closed.
	CloseTransfer(ctx context.Context, no protocol.TransferNo, s groupcast.TransferState, d groupcast.DeliveryState,
		reason string, at time.Time) error
	// PauseTransfer notes that an open transfer is paused, or is not any more; ReleaseTransfer and RetryTransfer
	// end that, too. EConflict if it is closed.
	PauseTransfer(ctx context.Context, no protocol.TransferNo, paused bool) error
	// SetRateLimit changes the limit of an open transfer, in bits a second; 0: none. EConflict if it is closed.
	SetRateLimit(ctx context.Context, no protocol.TransferNo, bits uint64) error
	// ReleaseTransfer ends the hold; no device is put off any more. It replaces others as AddTransfer does.
	ReleaseTransfer(ctx context.Context, no protocol.TransferNo, replaces []protocol.TransferNo, at time.Time) error
	// Replaced lists the transfers that are closed because this one replaced them, the oldest first.
	Replaced(ctx context.Context, by protocol.TransferNo) ([]protocol.TransferNo, error)
	// Replacements lists the open transfers that replaced others which are owed again, with those.
	Replacements(ctx context.Context) (map[protocol.TransferNo][]protocol.TransferNo, error)
	// RetryTransfer owes again what is incomplete, failed, was refused, expired or cancelled, to devices of
	// those who are members now, and opens the transfer until expires. A device that has a transfer which
	// replaced this one, or replaced one that did, is not owed it. It gives the deliveries.
	RetryTransfer(ctx context.Context, no protocol.TransferNo, expires time.Time,
		at time.Time) ([]groupcast.Delivery, error)
	// NoteForged raises what is known of packets that a member forged in a site; it never falls.
	NoteForged(ctx context.Context, at SiteEpoch, no protocol.TransferNo, f groupcast.Forging) error
	// ForgedLately says whether so many blocks of a transfer of a group came wrong that was first sent at or after since.
	ForgedLately(ctx context.Context, group protocol.GroupID, blocks int, since time.Time) (bool, error)
	// AddTransferBytes adds to what went over the wire and over HTTPS in a site.
	AddTransferBytes(ctx context.Context, at SiteEpoch, no protocol.TransferNo, wire, https uint64) error
	// CountsBySite lists what is counted of a transfer, site by site; Transfer has the sums.
	CountsBySite(ctx context.Context, no protocol.TransferNo) ([]SiteCounts, error)
	// KeepFiles keeps what a transfer held from an entry on, in place of what was kept of it before if that is the
	// first one, 0; HeldFiles gives a stretch of all that, nothing if nothing was kept.
	KeepFiles(ctx context.Context, no protocol.TransferNo, from int, files []groupcast.FileEntry) error
	HeldFiles(ctx context.Context, no protocol.TransferNo, w groupcast.Window) (groupcast.Page[groupcast.FileEntry], error)
	// SetContentGone notes that the transfer's content was deleted: it cannot be retried.
	SetContentGone(ctx context.Context, no protocol.TransferNo) error
	// SetSeries keeps the bytes of a transfer's series, in the server's own notation; Series
	// gives them, ENotFound if there are none.
	SetSeries(ctx context.Context, no protocol.TransferNo, points []byte) error
	Series(ctx context.Context, no protocol.TransferNo) ([]byte, error)
	// AddHandouts notes that devices were handed a session's key, in one transaction. It gives an
	// error for each: EConflict if the device is in another site or the epoch is an older one.
	AddHandouts(ctx context.Context, handouts []Handout, at time.Time) []error
	// Handouts lists who was handed the keys of a transfer's sessions, session by session.
	Handouts(ctx context.Context, no protocol.TransferNo) ([]groupcast.KeyHolder, error)
	// SessionsOfGroup lists the sessions of a group that keys were given out for, newest first.
	SessionsOfGroup(ctx context.Context, group protocol.GroupID, limit int) ([]groupcast.KeySession, error)
	// Traffic sums the transfers that were first sent at or after since; zero: all of them.
	Traffic(ctx context.Context, since time.Time) (groupcast.Traffic, error)
	// SkipTransfersPast moves the counter behind a number that was seen elsewhere (O4).
	SkipTransfersPast(ctx context.Context, no protocol.TransferNo) error
}

// Deliveries are what devices are owed.
type Deliveries interface {
	// Deliveries lists a transfer's deliveries by user and device; OwedOf those still owed.
	Deliveries(ctx context.Context, no protocol.TransferNo, w groupcast.Window) (groupcast.Page[groupcast.Delivery], error)
	OwedOf(ctx context.Context, no protocol.TransferNo, w groupcast.Window) ([]groupcast.Delivery, error)
	Delivery(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID) (groupcast.Delivery, error)
	// Owed lists what a device is owed of open transfers, oldest transfer first.
	Owed(ctx context.Context, dev protocol.DeviceID) ([]groupcast.Delivery, error)
	// OwedReleased lists the first of those that are not held: all that the device may know of.
	OwedReleased(ctx context.Context, dev protocol.DeviceID, limit int) ([]protocol.TransferNo, error)
	// OwedAll lists what all devices are owed of open transfers, for the start.
	OwedAll(ctx context.Context) ([]groupcast.Delivery, error)
	// DeliveriesOfUser lists what a user's devices are and were owed, newest transfer first, without
	// what is held or was never released.
	DeliveriesOfUser(ctx context.Context, userID string, limit int) ([]groupcast.Received, error)
	// DeliveriesOfDevice lists what a device is and was owed, the newest transfer first; held: what is held, too.
	DeliveriesOfDevice(ctx context.Context, id protocol.DeviceID, w groupcast.Window,
		held bool) (groupcast.Page[groupcast.Received], error)
	// TransfersBefore lists transfers below a number, the newest first; 0: from the newest on.
	TransfersBefore(ctx context.Context, no protocol.TransferNo, limit int) ([]Transfer, error)
	// UpdateDeliveries notes State (while it is an owed one), Reason, Path, Blocks, Bytes,
	// LossPercent and Bar of many deliveries at once. Closed ones stay as they are.
	UpdateDeliveries(ctx context.Context, deliveries []groupcast.Delivery, at time.Time) error
	// KeepProgress keeps how far the devices of open transfers are, in the server's own notation and in
	// place of what was kept before, until ReplaceContent; KeptProgress gives what is kept of those
	// that are open.
	KeepProgress(ctx context.Context, devices map[protocol.TransferNo][]byte) error
	KeptProgress(ctx context.Context) (map[protocol.TransferNo][]byte, error)
	// NoteProgress notes Path, Blocks, Bytes, LossPercent and Bar of deliveries that are given up, with
	// those of transfers that are over, of which it forgets what KeepProgress kept. Delivered and
	// incomplete ones stay as they are.
	NoteProgress(ctx context.Context, last []groupcast.Delivery, over ...protocol.TransferNo) error
	// PutOff notes that a device is left out for now, or is not any more. Deliveries of it have
	// CauseLater until it receives, or the transfer is released or retried.
	PutOff(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, later bool, at time.Time) error
	// CloseDelivery ends an owed delivery with a receipt (its canonical JSON; may be nil) and
	// gives how many of the transfer are still owed. EConflict if it is closed: only
	// RetryTransfer opens it again (security.md F4).
	// Of the entries that AddEntries kept those go that the closing does not count.
	CloseDelivery(ctx context.Context, c Closing, at time.Time) (owed int, err error)
	// CloseDeliveries is CloseDelivery of many in one transaction, in their order. One that fails
	// changes nothing and leaves the others as they are; it gives what became of each.
	CloseDeliveries(ctx context.Context, closings []Closing, at time.Time) []Closed
	// AddEntries keeps entries of an owed delivery from a number on; those from there on that
	// were kept before go. EConflict past most bytes of all of them, ENotFound if it is not owed.
	AddEntries(ctx context.Context, e groupcast.EntryPage, dev protocol.DeviceID, most int64) error
	// Entries lists what is kept of a delivery's entries, and says how many there are.
	Entries(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID,
		w groupcast.Window) ([]groupcast.DeliveryEntry, int, error)
}

// Offers number the offers of the server's life.
type Offers interface {
	// OpenOffer draws the next number and gives the floor: the lowest offer still open in any
	// site, which is this one if it is alone (security.md O3).
	OpenOffer(ctx context.Context, in SiteEpoch, no protocol.TransferNo,
		at time.Time) (number, floor protocol.OfferNo, err error)
	CloseOffer(ctx context.Context, number protocol.OfferNo) error
	// LastOffer is the highest number drawn so far, 0 for none.
	LastOffer(ctx context.Context) (protocol.OfferNo, error)
	// SkipOffersPast moves the counter behind a number that a device holds (O4), and forgets what
	// LeaveOutOffers left out: all of it is known then.
	SkipOffersPast(ctx context.Context, number protocol.OfferNo) error
	// LeaveOutOffers draws no offer under the next numbers and keeps which they are: a signed
	// offer with one of them is of another life of this server (O4).
	LeaveOutOffers(ctx context.Context, count uint64) error
	// OfferLeftOut says whether a number was left out. The oldest are forgotten.
	OfferLeftOut(ctx context.Context, number protocol.OfferNo) (bool, error)
}

// Records are the audit log, settings and the whole as a file.
type Records interface {
	AppendAudit(ctx context.Context, e groupcast.AuditEntry) error
	// Audit lists the newest first; CountAudit counts all, whatever Before and Limit say.
	Audit(ctx context.Context, f AuditFilter) ([]groupcast.AuditEntry, error)
	CountAudit(ctx context.Context, f AuditFilter) (int, error)
	// OldestAudit lists the oldest first; the number of all entries is Total.
	OldestAudit(ctx context.Context, limit int) (groupcast.Page[groupcast.AuditEntry], error)
	// DeleteAudit deletes the entries up to an ID, that one included.
	DeleteAudit(ctx context.Context, id int64) error
	// Setting answers ENotFound for a key that was never set.
	Setting(ctx context.Context, key string) (string, error)
	SetSetting(ctx context.Context, key, value string) error
	// Backup writes a consistent copy into a file that does not exist yet, while others continue
	// reading and writing.
	Backup(ctx context.Context, path string) error
}

// KeyedCalls are calls that came with an idempotency key.
type KeyedCalls interface {
	// BeginCall notes that a call begins, or gives what is known of an earlier one with its key. Calls that began
	// before since are forgotten, and the oldest of an account past MaxKeyedCalls. EExhausted past MaxAllKeyedCalls.
	BeginCall(ctx context.Context, c groupcast.KeyedCall, since time.Time) (before groupcast.KeyedCall, begun bool,
		err error)
	// AnswerCall keeps the answer of a call that began; DropCall forgets the call.
	AnswerCall(ctx context.Context, c groupcast.KeyedCall) error
	DropCall(ctx context.Context, c groupcast.KeyedCall) error
}
