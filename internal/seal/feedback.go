package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// ReplayWindow is how many feedback numbers below the highest are remembered (RFC 4303).
const ReplayWindow = 1024

// ErrReplay says that a feedback number was used before or is below the window.
var ErrReplay = errors.New("feedback number used before")

// NewFeedbackID draws the name of a feedback key; key and ID are new at every hand-out.
func NewFeedbackID() (id protocol.FeedbackID) {
	rand.Read(id[:]) // never fails since Go 1.24
	return id
}

// FeedbackSealer seals a device's feedback for one hand-out; its counter starts at 0 and never
// goes back. It is not safe for concurrent use.
type FeedbackSealer struct {
	aead    cipher.AEAD
	id      protocol.FeedbackID
	counter uint64
	nonce   [12]byte
}

// NewFeedbackSealer takes key and ID from a hand-out. One hand-out, one sealer: a second one
// with the same key would repeat its nonces (security.md K4).
func NewFeedbackSealer(key Secret, id protocol.FeedbackID) *FeedbackSealer {
	return &FeedbackSealer{aead: newAEAD(key[:]), id: id}
}

// Format keeps the key out of logs.
func (s *FeedbackSealer) Format(w fmt.State, _ rune) { redact(w) }

// Seal appends a whole feedback packet to dst.
func (s *FeedbackSealer) Seal(dst []byte, f wire.Feedback) []byte {
	start := len(dst)
	dst = wire.AppendFeedbackHeader(dst, wire.FeedbackHeader{ID: s.id, Counter: s.counter})
	nonceInto(&s.nonce, &noIV, s.counter)
	s.counter++
	aad := dst[start:]
	body := wire.AppendFeedback(make([]byte, 0, protocol.MaxFeedbackBody), f)
	return s.aead.Seal(dst, s.nonce[:], body, aad)
}

var noIV [12]byte

// FeedbackOpener opens a device's feedback at the server and refuses what was there before.
// It is not safe for concurrent use.
type FeedbackOpener struct {
	aead  cipher.AEAD
	id    protocol.FeedbackID
	seen  replayWindow
	nonce [12]byte
	body  [format2.FeedbackBodyBytes]byte
}

// NewFeedbackOpener takes the key and ID that were handed out.
func NewFeedbackOpener(key Secret, id protocol.FeedbackID) *FeedbackOpener {
	return &FeedbackOpener{aead: newAEAD(key[:]), id: id}
}

// Format keeps the key out of logs.
func (o *FeedbackOpener) Format(w fmt.State, _ rune) { redact(w) }

// Open checks a packet that wire.ParseFeedbackHeader sorted to this opener: number, tag, and
// only then marks the number, so that senders without the key cannot use numbers up.
func (o *FeedbackOpener) Open(packet []byte) (wire.Feedback, error) {
	h, err := wire.ParseFeedbackHeader(packet)
	if err != nil {
		return wire.Feedback{}, fmt.Errorf("feedback: %w", err)
	}
	body, err := o.open(h, packet)
	if err != nil {
		return wire.Feedback{}, err
	}
	f, err := wire.ParseFeedback(body)
	if err != nil {
		return wire.Feedback{}, fmt.Errorf("feedback: %w", err)
	}
	return f, nil
}

// open gives the body of a packet of this opener, which was not there before.
func (o *FeedbackOpener) open(h wire.FeedbackHeader, packet []byte) ([]byte, error) {
	if h.ID != o.id {
		return nil, ErrTag
	}
	if !o.seen.fresh(h.Counter) {
		return nil, ErrReplay
	}
	nonceInto(&o.nonce, &noIV, h.Counter)
	aad, sealed := packet[:wire.FeedbackHeaderBytes], packet[wire.FeedbackHeaderBytes:]
	body, err := o.aead.Open(o.body[:0], o.nonce[:], sealed, aad)
	if err != nil {
		return nil, ErrOpen
	}
	o.seen.mark(h.Counter)
	return body, nil
}

// replayWindow remembers which of the last ReplayWindow numbers were used (RFC 6479).
type replayWindow struct {
	next uint64 // one above the highest number used
	used [ReplayWindow / 64]uint64
}

func (w *replayWindow) fresh(n uint64) bool {
	if n >= w.next {
		return true
	}
	return w.next-n <= ReplayWindow && w.used[n/64%(ReplayWindow/64)]&(1<<(n%64)) == 0
}

func (w *replayWindow) mark(n uint64) {
	if n >= w.next {
		w.advance(n + 1)
	}
	w.used[n/64%(ReplayWindow/64)] |= 1 << (n % 64)
}

// advance clears the numbers that come into the window, at most the whole of it.
func (w *replayWindow) advance(next uint64) {
	from := max(w.next, next-min(next, ReplayWindow))
	for n := from; n < next; n++ {
		w.used[n/64%(ReplayWindow/64)] &^= 1 << (n % 64)
	}
	w.next = next
}
