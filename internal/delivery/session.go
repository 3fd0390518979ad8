package delivery

import (
	"context"
	"errors"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/offering"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/reading"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// PagedSession is what a session of a paged transfer is made of.
type PagedSession struct {
	Key     seal.SigningKey
	Terms   format2.Offer // without what the session draws
	Source  reading.Source
	Rate    uint64 // bytes a second; 0: as fast as it goes
	OnEvent func(sender.Event)
}

// source opens what a transfer's session sends.
func (e *Engine) source(ctx context.Context, tr store.Transfer) (io.Closer, error) {
	if tr.Paged {
		return e.pagedSource(ctx, tr)
	}
	return e.cfg.OpenSource(ctx, tr)
}

// session makes a session that sends src.
func (e *Engine) session(
	ctx context.Context, o offering.Of, src io.Closer, devices []protocol.DeviceID,
) (Session, error) {
	symbol := e.agents.SymbolFor(devices, o.Group.Address.Addr().Unmap().Is6())
	hear := func(event sender.Event) { e.hear(o.Transfer.No, event) }
	rate := o.Transfer.RateLimit / 8
	if open, paged := src.(*reading.Open); paged {
		terms := o.PagedTerms()
		terms.SymbolSize = symbol
		marked, err := e.forging.Flags(ctx, o.Group.ID)
		if err != nil {
			return nil, err
		}
		terms.Flags |= format2.OfferMulticast | marked
		if o.Transfer.Root != (protocol.Digest{}) {
			terms.Flags |= format2.OfferStaged
		}
		return e.cfg.NewPaged(PagedSession{
			Key: e.cfg.Key, Terms: terms, Source: open.Source, Rate: rate, OnEvent: hear,
		})
	}
	blocks, terms := src.(content.Blocks), o.Terms()
	terms.Flags, terms.SymbolSize = wire.OfferMulticast, symbol
	return e.cfg.NewSender(sender.Config{
		Key: e.cfg.Key, Terms: terms, Source: blocks, Layout: blocks.Layout(), Rate: rate, OnEvent: hear,
	})
}

// newRun draws a session's secrets and signs its offer.
func (e *Engine) newRun(ctx context.Context, st schedule.Action) (*run, error) {
	no := st.Transfer
	tr, g, err := e.transferAndGroup(ctx, no)
	if err != nil {
		return nil, err
	}
	src, err := e.source(ctx, tr)
	if err != nil {
		return nil, err
	}
	number, floor, err := e.openOffer(ctx, no)
	if err != nil {
		return nil, errors.Join(errNotNow{err}, src.Close())
	}
	snd, err := e.session(ctx, e.offer(tr, g, number, floor), src, st.Devices)
	if err != nil {
		e.closeOffers(number)
		return nil, errors.Join(errNotNow{err}, src.Close())
	}
	offer := snd.Offer()
	e.keepOffer(ctx, offering.Signed(tr, number, offer.Bytes, offer.Signature))
	return &run{
		no: no, number: number, version: g.Version, session: offer.Session, sender: snd, source: src,
		content: contentOf(tr), limit: tr.RateLimit / 8,
		offered: groupcast.Offered{Offer: offer.Bytes, Signature: offer.Signature, Group: g.Name, Transfer: no},
	}, nil
}

// openOffer draws the number of an offer of the server's own site.
func (e *Engine) openOffer(
	ctx context.Context, no protocol.TransferNo,
) (number, floor protocol.OfferNo, err error) {
	return e.cfg.OpenOffer(ctx, e.site(), no)
}

// offer is what an offer of a transfer is made of.
func (e *Engine) offer(tr store.Transfer, g groupcast.Group, number, floor protocol.OfferNo) offering.Of {
	return offering.Of{Server: e.cfg.Server, Site: e.site(), Transfer: tr, Group: g, Number: number, Floor: floor}
}
