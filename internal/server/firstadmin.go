package server

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
)

const firstTokenLife = 15 * time.Minute

// firstToken is the one-time token of the first start (C3): in memory only.
type firstToken struct {
	mu      sync.Mutex
	hash    store.TokenHash
	expires time.Time
	reset   bool // --reset-admin: an administrator may exist already
}

// OfferFirstAdmin draws the one-time token, if the server has no administrator or reset is
// set; otherwise it gives "". The caller shows it on a terminal or writes it 0600.
func (s *Server) OfferFirstAdmin(ctx context.Context, reset bool) (string, error) {
	n, err := s.store.Administrators(ctx)
	if err != nil || (n > 0 && !reset) {
		return "", err
	}
	token, hash := newToken()
	s.first.mu.Lock()
	defer s.first.mu.Unlock()
	s.first.hash, s.first.expires, s.first.reset = hash, s.now().Add(firstTokenLife), reset
	return token, nil
}

var errFirstToken = groupcast.Errorf(groupcast.EUnauthorized, "this one-time token is not valid, was used, or is older than 15 minutes").
	WithHint("whoever runs the server can make a new link on its machine").
	WithNext(groupcast.Next{Step: groupcast.StepFirstAdmin})

// errNothingToSetUp answers as for a path that does not exist: no one-time token is out.
var errNothingToSetUp = groupcast.Errorf(groupcast.ENotFound, "there is nothing to set up: no one-time link is open").
	WithHint("%s", errFirstToken.Hint).WithNext(*errFirstToken.Next)

// FirstAdmin makes the first administrator.
func (s *Server) FirstAdmin(ctx context.Context, from string, f groupcast.FirstAdmin) (groupcast.User, error) {
	s.first.mu.Lock()
	defer s.first.mu.Unlock()
	if s.first.expires.IsZero() || s.now().After(s.first.expires) {
		return groupcast.User{}, errNothingToSetUp
	}
	hash := hashToken(f.Token)
	if subtle.ConstantTimeCompare(hash[:], s.first.hash[:]) != 1 {
		s.record.Refused(ctx, "admin.first.refused", "", from)
		return groupcast.User{}, errFirstToken
	}
	if n, err := s.store.Administrators(ctx); err != nil {
		return groupcast.User{}, err
	} else if n > 0 && !s.first.reset {
		return groupcast.User{}, errFirstToken
	}
	u, err := s.makeUser(ctx, groupcast.NewUser{Name: f.Name, Role: groupcast.RoleAdmin, Password: f.Password})
	if err != nil {
		return u, err // a name that is taken, a weak password: the token lives on
	}
	s.first.expires = time.Time{}
	s.settled(ctx)
	s.audit(ctx, groupcast.Principal{User: u, From: from}, "admin.first", u.Name, "made with the one-time token")
	s.log.Info("the first administrator was made", "user", u.Name, "from", from)
	return u, nil
}

// settled tells that the one-time link is of no use any more, once somebody can administer.
func (s *Server) settled(ctx context.Context) {
	if s.cfg.Settled == nil {
		return
	}
	n, err := s.store.Administrators(ctx)
	if err == nil && n > 0 {
		err = s.cfg.Settled()
	}
	if err != nil {
		s.log.Warn("the one-time link is still there; it is removed at the next start", slog.Any("err", err))
	}
}
