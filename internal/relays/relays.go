// Package relays is the server's side of relays: it announces them, lets them in with their codes, tells them what is
// owed in their sites, gives it to them, and remembers what they say that they hold.
package relays

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/bandwidth"
	"github.com/groupcast/groupcast/internal/download"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/relayproto"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sites"
	"github.com/groupcast/groupcast/internal/store"
)

// Store is what is needed of the database.
type Store interface {
	store.Relays
	Sites(ctx context.Context) ([]store.Site, error)
	Group(ctx context.Context, name string) (groupcast.Group, error)
	GroupByID(ctx context.Context, id protocol.GroupID) (groupcast.Group, error)
	Transfer(ctx context.Context, no protocol.TransferNo) (store.Transfer, error)
}

// Config says what the relays of a server need of it.
type Config struct {
	Store   Store
	Server  protocol.ServerID
	Key     seal.SigningKey
	Signing func() [][]byte              // the chain of Key
	About   func() groupcast.ServerAbout // where the server is reached; nil: it does not say
	Lines   *bandwidth.Lines             // what goes out keeps to them
	Publish func(groupcast.Event)        // tells screens that something changed
	Now     func() time.Time
	Log     *slog.Logger

	Open      func(context.Context, store.Transfer) (download.Paged, error) // what can be fetched of a transfer
	CheckName func(what, name string) error                                 // of a relay
	Audit     func(ctx context.Context, p groupcast.Principal, action, object, detail string)
}

// Calls implements groupcast.RelayService. It is safe for concurrent use.
type Calls struct {
	cfg   Config
	polls download.Polls

	mu      sync.Mutex
	said    map[protocol.RelayID]said
	streams map[protocol.RelayID]int
}

var _ groupcast.RelayService = (*Calls)(nil)

// said is what a relay said last.
type said struct {
	at     time.Time
	report groupcast.RelayReport
}

// New begins with nothing said.
func New(cfg Config) *Calls {
	return &Calls{cfg: cfg, said: map[protocol.RelayID]said{}, streams: map[protocol.RelayID]int{}}
}

// tokenBegins tells the tokens of relays from those of logins.
const tokenBegins = "gcr_"

// IsToken says whether a token is that of a relay.
func IsToken(token string) bool { return strings.HasPrefix(token, tokenBegins) }

// Authenticate finds the principal behind a relay's token.
func (r *Calls) Authenticate(ctx context.Context, from, token string) (groupcast.Principal, error) {
	is, err := r.cfg.Store.FindRelay(ctx, auth.HashToken(token))
	if groupcast.ErrorCode(err) == groupcast.ENotFound {
		return groupcast.Principal{}, errOver
	}
	if err != nil {
		return groupcast.Principal{}, err
	}
	return groupcast.Principal{
		User:  groupcast.User{ID: "relay:" + is.ID.String(), Name: "relay " + is.Name}, // for limits and the audit log
		Relay: &groupcast.RelayRef{ID: is.ID, Site: is.Site, Name: is.Name},
		Scope: groupcast.ScopeRelay, From: from,
	}, nil
}

var errOver = groupcast.Errorf(groupcast.EUnauthorized, "this relay was revoked, or the server does not know it").
	WithHint("remove relay.json below the home of the relay; an administrator adds it anew")

func mustAdmin(p groupcast.Principal) error {
	if p.Admin() {
		return nil
	}
	return groupcast.Errorf(groupcast.EForbidden, "this needs an administrator").
		WithHint("log in as one").WithNext(groupcast.Next{Step: groupcast.StepAdmin})
}

// site finds a site that may have relays by its name.
func (r *Calls) site(ctx context.Context, name string) (store.Site, error) {
	s, err := sites.Named(ctx, r.cfg.Store, name)
	if err == nil && s.Site == (protocol.SiteID{}) {
		err = groupcast.Errorf(groupcast.EInvalid, "%s is the server's own site: the server itself sends there", name).
			WithHint("relays are for other sites")
	}
	return s, err
}

