package server

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// Challenge returns a nonce for the holder of a token. The server stores nothing: the nonce is a time and
// its MAC.
func (s *Server) Challenge(_ context.Context, token string) (groupcast.Challenge, error) {
	return groupcast.Challenge{Nonce: s.challenges.Nonce(auth.TokenID(auth.HashToken(token)), s.now())}, nil
}

// proven checks that a device signed one of this server's nonces lately.
func (s *Server) proven(d groupcast.Device, signIn string, nonce, newKey, signature []byte) error {
	bad := groupcast.Errorf(groupcast.EUnauthorized, "the device did not prove that it has its key").
		WithHint("log in again").WithNext(groupcast.Next{Step: groupcast.StepLogin})
	switch s.challenges.Judge(nonce, signIn, s.now()) {
	case auth.NonceMalformed:
		return bad
	case auth.NonceStale:
		return groupcast.Errorf(groupcast.EUnavailable, "the device's proof is too old").
			WithHint("it is tried again by itself")
	case auth.NonceGood:
	}
	key, err := seal.VerifyKeyFrom(d.PublicKey)
	if err != nil {
		return bad.Wrap(err)
	}
	if err := seal.VerifyProof(key, seal.Proof{Server: s.id, Nonce: nonce, NewKey: newKey}, signature); err != nil {
		return bad.Wrap(err)
	}
	return nil
}

// Renew wakes the token of a device that was quiet for so long that its token alone is not
// believed any more: the device has its key, too.
func (s *Server) Renew(ctx context.Context, from string, r groupcast.Renewal) error {
	hash := auth.HashToken(r.Token)
	t, u, d, err := s.store.FindToken(ctx, hash, s.now())
	over := err == nil && (u.Disabled || d == nil || t.Scope != groupcast.ScopeAgent)
	if over || groupcast.ErrorCode(err) == groupcast.ENotFound {
		return errOver
	}
	if err != nil {
		return err
	}
	if err := s.proven(*d, auth.TokenID(hash), r.Nonce, nil, r.Signature); err != nil {
		return err
	}
	if err := s.store.TouchTokens(ctx, map[store.TokenHash]time.Time{hash: s.now()}); err != nil {
		return err
	}
	s.audit(ctx, groupcast.Principal{User: u, From: from}, "device.renew", u.Name+"/"+d.Name,
		"its login was asleep since "+t.LastUsed.UTC().Format(time.DateOnly))
	return nil
}

// asleep says that a receiver's token was not used for so long that only its device's key wakes it.
func (s *Server) asleep(t store.Token) bool {
	return t.Scope == groupcast.ScopeAgent && s.now().Sub(s.uses.Last(t)) > tokenUnused
}
