package server

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	webTokenLife = 30 * 24 * time.Hour // however much it is used
	maxReceived  = 1000                // deliveries listed for a user
)

// LoginWeb checks a password and gives the token of a browser.
func (s *Server) LoginWeb(
	ctx context.Context, from, user string, password groupcast.Password,
) (string, groupcast.Me, error) {
	u, err := s.checkPassword(ctx, from, user, password)
	if err == nil {
		err = s.logins.Again(u.ID, s.now())
	}
	if err != nil {
		return "", groupcast.Me{}, err
	}
	return s.enter(ctx, from, u)
}

// enter gives a browser its token.
func (s *Server) enter(ctx context.Context, from string, u groupcast.User) (string, groupcast.Me, error) {
	token, err := s.giveToken(ctx, u, from, protocol.DeviceID{}, groupcast.ScopeWeb, s.now().Add(webTokenLife))
	if err != nil {
		return "", groupcast.Me{}, err
	}
	p := groupcast.Principal{User: u, Scope: groupcast.ScopeWeb, From: from}
	s.audit(ctx, p, "login", u.Name, "browser")
	me, err := s.Me(ctx, p)
	return token, me, err
}

// idle says that a browser's sign-in was not used for too long (W1).
func (s *Server) idle(t store.Token) bool {
	return t.Scope == groupcast.ScopeWeb && s.now().Sub(s.uses.Last(t)) > groupcast.WebIdle
}

// SignIns lists where the user is logged in.
func (s *Server) SignIns(ctx context.Context, p groupcast.Principal) ([]groupcast.SignIn, error) {
	if err := mustUser(p); err != nil {
		return nil, err
	}
	tokens, err := s.store.Tokens(ctx, p.User.ID, s.now())
	if err != nil {
		return nil, err
	}
	out := make([]groupcast.SignIn, 0, len(tokens))
	for _, t := range tokens {
		if s.idle(t) {
			continue
		}
		id := auth.TokenID(t.Hash)
		out = append(out, groupcast.SignIn{
			ID: id, Scope: t.Scope, Device: t.Name, Address: t.Address, CreatedAt: t.CreatedAt,
			LastUsed: s.uses.Last(t), Current: id == p.SignIn,
		})
	}
	return out, nil
}

// EndSignIn ends one login of the user's own.
func (s *Server) EndSignIn(ctx context.Context, p groupcast.Principal, id string) error {
	if err := mustUser(p); err != nil {
		return err
	}
	t, err := s.signIn(ctx, p.User, id)
	if err != nil {
		return err
	}
	if t.Scope == groupcast.ScopeAgent {
		d, err := s.store.Device(ctx, t.Device)
		if err != nil {
			return err
		}
		return s.endDevice(ctx, p, d, "device.revoke", "its login was ended")
	}
	if err := s.store.DeleteToken(ctx, t.Hash); err != nil {
		return err
	}
	s.events.End(func(q groupcast.Principal) bool { return q.SignIn == id }, errLoggedOut)
	s.audit(ctx, p, "logout", p.User.Name, string(t.Scope)+" "+t.Name)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventUser, User: p.User.Name, Text: "a login was ended"})
	return nil
}

func (s *Server) signIn(ctx context.Context, u groupcast.User, id string) (store.Token, error) {
	tokens, err := s.store.Tokens(ctx, u.ID, s.now())
	if err != nil {
		return store.Token{}, err
	}
	for _, t := range tokens {
		if auth.TokenID(t.Hash) == id {
			return t, nil
		}
	}
	return store.Token{}, groupcast.Errorf(groupcast.ENotFound, "there is no such login").
		WithHint("it may have ended already")
}

// MyDeliveries lists what the user's devices are and were owed.
func (s *Server) MyDeliveries(ctx context.Context, p groupcast.Principal) ([]groupcast.Received, error) {
	if err := mustUser(p); err != nil {
		return nil, err
	}
	list, err := s.store.DeliveriesOfUser(ctx, p.User.ID, maxReceived)
	if err != nil {
		return nil, err
	}
	for i := range list {
		s.delivery.Explain(&list[i].Delivery)
	}
	return list, nil
}

// flushUses writes which tokens were used, and forgets old ones. A nil connected is for the end.
func (s *Server) flushUses(ctx context.Context, connected func(protocol.DeviceID) bool) {
	if err := s.uses.Flush(ctx, s.store, connected); err != nil && ctx.Err() == nil {
		s.log.Error("the use of tokens could not be noted", "err", err)
	}
	now := s.now()
	_, err := s.store.PruneTokens(ctx, now, now.Add(-tokenUnused), now.Add(-machineUnused))
	if err != nil && ctx.Err() == nil {
		s.log.Error("old tokens could not be removed", "err", err)
	}
}
