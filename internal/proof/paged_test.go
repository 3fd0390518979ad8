package proof_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/proof"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// pagedMaker makes proofs of a paged transfer as a server does. It is at its second edition.
type pagedMaker struct {
	*maker
	offer format2.Offer
}

func newPagedMaker(t testing.TB) *pagedMaker { return newMaker(t).paged() }

func (m *maker) paged() *pagedMaker {
	return &pagedMaker{m, format2.Offer{
		Server: m.ca.ID(), Group: protocol.GroupID{2}, MembershipVersion: 1, Number: 7, Floor: 1, Transfer: 5,
		TransferID: protocol.TransferID{6}, Session: protocol.SessionID{3}, SlotMS: 100, Lag: 3,
		Skeleton: protocol.Digest{9}, SkeletonBytes: 60, Edition: 2, Pages: 3, Bytes: 10, Entries: 3, Blocks: 1,
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols, Codec: 1, Hash: 4, AEAD: 1, Cutter: 1,
		LifeSeconds: 3600,
	}}
}

// finalPage ends an edition after two files, one of which is void in the second one.
func (m *pagedMaker) finalPage(o format2.Offer) format2.Page {
	p := format2.Page{
		PageTerms: o.Terms(), Number: 1, Final: true, Previous: protocol.Digest{4}, FirstBlock: 1, FirstOffset: 10,
		Files: 2, Blocks: 1, Bytes: 10,
	}
	if o.Edition == 2 {
		p.Void = []format2.VoidFile{{Entry: 2, Reason: format2.VoidGone}}
	}
	return p
}

func (m *pagedMaker) offered(o format2.Offer, p format2.Page) groupcast.ProofOffer {
	b := format2.AppendOffer(nil, o)
	return groupcast.ProofOffer{
		Bytes: b, Signature: seal.SignOffer(m.ca.SigningKey(), b), Page: seal.SignPage(m.ca.SigningKey(), p),
	}
}

func (m *pagedMaker) root(o format2.Offer) protocol.Digest {
	return format2.Root(format2.AppendPage(nil, m.finalPage(o)))
}

func (m *pagedMaker) before() format2.Offer {
	o := m.offer
	o.Number, o.Edition = 6, 1
	return o
}

// signs is what device n signs, of the newest edition.
func (m *pagedMaker) signs(n byte, change func(*format2.Receipt, *groupcast.ProofReceipt)) groupcast.ProofReceipt {
	o := m.offer
	r := format2.Receipt{
		Server: o.Server, Group: o.Group, Transfer: o.Transfer, TransferID: o.TransferID, Skeleton: o.Skeleton,
		Edition: o.Edition, Root: m.root(o), Device: protocol.DeviceID{n}, Sequence: 100,
		Outcome: format2.OutcomeVerified, Path: format2.PathMulticast, Entries: 3, Bytes: 10,
	}
	out := groupcast.ProofReceipt{Device: protocol.DeviceID{n}}
	if change != nil {
		change(&r, &out)
	}
	r.Reason, r.List = groupcast.ReasonDigest(out.Reason), groupcast.EntriesDigest(out.Entries)
	out.Bytes = format2.AppendReceipt(nil, r) // not checked: a device may sign what contradicts itself
	out.Signature = seal.SignOffer(m.keys[n], out.Bytes)
	return out
}

// make has a device with all but what is void, one that lacks an entry, too, one that verified the edition before, and
// one that never answered.
func (m *pagedMaker) make() groupcast.Proof {
	void := func(r *format2.Receipt, _ *groupcast.ProofReceipt) { r.Void = 1 }
	return m.state(groupcast.Proof{
		V: groupcast.ProofVersionPaged, Fingerprint: m.ca.ID(), Chain: m.ca.SigningChain(), MadeAt: made, Transfer: 5,
		Group: "lab", Name: "a", Lost: 1,
		Offer:   m.offered(m.offer, m.finalPage(m.offer)),
		Earlier: []groupcast.ProofOffer{m.offered(m.before(), m.finalPage(m.before()))},
		Devices: []groupcast.ProofDevice{m.device(1), m.device(2), m.device(3)},
		Receipts: []groupcast.ProofReceipt{
			m.signs(1, void),
			m.signs(2, func(r *format2.Receipt, p *groupcast.ProofReceipt) {
				r.Outcome, r.Missing, r.Void, p.Reason = format2.OutcomeIncomplete, 1, 1, "the disk is full"
				p.Entries = []groupcast.DeliveryEntry{{Path: "a", Kind: "file", Result: groupcast.EntryMissing}}
			}),
			m.signs(3, func(r *format2.Receipt, _ *groupcast.ProofReceipt) {
				r.Edition, r.Root, r.Outcome = 1, m.root(m.before()), format2.OutcomeAlreadyHad
			}),
		},
		Missing: []groupcast.ProofMissing{{User: "bob", State: groupcast.DeliveryQueued}},
	})
}

