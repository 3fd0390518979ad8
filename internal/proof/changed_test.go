package proof_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/proof"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// Every field, changed on the way: the server's statement covers it. Where inside is set, the field
// is found out even if the server signed a statement over the changed proof.
func TestEveryFieldCounts(t *testing.T) {
	m := newMaker(t)
	other := newMaker(t)
	flip := func(b *[]byte, at int) { *b = bytes.Clone(*b); (*b)[(at+len(*b))%len(*b)] ^= 1 }
	receipt := func(i int, change func(*seal.FullReceipt, *groupcast.ProofReceipt)) func(*groupcast.Proof) {
		return func(p *groupcast.Proof) { p.Receipts[i] = m.receipt(byte(i+1), m.offer.IndexDigest, change) }
	}
	for _, c := range []struct {
		name   string
		inside bool
		change func(*groupcast.Proof)
	}{
		{"version", true, func(p *groupcast.Proof) { p.V++ }},
		{"fingerprint", true, func(p *groupcast.Proof) { p.Fingerprint[0] ^= 1 }},
		{"leaf", true, func(p *groupcast.Proof) { flip(&p.Chain[0], -1) }},
		{"CA", true, func(p *groupcast.Proof) { flip(&p.Chain[1], -1) }},
		{"one certificate", true, func(p *groupcast.Proof) { p.Chain = p.Chain[:1] }},
		{"another's leaf", true, func(p *groupcast.Proof) { p.Chain[0] = other.ca.SigningChain()[0] }},
		{"another's chain", true, func(p *groupcast.Proof) { p.Chain = other.ca.SigningChain() }},
		{"leaf and CA swapped", true, func(p *groupcast.Proof) { p.Chain[0], p.Chain[1] = p.Chain[1], p.Chain[0] }},
		{"time", false, func(p *groupcast.Proof) { p.MadeAt = p.MadeAt.Add(time.Second) }},
		{"transfer", true, func(p *groupcast.Proof) { p.Transfer++ }},
		{"group", false, func(p *groupcast.Proof) { p.Group = "other" }},
		{"name", false, func(p *groupcast.Proof) { p.Name = "other" }},
		{"lost", false, func(p *groupcast.Proof) { p.Lost++ }},
		{"offer", true, func(p *groupcast.Proof) { flip(&p.Offer.Bytes, 200) }},
		{"offer's signature", true, func(p *groupcast.Proof) { flip(&p.Offer.Signature, 0) }},
		{"another's offer", true, func(p *groupcast.Proof) { p.Offer = other.signed(m.offer) }},
		{"offer of another group", true, func(p *groupcast.Proof) { o := m.offer; o.Group[0]++; p.Offer = m.signed(o) }},
		{"offer of another transfer", true, func(p *groupcast.Proof) { o := m.offer; o.Transfer++; p.Offer = m.signed(o) }},
		{"offers swapped", true, func(p *groupcast.Proof) { p.Offer, p.Earlier[0] = p.Earlier[0], p.Offer }},
		{"earlier offer", true, func(p *groupcast.Proof) { flip(&p.Earlier[0].Bytes, 200) }},
		{"an offer twice", true, func(p *groupcast.Proof) { p.Earlier = append(p.Earlier, p.Earlier[0]) }},
		{"no earlier offer", true, func(p *groupcast.Proof) { p.Earlier = nil }},
		{"manifest", true, func(p *groupcast.Proof) { flip(&p.Manifest, 20) }},
		{"manifest cut", true, func(p *groupcast.Proof) { p.Manifest = p.Manifest[:len(p.Manifest)-1] }},
		{"no manifest", false, func(p *groupcast.Proof) { p.Manifest = nil }},
		{"device", true, func(p *groupcast.Proof) { p.Devices[0].ID[0] ^= 9 }},
		{"device's name", true, func(p *groupcast.Proof) { p.Devices[0].Name = "pc-9" }},
		{"device's user", false, func(p *groupcast.Proof) { p.Devices[0].User = "eve" }},
		{"device's key", true, func(p *groupcast.Proof) { p.Devices[0].Key = p.Devices[1].Key }},
		{"device's key cut", true, func(p *groupcast.Proof) { p.Devices[0].Key = p.Devices[0].Key[:31] }},
		{"device's since", true, func(p *groupcast.Proof) { p.Devices[0].Since = p.Devices[0].Since.Add(time.Microsecond) }},
		{"binding", true, func(p *groupcast.Proof) { flip(&p.Devices[0].Binding, 5) }},
		{"another's binding", true, func(p *groupcast.Proof) {
			d := p.Devices[0]
			p.Devices[0].Binding = seal.SignBinding(other.ca.SigningKey(), seal.Binding{Server: p.Fingerprint, Device: d.ID, Key: d.Key, Name: d.Name, Since: d.Since.UnixMicro()})
		}},
		{"a device twice", true, func(p *groupcast.Proof) { p.Devices = append(p.Devices, p.Devices[0]) }},
		{"a device without receipt", true, func(p *groupcast.Proof) { p.Receipts = p.Receipts[1:] }},
		{"a receipt without device", true, func(p *groupcast.Proof) { p.Devices = p.Devices[1:] }},
		{"both left out", false, func(p *groupcast.Proof) { p.Devices, p.Receipts = p.Devices[1:], p.Receipts[1:] }},
		{"a receipt twice", true, func(p *groupcast.Proof) { p.Receipts = append(p.Receipts, p.Receipts[0]) }},
		{"another's receipt", true, func(p *groupcast.Proof) { p.Receipts[0].Device = p.Devices[1].ID }},
		{"receipt", true, func(p *groupcast.Proof) { flip(&p.Receipts[0].Bytes, 60) }},
		{"receipt's signature", true, func(p *groupcast.Proof) { flip(&p.Receipts[0].Signature, 60) }},
		{"reason", true, func(p *groupcast.Proof) { p.Receipts[1].Reason = "none" }},
		{"no reason", true, func(p *groupcast.Proof) { p.Receipts[1].Reason = "" }},
		{"a reason", true, func(p *groupcast.Proof) { p.Receipts[0].Reason = "none" }},
		{"entry", true, func(p *groupcast.Proof) { p.Receipts[1].Entries[0].Path = "b" }},
		{"entry's reason", true, func(p *groupcast.Proof) { p.Receipts[1].Entries[0].Reason = "b" }},
		{"no entries", false, func(p *groupcast.Proof) { p.Receipts[1].Entries = nil }},
		{"an entry more", true, func(p *groupcast.Proof) { p.Receipts[0].Entries = p.Receipts[1].Entries }},
		{"entries of an earlier version", true, func(p *groupcast.Proof) { p.Receipts[2].Entries = p.Receipts[1].Entries }},
		{"receipt for another server", true, receipt(0, func(r *seal.FullReceipt, _ *groupcast.ProofReceipt) { r.Server[0] ^= 1 })},
		{"receipt for another group", true, receipt(0, func(r *seal.FullReceipt, _ *groupcast.ProofReceipt) { r.Group[0] ^= 1 })},
		{"receipt for another transfer", true, receipt(0, func(r *seal.FullReceipt, _ *groupcast.ProofReceipt) { r.Transfer++ })},
		{"receipt for another manifest", true, receipt(0, func(r *seal.FullReceipt, _ *groupcast.ProofReceipt) { r.Root[0] ^= 1 })},
		{"receipt of another device", true, receipt(0, func(r *seal.FullReceipt, _ *groupcast.ProofReceipt) { r.Device[0] = 9 })},
		{"receipt that lacks, and verified", true, receipt(0, func(r *seal.FullReceipt, _ *groupcast.ProofReceipt) { r.Missing = 1 })},
		{"receipt that counts too much", true, receipt(0, func(r *seal.FullReceipt, _ *groupcast.ProofReceipt) { r.Beside = 9 })},
		{"missing device", false, func(p *groupcast.Proof) { p.Missing[0].Device[0] = 9 }},
		{"missing device that gave a receipt", true, func(p *groupcast.Proof) { p.Missing[0].Device = p.Devices[0].ID }},
		{"missing device's name", false, func(p *groupcast.Proof) { p.Missing[0].Name = "x" }},
		{"missing device's user", false, func(p *groupcast.Proof) { p.Missing[0].User = "x" }},
		{"missing device's state", false, func(p *groupcast.Proof) { p.Missing[0].State = groupcast.DeliveryVerified }},
		{"missing device's reason", false, func(p *groupcast.Proof) { p.Missing[0].Reason = "" }},
		{"nobody missing", false, func(p *groupcast.Proof) { p.Missing = []groupcast.ProofMissing{} }},
		{"statement", false, func(p *groupcast.Proof) { flip(&p.Statement, 9) }},
		{"no statement", false, func(p *groupcast.Proof) { p.Statement = nil }},
		{"another's statement", false, func(p *groupcast.Proof) { *p = other.state(*p) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := m.make()
			c.change(&p)
			refused(t, m, p)
			if c.inside { // with the server's statement over it
				refused(t, m, m.state(p))
			}
		})
	}
}

