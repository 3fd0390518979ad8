package pages

import (
	"bytes"
	"errors"
	"testing"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// chain gives the pages of a small transfer: a small file, a large one that is finished, a large one that is void.
func chain(t *testing.T) (*source, [][]byte) {
	t.Helper()
	s := newSource(t, 20, 0, 200, 400)
	s.void[3] = 10
	pages := s.read(t, s.writer(100), func() bool { return true })
	if len(pages) < 5 {
		t.Fatalf("%d pages", len(pages))
	}
	return s, pages
}

// forged changes a page and signs it as somebody who has the server's key.
func forged(t *testing.T, raw []byte, key seal.SigningKey, change func(*format2.Page)) []byte {
	t.Helper()
	signed, _, _ := seal.SplitPage(raw)
	p, err := format2.ParsePage(signed)
	if err != nil {
		t.Fatal(err)
	}
	change(&p)
	return seal.SignPage(key, p)
}

// A page that is not one of this transfer's, or not the server's, changes nothing, and the right one still counts.
func TestPagesOfOthersChangeNothing(t *testing.T) {
	s, pages := chain(t)
	server := testKey(1)
	for name, c := range map[string]struct {
		raw  []byte
		code FaultCode
	}{
		"another transfer's":       {forged(t, pages[1], server, func(p *format2.Page) { p.TransferID[0]++ }), FaultOther},
		"another number's":         {forged(t, pages[1], server, func(p *format2.Page) { p.Transfer++ }), FaultOther},
		"another group's":          {forged(t, pages[1], server, func(p *format2.Page) { p.Group[0]++ }), FaultOther},
		"another server's":         {forged(t, pages[1], server, func(p *format2.Page) { p.Server[0]++ }), FaultOther},
		"another skeleton's":       {forged(t, pages[1], server, func(p *format2.Page) { p.Skeleton[0]++ }), FaultOther},
		"an earlier edition's":     {forged(t, pages[1], server, func(p *format2.Page) { p.Edition-- }), FaultOther},
		"a later edition's":        {forged(t, pages[1], server, func(p *format2.Page) { p.Edition++ }), FaultOther},
		"beyond the numbers":       {forged(t, pages[1], server, func(p *format2.Page) { p.Number = 100 }), FaultNumber},
		"signed by a member":       {forged(t, pages[1], testKey(2), func(*format2.Page) {}), FaultSignature},
		"with a signature of none": {append(bytes.Clone(pages[1][:len(pages[1])-64]), make([]byte, 64)...), FaultSignature},
		"with another's signature": {
			append(bytes.Clone(pages[1][:len(pages[1])-64]), pages[2][len(pages[2])-64:]...), FaultSignature,
		},
		"changed in a leaf": {flip(pages[1], 210), FaultSignature},
		"cut off":           {pages[1][:200], FaultBytes},
		"no page":           {make([]byte, 500), FaultBytes},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.book(100)
			c0, err := b.Add(pages[0])
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.Add(c.raw)
			var f *Fault
			if !errors.As(err, &f) || f.Code != c.code || f.Final() || len(got.Pages) > 0 || b.Verified() != 1 {
				t.Fatalf("%v, %+v", err, got)
			}
			if c1, err := b.Add(pages[1]); err != nil || len(c1.Pages) != 1 || len(c0.Pages) != 1 {
				t.Errorf("the right page after it: %v", err)
			}
		})
	}
}

func flip(b []byte, at int) []byte {
	out := bytes.Clone(b)
	out[at] ^= 1
	return out
}

// contradiction is a page that the server signed and that cannot be, after so many others.
type contradiction struct {
	before int
	raw    []byte
	code   FaultCode
}

