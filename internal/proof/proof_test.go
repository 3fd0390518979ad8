package proof_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/proof"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

var made = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// maker makes proofs as a server does.
type maker struct {
	t     testing.TB
	ca    *pki.Authority
	keys  []seal.SigningKey
	offer wire.Offer
	raw   []byte
}

func newMaker(t testing.TB) *maker {
	t.Helper()
	ca, err := pki.Open(pki.Options{Folder: t.TempDir(), Now: func() time.Time { return made }})
	if err != nil {
		t.Fatal(err)
	}
	content := []byte("hello")
	m := &manifest.Manifest{
		Files: []manifest.File{
			{Path: "a", Size: 5, Mode: 0o644, Digest: sha256.Sum256(content)},
			{Path: "d", Kind: manifest.KindFolder, Mode: 0o755},
		},
		Blocks: []manifest.Block{{Length: 5, Digest: manifest.LeafDigest(content)}},
	}
	layout, encoded := manifest.LayoutOf(m)
	out := &maker{t: t, ca: ca, raw: encoded.Manifest, offer: wire.Offer{
		Server: ca.ID(), Group: protocol.GroupID{2}, Number: 7, Transfer: 5, Session: protocol.SessionID{3},
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols,
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
	}}
	layout.Fill(&out.offer)
	for range 4 {
		out.keys = append(out.keys, seal.NewSigningKey())
	}
	return out
}

func (m *maker) signed(o wire.Offer) groupcast.ProofOffer {
	b := wire.AppendOffer(nil, o)
	return groupcast.ProofOffer{Bytes: b, Signature: seal.SignOffer(m.ca.SigningKey(), b)}
}

func (m *maker) earlier() wire.Offer {
	o := m.offer
	o.Number, o.IndexDigest = 6, protocol.Digest{8}
	return o
}