func TestAPagedProofProves(t *testing.T) {
	m := newPagedMaker(t)
	r, err := verify(m.text(m.make()), m.ca.ID())
	if err != nil {
		t.Fatal(err)
	}
	want := proof.Paged{Skeleton: m.offer.Skeleton, Edition: 2, Root: m.root(m.offer)}
	if r.Paged == nil || *r.Paged != want || r.Manifest != (protocol.Digest{}) || r.Named || r.Entries != 3 ||
		r.Bytes != 10 {
		t.Errorf("its content: %+v, %+v", r, r.Paged)
	}
	if r.Verified != 1 || r.Partly != 2 || r.Missing != 1 || r.Failed+r.Refused != 0 {
		t.Errorf("%+v", r)
	}
	tallies := []groupcast.Tally{{Entries: 3, Void: 1}, {Entries: 3, Missing: 1, Void: 1}, {Entries: 3}, {}}
	for i, d := range r.Devices {
		if d.Tally != tallies[i] || d.Earlier != (i == 2) || i < 3 && d.Covers != groupcast.SignedAll {
			t.Errorf("device %d: %+v", i, d)
		}
	}
}

// A skeleton in a proof names the entries. One that is not the offer's, or is no skeleton, breaks the proof.
func TestASkeletonNamesTheEntries(t *testing.T) {
	var raw bytes.Buffer
	entries := []skeleton.Entry{{Path: "a", Size: 4}, {Path: "b", Kind: manifest.KindFolder}, {Path: "b/c", Size: 6}}
	w, err := skeleton.NewWriter(&raw, skeleton.Totals{Entries: 3, Small: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if err := w.Add(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	index, n, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	m := newPagedMaker(t)
	m.offer.Skeleton, m.offer.SkeletonBytes = format2.SkeletonDigest(index), uint64(n)
	p := m.make()
	p.Manifest = raw.Bytes()
	r, err := verify(m.text(m.state(p)), m.ca.ID())
	if err != nil || !r.Named || len(r.Files) != 3 || r.Files[2].Path != "b/c" || r.Files[2].Size != 6 ||
		r.Files[1].Kind != "folder" {
		t.Errorf("%+v, %v", r, err)
	}
	other := bytes.Clone(raw.Bytes())
	other[len(other)-1] ^= 1
	for name, list := range map[string][]byte{"another": other, "cut off": raw.Bytes()[:n-1], "of nothing": {}} {
		p.Manifest = list
		if r, err := verify(m.text(m.state(p)), m.ca.ID()); err == nil && r.Named {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// While the source is read there is no final page, and nobody can have verified it. What failed meanwhile is proved.
func TestAProofBeforeTheFinalPage(t *testing.T) {
	m := newPagedMaker(t)
	p := m.make()
	p.Offer.Page = nil
	refused(t, m.maker, m.state(p))
	p.Receipts[0] = m.signs(1, func(r *format2.Receipt, _ *groupcast.ProofReceipt) {
		r.Outcome, r.Root = format2.OutcomeFailed, protocol.Digest{}
	})
	p.Receipts[1] = m.signs(2, func(r *format2.Receipt, _ *groupcast.ProofReceipt) {
		r.Outcome, r.Root, r.Missing = format2.OutcomeIncomplete, protocol.Digest{}, 3
	})
	r, err := verify(m.text(m.state(p)), m.ca.ID())
	if err != nil || r.Failed != 1 || r.Partly != 1 || r.Verified != 1 || r.Paged.Root != (protocol.Digest{}) {
		t.Errorf("%+v, %v", r, err)
	}
}

// fields that are changed on the way; inside: it is found out even if the server signed the changed proof.
type fieldCase struct {
	name   string
	inside bool
	change func(*groupcast.Proof)
}

// Every field of an offer and of a final page counts, and each of a receipt.
func TestEveryFieldOfPagesCounts(t *testing.T) {
	m := newPagedMaker(t)
	other := newMaker(t)
	for _, c := range slices.Concat(m.offerCases(other), m.pageCases(other), m.receiptCases()) {
		t.Run(c.name, func(t *testing.T) {
			p := m.make()
			c.change(&p)
			refused(t, m.maker, p)
			if c.inside {
				refused(t, m.maker, m.state(p))
			}
		})
	}
}

func flip(b *[]byte, at int) { *b = bytes.Clone(*b); (*b)[(at+len(*b))%len(*b)] ^= 1 }

func (m *pagedMaker) offerCases(other *maker) []fieldCase {
	offer := func(change func(*format2.Offer)) func(*groupcast.Proof) {
		return func(p *groupcast.Proof) {
			o := m.offer
			change(&o)
			p.Offer = m.offered(o, m.finalPage(o))
		}
	}
	return []fieldCase{
		{"version 1", true, func(p *groupcast.Proof) { p.V = groupcast.ProofVersion }},
		{"version 3", true, func(p *groupcast.Proof) { p.V++ }},
		{"time", false, func(p *groupcast.Proof) { p.MadeAt = p.MadeAt.Add(time.Second) }},
		{"lost", false, func(p *groupcast.Proof) { p.Lost++ }},
		{"a manifest", true, func(p *groupcast.Proof) { p.Manifest = m.raw }},
		{"an offer of format 1", true, func(p *groupcast.Proof) { p.Offer = m.signed(m.maker.offer) }},
		{"offer", true, func(p *groupcast.Proof) { flip(&p.Offer.Bytes, 200) }},
		{"offer's signature", true, func(p *groupcast.Proof) { flip(&p.Offer.Signature, 0) }},
		{"offer of another group", true, offer(func(o *format2.Offer) { o.Group[0]++ })},
		{"offer of another transfer", true, offer(func(o *format2.Offer) { o.Transfer++ })},
		{"offer with another ID", true, offer(func(o *format2.Offer) { o.TransferID[0]++ })},
		{"offer of another skeleton", true, offer(func(o *format2.Offer) { o.Skeleton[0]++ })},
		{"offer of another edition", true, offer(func(o *format2.Offer) { o.Edition++ })},
		{"offer of another server", true, offer(func(o *format2.Offer) { o.Server[0]++ })},
		{"offers swapped", true, func(p *groupcast.Proof) { p.Offer, p.Earlier[0] = p.Earlier[0], p.Offer }},
		{"no earlier offer", true, func(p *groupcast.Proof) { p.Earlier = nil }},
		{"another's statement", false, func(p *groupcast.Proof) { *p = other.state(*p) }},
	}
}

func (m *pagedMaker) pageCases(other *maker) []fieldCase {
	page := func(change func(*format2.Page)) func(*groupcast.Proof) {
		return func(p *groupcast.Proof) {
			x := m.finalPage(m.offer)
			change(&x)
			p.Offer = m.offered(m.offer, x)
		}
	}
	return []fieldCase{
		{"no final page", true, func(p *groupcast.Proof) { p.Offer.Page = nil }},
		{"no earlier final page", true, func(p *groupcast.Proof) { p.Earlier[0].Page = nil }},
		{"final pages swapped", true, func(p *groupcast.Proof) {
			p.Offer.Page, p.Earlier[0].Page = p.Earlier[0].Page, p.Offer.Page
		}},
		{"page", true, func(p *groupcast.Proof) { flip(&p.Offer.Page, 100) }},
		{"page's signature", true, func(p *groupcast.Proof) { flip(&p.Offer.Page, -1) }},
		{"page cut", true, func(p *groupcast.Proof) { p.Offer.Page = p.Offer.Page[:80] }},
		{"another's page", true, func(p *groupcast.Proof) {
			p.Offer.Page = seal.SignPage(other.ca.SigningKey(), m.finalPage(m.offer))
		}},
		{"page that is not final", true, page(func(x *format2.Page) { x.Final = false })},
		{"page of another number", true, page(func(x *format2.Page) { x.Number = 2 })},
		{"page beyond the numbers", true, page(func(x *format2.Page) { x.Number = 3 })},
		{"page of another server", true, page(func(x *format2.Page) { x.Server[0]++ })},
		{"page of another group", true, page(func(x *format2.Page) { x.Group[0]++ })},
		{"page of another transfer", true, page(func(x *format2.Page) { x.Transfer++ })},
		{"page of another ID", true, page(func(x *format2.Page) { x.TransferID[0]++ })},
		{"page of another skeleton", true, page(func(x *format2.Page) { x.Skeleton[0]++ })},
		{"page of another edition", true, page(func(x *format2.Page) { x.Edition = 3 })},
		{"page after another", true, page(func(x *format2.Page) { x.Previous[0]++ })},
		{"page with other leaves", true, page(func(x *format2.Page) { x.Leaves = []protocol.Digest{{1}} })},
		{"page with more files", true, page(func(x *format2.Page) { x.Files = 4 })},
		{"page without a void file", true, page(func(x *format2.Page) { x.Void = nil })},
		{"page with a finished file", true, page(func(x *format2.Page) {
			x.Finished = []format2.FinishedFile{{Entry: 1}}
		})},
	}
}

func (m *pagedMaker) receiptCases() []fieldCase {
	receipt := func(change func(*format2.Receipt)) func(*groupcast.Proof) {
		return func(p *groupcast.Proof) {
			p.Receipts[0] = m.signs(1, func(r *format2.Receipt, _ *groupcast.ProofReceipt) {
				r.Void = 1
				change(r)
			})
		}
	}
	cases := []fieldCase{
		{"receipt for another server", true, receipt(func(r *format2.Receipt) { r.Server[0]++ })},
		{"receipt for another group", true, receipt(func(r *format2.Receipt) { r.Group[0]++ })},
		{"receipt for another transfer", true, receipt(func(r *format2.Receipt) { r.Transfer++ })},
		{"receipt for another ID", true, receipt(func(r *format2.Receipt) { r.TransferID[0]++ })},
		{"receipt for another skeleton", true, receipt(func(r *format2.Receipt) { r.Skeleton[0]++ })},
		{"receipt for another edition", true, receipt(func(r *format2.Receipt) { r.Edition = 3 })},
		{"receipt for the other edition's page", true, receipt(func(r *format2.Receipt) { r.Edition = 1 })},
		{"receipt for another page", true, receipt(func(r *format2.Receipt) { r.Root[0]++ })},
		{"receipt for no page", true, receipt(func(r *format2.Receipt) { r.Root = protocol.Digest{} })},
		{"receipt of another device", true, receipt(func(r *format2.Receipt) { r.Device[0] = 9 })},
		{"receipt with no outcome", true, receipt(func(r *format2.Receipt) { r.Outcome = 0 })},
		{"receipt with a later outcome", true, receipt(func(r *format2.Receipt) { r.Outcome = 7 })},
		{"receipt with a later path", true, receipt(func(r *format2.Receipt) { r.Path = 4 })},
		{"receipt that lacks, and verified", true, receipt(func(r *format2.Receipt) { r.Missing = 1 })},
		{"receipt that counts too much", true, receipt(func(r *format2.Receipt) { r.Void = 4 })},
		{"another reason", true, func(p *groupcast.Proof) { p.Receipts[1].Reason = "none" }},
		{"another entry", true, func(p *groupcast.Proof) { p.Receipts[1].Entries[0].Path = "b" }},
		{"no entries", false, func(p *groupcast.Proof) { p.Receipts[1].Entries = nil }},
		{"another's receipt", true, func(p *groupcast.Proof) { p.Receipts[0].Device = p.Devices[1].ID }},
		{"a receipt of format 1", true, func(p *groupcast.Proof) {
			p.Receipts[0] = m.receipt(1, m.offer.Skeleton, nil)
		}},
	}
	for at := range format2.ReceiptBytes { // sequence, site and bytes among them
		cases = append(cases, fieldCase{"a byte of a receipt", true, func(p *groupcast.Proof) {
			p.Receipts[0].Bytes = bytes.Clone(p.Receipts[0].Bytes)
			p.Receipts[0].Bytes[at] ^= 1
		}})
	}
	return cases
}

// Whoever changes one byte of a proof breaks it.
func TestEveryByteOfAPagedProofCounts(t *testing.T) {
	m := newPagedMaker(t)
	raw := m.text(m.make())
	step := 3
	if testing.Short() {
		step = 23
	}
	for at := 0; at < len(raw); at += step {
		changed := bytes.Clone(raw)
		changed[at] ^= 1
		if _, err := verify(changed, m.ca.ID()); err == nil {
			t.Fatalf("byte %d of …%s… is not covered", at, raw[max(at-20, 0):min(at+20, len(raw))])
		}
	}
}
