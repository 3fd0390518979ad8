package seal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Labels of what a proof is made of.
const (
	labelFullReceipt = "groupcast/1 receipt 2\x00"
	labelBinding     = "groupcast/1 device binding\x00"
	labelStatement   = "groupcast/1 transfer proof\x00"
)

// FullReceipt is a receipt with a signature over all that is shown of it.
type FullReceipt struct {
	Receipt
	Path                     string // unknown, multicast or https
	Entries, Missing, Beside uint32
	Bytes                    uint64          // of an incomplete one: what lies there
	Reason                   protocol.Digest // SHA-256 of the reason in words
	List                     protocol.Digest // of what is missing and beside, by name
}

// The codes of outcomes and paths, by their place from 1 and from 0 on.
var (
	outcomes = []string{"", "verified", "incomplete", "already-had", "superseded", "failed", "refused"}
	paths    = []string{"unknown", "multicast", "https"}
)

const (
	receiptHead      = 32 + 16 + 8 + 32 + 16 + 8 // server, group, transfer, index digest, device, sequence
	receiptBytes     = len(labelReceipt) + receiptHead
	fullReceiptBytes = len(labelFullReceipt) + receiptHead + 1 + 1 + 4 + 4 + 4 + 8 + 32 + 32
)

var errReceipt = errors.New("receipt: not one of this version of the protocol")

// appendHead encodes what both versions of a receipt begin with.
func (r Receipt) appendHead(b []byte) []byte {
	b = append(b, r.Server[:]...)
	b = append(b, r.Group[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Transfer))
	b = append(b, r.Root[:]...)
	b = append(b, r.Device[:]...)
	return binary.BigEndian.AppendUint64(b, r.Sequence)
}

// Signed gives the bytes that SignReceipt signs.
func (r Receipt) Signed() []byte { return r.bytes() }

// Signed gives the bytes that SignFullReceipt signs: fields of fixed width. An outcome or a path
// that has no code is an error.
func (r FullReceipt) Signed() ([]byte, error) {
	outcome, path := slices.Index(outcomes, r.Outcome), slices.Index(paths, r.Path)
	if outcome < 1 || path < 0 {
		return nil, fmt.Errorf("receipt: %q by %q has no code", r.Outcome, r.Path)
	}
	b := r.appendHead([]byte(labelFullReceipt))
	b = append(b, byte(outcome), byte(path))
	b = binary.BigEndian.AppendUint32(b, r.Entries)
	b = binary.BigEndian.AppendUint32(b, r.Missing)
	b = binary.BigEndian.AppendUint32(b, r.Beside)
	b = binary.BigEndian.AppendUint64(b, r.Bytes)
	b = append(b, r.Reason[:]...)
	return append(b, r.List[:]...), nil
}

// SignFullReceipt signs with the device's key.
func SignFullReceipt(key SigningKey, r FullReceipt) ([]byte, error) {
	b, err := r.Signed()
	if err != nil {
		return nil, err
	}
	return key.sign(b), nil
}

// VerifyFullReceipt checks a receipt with the public key that the device gave at login.
func VerifyFullReceipt(key VerifyKey, r FullReceipt, signature []byte) error {
	b, err := r.Signed()
	if err != nil {
		return err
	}
	if err := key.verify(b, signature); err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	return nil
}

// OpenReceipt checks the signature over a receipt's bytes, of either version, and reads them:
// full says whether they cover all of it. Of one that is not, only the outcome is known.
func OpenReceipt(key VerifyKey, signed, signature []byte) (r FullReceipt, full bool, err error) {
	if err := key.verify(signed, signature); err != nil {
		return r, false, fmt.Errorf("receipt: %w", err)
	}
	if len(signed) == fullReceiptBytes && string(signed[:len(labelFullReceipt)]) == labelFullReceipt {
		r, err = parseFull(signed[len(labelFullReceipt):])
		return r, true, err
	}
	if len(signed) <= receiptBytes || string(signed[:len(labelReceipt)]) != labelReceipt {
		return r, false, errReceipt
	}
	r.Receipt = parseHead(signed[len(labelReceipt):])
	r.Outcome = string(signed[receiptBytes:])
	if !slices.Contains(outcomes[1:], r.Outcome) {
		return r, false, errReceipt
	}
	return r, false, nil
}

func parseHead(b []byte) Receipt {
	return Receipt{
		Server: protocol.ServerID(b[:32]), Group: protocol.GroupID(b[32:48]),
		Transfer: protocol.TransferNo(binary.BigEndian.Uint64(b[48:])), Root: protocol.Digest(b[56:88]),
		Device: protocol.DeviceID(b[88:104]), Sequence: binary.BigEndian.Uint64(b[104:]),
	}
}

func parseFull(b []byte) (FullReceipt, error) {
	r := FullReceipt{Receipt: parseHead(b)}
	b = b[receiptHead:]
	outcome, path := int(b[0]), int(b[1])
	if outcome < 1 || outcome >= len(outcomes) || path >= len(paths) {
		return r, errReceipt
	}
	r.Outcome, r.Path = outcomes[outcome], paths[path]
	r.Entries, r.Missing = binary.BigEndian.Uint32(b[2:]), binary.BigEndian.Uint32(b[6:])
	r.Beside, r.Bytes = binary.BigEndian.Uint32(b[10:]), binary.BigEndian.Uint64(b[14:])
	r.Reason, r.List = protocol.Digest(b[22:54]), protocol.Digest(b[54:86])
	return r, nil
}

// Binding is the server's statement that a device has a key and a name, and since when.
type Binding struct {
	Server protocol.ServerID
	Device protocol.DeviceID
	Key    []byte // 32 bytes
	Name   string
	Since  int64 // microseconds since 1970
}

func (d Binding) bytes() []byte {
	name := sha256.Sum256([]byte(d.Name))
	b := append([]byte(labelBinding), d.Server[:]...)
	b = append(b, d.Device[:]...)
	b = append(b, d.Key...)
	b = append(b, name[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(d.Since))
}

// SignBinding signs with the server's key.
func SignBinding(key SigningKey, d Binding) []byte { return key.sign(d.bytes()) }

// VerifyBinding checks a binding with the server's key and gives the device's.
func VerifyBinding(key VerifyKey, d Binding, signature []byte) (VerifyKey, error) {
	device, err := VerifyKeyFrom(d.Key)
	if err != nil {
		return device, fmt.Errorf("binding: %w", err)
	}
	if err := key.verify(d.bytes(), signature); err != nil {
		return VerifyKey{}, fmt.Errorf("binding: %w", err)
	}
	return device, nil
}

func statementBytes(server protocol.ServerID, contents protocol.Digest) []byte {
	return append(append([]byte(labelStatement), server[:]...), contents[:]...)
}

// SignStatement signs the digest of all that a proof holds, with the server's key: nothing of it
// can be left out or put in by another.
func SignStatement(key SigningKey, server protocol.ServerID, contents protocol.Digest) []byte {
	return key.sign(statementBytes(server, contents))
}

// VerifyStatement checks what SignStatement signed.
func VerifyStatement(key VerifyKey, server protocol.ServerID, contents protocol.Digest, signature []byte) error {
	if err := key.verify(statementBytes(server, contents), signature); err != nil {
		return fmt.Errorf("statement: %w", err)
	}
	return nil
}