// receipt is what device n signs.
func (m *maker) receipt(
	n byte, root protocol.Digest, change func(*seal.FullReceipt, *groupcast.ProofReceipt),
) groupcast.ProofReceipt {
	r := seal.FullReceipt{
		Receipt: seal.Receipt{
			Server: m.offer.Server, Group: m.offer.Group, Transfer: m.offer.Transfer, Root: root,
			Device: protocol.DeviceID{n}, Outcome: "verified", Sequence: 100,
		},
		Path: "multicast", Entries: 2, Bytes: 5,
	}
	out := groupcast.ProofReceipt{Device: protocol.DeviceID{n}}
	if change != nil {
		change(&r, &out)
	}
	r.Reason, r.List = groupcast.ReasonDigest(out.Reason), groupcast.EntriesDigest(out.Entries)
	var err error
	if out.Bytes, err = r.Signed(); err == nil {
		out.Signature, err = seal.SignFullReceipt(m.keys[n], r)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

func (m *maker) device(n byte) groupcast.ProofDevice {
	d := groupcast.ProofDevice{
		ID: protocol.DeviceID{n}, Name: "pc-" + string('0'+rune(n)), User: "ann", Key: m.keys[n].Public().Bytes(),
		Since: made.Add(-time.Hour),
	}
	d.Binding = seal.SignBinding(m.ca.SigningKey(),
		seal.Binding{Server: m.ca.ID(), Device: d.ID, Key: d.Key, Name: d.Name, Since: d.Since.UnixMicro()})
	return d
}

// make has a device that verified all, one that lacks an entry, one of an earlier version and
// edition, and one that never answered.
func (m *maker) make() groupcast.Proof {
	old := seal.Receipt{
		Server: m.offer.Server, Group: m.offer.Group, Transfer: 5, Root: m.earlier().IndexDigest,
		Device: protocol.DeviceID{3}, Outcome: "already-had", Sequence: 4,
	}
	p := groupcast.Proof{
		V: groupcast.ProofVersion, Fingerprint: m.ca.ID(), Chain: m.ca.SigningChain(), MadeAt: made, Transfer: 5,
		Group: "lab", Name: "a",
		Offer: m.signed(m.offer), Earlier: []groupcast.ProofOffer{m.signed(m.earlier())}, Manifest: m.raw,
		Devices: []groupcast.ProofDevice{m.device(1), m.device(2), m.device(3)},
		Receipts: []groupcast.ProofReceipt{
			m.receipt(1, m.offer.IndexDigest, nil),
			m.receipt(2, m.offer.IndexDigest, func(r *seal.FullReceipt, p *groupcast.ProofReceipt) {
				r.Outcome, r.Missing, p.Reason = "incomplete", 1, "a: the disk <cannot> hold it"
				p.Entries = []groupcast.DeliveryEntry{{
					Path: "a", Kind: "file", Result: groupcast.EntryMissing, Reason: "too large",
				}}
			}),
			{Device: protocol.DeviceID{3}, Bytes: old.Signed(), Signature: seal.SignReceipt(m.keys[3], old)},
		},
		Missing: []groupcast.ProofMissing{{Name: "", User: "bob", State: groupcast.DeliveryQueued, Reason: "no device yet"}},
	}
	return m.state(p)
}

// state makes the server sign what a proof holds.
func (m *maker) state(p groupcast.Proof) groupcast.Proof {
	p.Statement = seal.SignStatement(m.ca.SigningKey(), m.ca.ID(), p.Digest())
	return p
}

func (m *maker) text(p groupcast.Proof) []byte {
	b, err := json.Marshal(p)
	if err != nil {
		m.t.Fatal(err)
	}
	return b
}

func verify(raw []byte, trust protocol.ServerID) (proof.Report, error) {
	p, err := proof.Parse(bytes.NewReader(raw))
	if err != nil {
		return proof.Report{}, err
	}
	return proof.Verify(p, trust)
}

func TestAProofProves(t *testing.T) {
	m := newMaker(t)
	var indented bytes.Buffer
	if err := json.Indent(&indented, m.text(m.make()), "", "  "); err != nil {
		t.Fatal(err)
	}
	for _, raw := range [][]byte{m.text(m.make()), indented.Bytes()} {
		r, err := verify(raw, m.ca.ID())
		if err != nil {
			t.Fatal(err)
		}
		if r.Verified != 2 || r.Partly != 1 || r.Missing != 1 || r.Refused+r.Failed != 0 || !r.Named || len(r.Files) != 2 ||
			r.Manifest != m.offer.IndexDigest {
			t.Fatalf("%+v", r)
		}
		covers := []groupcast.Signed{
			groupcast.SignedAll, groupcast.SignedAll, groupcast.SignedOutcome, groupcast.SignedNothing,
		}
		for i, d := range r.Devices {
			if d.Covers != covers[i] || d.Earlier != (i == 2) {
				t.Errorf("device %d: %+v", i, d)
			}
		}
	}
}

// A receipt for what was left counts for no more than that.
func TestWhatTheServerLostIsNotVerified(t *testing.T) {
	m := newMaker(t)
	p := m.make()
	p.Lost = 1
	if r, err := proof.Verify(m.state(p), m.ca.ID()); err != nil || r.Verified != 1 || r.Partly != 2 {
		t.Fatalf("%+v %v", r, err)
	}
	p.Lost = 0
	p.Receipts[0] = m.receipt(1, m.offer.IndexDigest,
		func(r *seal.FullReceipt, _ *groupcast.ProofReceipt) { r.Entries = 1 })
	if r, err := proof.Verify(m.state(p), m.ca.ID()); err != nil || r.Verified != 1 || r.Partly != 2 {
		t.Fatalf("one of two entries: %+v %v", r, err)
	}
}

func TestAnEndedCertificateStillProves(t *testing.T) {
	m := newMaker(t)
	for _, at := range []time.Time{made.Add(-48 * time.Hour), made.Add(200 * 24 * time.Hour)} {
		t.Run(at.String(), func(t *testing.T) {
			p := m.make()
			p.MadeAt = at
			if _, err := proof.Verify(m.state(p), m.ca.ID()); err == nil {
				t.Errorf("a proof of %s by a certificate that was not valid then", at)
			}
		})
	}
	if _, err := proof.Verify(m.make(), m.ca.ID()); err != nil { // today the certificate is over
		t.Fatal(err)
	}
}

// Whoever changes one byte of a proof breaks it.
func TestEveryByteCounts(t *testing.T) {
	m := newMaker(t)
	raw := m.text(m.make())
	step := 1
	if testing.Short() {
		step = 7
	}
	for at := 0; at < len(raw); at += step {
		for _, flip := range []byte{0x01, 0x20, 0x80} {
			changed := bytes.Clone(raw)
			changed[at] ^= flip
			if _, err := verify(changed, m.ca.ID()); err == nil {
				t.Fatalf("byte %d of …%s… is not covered (%q for %q)", at, raw[max(at-20, 0):min(at+20, len(raw))], changed[at],
					raw[at])
			}
		}
	}
}

func TestOneWayToWriteAProof(t *testing.T) {
	m := newMaker(t)
	raw := string(m.text(m.make()))
	for name, changed := range map[string]string{
		"another key":      strings.Replace(raw, `{"v":1`, `{"x":0,"v":1`, 1),
		"a key twice":      strings.Replace(raw, `{"v":1`, `{"v":1,"v":1`, 1),
		"in capitals":      strings.Replace(raw, `{"v":1`, `{"V":1`, 1),
		"another number":   strings.Replace(raw, `{"v":1`, `{"v":1.0`, 1),
		"hex in capitals":  strings.Replace(raw, m.ca.ID().String(), strings.ToUpper(m.ca.ID().String()), 1),
		"a newer version":  strings.Replace(raw, `{"v":1`, `{"v":2`, 1),
		"something behind": raw + "{}",
		"cut":              raw[:len(raw)-1],
		"nothing":          "",
		"null":             "null",
		"a list":           "[]",
		"no list":          strings.Replace(raw, `"missing":[`, `"missing":null,"x":[`, 1),
		"too large":        raw + strings.Repeat(" ", proof.MaxBytes),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := verify([]byte(changed), m.ca.ID()); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if _, err := verify([]byte(" \n"+raw+"\n"), m.ca.ID()); err != nil {
		t.Error("spaces around it:", err)
	}
	if _, err := verify([]byte(raw), newMaker(t).ca.ID()); groupcast.ErrorCode(err) != groupcast.EUnauthorized {
		t.Error("another server is trusted:", err)
	}
}
