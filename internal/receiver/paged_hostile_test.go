package receiver

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

// resigned is a page as another key, or the server for another purpose, would sign it.
func resigned(t *testing.T, raw []byte, key seal.SigningKey, change func(*format2.Page)) []byte {
	t.Helper()
	signed, _, _ := seal.SplitPage(raw)
	p, err := format2.ParsePage(signed)
	if err != nil {
		t.Fatal(err)
	}
	change(&p)
	return seal.SignPage(key, p)
}

func otherLeaf(p *format2.Page) { p.Leaves[0][0]++ }

// TestForgedPagesAreFetchedAtOnce: what a member seals as a page is not taken, whatever it is. The page is fetched
// over HTTPS at once, nothing is written until it is there, and then the session goes on.
func TestForgedPagesAreFetchedAtOnce(t *testing.T) {
	for name, forge := range map[string]func(t *testing.T, o *pagedOrigin) []byte{
		"signed by a member": func(t *testing.T, o *pagedOrigin) []byte {
			return resigned(t, o.pages[0], seal.NewSigningKey(), otherLeaf)
		},
		"of another transfer": func(t *testing.T, o *pagedOrigin) []byte {
			return resigned(t, o.pages[0], o.key, func(p *format2.Page) { p.TransferID[0]++ })
		},
		"of another edition": func(t *testing.T, o *pagedOrigin) []byte {
			return resigned(t, o.pages[0], o.key, func(p *format2.Page) { p.Edition++ })
		},
		"of another number": func(_ *testing.T, o *pagedOrigin) []byte { return o.pages[1] },
		"behind the offer's": func(t *testing.T, o *pagedOrigin) []byte {
			return resigned(t, o.pages[0], o.key, func(p *format2.Page) { p.Number = protocol.PageNo(o.offer.Pages) })
		},
		"no page": func(_ *testing.T, o *pagedOrigin) []byte { return bytes.Repeat([]byte{7}, len(o.pages[0])) },
	} {
		for _, early := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", before the skeleton"}[early], func(t *testing.T) {
				forgedPageIsFetched(t, early, forge)
			})
		}
	}
}

