package seal

import (
	"encoding/binary"
	"fmt"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

const sequenceBytes = 8

// SealSync signs and seals a SYNC into a whole packet.
func (s *Session) SealSync(key SigningKey, number protocol.PacketNumber, sync wire.Sync) []byte {
	body := binary.BigEndian.AppendUint64(nil, sync.Sequence)
	body = wire.AppendSyncBody(body, sync)
	body = append(body, key.sign(s.syncMessage(body))...)
	h := wire.Header{Kind: wire.KindSync, Tag: s.tag, Number: number}
	return s.Seal(make([]byte, 0, protocol.MaxSyncPacket), h, body)
}

// SyncSequence reads the sequence number of an opened SYNC, which is not verified yet: an old
// one is not worth a signature check, a forged one still fails it.
func SyncSequence(body []byte) (uint64, error) {
	if len(body) < sequenceBytes+wire.SyncFixedBytes+wire.SignatureBytes {
		return 0, fmt.Errorf("SYNC: %w", wire.ErrLength)
	}
	return binary.BigEndian.Uint64(body), nil
}

// VerifySync checks the signature of an opened SYNC and reads it. It costs 70 µs: the
// receiver looks at SyncSequence and its budget first (security.md I7).
func (s *Session) VerifySync(key VerifyKey, body []byte) (wire.Sync, error) {
	sequence, err := SyncSequence(body)
	if err != nil {
		return wire.Sync{}, err
	}
	cut := len(body) - wire.SignatureBytes
	if err := key.verify(s.syncMessage(body[:cut]), body[cut:]); err != nil {
		return wire.Sync{}, fmt.Errorf("SYNC: %w", err)
	}
	sync, err := wire.ParseSyncBody(body[sequenceBytes:cut])
	if err != nil {
		return wire.Sync{}, fmt.Errorf("SYNC: %w", err)
	}
	sync.Sequence = sequence
	return sync, nil
}

// OpenSync opens and verifies a whole SYNC packet: the first one, which a hand-out carries.
func (s *Session) OpenSync(key VerifyKey, packet []byte) (wire.Header, wire.Sync, error) {
	h, body, err := s.Open(nil, packet)
	if err != nil {
		return h, wire.Sync{}, fmt.Errorf("SYNC: %w", err)
	}
	if h.Kind != wire.KindSync {
		return h, wire.Sync{}, fmt.Errorf("SYNC: %w", wire.ErrKind)
	}
	sync, err := s.VerifySync(key, body)
	return h, sync, err
}

// syncMessage is what a SYNC's signature covers: label ‖ session ‖ sequence ‖ body.
func (s *Session) syncMessage(sequenceAndBody []byte) []byte {
	m := append([]byte(labelSync), s.id[:]...)
	return append(m, sequenceAndBody...)
}
