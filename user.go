package groupcast

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Role decides what a user may do. Without a role a user may do nothing.
type Role string

// The roles.
const (
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// User is an account. Names match [a-z0-9][a-z0-9._-]{0,62}.
type User struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"created_at"`
}

// Scope says which part of the API a token reaches.
type Scope string

// The scopes of tokens (security.md C7).
const (
	ScopeAgent Scope = "agent" // agent endpoints only, whatever the user's role
	ScopeCLI   Scope = "cli"
	ScopeWeb   Scope = "web"
	ScopeRelay Scope = "relay" // a relay's own calls only
)

// Device is one login of a user on one machine.
type Device struct {
	ID        protocol.DeviceID `json:"id"`
	UserID    string            `json:"user_id"`
	User      string            `json:"user"`
	Name      string            `json:"name"` // host name, made unique per user
	PublicKey []byte            `json:"public_key"`
	OS        string            `json:"os"`
	Version   string            `json:"version"`
	Wire      int               `json:"-"` // newest version of the wire that its agent spoke last; 0: it did not say
	CreatedAt time.Time         `json:"created_at"`
	LastSeen  time.Time         `json:"last_seen"`
	Active    bool              `json:"active"`         // its agent is attached now
	Site      string            `json:"site,omitempty"` // in lists: the site that it is in; empty: the server's own
	Address   string            `json:"address,omitempty"`
	Path      Path              `json:"path"` // as of the last probe or session
	FreeBytes uint64            `json:"free_bytes"`
	// Of the disk that receives files: how large it is, and what the receiver keeps free of it, as it told; a
	// size of 0: it has not told.
	DiskBytes    uint64 `json:"disk_bytes,omitempty"`
	ReserveBytes uint64 `json:"reserve_bytes,omitempty"`

	LossPercent float64       `json:"loss_percent"`
	Clock       time.Duration `json:"clock_off_ns"` // how far its clock differs from the server's
	// that use this login now, if there are several
	Machines  int       `json:"machines,omitempty"`
	CopyOf    string    `json:"copy_of,omitempty"`   // the device whose home was copied to this machine
	LoginEnds time.Time `json:"login_ends,omitzero"` // in lists: when its login ends unless it is used
	Groups    []string  `json:"groups,omitempty"`    // in lists: whose files it may have, by name
	Owed      int       `json:"owed,omitempty"`      // in lists: transfers that it is owed
	Labels    Labels    `json:"labels,omitempty"`    // in lists: what administrators noted of it

	Earlier EarlierFormat `json:"earlier_format,omitempty"` // in lists: why its groups' transfers are of that format
}

// Path is how the data reaches a device.
type Path string

// The paths.
const (
	PathUnknown   Path = "unknown"
	PathMulticast Path = "multicast"
	PathHTTPS     Path = "https"
)

// Principal makes a request: the user behind a token, or the local administrator.
type Principal struct {
	User   User
	Device *Device // agent tokens, and cli tokens made by a login with a device
	Scope  Scope
	Local  bool   // over the server's own socket, by the operating-system user that runs it
	From   string // network address, for the audit log
	SignIn string // ID of the sign-in that the token belongs to

	Relay *RelayRef // of scope ScopeRelay, without a user
}

// Admin says whether the principal may administer. Agent tokens never may.
func (p Principal) Admin() bool {
	return p.Local || (p.User.Role == RoleAdmin && !p.User.Disabled && p.Scope != ScopeAgent)
}

// Actor is the principal's name in the audit log.
func (p Principal) Actor() string {
	if p.Local {
		return "local administrator"
	}
	return p.User.Name
}
