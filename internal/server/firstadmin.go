package server

import (
	"context"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
)

const firstTokenLife = 15 * time.Minute

// OfferFirstAdmin draws the one-time token, if the server has no administrator or reset is
// set; otherwise it gives "". The caller shows it on a terminal or writes it 0600.
func (s *Server) OfferFirstAdmin(ctx context.Context, reset bool) (string, error) {
	n, err := s.store.Administrators(ctx)
	if err != nil || (n > 0 && !reset) {
		return "", err
	}
	s.firstResets.Store(reset)
	return s.first.Draw(s.now().Add(firstTokenLife)), nil
}

var errFirstToken = groupcast.Errorf(groupcast.EUnauthorized,
	"this one-time token is not valid, was used, or is older than 15 minutes").
	WithHint("whoever runs the server can make a new link on its machine").
	WithNext(groupcast.Next{Step: groupcast.StepFirstAdmin})

// errNothingToSetUp answers as for a path that does not exist: no one-time token is out.
var errNothingToSetUp = groupcast.Errorf(groupcast.ENotFound, "there is nothing to set up: no one-time link is open").
	WithHint("%s", errFirstToken.Hint).WithNext(*errFirstToken.Next)

// FirstAdmin makes the first administrator.
func (s *Server) FirstAdmin(
	ctx context.Context, from string, f groupcast.FirstAdmin,
) (made groupcast.NewAdmin, err error) {
	var u groupcast.User
	err = s.first.Use(f.Token, s.now(), func() error {
		if n, err := s.store.Administrators(ctx); err != nil {
			return err
		} else if n > 0 && !s.firstResets.Load() {
			return errFirstToken
		}
		if err := checkServerName(f.Server); err != nil {
			return err
		}
		// After a name that is taken or a weak password the token lives on.
		u, err = s.makeUser(ctx, groupcast.NewUser{Name: f.Name, Role: groupcast.RoleAdmin, Password: f.Password})
		return err
	})
	switch {
	case errors.Is(err, auth.ErrNoToken):
		return made, errNothingToSetUp
	case errors.Is(err, auth.ErrWrongToken):
		s.record.Refused(ctx, "admin.first.refused", "", from)
		return made, errFirstToken
	case err != nil:
		return made, err
	}
	s.settled(ctx)
	p := groupcast.Principal{User: u, From: from}
	s.audit(ctx, p, "admin.first", u.Name, "made with the one-time token")
	s.log.Info("the first administrator was made", "user", u.Name, "from", from)
	if f.Server != "" {
		if err := s.rename(ctx, p, f.Server); err != nil { // the token is spent: it can be named later
			s.log.Warn("the server could not be named", "err", err)
		}
	}
	return groupcast.NewAdmin{User: u, Ticket: s.entry.draw(u, s.now())}, nil
}

// settled reports that the one-time link is not needed any more, because there is an administrator.
func (s *Server) settled(ctx context.Context) {
	if s.cfg.Settled == nil {
		return
	}
	n, err := s.store.Administrators(ctx)
	if err == nil && n > 0 {
		err = s.cfg.Settled()
	}
	if err != nil {
		s.log.Warn("the one-time link is still there; it is removed at the next start", "err", err)
	}
}
