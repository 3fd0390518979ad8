package loop

import (
	"errors"
	"fmt"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
)

func TestOneWorksOnATransferAtATime(t *testing.T) {
	b := connected(t)
	b.offer(1, 5)
	b.wants("an offer", "Begin 1.5")
	b.offer(1, 5)
	b.wants("the same again")
	b.offer(1, 6)
	b.wants("a newer one", "Stop 1")
	b.offer(2, 7)
	b.wants("of another transfer", "Begin 2.7")
	b.Ended(b.now, 1, Outcome{})
	b.wants("the first has ended", "Begin 1.6")
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: 1, Session: ptr(protocol.SessionID{5})})
	b.wants("an earlier session has ended")
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: 1, Session: ptr(protocol.SessionID{6})})
	b.wants("this session has ended", "Stop 1")
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: 2, Over: true})
	b.wants("nothing is owed any more", "Stop 2")
	b.Ended(b.now, 2, Outcome{})
	b.wants("what is half received goes", "Sweep")
}

func TestNoMoreThanSoManyAreWorkedOn(t *testing.T) {
	b := connected(t)
	for no := range protocol.TransferNo(maxTransfers + 3) {
		b.offer(no+1, protocol.OfferNo(no+1))
	}
	if n := len(b.Take()); n != maxTransfers {
		t.Errorf("%d are begun", n)
	}
}

// What an offer is answered that this device does not take.
func TestOffersThatAreNotTaken(t *testing.T) {
	gate := NotAdmitted{errors.New("a codec of tomorrow")}
	for name, c := range map[string]struct {
		before func(*bench)
		want   []string
	}{
		"unreadable": {
			func(b *bench) { b.kept.read = errors.New("no") },
			[]string{"Refuse 1 unreadable", "Say refused"},
		},
		"no key yet":        {func(b *bench) { b.kept.read = ErrNoKey }, nil},
		"not of this world": {func(b *bench) { b.kept.admit = gate }, []string{"Refuse 1 version"}},
		"the disk fails":    {func(b *bench) { b.kept.admit = errors.New("disk") }, nil},
		"set back": {
			func(b *bench) { b.kept.admit = NotAdmitted{fmt.Errorf("x: %w", recv.ErrOld)} },
			[]string{"Refuse 1 " + groupcast.RefusedOld, "Say warning"},
		},
		"another group": {func(b *bench) { delete(b.groups, lab.ID) }, []string{"ReadState"}},
		"another version": {func(b *bench) {
			b.judge(ptr(tomorrow))
			b.Take()
		}, []string{"Refuse 1 version"}},
		"a list that cannot be accepted": {func(b *bench) {
			b.offer(1, 4)
			b.Ended(b.now, 1, Outcome{State: groupcast.DeliveryRefused, Kind: groupcast.RefusedManifest + "entry", Reason: "no"})
			b.Take()
		}, []string{"Refuse 1 manifest-entry"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := connected(t)
			c.before(b)
			b.offer(1, 5)
			b.wants("the offer", c.want...)
		})
	}
}

// An offer of format 2 is worked on like any other, and one takes the place of the other.
func TestOffersOfBothFormats(t *testing.T) {
	b := connected(t)
	paged := func(number protocol.OfferNo, skeleton byte) groupcast.Offered {
		return groupcast.Offered{Transfer: 1, Group: "lab", Offer: format2.AppendOffer(nil, format2.Offer{
			Transfer: 1, Number: number, Group: lab.ID, Session: protocol.SessionID{byte(number)}, SlotMS: 100, Lag: 3,
			LifeSeconds: 60, Skeleton: protocol.Digest{skeleton}, SkeletonBytes: 300, Edition: 1, Pages: 4, Bytes: 1000,
			Entries: 1, Blocks: 1, SymbolSize: protocol.DefaultSymbol, MaxK: 200,
			Codec: format2.CodecCauchyRS, Hash: format2.HashBLAKE3, AEAD: format2.AEADAES256GCM, Cutter: format2.CutterFixed,
		})}
	}
	hear := func(o groupcast.Offered) {
		b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentOffer, Offer: &o})
	}
	hear(paged(5, 1))
	b.wants("an offer of format 2", "Begin 1.5")
	hear(paged(6, 2))
	b.wants("another of the same transfer", "Stop 1")
	b.Ended(b.now, 1, Outcome{})
	b.wants("it has ended", "Begin 1.6")
	hear(offered(1, 7))
	b.wants("one of format 1", "Stop 1")
	b.Ended(b.now, 1, Outcome{})
	b.wants("it has ended, too", "Begin 1.7")
}
