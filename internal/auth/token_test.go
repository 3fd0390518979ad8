package auth

import (
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestTokensAreDrawn(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token, hash := NewToken()
		if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(raw) != 32 {
			t.Fatalf("%q: %d bytes, %v", token, len(raw), err)
		}
		id := TokenID(hash)
		if seen[token] || seen[id] || hash != HashToken(token) || strings.Contains(token, id) {
			t.Fatalf("%q, %q", token, id)
		}
		seen[token], seen[id] = true, true
	}
}

func TestAOneTimeTokenWorksOnce(t *testing.T) {
	var o OneTime
	done := 0
	use := func(token string, at time.Time) error {
		return o.Use(token, at, func() error { done++; return nil })
	}
	if err := use("", noon); !errors.Is(err, ErrNoToken) {
		t.Errorf("before it was drawn: %v", err)
	}
	first := o.Draw(noon.Add(time.Hour))
	token := o.Draw(noon.Add(time.Hour))
	for _, wrong := range []string{"", first, token + "x", token[1:]} {
		t.Run(wrong, func(t *testing.T) {
			if err := use(wrong, noon); !errors.Is(err, ErrWrongToken) {
				t.Errorf("%q: %v", wrong, err)
			}
		})
	}
	if err := use(token, noon.Add(2*time.Hour)); !errors.Is(err, ErrNoToken) {
		t.Errorf("after its time: %v", err)
	}
	weak := errors.New("the password is weak")
	if err := o.Use(token, noon, func() error { return weak }); !errors.Is(err, weak) {
		t.Errorf("what it is for failed: %v", err)
	}
	if err := use(token, noon); err != nil {
		t.Errorf("it does not live on after that: %v", err)
	}
	if err := use(token, noon); !errors.Is(err, ErrNoToken) || done != 1 {
		t.Errorf("a second time: %v, done %d times", err, done)
	}
}

func TestAOneTimeTokenIsUsedByOne(t *testing.T) {
	var o OneTime
	token := o.Draw(noon.Add(time.Hour))
	var done atomic.Int32
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			_ = o.Use(token, noon, func() error { done.Add(1); return nil })
		})
	}
	all.Wait()
	if n := done.Load(); n != 1 {
		t.Errorf("done %d times", n)
	}
}

func TestNoncesAreFresh(t *testing.T) {
	c := NewChallenges()
	nonce := c.Nonce("ann", noon)
	changed := func(i int) []byte {
		b := append([]byte(nil), nonce...)
		b[i] ^= 1
		return b
	}
	for name, q := range map[string]struct {
		nonce []byte
		name  string
		at    time.Time
		want  NonceResult
	}{
		"at once":         {nonce, "ann", noon, NonceGood},
		"a minute later":  {nonce, "ann", noon.Add(challengeLife), NonceGood},
		"too late":        {nonce, "ann", noon.Add(challengeLife + time.Second), NonceStale},
		"too early":       {nonce, "ann", noon.Add(-challengeLife - time.Second), NonceStale},
		"for another":     {nonce, "bob", noon, NonceStale},
		"another time":    {changed(7), "ann", noon, NonceStale},
		"another MAC":     {changed(nonceBytes - 1), "ann", noon, NonceStale},
		"another process": {NewChallenges().Nonce("ann", noon), "ann", noon, NonceStale},
		"nothing":         {nil, "ann", noon, NonceMalformed},
		"too short":       {nonce[1:], "ann", noon, NonceMalformed},
		"too long":        {append(nonce[:nonceBytes:nonceBytes], 0), "ann", noon, NonceMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.Judge(q.nonce, q.name, q.at); got != q.want {
				t.Errorf("%s: %d, want %d", name, got, q.want)
			}
		})
	}
}

func TestHabitsAreBounded(t *testing.T) {
	h := NewHabits("joins", time.Second, 3)
	for i := range 3 {
		if err := h.Again("ann", noon); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if err := h.Again("ann", noon); err == nil || !strings.Contains(err.Error(), "this user joins too often") {
		t.Errorf("once more: %v", err)
	}
	if err := h.Again("bob", noon); err != nil {
		t.Errorf("another one: %v", err)
	}
	if err := h.Again("ann", noon.Add(time.Second)); err != nil {
		t.Errorf("a second later: %v", err)
	}
	for i := range 2 * maxHabits {
		if err := h.Again(string(rune('a'+i%26))+time.Duration(i).String(), noon); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.of) > maxHabits {
		t.Errorf("%d users are remembered", len(h.of))
	}
}
