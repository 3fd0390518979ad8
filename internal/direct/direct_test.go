package direct

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/offering"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// world answers what offers ask.
type world struct {
	*Offers
	last    protocol.OfferNo
	version uint64
	closed  []protocol.OfferNo
	kept    int
	use     []error // what the next ones come to
}

func newWorld() *world {
	w := &world{version: 1}
	key := seal.NewSigningKey()
	w.Offers = New(Config{
		Key: key,
		Transfer: func(_ context.Context, no protocol.TransferNo) (store.Transfer, groupcast.Group, error) {
			return store.Transfer{Transfer: groupcast.Transfer{No: no}}, groupcast.Group{Version: w.version}, nil
		},
		Open: func(context.Context, protocol.TransferNo) (number, floor protocol.OfferNo, err error) {
			w.last++
			return w.last, 1, nil
		},
		Close: func(numbers ...protocol.OfferNo) { w.closed = append(w.closed, numbers...) },
		Of: func(tr store.Transfer, g groupcast.Group, number, floor protocol.OfferNo) offering.Of {
			return offering.Of{Transfer: tr, Group: g, Number: number, Floor: floor}
		},
		Keep: func(context.Context, store.SignedOffer) { w.kept++ },
		Use: func(_ store.Transfer, put func()) error {
			if len(w.use) > 0 {
				err := w.use[0]
				w.use = w.use[1:]
				return err
			}
			put()
			return nil
		},
	})
	return w
}

func (w *world) offer(t *testing.T, no protocol.TransferNo, site protocol.SiteID) Offer {
	t.Helper()
	o, err := w.For(context.Background(), no, site)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

var depot = protocol.SiteID{1}

// An offer stands until something is another way in its own site, whatever becomes of others.
func TestEachSiteHasItsOffer(t *testing.T) {
	w := newWorld()
	here, there := w.offer(t, 1, protocol.SiteID{}), w.offer(t, 1, depot)
	if again := w.offer(t, 1, depot); again.Session != there.Session || here.Session == there.Session {
		t.Fatal("an offer is made twice, or two sites have one")
	}
	w.Close(w.TakeIn(1, protocol.SiteID{})...) // a session began there
	if !slices.Equal(w.closed, []protocol.OfferNo{1}) || w.Stands(1, here.Session) || !w.Stands(1, there.Session) {
		t.Fatalf("closed %v", w.closed)
	}
	w.version++
	if again := w.offer(t, 1, depot); again.Session == there.Session {
		t.Fatal("the members changed, the offer did not")
	}
	if w.Len() != 1 || w.kept != 3 || !slices.Equal(w.closed, []protocol.OfferNo{1, 2}) {
		t.Fatalf("%d stand, %d kept, closed %v", w.Len(), w.kept, w.closed)
	}
	w.offer(t, 1, protocol.SiteID{})
	w.offer(t, 2, depot)
	if got := w.Take(1); len(got) != 2 || len(w.TakeAll()) != 1 || w.Len() != 0 {
		t.Fatalf("taken %v, %d are left", got, w.Len())
	}
}

// What was overtaken is tried once more, and a number that came to nothing is given back.
func TestAnOvertakenOfferIsMadeAgain(t *testing.T) {
	w := newWorld()
	w.use = []error{ErrOvertaken}
	w.offer(t, 1, depot)
	w.use = []error{ErrOvertaken, ErrOvertaken}
	if _, err := w.For(context.Background(), 2, depot); !errors.Is(err, ErrOvertaken) {
		t.Fatal(err)
	}
	if w.Len() != 1 || !slices.Equal(w.closed, []protocol.OfferNo{1, 3, 4}) {
		t.Fatalf("%d stand, closed %v", w.Len(), w.closed)
	}
}

// Close gives numbers back.
func (w *world) Close(numbers ...protocol.OfferNo) { w.cfg.Close(numbers...) }
