package groupcast

import (
	"net/netip"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Group is a set of users with a multicast address. Names match [a-z0-9][a-z0-9._-]{0,62}.
type Group struct {
	ID          protocol.GroupID `json:"id"`
	Name        string           `json:"name"`
	Address     netip.AddrPort   `json:"address"`
	Description string           `json:"description"`
	Unlisted    bool             `json:"unlisted"` // not shown to non-members
	NewDevices  NewDevices       `json:"new_devices"`
	CreatedAt   time.Time        `json:"created_at"`
	Members     int              `json:"members"`
	Active      int              `json:"active"` // devices of members attached now
	Pending     int              `json:"pending"`
	Version     uint64           `json:"membership_version"` // grows with every change of members
	Warning     AddressWarning   `json:"warning,omitempty"`  // why the address is a poor choice
}

// AddressWarning is why a multicast address is a poor choice, as a code. Clients have a sentence for each.
type AddressWarning string

// What may be poor about an address.
const (
	AddressAllHosts       AddressWarning = "all-hosts"       // every machine of the network takes it in
	AddressFlooded        AddressWarning = "flooded"         // switches send it to every port
	AddressSourceSpecific AddressWarning = "source-specific" // some routers forward it to nobody
	AddressNotPrivate     AddressWarning = "not-private"     // another network's traffic may use it
	AddressThisMachine    AddressWarning = "this-machine"    // it does not leave the server
)

// NewDevices says whether a device that a member adds must be approved.
type NewDevices string

// The values of NewDevices.
const (
	NewDevicesAllow   NewDevices = "allow"   // it receives at once
	NewDevicesApprove NewDevices = "approve" // it receives nothing of the group until an administrator approves it
)

// GroupChange says what to change of a group; nil changes nothing.
type GroupChange struct {
	NewDevices *NewDevices `json:"new_devices,omitempty"`
}

// Membership is the relation of the asking user to a group.
type Membership string

// The memberships.
const (
	MembershipNone   Membership = "none"
	MembershipAsked  Membership = "asked"
	MembershipMember Membership = "member"
	MembershipDenied Membership = "denied"
)

// GroupOnOffer is a group as users see it who may ask to join: without members and files.
type GroupOnOffer struct {
	ID          protocol.GroupID `json:"id"`
	Name        string           `json:"name"`
	Description string           `json:"description"`
	Address     netip.AddrPort   `json:"address"`
	Membership  Membership       `json:"membership"`
	Since       time.Time        `json:"since,omitzero"`
}

// Member is a user in a group.
type Member struct {
	GroupID protocol.GroupID `json:"group_id"`
	Group   string           `json:"group"`
	UserID  string           `json:"user_id"`
	User    string           `json:"user"`
	Since   time.Time        `json:"since"`
	Devices int              `json:"devices"`
	Active  int              `json:"active"`
}

// RequestState is the state of a join request.
type RequestState string

// The states of a join request.
const (
	RequestOpen     RequestState = "open"
	RequestApproved RequestState = "approved"
	RequestDenied   RequestState = "denied"
)

// JoinRequest is a user's request to become a member, or, with a device, a member's new device that
// has to be approved.
type JoinRequest struct {
	ID        string           `json:"id"`
	GroupID   protocol.GroupID `json:"group_id"`
	Group     string           `json:"group"`
	UserID    string           `json:"user_id"`
	User      string           `json:"user"`
	Text      string           `json:"text"` // ≤ 280 characters
	State     RequestState     `json:"state"`
	AskedAt   time.Time        `json:"asked_at"`
	DecidedAt time.Time        `json:"decided_at,omitzero"`
	DecidedBy string           `json:"decided_by,omitempty"`

	DeviceID protocol.DeviceID `json:"device_id,omitzero"` // of a new device
	Device   string            `json:"device,omitempty"`   // its name
	Address  string            `json:"address,omitempty"`  // where it was seen last
	Devices  int               `json:"devices,omitempty"`  // how many devices the user has
}

// Who names the request for Approve and Deny: USER, or USER/DEVICE for a new device.
func (r JoinRequest) Who() string {
	if r.Device == "" {
		return r.User
	}
	return r.User + "/" + r.Device
}

// AuditEntry is one line of the audit log.
type AuditEntry struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Action  string    `json:"action"` // noun.verb: user.add, member.remove, transfer.send …
	Object  string    `json:"object"`
	Detail  string    `json:"detail"`
	Address string    `json:"address"`
}
