package seal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// What is wrong with a packet that does not open.
var (
	ErrTag  = errors.New("not of this session")
	ErrOpen = errors.New("packet does not open")
)

// keptPhases bounds the keys in memory: the current phase, the next and the one before.
const keptPhases = 3

// keptNonces is how many packets may be sealed or opened at once without allocating.
const keptNonces = 16

// Session seals and opens the packets of one session, at the server and at its receivers.
// It is safe for concurrent use.
//
// Every packet number is sealed once: it is consumed whether or not the packet leaves, and a
// retry sends the same bytes. The sender's state machine, which gives out the numbers, ensures that.
// Which numbers are opened is for the receiver to say, before Open derives a key for them.
type Session struct {
	format string
	prk    []byte
	salt   [32]byte // SHA-256 of the offer
	id     protocol.SessionID
	tag    protocol.SessionTag
	phases [keptPhases]atomic.Pointer[phase]
	nonces [keptNonces]nonceSlot
}

// nonceSlot lends memory for a nonce: through cipher.AEAD one on the stack would escape.
type nonceSlot struct {
	busy  atomic.Bool
	nonce [12]byte
}

// NewSession derives the keys of an offer's session. It refuses a secret that is not the
// offer's (ErrWrongKey).
func NewSession(secret Secret, offer []byte) (*Session, error) {
	o, err := wire.ParseOffer(offer)
	if err != nil {
		return nil, fmt.Errorf("offer: %w", err)
	}
	if err := CheckKey(secret, o); err != nil {
		return nil, err
	}
	return newSession(format1, secret, offer, o.Session, o.Tag), nil
}

func newSession(format string, secret Secret, offer []byte, id protocol.SessionID, tag protocol.SessionTag) *Session {
	return &Session{format: format, prk: sessionKey(secret, offer), salt: sha256.Sum256(offer), id: id, tag: tag}
}

// Tag is the session's tag on the wire; ID its identifier.
func (s *Session) Tag() protocol.SessionTag { return s.tag }

// ID is the session's identifier.
func (s *Session) ID() protocol.SessionID { return s.id }

// Format keeps the keys out of logs.
func (s *Session) Format(w fmt.State, _ rune) { redact(w) }

// Seal appends header ‖ sealed body to dst. With room in dst for the packet (header, body
// and tag) it does not allocate. The body must not overlap the packet, except that it may lie
// exactly where its sealed form goes: GroupHeaderBytes after the end of dst.
func (s *Session) Seal(dst []byte, h wire.Header, body []byte) []byte {
	start := len(dst)
	dst = s.appendHeader(dst, h)
	p := s.phase(phaseOf(h.Number))
	slot := s.lend()
	nonceInto(&slot.nonce, &p.iv, uint64(h.Number))
	dst = p.aead.Seal(dst, slot.nonce[:], body, dst[start:])
	slot.busy.Store(false)
	return dst
}

// Open checks a group packet and appends its body to dst, without allocating if dst has room.
// To open in place, pass packet[protocol.GroupHeaderBytes:protocol.GroupHeaderBytes] as dst.
// The returned body is only what was appended.
func (s *Session) Open(dst, packet []byte) (wire.Header, []byte, error) {
	h, err := s.parseHeader(packet)
	if err != nil {
		return h, nil, err
	}
	if h.Tag != s.tag {
		return h, nil, ErrTag
	}
	p := s.phase(phaseOf(h.Number))
	slot := s.lend()
	nonceInto(&slot.nonce, &p.iv, uint64(h.Number))
	aad := packet[:protocol.GroupHeaderBytes]
	out, err := p.aead.Open(dst, slot.nonce[:], packet[protocol.GroupHeaderBytes:], aad)
	slot.busy.Store(false)
	if err != nil {
		return h, nil, ErrOpen
	}
	return h, out[len(dst):], nil
}

// phase finds or derives a phase's key. Neighbouring phases have slots of their own.
func (s *Session) phase(number uint32) *phase {
	slot := &s.phases[number%keptPhases]
	if p := slot.Load(); p != nil && p.number == number {
		return p
	}
	p := derivePhase(s.format, s.prk, number)
	slot.Store(p)
	return p
}

func (s *Session) lend() *nonceSlot {
	for i := range s.nonces {
		if slot := &s.nonces[i]; slot.busy.CompareAndSwap(false, true) {
			return slot
		}
	}
	return new(nonceSlot) // more at once than expected: slower, not wrong
}
