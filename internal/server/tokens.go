package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// newToken draws 32 random bytes; the server keeps their SHA-256 only (C7).
func newToken() (string, store.TokenHash) {
	var b [32]byte
	rand.Read(b[:])
	token := base64.RawURLEncoding.EncodeToString(b[:])
	return token, hashToken(token)
}

func hashToken(token string) store.TokenHash { return sha256.Sum256([]byte(token)) }

// flushUses writes which tokens were used, and forgets old ones. A nil connected is for the end.
func (s *Server) flushUses(ctx context.Context, connected func(protocol.DeviceID) bool) {
	if err := s.uses.Flush(ctx, s.store, connected); err != nil && ctx.Err() == nil {
		s.log.Error("the use of tokens could not be noted", slog.Any("err", err))
	}
	now := s.now()
	if _, err := s.store.PruneTokens(ctx, now, now.Add(-tokenUnused), now.Add(-machineUnused)); err != nil && ctx.Err() == nil {
		s.log.Error("old tokens could not be removed", slog.Any("err", err))
	}
}
