package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"sync"
	"time"
)

// NewToken draws 32 random bytes; a server keeps their SHA-256 only (C7).
func NewToken() (token string, hash [32]byte) {
	var b [32]byte
	rand.Read(b[:])
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, HashToken(token)
}

// HashToken is what is kept of a token.
func HashToken(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// TokenID names a token by a part of its hash: it leads to no token.
func TokenID(hash [32]byte) string { return hex.EncodeToString(hash[:12]) }

// What is wrong with a one-time token.
var (
	ErrNoToken    = errors.New("no one-time token is out, or its time is over")
	ErrWrongToken = errors.New("it is not the one-time token")
)

// OneTime is a token that does one thing, once (C3): in memory only. It is safe for concurrent use.
type OneTime struct {
	mu      sync.Mutex
	hash    [32]byte
	expires time.Time // zero: none is out
}

// Draw draws a token, in place of one that may be out.
func (o *OneTime) Draw(expires time.Time) string {
	token, hash := NewToken()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hash, o.expires = hash, expires
	return token
}

// Out says whether a token is out and its time is not over.
func (o *OneTime) Out(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.expires.IsZero() && !now.After(o.expires)
}

// Use does what the token is for, one call at a time. The token is spent if that succeeds.
func (o *OneTime) Use(token string, now time.Time, do func() error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.expires.IsZero() || now.After(o.expires) {
		return ErrNoToken
	}
	hash := HashToken(token)
	if subtle.ConstantTimeCompare(hash[:], o.hash[:]) != 1 {
		return ErrWrongToken
	}
	err := do()
	if err == nil {
		o.expires = time.Time{}
	}
	return err
}
