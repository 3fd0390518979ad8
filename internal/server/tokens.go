package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"sync"
	"time"

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

// touches gathers when tokens were used, to be written in batches.
type touches struct {
	mu   sync.Mutex
	used map[store.TokenHash]time.Time
}

const maxTouches = 50_000

func (s *Server) touched(hash store.TokenHash) {
	s.touches.mu.Lock()
	defer s.touches.mu.Unlock()
	if s.touches.used == nil {
		s.touches.used = map[store.TokenHash]time.Time{}
	}
	if len(s.touches.used) < maxTouches {
		s.touches.used[hash] = s.now()
	}
}

func (s *Server) flushTouches(ctx context.Context) {
	s.touches.mu.Lock()
	used := s.touches.used
	s.touches.used = nil
	s.touches.mu.Unlock()
	now := s.now()
	if len(used) > 0 {
		if err := s.store.TouchTokens(ctx, used); err != nil && ctx.Err() == nil {
			s.log.Error("the use of tokens could not be noted", slog.Any("err", err))
		}
	}
	if _, err := s.store.PruneTokens(ctx, now, now.Add(-tokenUnused), now.Add(-machineUnused)); err != nil && ctx.Err() == nil {
		s.log.Error("old tokens could not be removed", slog.Any("err", err))
	}
}
