package recent

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	maxUses = 50_000 // of tokens in memory; uses of others are not noted until it is written
	// agentUse is how late the use of an agent's token may be written while its device is connected:
	// an idle one says something every few minutes.
	agentUse = 12 * time.Hour
)

// Uses gathers when tokens were used, to be written in batches.
type Uses struct {
	mu   sync.Mutex
	last map[store.TokenHash]use
}

// use is the last use of a token.
type use struct {
	at, stored time.Time         // stored: the last one that the store knows of
	agent      protocol.DeviceID // of an agent's token
}

// Note says that a token is used.
func (u *Uses) Note(t store.Token, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = map[store.TokenHash]use{}
	}
	if _, known := u.last[t.Hash]; !known && len(u.last) >= maxUses {
		return
	}
	now := use{at: at, stored: t.LastUsed}
	if t.Scope == groupcast.ScopeAgent {
		now.agent = t.Device
	}
	u.last[t.Hash] = now
}

// Last is when a token was used last, written yet or not.
func (u *Uses) Last(t store.Token) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last := u.last[t.Hash]; last.at.After(t.LastUsed) {
		return last.at
	}
	return t.LastUsed
}

// Flush writes which tokens were used; of agents' tokens only those that were written long ago or those of
// devices that are not connected. A nil connected writes all.
func (u *Uses) Flush(ctx context.Context, s store.Tokens, connected func(protocol.DeviceID) bool) error {
	taken := u.take(connected)
	if len(taken) == 0 {
		return nil
	}
	used := make(map[store.TokenHash]time.Time, len(taken))
	for hash, t := range taken {
		used[hash] = t.at
	}
	err := s.TouchTokens(ctx, used)
	if err != nil {
		u.putBack(taken)
	}
	return err
}

// putBack keeps what could not be written, for the next time.
func (u *Uses) putBack(taken map[store.TokenHash]use) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for hash, t := range taken {
		if _, newer := u.last[hash]; !newer {
			u.last[hash] = t
		}
	}
}

func (u *Uses) take(connected func(protocol.DeviceID) bool) map[store.TokenHash]use {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := connected == nil || len(u.last) >= maxUses
	out := map[store.TokenHash]use{}
	for hash, t := range u.last {
		if all || !connected(t.agent) || t.at.Sub(t.stored) >= agentUse {
			out[hash] = t
			delete(u.last, hash)
		}
	}
	return out
}