// AddRelay announces a relay.
func (r *Calls) AddRelay(
	ctx context.Context, p groupcast.Principal, n groupcast.NewRelay,
) (groupcast.RelayInvitation, error) {
	none := groupcast.RelayInvitation{}
	if err := mustAdmin(p); err != nil {
		return none, err
	}
	site, err := r.site(ctx, n.Site)
	if err != nil {
		return none, err
	}
	if n.Name != "" {
		err = r.cfg.CheckName("relay", n.Name)
	} else {
		n.Name, err = r.freeName(ctx, site.Name)
	}
	if err != nil {
		return none, err
	}
	code := relayproto.Code{Server: r.cfg.Server}
	if r.cfg.About != nil {
		code.Addresses = r.cfg.About().Addresses
	}
	var id protocol.RelayID
	rand.Read(code.Secret[:]) //nolint:errcheck // it never fails
	rand.Read(id[:])          //nolint:errcheck // nor this
	now := r.cfg.Now()
	is := store.NewRelay{
		ID: id, Site: site.Site, Name: n.Name, Code: auth.HashToken(code.Token()), Expires: now.Add(groupcast.RelayCodeLife),
	}
	if err := r.cfg.Store.AddRelay(ctx, is, now); err != nil {
		return none, err
	}
	r.note(ctx, p, "relay.add", n.Name, "site "+site.Name)
	return groupcast.RelayInvitation{
		Relay: groupcast.Relay{
			ID: id, Name: n.Name, Site: site.Name, Groups: []string{}, State: groupcast.RelayInvited, CreatedAt: now,
			Expires: is.Expires,
		},
		Code: code.String(), Expires: is.Expires,
	}, nil
}

// freeName is the name of a site, with a number behind it if a relay has that name, or had it: names stay those of
// relays that were revoked.
func (r *Calls) freeName(ctx context.Context, site string) (string, error) {
	all, err := r.cfg.Store.Relays(ctx)
	taken := map[string]bool{}
	for _, is := range all {
		taken[is.Name] = true
	}
	name := site
	for i := 2; taken[name]; i++ {
		name = fmt.Sprintf("%s-%d", site, i)
	}
	return name, err
}

// note tells the audit log and the screens.
func (r *Calls) note(ctx context.Context, p groupcast.Principal, action, object, detail string) {
	r.cfg.Audit(ctx, p, action, object, detail)
	r.cfg.Publish(groupcast.Event{Kind: groupcast.EventUser, Text: action + " " + object})
}

// RevokeRelay ends a relay.
func (r *Calls) RevokeRelay(ctx context.Context, p groupcast.Principal, name string) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	all, err := r.cfg.Store.Relays(ctx)
	if err != nil {
		return err
	}
	for _, is := range all {
		if is.Name != name || !is.Revoked.IsZero() {
			continue
		}
		if err := r.cfg.Store.RevokeRelay(ctx, is.ID, r.cfg.Now()); err != nil {
			return err
		}
		r.mu.Lock()
		delete(r.said, is.ID)
		r.mu.Unlock()
		r.note(ctx, p, "relay.revoke", name, "")
		return nil
	}
	return groupcast.Errorf(groupcast.ENotFound, "no relay %s; one that was revoked is over", name)
}

// GrantSite lets the relays of a site have what a group is sent.
func (r *Calls) GrantSite(ctx context.Context, p groupcast.Principal, site, group string) error {
	return r.grant(ctx, p, "site.grant", site, group, r.cfg.Store.GrantSite)
}

// UngrantSite ends what GrantSite began.
func (r *Calls) UngrantSite(ctx context.Context, p groupcast.Principal, site, group string) error {
	return r.grant(ctx, p, "site.ungrant", site, group, r.cfg.Store.UngrantSite)
}

func (r *Calls) grant(
	ctx context.Context, p groupcast.Principal, action, site, group string,
	change func(context.Context, protocol.SiteID, protocol.GroupID) error,
) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	s, err := r.site(ctx, site)
	if err != nil {
		return err
	}
	g, err := r.cfg.Store.Group(ctx, group)
	if err != nil {
		return err
	}
	if err := change(ctx, s.Site, g.ID); err != nil {
		if groupcast.ErrorCode(err) == groupcast.ENotFound {
			err = groupcast.Errorf(groupcast.ENotFound, "%s is not granted to the site %s", group, site)
		}
		return err
	}
	r.note(ctx, p, action, site, "group "+group)
	return nil
}
