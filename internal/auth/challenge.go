package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

const (
	challengeLife = time.Minute
	nonceBytes    = 8 + sha256.Size
)

// Challenges makes nonces for proofs that a device has its key. It stores none: a nonce is a time and its
// MAC.
type Challenges struct{ key [32]byte }

// NewChallenges draws the key, which goes with the process.
func NewChallenges() *Challenges {
	c := &Challenges{}
	rand.Read(c.key[:])
	return c
}

// Nonce gives one that counts for a name, from a time on.
func (c *Challenges) Nonce(name string, at time.Time) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()))
	mac := hmac.New(sha256.New, c.key[:])
	mac.Write([]byte("challenge\x00"))
	mac.Write(b)
	mac.Write([]byte(name))
	return mac.Sum(b)
}

// NonceResult is the result of checking a nonce.
type NonceResult int

// The results.
const (
	NonceMalformed NonceResult = iota
	NonceStale                 // too old, from ahead, of another process or another name
	NonceGood
)

// Judge looks at a nonce that came back.
func (c *Challenges) Judge(nonce []byte, name string, now time.Time) NonceResult {
	if len(nonce) != nonceBytes {
		return NonceMalformed
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(nonce)))
	if !hmac.Equal(nonce, c.Nonce(name, at)) || now.Sub(at).Abs() > challengeLife {
		return NonceStale
	}
	return NonceGood
}
