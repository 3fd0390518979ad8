package recv

import (
	"fmt"
	"math"
	"net/netip"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Gate decides whether an offer whose signature holds may be acted on.
type Gate struct {
	Server protocol.ServerID
	Group  protocol.GroupID // the group it came for; zero: any (it is looked up elsewhere)
	Floor  protocol.OfferNo // the highest floor ever admitted; persist what Admit returns
}

// Refusal says why an offer is not acted on. Kind is server, group, old, version, limits or
// address.
type Refusal struct {
	Kind   string
	Reason string // in words
}

func (r *Refusal) Error() string { return r.Reason }

func refuse(kind, format string, args ...any) error {
	return &Refusal{Kind: kind, Reason: fmt.Sprintf(format, args...)}
}

// Admit checks an offer (security.md O3, O7, O8, R5) and gives the floor to persist before
// acting on it.
func (g Gate) Admit(o wire.Offer) (protocol.OfferNo, error) {
	for _, check := range []func(wire.Offer) error{g.origin, g.age, versions, limits, address} {
		if err := check(o); err != nil {
			return g.Floor, err
		}
	}
	return max(g.Floor, o.Floor), nil
}

func (g Gate) origin(o wire.Offer) error {
	if o.Server != g.Server {
		return refuse("server", "the offer is another server's")
	}
	if g.Group != (protocol.GroupID{}) && o.Group != g.Group {
		return refuse("group", "the offer is another group's")
	}
	return nil
}

// age refuses what was open once and is no more: offers below the floor (O3).
func (g Gate) age(o wire.Offer) error {
	if o.Number < g.Floor {
		return refuse("old", "offer %d is older than the oldest that is open, %d", o.Number, g.Floor)
	}
	if o.Number == 0 || o.Floor > o.Number {
		return refuse("limits", "offer %d has the floor %d", o.Number, o.Floor)
	}
	return nil
}

// versions is the allow-list of O8: there is no negotiation and no "none".
func versions(o wire.Offer) error {
	if o.Codec != wire.CodecCauchyRS || o.Hash != wire.HashSHA256 || o.AEAD != wire.AEADAES256GCM || o.Cutter != wire.CutterFixed {
		return refuse("version", "the offer needs a newer groupcast (codec %d, hash %d, AEAD %d, cutter %d)", o.Codec, o.Hash, o.AEAD, o.Cutter)
	}
	return nil
}

// limits are the bounds of O7, checked before anything is made for the transfer.
func limits(o wire.Offer) error {
	switch {
	case o.Files > protocol.MaxFiles:
		return refuse("limits", "%d files are more than the %d that a transfer can have", o.Files, protocol.MaxFiles)
	case o.Blocks > protocol.MaxBlocks:
		return refuse("limits", "%d blocks are more than the %d that a transfer can have", o.Blocks, protocol.MaxBlocks)
	case o.TotalBytes > math.MaxInt64, o.TotalBytes > uint64(o.Blocks)*protocol.MaxBlockLength:
		return refuse("limits", "%d bytes do not fit into %d blocks", o.TotalBytes, o.Blocks)
	case o.ManifestBytes > protocol.MaxManifestBytes:
		return refuse("limits", "a manifest of %d bytes is too large", o.ManifestBytes)
	case protocol.SourceSymbols(int(o.ManifestBytes), protocol.BlockSize) != int(o.ManifestBlocks) || o.ManifestBlocks == 0:
		return refuse("limits", "a manifest of %d bytes in %d blocks", o.ManifestBytes, o.ManifestBlocks)
	case o.MaxK < 1 || o.MaxK > protocol.MaxSourceSymbols:
		return refuse("limits", "blocks of %d symbols", o.MaxK)
	case o.SymbolSize < protocol.MinSymbolSize || o.SymbolSize > protocol.MaxSymbolSize:
		return refuse("limits", "symbols of %d bytes", o.SymbolSize)
	}
	return nil
}

var localControl = netip.MustParsePrefix("224.0.0.0/24")

// address keeps a server from using its agents against others (R5): multicast only, no port
// of the system, none of the addresses that routers and hosts talk on, but 224.0.0.1.
func address(o wire.Offer) error {
	if o.Flags&wire.OfferMulticast == 0 {
		return nil
	}
	a := o.GroupAddr.Addr().Unmap()
	switch {
	case !a.IsMulticast():
		return refuse("address", "%s is no multicast address", a)
	case o.GroupAddr.Port() < 1024:
		return refuse("address", "port %d is one of the system's", o.GroupAddr.Port())
	case a.Is4() && localControl.Contains(a) && a.As4()[3] > 1,
		a.Is6() && a.As16()[1] == 0x02:
		return refuse("address", "%s belongs to the network's own traffic", a)
	}
	return nil
}