func forgedPageIsFetched(t *testing.T, early bool, forge func(*testing.T, *pagedOrigin) []byte) {
	o := newPagedOrigin(t, 0, 2<<20)
	m := newPagedMemory(o)
	var a asked
	change := a.listen(o)
	if !early {
		change = both(change, withContent(m))
	}
	r, over := o.running(m, change)
	bad := forge(t, o)
	s := o.syncOf(2, 1)
	s.PageFront, s.Lengths[0] = 0, len(bad)
	o.say(r, o.sealSync(o.syncKey, s))
	o.tell(r, o.bytesAs(o.pageBlock(0), bad, 0))
	until(t, "the page is asked for", func() bool { return len(a.now().Pages) > 0 })
	for n := range o.pages[1:] {
		o.tell(r, o.data(o.pageBlock(n+1), 0))
	}
	for b := range o.cut.Blocks() {
		o.tell(r, o.data(o.inSession(b), 0))
	}
	if m.written() != 0 || m.Verified() != 0 {
		t.Fatalf("%d blocks were written, %d pages taken", m.written(), m.Verified())
	}
	if early {
		if err := r.SupplySkeleton(bytes.NewReader(o.skeleton)); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.now().Pages; !slices.Equal(got, []protocol.Range{{Count: 1}}) {
		t.Errorf("asked for %v", got)
	}
	if err := r.SupplyPage(o.pages[0]); err != nil {
		t.Fatal(err)
	}
	if early { // what came before is beyond what is kept, or is there
		for b := range o.cut.Blocks() {
			o.tell(r, o.data(o.inSession(b), 0))
		}
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	m.check()
}

// TestTwoPagesOfOneNumberEndTheSession: the server signed both, and both are kept.
func TestTwoPagesOfOneNumberEndTheSession(t *testing.T) {
	o := newPagedOrigin(t, 0, 2<<20)
	other := resigned(t, o.pages[1], o.key, otherLeaf)
	m := newPagedMemory(o)
	r, over := o.running(m, withContent(m))
	o.say(r, o.declaring(2, 1, len(o.pages)))
	o.tell(r, o.data(o.pageBlock(1), 0))
	until(t, "the page is there", func() bool { return r.Status().Verified == 2+int(o.offer.FirstPage())-1 })
	var f *pages.Fault
	if err := r.SupplyPage(other); !errors.As(err, &f) || f.Code != pages.FaultTwo {
		t.Fatalf("another page of the number: %v", err)
	}
	f = nil
	if err := <-over; !errors.As(err, &f) || !f.Final() || f.Code != pages.FaultTwo {
		t.Fatalf("the session ended with %v", err)
	}
	if len(f.Proof) != 2 || !bytes.Equal(f.Proof[0], o.pages[1]) || !bytes.Equal(f.Proof[1], other) {
		t.Errorf("%d pages are kept of it", len(f.Proof))
	}
}

// TestAPageThatDoesNotFollowEndsTheSession: it came by multicast, and the server signed it.
func TestAPageThatDoesNotFollowEndsTheSession(t *testing.T) {
	for _, early := range []bool{false, true} {
		o := newPagedOrigin(t, 0, 2<<20)
		bad := resigned(t, o.pages[1], o.key, func(p *format2.Page) { p.Previous[0]++ })
		m := newPagedMemory(o)
		change := withContent(m)
		if early {
			change = nil
		}
		r, over := o.running(m, change)
		o.say(r, o.declaring(2, 1, len(o.pages)))
		o.tell(r, o.data(o.pageBlock(0), 0))
		o.tell(r, o.bytesAs(o.pageBlock(1), bad, 0))
		if early {
			until(t, "the pages are there", func() bool { return r.Status().Verified == 2 })
			o.tell(r, o.data(0, 0))
			o.tell(r, o.data(1, 0))
		}
		var f *pages.Fault
		if err := <-over; !errors.As(err, &f) || f.Code != pages.FaultChain || !bytes.Equal(f.Proof[0], bad) {
			t.Errorf("before the skeleton %v: the session ended with %v", early, err)
		}
	}
}

// TestForgedSyncsDoNotKeepGenuineOnesOut: members flood with SYNCs whose elements are true, old, or none, from the
// sender's own address and port. The first genuine SYNC of each slot counts all the same.
func TestForgedSyncsDoNotKeepGenuineOnesOut(t *testing.T) {
	o := newPagedOrigin(t, 0, 2<<20)
	m := newPagedMemory(o)
	r := o.idle(m, withContent(m))
	member, none := seal.NewSigningKey(), format2.Element{1}
	flood := func(slot uint32, e format2.Element, times int) {
		s := o.syncOf(1<<40, slot)
		s.Element = e
		p := o.sealSync(member, s)
		for range times {
			o.say(r, p)
		}
	}
	at := func(slot uint32) format2.Element { e, _ := o.chain.Element(slot); return e }
	const slots = 20
	began := time.Now()
	for slot := uint32(1); slot <= slots; slot++ {
		flood(slot, none, 100)                 // an element that is none …
		flood(slot-1, at(slot-1), 100)         // … that was known before …
		flood(slot+seal.ChainSteps, none, 100) // … that nobody can check
		// A member that heard the new element first uses it before the sender's SYNC comes, and known ones after it: they
		// do not use up what is kept for a new one.
		flood(slot, at(slot), 1)
		flood(slot-1, at(slot-1), 100)
		sequence := uint64(10 + 2*slot)
		o.say(r, o.sync(sequence, slot))
		if got := r.format.(*pagedSession).syncs.newest; got != sequence {
			t.Fatalf("slot %d: the newest SYNC is %d: %v", slot, got, r.Status().Drops)
		}
		flood(slot, at(slot), 100) // that everybody knows now
	}
	d := r.Status().Drops
	passed := 2 + time.Since(began)/(100*time.Millisecond) // slots of the clock
	if most := uint64(slots*(2+10) + 10*passed); d["signature"] > most || d["signature"] < slots {
		t.Errorf("%d signatures of forged SYNCs were checked: %v", d["signature"], d)
	}
	if d["chain"] != slots*200 || d["budget"] == 0 {
		t.Errorf("%v", d)
	}
	o.say(r, o.sync(5000, slots)) // the sender's next one with that element is late by its budget, not for good
	o.say(r, o.sync(5001, slots+1))
	if got := r.format.(*pagedSession).syncs.newest; got != 5001 {
		t.Errorf("the newest SYNC is %d", got)
	}
}

// TestPagedPacketsAreDroppedForAReason: each check has its own.
func TestPagedPacketsAreDroppedForAReason(t *testing.T) {
	o := newPagedOrigin(t, 0, 1<<20)
	m := newPagedMemory(o)
	r := o.idle(m, withContent(m))
	first := newOrigin(t, 1<<20) // of format 1, with the same tag
	first.offer.Tag = o.offer.Tag
	flags := o.syncOf(9, 1)
	flags.Flags = 1 << 12
	short := o.data(0, 0)
	for _, c := range []struct {
		want string
		p    []byte
	}{
		{"length", short[:len(short)-1]},
		{"kind", first.data(0, 0, first.symbol(0, 0))},
		{"sequence", o.sync(1, 0)},
		{"chain", o.sync(3, 1500)},
		{"signature", o.sealSync(seal.NewSigningKey(), o.syncOf(4, 1))},
		{"body", o.sealSync(o.syncKey, flags)},
		{"body", o.packet(make([]byte, int(o.offer.SymbolSize)+protocol.DataHeaderBytes))},
	} {
		before := r.Status().Drops[c.want]
		o.say(r, c.p)
		if got := r.Status().Drops; got[c.want] != before+1 {
			t.Errorf("%s: counted %v", c.want, got)
		}
	}
}

// TestTheOffersPortIsTheOnlyOne: with a port in the offer nothing from another one is opened.
func TestTheOffersPortIsTheOnlyOne(t *testing.T) {
	o := newPagedOrigin(t, 0, 1<<20)
	o.offer.Source = o.from
	o.begin()
	r := o.idle(newPagedMemory(o), nil)
	p := o.sync(2, 1)
	for _, port := range []uint16{o.from.Port() + 1, o.from.Port()} {
		from := o.from
		from = withPort(from, port)
		hear(r, from, p, len(p))
		if got := r.format.(*pagedSession).syncs.newest; (got == 2) != (from == o.from) {
			t.Errorf("from port %d: the newest SYNC is %d", port, got)
		}
	}
}

// TestTheSkeletonComesWithTheSession: blocks before the index wait, wrong ones are told from right ones, and one that
// stays wrong is asked for over HTTPS.
func TestTheSkeletonComesWithTheSession(t *testing.T) {
	o := newPagedOrigin(t, 20_000, 300_000)
	if o.offer.SkeletonBlocks() < 4 {
		t.Fatalf("a skeleton of %d blocks is too small for this test", o.offer.SkeletonBlocks())
	}
	m := newPagedMemory(o)
	r, over := o.running(m, nil)
	wrong := bytes.Clone(o.block(2))
	wrong[100]++
	o.tell(r, o.bytesAs(2, wrong, 0))
	o.tell(r, o.data(3, 0))
	if got := r.Status().Verified; got != 0 {
		t.Fatalf("%d blocks count as verified without the index", got)
	}
	o.tell(r, o.data(0, 0))
	until(t, "the wrong block is known as such", func() bool { return r.Status().Forged == 1 && r.Status().Verified == 2 })
	for b := protocol.BlockNumber(1); b < o.offer.FirstPage(); b++ {
		o.tell(r, o.data(b, 0))
	}
	until(t, "all but the wrong block are there", func() bool {
		return r.Status().Verified == o.offer.SkeletonBlocks()
	})
	if r.Status().Manifest || m.staged != 0 {
		t.Fatal("a skeleton with a wrong block is taken")
	}
	parity := o.bytesAs(2, o.block(2), 80)[84*o.packetSize():] // with it the wrong symbol is found
	o.tell(r, parity[:4*o.packetSize()])
	until(t, "the skeleton is known", func() bool { return r.Status().Manifest })
	o.say(r, o.sync(2, 1))
	for n := range o.pages {
		o.tell(r, o.data(o.pageBlock(n), 0))
	}
	for b := range o.cut.Blocks() {
		o.tell(r, o.data(o.inSession(b), 0))
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	m.check()
}

// TestSkeletonsThatAreNotTheOffers: none of them is taken, also when blocks of it came with the session; the right one
// is, after them.
func TestSkeletonsThatAreNotTheOffers(t *testing.T) {
	o := newPagedOrigin(t, 20_000, 300_000)
	other := bytes.Clone(o.skeleton)
	other[len(other)-1]++
	early := bytes.Clone(o.skeleton)
	early[0]++
	for _, index := range []bool{false, true} {
		m := newPagedMemory(o)
		r := o.idle(m, nil)
		s := r.format.(*pagedSession).skeleton
		if index {
			for _, b := range []protocol.BlockNumber{0, 2} {
				if got, err := s.put(b, o.block(b)); err != nil || got != 1 {
					t.Fatal(got, err)
				}
			}
		}
		for name, raw := range map[string][]byte{
			"none": nil, "too short": o.skeleton[:len(o.skeleton)-1], "too long": append(bytes.Clone(o.skeleton), 0),
			"another end": other, "another beginning": early,
		} {
			in := bytes.NewReader(raw)
			if err := r.SupplySkeleton(in); err == nil || m.staged != 0 {
				t.Errorf("index there %v, %s: %v, staged %d times", index, name, err, m.staged)
			}
			if whole := in.Len() == 0; name == "another beginning" && whole == index {
				t.Errorf("index there %v: all of it was read: %v", index, whole)
			}
		}
		if err := r.SupplySkeleton(bytes.NewReader(o.skeleton)); err != nil || m.staged != 1 {
			t.Errorf("index there %v: %v", index, err)
		}
		if !r.Status().Manifest || s.scratch != nil {
			t.Error("the skeleton is not known, or its file is still there")
		}
	}
}

// TestSkeletonThatIsRefusedEndsTheSession: wherever it comes from.
func TestSkeletonThatIsRefusedEndsTheSession(t *testing.T) {
	refused := errors.New("no space")
	for _, supplied := range []bool{false, true} {
		o := newPagedOrigin(t, 10, 1<<20)
		m := newPagedMemory(o)
		r, over := o.running(m, func(c *PagedConfig) { c.OnSkeleton = refusing(refused) })
		if supplied {
			if err := r.SupplySkeleton(bytes.NewReader(o.skeleton)); !errors.Is(err, refused) {
				t.Errorf("supplied: %v", err)
			}
		} else {
			o.tell(r, append(o.data(0, 0), o.data(1, 0)...))
		}
		if err := <-over; !errors.Is(err, refused) {
			t.Errorf("got %v", err)
		}
	}
}

// TestDiskThatCannotKeepASkeleton ends the session.
func TestDiskThatCannotKeepASkeleton(t *testing.T) {
	full := errors.New("no space left")
	o := newPagedOrigin(t, 10, 1<<20)
	r, over := o.running(newPagedMemory(o), func(c *PagedConfig) {
		c.Scratch = func() (Scratch, error) { return nil, full }
	})
	o.tell(r, append(o.data(0, 0), o.data(1, 0)...))
	if err := <-over; !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

// TestEarlyPagesAreBounded: before the skeleton no more pages are kept than a book holds.
func TestEarlyPagesAreBounded(t *testing.T) {
	sizes := make([]int, 80)
	for i := range sizes {
		sizes[i] = 1 << 20
	}
	o := newPagedOrigin(t, 0, sizes...)
	o.signShort()
	m := newPagedMemory(o)
	p := o.idle(m, nil).format.(*pagedSession)
	kept := 0
	for n, raw := range slices.Backward(o.pages) {
		if p.storePage(o.pageBlock(n), raw) == 1 {
			kept++
		}
	}
	if len(o.pages) <= pages.MaxHeld || kept != pages.MaxHeld || len(p.early) != kept {
		t.Errorf("%d of %d pages are kept", kept, len(o.pages))
	}
	if err := p.stage(m); err != nil || int(m.Verified()) != kept {
		t.Errorf("%d pages are verified, %v", m.Verified(), err)
	}
}
