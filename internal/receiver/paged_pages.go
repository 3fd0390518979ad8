package receiver

import (
	"bytes"
	"errors"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
)

// storePage takes a page that the session brought as one of its blocks.
func (p *pagedSession) storePage(b protocol.BlockNumber, raw []byte) recv.Outcome {
	n, ok := numberOf(raw)
	if !ok || p.cfg.Offer.FirstPage()+protocol.BlockNumber(n) != b {
		return recv.Mismatch // a page of another number must not pass for this one
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	if !p.known() {
		return p.keepEarly(n, raw)
	}
	err := p.add(raw)
	var f *pages.Fault
	switch {
	case err == nil:
		return recv.Stored
	case errors.As(err, &f) && !f.Final():
		return recv.Mismatch
	case !errors.Is(err, pages.ErrAhead):
		p.r.fail(err)
	}
	return recv.Failed
}

// numberOf is the number of a page, which is not verified.
func numberOf(raw []byte) (protocol.PageNo, bool) {
	signed, _, ok := seal.SplitPage(raw)
	if !ok {
		return 0, false
	}
	page, err := format2.ParsePage(signed)
	return page.Number, err == nil
}

// keepEarly keeps a page until the skeleton is there, if the server signed it: whether it follows from the others
// is seen then. The turn is held.
func (p *pagedSession) keepEarly(n protocol.PageNo, raw []byte) recv.Outcome {
	signed, signature, _ := seal.SplitPage(raw)
	page, err := format2.ParsePage(signed)
	switch {
	case err != nil, page.PageTerms != p.cfg.Offer.Terms(), uint32(n) >= p.cfg.Offer.Pages,
		seal.VerifyPage(p.cfg.Verify, signed, signature) != nil:
		return recv.Mismatch
	case n >= pages.MaxHeld || len(p.early) == pages.MaxHeld:
		return recv.Failed
	}
	p.early = append(p.early, bytes.Clone(raw))
	return recv.Stored
}

// add takes a page and tells the machine what it brings; the turn is held.
func (p *pagedSession) add(raw []byte) error {
	content := p.now()
	c, err := content.AddPage(raw)
	if err == nil {
		p.learn(content, c)
	}
	return err
}

// SupplyPage takes a page of a paged transfer that was fetched over HTTPS. Its error is pages.ErrAhead if too many
// before it are lacking, a *pages.Fault, which ends the session if it is final, or what the disk says.
func (r *Receiver) SupplyPage(raw []byte) error {
	p, is := r.format.(*pagedSession)
	if !is {
		return errNotPaged
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	if !p.known() {
		return ErrNoSkeleton
	}
	err := p.add(raw)
	var f *pages.Fault
	if errors.As(err, &f) && f.Final() {
		r.fail(err)
	}
	if err != nil {
		return err
	}
	if n, ok := numberOf(raw); ok {
		r.supplied(p.cfg.Offer.FirstPage()+protocol.BlockNumber(n), 0)
	}
	return nil
}

// learn tells the machine what pages bring; the turn is held.
func (p *pagedSession) learn(content PagedContent, c pages.Change) {
	var there *protocol.BlockSet // an earlier edition may have left blocks
	if len(c.Ready) > 0 {
		there = content.Have()
	}
	verified := content.Verified()
	r, stream := p.r, p.cfg.Offer.FirstStream()
	r.mu.Lock()
	defer r.mu.Unlock()
	p.verified = uint32(verified)
	now := time.Now()
	for _, x := range c.Held {
		for b := x.First; b < x.End(); b++ {
			r.bytes += uint64(p.countLocked(uint32(b)))
		}
	}
	held := moved(c.Held, stream)
	if c.Final { // there are no more pages
		unused := protocol.BlockNumber(verified)
		held = append(held, protocol.Range{
			First: p.cfg.Offer.FirstPage() + unused, Count: p.cfg.Offer.Pages - uint32(verified),
		})
	}
	r.machine.Known(now, moved(c.Ready, stream), held)
	for _, x := range c.Ready {
		for b := x.First; b < x.End(); b++ {
			if there.Has(b) {
				r.bytes += uint64(p.countLocked(uint32(b)))
				r.machine.BlockSupplied(now, stream+b)
			}
		}
	}
	r.afterBlock(now)
	r.wakeLoop()
}

// moved gives ranges of the stream as ranges of the session.
func moved(list []protocol.Range, stream protocol.BlockNumber) []protocol.Range {
	out := make([]protocol.Range, len(list))
	for i, x := range list {
		out[i] = protocol.Range{First: stream + x.First, Count: x.Count}
	}
	return out
}