func refused(t *testing.T, m *maker, p groupcast.Proof) {
	t.Helper()
	if r, err := verify(m.text(p), m.ca.ID()); err == nil {
		t.Errorf("taken as %+v", r)
	}
}

func FuzzParse(f *testing.F) {
	m := newMaker(f)
	good := m.text(m.make())
	trust := m.ca.ID()
	f.Add(good)
	f.Add([]byte(`{"v":1}`))
	f.Add([]byte(`{"v":1,"chain":[null,null],"devices":[{}],"receipts":[{}],"missing":[{}]}`))
	p := m.make()
	p.Offer, p.Chain, p.Receipts = m.signed(wire.Offer{}), [][]byte{{0x30}, {0x30, 0x80}}, nil
	f.Add(m.text(p))
	paged := m.text(m.paged().make())
	f.Add(paged)
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := proof.Parse(bytes.NewReader(raw))
		if err != nil {
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := proof.Parse(bytes.NewReader(again)); err != nil {
			t.Fatalf("what was read is not read again: %v", err)
		}
		if _, err := proof.Verify(p, protocol.ServerID{}); err == nil {
			t.Fatal("verified for nobody's fingerprint")
		}
		if _, err := proof.Verify(p, trust); err == nil && !bytes.Equal(again, good) && !bytes.Equal(again, paged) {
			t.Fatal("a proof that nobody signed is verified")
		}
	})
}
