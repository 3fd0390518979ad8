package groupcast

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Signed says how much of a closed delivery its device signed.
type Signed string

// The values of Signed.
const (
	SignedNothing Signed = ""        // the server closed it
	SignedOutcome Signed = "outcome" // by a receiver of an earlier version: neither reason nor path nor counts
	SignedCounts  Signed = "counts"  // all but the names of entries that are missing or have another name
	SignedAll     Signed = "all"
)

// Proof shows to others, without the server, what became of a transfer. Every value in it is covered
// by the server's Statement, every receipt also by its device's signature.
type Proof struct {
	V           int                 `json:"v"` // ProofVersion, or ProofVersionPaged
	Fingerprint protocol.ServerID   `json:"fingerprint"`
	Chain       [][]byte            `json:"chain"` // signing leaf and CA, in DER
	MadeAt      time.Time           `json:"made_at"`
	Transfer    protocol.TransferNo `json:"transfer"`
	Group       string              `json:"group"` // its name; the offer has its ID
	Name        string              `json:"name"`
	Lost        int                 `json:"lost,omitempty"` // entries that the server lost before all had them
	Offer       ProofOffer          `json:"offer"`
	// Earlier are the offers of what the transfer held before files of it changed.
	Earlier []ProofOffer `json:"earlier,omitempty"`
	// Manifest is that of Offer, if it is small: names and digests. Of a paged transfer it is the skeleton: names.
	Manifest  []byte         `json:"manifest,omitempty"`
	Devices   []ProofDevice  `json:"devices"`
	Receipts  []ProofReceipt `json:"receipts"`
	Missing   []ProofMissing `json:"missing"`
	Statement []byte         `json:"statement"` // the server's signature over all of the above
}

// The versions of Proof.
const (
	ProofVersion      = 1
	ProofVersionPaged = 2 // of a paged transfer: offers, pages and receipts are of format 2
)

// ProofOffer is an offer, byte for byte, with its signature.
type ProofOffer struct {
	Bytes     []byte `json:"bytes"`
	Signature []byte `json:"signature"`
	// Of a paged transfer: the final page of its edition with its signature, if there is one and receipts need it.
	Page []byte `json:"page,omitempty"`
}

// ProofDevice is a device with the key that its receipt is signed with; the server vouches for the key.
type ProofDevice struct {
	ID      protocol.DeviceID `json:"id"`
	Name    string            `json:"name"`
	User    string            `json:"user"`
	Key     []byte            `json:"pubkey"`
	Since   time.Time         `json:"since"`
	Binding []byte            `json:"binding"` // the server's signature
}

// ProofReceipt is a device's receipt.
type ProofReceipt struct {
	Device    protocol.DeviceID `json:"device"`
	Bytes     []byte            `json:"bytes"`
	Signature []byte            `json:"signature"`
	Reason    string            `json:"reason,omitempty"`
	// Entries are those that are missing or have another name, if the server has all and they are few.
	Entries []DeliveryEntry `json:"entries,omitempty"`
}

// ProofMissing is a device, or a member without one, that gave no receipt; only the server says so.
type ProofMissing struct {
	Device protocol.DeviceID `json:"device"`
	Name   string            `json:"name"` // empty: no device yet
	User   string            `json:"user"`
	State  DeliveryState     `json:"state"`
	Reason string            `json:"reason,omitempty"`
}

// fields hashes values one after another, each after its length, so that no two lists of values have
// the same hash.
type fields struct{ hash.Hash }

func newFields(label string) fields {
	f := fields{sha256.New()}
	f.text(label)
	return f
}

func (f fields) number(n uint64) { f.Write(binary.BigEndian.AppendUint64(nil, n)) }

func (f fields) bytes(b []byte) {
	f.number(uint64(len(b)))
	f.Write(b)
}

func (f fields) text(s string) { f.bytes([]byte(s)) }

func (f fields) sum() protocol.Digest { return protocol.Digest(f.Sum(nil)) }

func (f fields) entries(entries []DeliveryEntry) {
	f.number(uint64(len(entries)))
	for _, e := range entries {
		for _, s := range []string{e.Path, e.Kind, string(e.Result), e.Name, e.Reason} {
			f.text(s)
		}
	}
}

// EntriesDigest is the digest in a receipt of the entries that are missing or have another name.
func EntriesDigest(entries []DeliveryEntry) protocol.Digest {
	f := newFields("groupcast/1 entries")
	f.entries(entries)
	return f.sum()
}

// ReasonDigest is the digest of the reason in a receipt.
func ReasonDigest(reason string) protocol.Digest { return sha256.Sum256([]byte(reason)) }

// Digest is what Statement signs: the hash of all values but Statement itself.
func (p Proof) Digest() protocol.Digest {
	f := newFields("groupcast/1 transfer proof")
	f.number(uint64(p.V))
	f.bytes(p.Fingerprint[:])
	f.number(uint64(len(p.Chain)))
	for _, c := range p.Chain {
		f.bytes(c)
	}
	f.number(uint64(p.MadeAt.UnixMicro()))
	f.number(uint64(p.Transfer))
	f.text(p.Group)
	f.text(p.Name)
	f.number(uint64(p.Lost))
	paged := p.V == ProofVersionPaged
	f.offer(p.Offer, paged)
	f.number(uint64(len(p.Earlier)))
	for _, o := range p.Earlier {
		f.offer(o, paged)
	}
	f.bytes(p.Manifest)
	p.devicesInto(f)
	return f.sum()
}

func (f fields) offer(o ProofOffer, paged bool) {
	f.bytes(o.Bytes)
	f.bytes(o.Signature)
	if paged {
		f.bytes(o.Page)
	}
}

func (p Proof) devicesInto(f fields) {
	f.number(uint64(len(p.Devices)))
	for _, d := range p.Devices {
		f.bytes(d.ID[:])
		f.text(d.Name)
		f.text(d.User)
		f.bytes(d.Key)
		f.number(uint64(d.Since.UnixMicro()))
		f.bytes(d.Binding)
	}
	f.number(uint64(len(p.Receipts)))
	for _, r := range p.Receipts {
		f.bytes(r.Device[:])
		f.bytes(r.Bytes)
		f.bytes(r.Signature)
		f.text(r.Reason)
		f.entries(r.Entries)
	}
	f.number(uint64(len(p.Missing)))
	for _, m := range p.Missing {
		f.bytes(m.Device[:])
		for _, s := range []string{m.Name, m.User, string(m.State), m.Reason} {
			f.text(s)
		}
	}
}
