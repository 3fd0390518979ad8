package recv

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// minGroupPort is the lowest port an agent joins on (security.md R5).
const minGroupPort = 1024

// ErrNewer refuses an offer with a codec, hash, cipher or cutter that this version does not know
// (security.md O8): nothing is negotiated.
var ErrNewer = errors.New("needs a newer groupcast")

// ErrOld refuses an offer that is over, or older than one that was acted on (security.md O3). The
// newest of a server is that only if the server's numbers went back.
var ErrOld = errors.New("it is old")

// Gate decides whether an offer with a valid signature may be acted on.
type Gate struct {
	Server protocol.ServerID
	Group  protocol.GroupID
	Floor  protocol.OfferNo // the highest floor ever admitted; persist what Admit returns
	Taken  protocol.OfferNo // the newest offer of the same transfer that was acted on; persist it
}

// Admit checks an offer (security.md O3, O7, O8, R5) and gives the floor to persist before
// acting on it.
func (g Gate) Admit(o wire.Offer) (protocol.OfferNo, error) {
	floor := max(g.Floor, o.Floor)
	checks := []func(wire.Offer) error{g.origin, g.order, identifiers, geometry, sizes, address}
	for _, check := range checks {
		if err := check(o); err != nil {
			return g.Floor, fmt.Errorf("offer %d: %w", o.Number, err)
		}
	}
	return floor, nil
}

func (g Gate) origin(o wire.Offer) error {
	switch {
	case o.Server != g.Server:
		return errors.New("it comes from another server")
	case o.Group != g.Group:
		return errors.New("it is meant for another group")
	}
	return nil
}

// order is O3: offers below the highest floor seen are refused, and those that are older than the
// newest offer of their transfer.
func (g Gate) order(o wire.Offer) error {
	switch {
	case o.Number < g.Floor:
		return fmt.Errorf("%w: offers below %d are over", ErrOld, g.Floor)
	case o.Number < g.Taken:
		return fmt.Errorf("%w: offer %d of transfer %d came before it", ErrOld, g.Taken, o.Transfer)
	case o.Floor > o.Number:
		return errors.New("its floor lies above itself")
	}
	return nil
}

func identifiers(o wire.Offer) error {
	known := o.Codec == wire.CodecCauchyRS && o.Hash == wire.HashBLAKE3 &&
		o.AEAD == wire.AEADAES256GCM && o.Cutter == wire.CutterFixed
	if !known {
		return ErrNewer
	}
	return nil
}

func geometry(o wire.Offer) error {
	switch {
	case o.SymbolSize < protocol.MinSymbolSize || o.SymbolSize > protocol.MaxSymbolSize:
		return fmt.Errorf("symbols of %d bytes are not allowed", o.SymbolSize)
	case o.MaxK < 1 || o.MaxK > protocol.MaxSourceSymbols:
		return fmt.Errorf("%d symbols a block are not allowed", o.MaxK)
	}
	return nil
}

// sizes is O7, as far as the offer has them: the manifest is compared with them later.
func sizes(o wire.Offer) error {
	const headBlocks = protocol.BlockSize / len(protocol.Digest{}) // the index is one block
	longest := uint64(o.MaxK) * uint64(o.SymbolSize)
	switch {
	case o.Files > protocol.MaxFiles:
		return fmt.Errorf("%d files are more than the %d allowed", o.Files, protocol.MaxFiles)
	case o.Blocks > protocol.MaxBlocks:
		return fmt.Errorf("%d blocks are more than the %d allowed", o.Blocks, protocol.MaxBlocks)
	case o.ManifestBytes > protocol.MaxManifestBytes:
		return fmt.Errorf("a manifest of %d bytes is longer than the %d allowed", o.ManifestBytes, protocol.MaxManifestBytes)
	case o.ManifestBlocks < 1 || int(o.ManifestBlocks) > headBlocks ||
		uint64(o.ManifestBlocks) != (o.ManifestBytes+protocol.BlockSize-1)/protocol.BlockSize:
		return errors.New("its manifest's length and blocks contradict each other")
	case o.TotalBytes > uint64(o.Blocks)*longest:
		return errors.New("its blocks cannot hold its bytes")
	}
	return nil
}

// address is R5: agents join groups and nothing else.
func address(o wire.Offer) error {
	if o.Flags&wire.OfferMulticast == 0 {
		return nil
	}
	a := o.GroupAddr.Addr().Unmap()
	switch {
	case !a.IsMulticast():
		return fmt.Errorf("%s is not a multicast address", a)
	case o.GroupAddr.Port() < minGroupPort:
		return fmt.Errorf("port %d is below %d", o.GroupAddr.Port(), minGroupPort)
	case wellKnown(a):
		return fmt.Errorf("%s belongs to a well-known protocol", a)
	}
	return nil
}

// wellKnown are the addresses of protocols that a transfer must not disturb: 224.0.0.2–255
// and ff02::/16. 224.0.0.1 (all hosts) is poor, but works.
func wellKnown(a netip.Addr) bool {
	if a.Is4() {
		b := a.As4()
		return b[0] == 224 && b[1] == 0 && b[2] == 0 && b[3] != 1
	}
	b := a.As16()
	return b[0] == 0xff && b[1] == 0x02
}
