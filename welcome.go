package groupcast

import (
	"context"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// WelcomeService is the way in: what a server tells everybody, its first administrator, and its name.
type WelcomeService interface {
	// Welcome says which server answers. It needs no principal.
	Welcome(ctx context.Context) (Welcome, error)
	// FirstAdmin makes the first administrator with the one-time token of the first start.
	FirstAdmin(ctx context.Context, from string, f FirstAdmin) (NewAdmin, error)
	// EnterWeb takes the ticket of FirstAdmin for a token of scope web, as LoginWeb gives it.
	EnterWeb(ctx context.Context, from, ticket string) (token string, me Me, err error)
	// ChangeServer is for administrators: it changes what the server is called.
	ChangeServer(ctx context.Context, p Principal, c ServerChange) (ServerStatus, error)
}

// Welcome is what a server tells everybody who reaches it.
type Welcome struct {
	Name        string            `json:"name"`
	ServerID    protocol.ServerID `json:"server_id"`   // the fingerprint
	Certificate string            `json:"certificate"` // SHA-256 that a browser shows of it, in hex
	SetUp       bool              `json:"set_up"`      // a one-time link for the first administrator is open
}

// FirstAdmin is what the one-time link sends.
type FirstAdmin struct {
	Token    string   `json:"token"`
	Name     string   `json:"name"`
	Password Password `json:"password"`
	Server   string   `json:"server,omitempty"` // what the server is called from now on; empty: as before
}

// NewAdmin is the first administrator, with what signs their browser in.
type NewAdmin struct {
	User
	Ticket string `json:"ticket"` // for EnterWeb: once, within TicketLife
}

// TicketLife is how long the ticket of NewAdmin is good for: the browser warns of a certificate in between.
const TicketLife = 5 * time.Minute

// ServerChange says what to change of a server; nil keeps.
type ServerChange struct {
	Name *string `json:"name,omitempty"` // empty: the host name of its machine again
}
