package delivery

import (
	"context"
	"errors"
	"io"
	"net/netip"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/reading"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// offering is what an offer is made of, whatever its format.
type offering struct {
	tr            store.Transfer
	group         groupcast.Group
	number, floor protocol.OfferNo
}

// wire is what an offer of format 1 says about a transfer, for multicast and HTTPS alike.
func (e *Engine) terms(o offering) wire.Offer {
	tr := o.tr
	return wire.Offer{
		Server: e.cfg.Server, Group: o.group.ID, MembershipVersion: o.group.Version,
		Number: o.number, Floor: o.floor, Transfer: tr.No,
		IndexDigest: tr.Root, ManifestBytes: tr.ManifestBytes, ManifestBlocks: tr.ManifestBlocks,
		TotalBytes: tr.Bytes, Files: uint32(tr.Entries()), Blocks: uint32(tr.Blocks),
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols,
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
		GroupAddr: o.group.Address,
	}
}

// What an offer over HTTPS says where one of a session says how that is authenticated.
const (
	noSlot = format2.MinSlotMS
	noLag  = format2.MinLag
	noLife = 1
)

// pagedTerms is the same of a paged transfer.
func (e *Engine) pagedTerms(o offering) format2.Offer {
	tr := o.tr
	return format2.Offer{
		Server: e.cfg.Server, Group: o.group.ID, MembershipVersion: o.group.Version,
		Number: o.number, Floor: o.floor, Transfer: tr.No, TransferID: tr.ID,
		Site: e.here.Site, SiteEpoch: e.here.Epoch,
		SlotMS: noSlot, Lag: noLag, LifeSeconds: noLife,
		Skeleton: tr.Skeleton, SkeletonBytes: tr.SkeletonBytes, Edition: tr.Edition, Pages: tr.Pages,
		Bytes: tr.Bytes, Entries: uint32(tr.Entries()), Blocks: uint32(tr.Blocks),
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols,
		Codec: format2.CodecCauchyRS, Hash: format2.HashBLAKE3, AEAD: format2.AEADAES256GCM, Cutter: format2.CutterFixed,
		GroupAddr: netip.AddrPortFrom(o.group.Address.Addr().Unmap(), o.group.Address.Port()),
	}
}

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
		return e.sources.Open(ctx, tr.No)
	}
	return e.cfg.OpenSource(ctx, tr)
}

// session makes a session that sends src.
func (e *Engine) session(o offering, src io.Closer, devices []protocol.DeviceID) (Session, error) {
	symbol := e.agents.SymbolFor(devices, o.group.Address.Addr().Unmap().Is6())
	hear := func(event sender.Event) { e.hear(o.tr.No, event) }
	rate := o.tr.RateLimit / 8
	if open, paged := src.(*reading.Open); paged {
		terms := e.pagedTerms(o)
		terms.Flags, terms.SymbolSize = format2.OfferMulticast, symbol
		if o.tr.Root != (protocol.Digest{}) {
			terms.Flags |= format2.OfferStaged
		}
		return e.cfg.NewPaged(PagedSession{
			Key: e.cfg.Key, Terms: terms, Source: open.Source, Rate: rate, OnEvent: hear,
		})
	}
	blocks, terms := src.(content.Blocks), e.terms(o)
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
	number, floor, err := e.cfg.OpenOffer(ctx, e.here, no)
	if err != nil {
		return nil, errors.Join(errNotNow{err}, src.Close())
	}
	snd, err := e.session(offering{tr, g, number, floor}, src, st.Devices)
	if err != nil {
		e.closeOffer(number)
		return nil, errors.Join(errNotNow{err}, src.Close())
	}
	offer := snd.Offer()
	e.keepOffer(ctx, tr, offer.Number, offer.Bytes, offer.Signature)
	return &run{
		no: no, number: number, version: g.Version, session: offer.Session, sender: snd, source: src,
		content: contentOf(tr), limit: tr.RateLimit / 8,
		offered: groupcast.Offered{Offer: offer.Bytes, Signature: offer.Signature, Group: g.Name, Transfer: no},
	}, nil
}

// directOffer signs an offer over HTTPS.
func (e *Engine) signDirect(o offering) *directOffer {
	d := &directOffer{number: o.number, session: protocol.NewSessionID(), version: o.group.Version}
	var bytes []byte
	if o.tr.Paged {
		terms := e.pagedTerms(o)
		terms.Session = d.session
		bytes = format2.AppendOffer(nil, terms)
	} else {
		terms := e.terms(o)
		terms.Session = d.session
		bytes = wire.AppendOffer(nil, terms)
	}
	d.offered = groupcast.Offered{
		Offer: bytes, Signature: seal.SignOffer(e.cfg.Key, bytes), Group: o.group.Name, Transfer: o.tr.No,
	}
	return d
}

// signAnnounce is the packet that tells a group of an offer of one format or the other.
func (e *Engine) signAnnounce(o sender.Offer) []byte {
	a := wire.Announce{Server: wire.PrefixOf(e.cfg.Server), Group: o.Group, Number: o.Number}
	if o.Paged {
		return seal.SignAnnounce2(e.cfg.Key, a)
	}
	return seal.SignAnnounce(e.cfg.Key, a)
}
