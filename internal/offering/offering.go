// Package offering writes the offers of transfers, of either format, and what follows from them.
package offering

import (
	"net/netip"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// Of is what an offer is made of.
type Of struct {
	Server        protocol.ServerID
	Site          store.SiteEpoch
	Transfer      store.Transfer
	Group         groupcast.Group
	Number, Floor protocol.OfferNo
}

// Terms is what an offer of format 1 says about a transfer, for multicast and HTTPS alike.
func (o Of) Terms() wire.Offer {
	tr := &o.Transfer
	return wire.Offer{
		Server: o.Server, Group: o.Group.ID, MembershipVersion: o.Group.Version,
		Number: o.Number, Floor: o.Floor, Transfer: tr.No,
		IndexDigest: tr.Root, ManifestBytes: tr.ManifestBytes, ManifestBlocks: tr.ManifestBlocks,
		TotalBytes: tr.Bytes, Files: uint32(tr.Entries()), Blocks: uint32(tr.Blocks),
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols,
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
		GroupAddr: o.Group.Address,
	}
}

// What an offer over HTTPS says where one of a session says how its packets are authenticated.
const (
	noSlot = format2.MinSlotMS
	noLag  = format2.MinLag
	noLife = 1
)

// PagedTerms is Terms of a paged transfer.
func (o Of) PagedTerms() format2.Offer {
	tr := &o.Transfer
	var flags format2.OfferFlags
	if tr.Delta {
		flags = format2.OfferStaged | format2.OfferDelta
	}
	return format2.Offer{
		Flags:  flags,
		Server: o.Server, Group: o.Group.ID, MembershipVersion: o.Group.Version,
		Number: o.Number, Floor: o.Floor, Transfer: tr.No, TransferID: tr.ID,
		Site: o.Site.Site, SiteEpoch: o.Site.Epoch,
		SlotMS: noSlot, Lag: noLag, LifeSeconds: noLife,
		Skeleton: tr.Skeleton, SkeletonBytes: tr.SkeletonBytes, Edition: tr.Edition, Pages: tr.Pages,
		Bytes: tr.Bytes, Entries: uint32(tr.Entries()), Blocks: uint32(tr.Blocks),
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols,
		Codec: format2.CodecCauchyRS, Hash: format2.HashBLAKE3, AEAD: format2.AEADAES256GCM, Cutter: format2.CutterFixed,
		GroupAddr: netip.AddrPortFrom(o.Group.Address.Addr().Unmap(), o.Group.Address.Port()),
	}
}

// Direct signs the offer over HTTPS with a session's ID of its own.
func (o Of) Direct(key seal.SigningKey) (protocol.SessionID, groupcast.Offered) {
	session := protocol.NewSessionID()
	var bytes []byte
	if o.Transfer.Paged {
		terms := o.PagedTerms()
		terms.Session = session
		bytes = format2.AppendOffer(nil, terms)
	} else {
		terms := o.Terms()
		terms.Session = session
		bytes = wire.AppendOffer(nil, terms)
	}
	return session, groupcast.Offered{
		Offer: bytes, Signature: seal.SignOffer(key, bytes), Group: o.Group.Name, Transfer: o.Transfer.No,
	}
}

// Announce is the packet that tells a group of a session's offer, in the offer's own format.
func Announce(server protocol.ServerID, key seal.SigningKey, o sender.Offer) []byte {
	a := wire.Announce{Server: wire.PrefixOf(server), Group: o.Group, Number: o.Number}
	if o.Paged {
		return seal.SignAnnounce2(key, a)
	}
	return seal.SignAnnounce(key, a)
}

// Signed is an offer of a transfer as it is kept for proofs.
func Signed(tr store.Transfer, number protocol.OfferNo, bytes, signature []byte) store.SignedOffer {
	root := tr.Root
	if tr.Paged {
		root = tr.Skeleton
	}
	return store.SignedOffer{
		Transfer: tr.No, Root: root, Edition: tr.Edition, Number: number, Offer: bytes, Signature: signature,
	}
}

// FirstStream is the number of the stream's block 0 in sessions of a paged transfer.
func FirstStream(tr store.Transfer) protocol.BlockNumber {
	o := format2.Offer{SkeletonBytes: tr.SkeletonBytes, Pages: tr.Pages}
	return o.FirstStream()
}

// Bounds of what a page holds beside its digests, and of what stands for each entry and block in pages.
const (
	pageHead = 300
	perLeaf  = 32 + 4 // with the number that a block has over HTTPS
	perEntry = 36
)

// Worth is how many bytes a device can need of a transfer.
func Worth(tr store.Transfer) uint64 {
	n := tr.Bytes + tr.ManifestBytes + protocol.BlockSize
	if tr.Paged {
		n += tr.SkeletonBytes + pageHead*uint64(tr.Pages) + perLeaf*uint64(tr.Blocks) + perEntry*uint64(tr.Files)
	}
	return n
}
