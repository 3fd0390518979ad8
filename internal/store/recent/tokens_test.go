package recent_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/recent"
)

// touched keeps what was written.
type touched struct {
	store.Store
	used map[store.TokenHash]time.Time
	err  error
}

func (w *touched) TouchTokens(_ context.Context, used map[store.TokenHash]time.Time) error {
	if w.err == nil {
		w.used = used
	}
	return w.err
}

// What could not be written is written the next time.
func TestAUseThatCouldNotBeWrittenWaits(t *testing.T) {
	var u recent.Uses
	k := store.Token{Hash: store.TokenHash{1}, Scope: groupcast.ScopeWeb}
	now := time.UnixMicro(1_800_000_000_000_000)
	u.Note(k, now)
	if err := u.Flush(t.Context(), &touched{err: context.Canceled}, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	w := &touched{}
	if err := u.Flush(t.Context(), w, nil); err != nil || !w.used[k.Hash].Equal(now) {
		t.Errorf("%v, %v", w.used, err)
	}
}

func TestUsesOfTokensAreWrittenWhenTheyMatter(t *testing.T) {
	now := time.UnixMicro(1_800_000_000_000_000)
	here, away := protocol.DeviceID{1}, protocol.DeviceID{2}
	token := func(n byte, scope groupcast.Scope, dev protocol.DeviceID, stored time.Time) store.Token {
		return store.Token{Hash: store.TokenHash{n}, Scope: scope, Device: dev, LastUsed: stored}
	}
	connected := func(dev protocol.DeviceID) bool { return dev == here }
	for _, c := range []struct {
		name      string
		token     store.Token
		connected func(protocol.DeviceID) bool
		written   bool
	}{
		{"a browser's", token(1, groupcast.ScopeWeb, protocol.DeviceID{}, now.Add(-time.Second)), connected, true},
		{"of a device that left", token(2, groupcast.ScopeAgent, away, now.Add(-time.Second)), connected, true},
		{"of a device that is here", token(3, groupcast.ScopeAgent, here, now.Add(-time.Hour)), connected, false},
		{"the same, written long ago", token(4, groupcast.ScopeAgent, here, now.Add(-13*time.Hour)), connected, true},
		{"the same before the end", token(5, groupcast.ScopeAgent, here, now.Add(-time.Hour)), nil, true},
		{"its user's own", token(6, groupcast.ScopeCLI, here, now.Add(-time.Hour)), connected, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var u recent.Uses
			w := &touched{}
			u.Note(c.token, now)
			if got := u.Last(c.token); !got.Equal(now) {
				t.Errorf("last used at %v", got)
			}
			if err := u.Flush(t.Context(), w, c.connected); err != nil {
				t.Fatal(err)
			}
			if at, is := w.used[c.token.Hash]; is != c.written || is && !at.Equal(now) {
				t.Errorf("written: %v", w.used)
			}
			again := &touched{}
			if err := u.Flush(t.Context(), again, nil); err != nil {
				t.Fatal(err)
			}
			if _, is := again.used[c.token.Hash]; is == c.written {
				t.Errorf("at the end: %v", again.used)
			}
		})
	}
}
