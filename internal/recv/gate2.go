package recv

import (
	"errors"
	"fmt"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// ErrSite refuses an offer that is meant for another site, or of a time when another sent there.
var ErrSite = errors.New("it is for another site, or of an earlier sender of this one")

// Gate2 decides whether an offer of format 2 with a valid signature may be acted on (docs/format-2.md §4). No
// released program has one.
type Gate2 struct {
	Gate
	Site  protocol.SiteID
	Epoch uint64 // the highest of the site that was admitted; persist what Admit2 returns
}

// Admit2 checks an offer whose bounds format2.ParseOffer has checked, and gives the floor and the site's epoch to
// persist before acting on it.
func (g Gate2) Admit2(o format2.Offer) (protocol.OfferNo, uint64, error) {
	err := g.order2(o)
	if err == nil {
		err = o.Check()
		if errors.Is(err, format2.ErrNewer) {
			err = ErrNewer
		}
	}
	if err == nil && o.Flags&format2.OfferMulticast != 0 {
		err = address(wire.Offer{Flags: wire.OfferMulticast, GroupAddr: o.GroupAddr})
	}
	if err == nil && o.Bytes > uint64(o.Blocks)*protocol.BlockSize {
		err = errors.New("its blocks cannot hold its bytes")
	}
	if err != nil {
		return g.Floor, g.Epoch, fmt.Errorf("offer %d: %w", o.Number, err)
	}
	return max(g.Floor, o.Floor), max(g.Epoch, o.SiteEpoch), nil
}

func (g Gate2) order2(o format2.Offer) error {
	switch {
	case o.Server != g.Server:
		return errors.New("it comes from another server")
	case o.Group != g.Group:
		return errors.New("it is meant for another group")
	case o.Site != g.Site || o.SiteEpoch < g.Epoch:
		return ErrSite
	case o.Number < g.Floor:
		return fmt.Errorf("%w: offers below %d are over", ErrOld, g.Floor)
	case o.Number < g.Taken:
		return fmt.Errorf("%w: offer %d of transfer %d came before it", ErrOld, g.Taken, o.Transfer)
	case o.Floor > o.Number:
		return errors.New("its floor lies above itself")
	}
	return nil
}

// Bounds of the signatures of SYNCs that are checked (docs/format-2.md §6).
const (
	freshSignatures = 2  // of candidates with an element that is new
	otherSignatures = 10 // of all others in a slot
)

// SyncBudget bounds the signatures that forgers of SYNCs make a receiver check. Nobody knows an element of the chain
// before the sender uses it: the first SYNC with a new one is always checked, so that forgers cannot use up what the
// genuine ones need.
type SyncBudget struct {
	slot  int64  // of the receiver's clock
	trial uint32 // the newest element that a candidate had
	fresh int    // signatures checked of candidates with it, before one was good
	other int    // in this slot, or since the newest element came, that were not good
	newer bool   // the check before was counted in fresh
}

// Check says whether the signature of a SYNC that comes in a slot of the receiver's clock is worth checking, whose
// element package seal found genuine. fresh: the element is newer than that of the last SYNC with a good signature.
func (b *SyncBudget) Check(slot int64, index uint32, fresh bool) bool {
	if slot != b.slot {
		b.slot, b.other = slot, 0
	}
	if index > b.trial {
		*b = SyncBudget{slot: slot, trial: index}
	}
	if fresh && index == b.trial && b.fresh < freshSignatures {
		b.fresh++
		b.newer = true
		return true
	}
	if b.other < otherSignatures {
		b.other++
		b.newer = false
		return true
	}
	return false
}

// Good says that the signature checked last was the sender's. It counts for nothing: members cannot make such SYNCs,
// and those that they repeat are known by their sequence.
func (b *SyncBudget) Good() {
	if b.newer {
		b.fresh--
	} else {
		b.other--
	}
}