func contradictions(t *testing.T, pages [][]byte) map[string]contradiction {
	server, last := testKey(1), len(pages)-1
	return map[string]contradiction{
		"two for one number": {2, forged(t, pages[1], server, func(p *format2.Page) { p.Leaves[0][0]++ }), FaultTwo},
		"two that wait":      {0, forged(t, pages[1], server, func(p *format2.Page) { p.Leaves[0][0]++ }), FaultTwo},
		"swapped numbers":    {1, forged(t, pages[2], server, func(p *format2.Page) { p.Number = 1 }), FaultChain},
		"another before it":  {1, forged(t, pages[1], server, func(p *format2.Page) { p.Previous[0]++ }), FaultChain},
		"blocks again":       {2, forged(t, pages[2], server, func(p *format2.Page) { p.FirstBlock-- }), FaultChain},
		"blocks left out": {2, forged(t, pages[2], server, func(p *format2.Page) {
			p.FirstBlock++
			p.FirstOffset += testBlock
		}), FaultChain},
		"cut otherwise": {2, forged(t, pages[2], server, func(p *format2.Page) { p.FirstOffset++ }), FaultChain},
		"too many blocks": {2, forged(t, pages[2], server, func(p *format2.Page) {
			p.Leaves = make([]protocol.Digest, 1000)
		}), FaultChain},
		"wrong sums":      {2, forged(t, pages[2], server, func(p *format2.Page) { p.Bytes++ }), FaultChain},
		"wrong files":     {2, forged(t, pages[2], server, func(p *format2.Page) { p.Files++ }), FaultChain},
		"wrong blocks":    {2, forged(t, pages[2], server, func(p *format2.Page) { p.Blocks++ }), FaultChain},
		"final too early": {2, forged(t, pages[2], server, func(p *format2.Page) { p.Final = true }), FaultChain},
		"a final page that is not": {last, forged(t, pages[last], server, func(p *format2.Page) {
			p.Final = false
		}), FaultChain},
		"one after the final page": {last + 1, forged(t, pages[last], server, after(pages[last])), FaultChain},
		"finished before its last block": {2, forged(t, pages[2], server, func(p *format2.Page) {
			p.Finished = []format2.FinishedFile{{Entry: 2}}
			p.Files++
		}), FaultChain},
		"finished again": {2, forged(t, pages[2], server, func(p *format2.Page) {
			p.Finished = []format2.FinishedFile{{Entry: 0}}
			p.Files++
		}), FaultChain},
		"void after it was finished": {2, forged(t, pages[2], server, func(p *format2.Page) {
			p.Void = []format2.VoidFile{{Entry: 0, Reason: 1}}
			p.Files++
		}), FaultChain},
		"an entry that is none": {2, forged(t, pages[2], server, func(p *format2.Page) {
			p.Void = []format2.VoidFile{{Entry: 77, Reason: 1}}
			p.Files++
		}), FaultChain},
		"nothing": {2, forged(t, pages[2], server, func(p *format2.Page) { p.Leaves, p.Finished = nil, nil }), FaultChain},
	}
}

// What the server signed and cannot be is a fault that ends the transfer here, with the pages as the proof.
func TestFaultsOfTheServerAreFinal(t *testing.T) {
	s, pages := chain(t)
	last := len(pages) - 1
	for name, c := range contradictions(t, pages) {
		t.Run(name, func(t *testing.T) {
			b := s.book(100)
			for _, raw := range pages[:c.before] {
				if _, err := b.Add(raw); err != nil {
					t.Fatal(err)
				}
			}
			if c.before == 0 { // the right one waits already
				if _, err := b.Add(pages[1]); err != nil {
					t.Fatal(err)
				}
			}
			got, err := b.Add(c.raw)
			var f *Fault
			if !errors.As(err, &f) || f.Code != c.code || !f.Final() || len(got.Pages) > 0 || len(f.Proof) == 0 {
				t.Fatalf("%v, %+v", err, got)
			}
			if _, again := b.Add(pages[min(c.before, last)]); !errors.Is(again, f) || b.Fault() != f {
				t.Errorf("afterwards: %v", again)
			}
		})
	}
}

// after makes a page that follows another.
func after(before []byte) func(*format2.Page) {
	return func(p *format2.Page) {
		signed, _, _ := seal.SplitPage(before)
		p.Previous = format2.PageDigest(signed)
		p.Number++
		p.FirstBlock += uint32(len(p.Leaves))
		p.FirstOffset, p.Leaves, p.Finished, p.Void = 0, nil, nil, nil
	}
}

// Whatever a server signs, a book takes it or says why not: it is never brought down, and what it took holds together.
func FuzzSignedPages(f *testing.F) {
	server := testKey(1)
	s := &source{sizes: []uint64{20, 0, 200, 400}, cut: skeleton.NewCutOf(testBlock, 100), void: map[uint32]uint32{3: 10}}
	for i, n := range s.sizes {
		s.cut.Add(i, &skeleton.Entry{Size: n})
	}
	if err := s.cut.Close(); err != nil {
		f.Fatal(err)
	}
	pages := s.read(f, s.writer(100), func() bool { return true })
	for i, raw := range pages {
		signed, _, _ := seal.SplitPage(raw)
		f.Add(i, signed)
	}
	f.Fuzz(func(t *testing.T, before int, signed []byte) {
		p, err := format2.ParsePage(signed)
		if err != nil || before < 0 {
			return
		}
		b := s.book(100)
		for _, raw := range pages[:min(before, len(pages))] {
			if _, err := b.Add(raw); err != nil {
				t.Fatal(err)
			}
		}
		c, err := b.Add(seal.SignPage(server, p))
		if err == nil && len(c.Pages) > 0 && p.Final != b.Final() {
			t.Errorf("final: %v, and the book says %v", p.Final, b.Final())
		}
		for n := range uint32(s.cut.Blocks()) {
			if _, known := b.Digest(n); known && n >= b.end {
				t.Errorf("block %d has a digest beyond what is covered", n)
			}
		}
	})
}
