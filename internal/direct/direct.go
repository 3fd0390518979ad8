// Package direct keeps the offers over HTTPS, one a transfer and site. No session belongs to them.
package direct

import (
	"context"
	"errors"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/offering"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// ErrOvertaken says that a transfer was closed, or has other content, since an offer of it was made.
var ErrOvertaken = errors.New("the transfer changed meanwhile")

// Offer vouches for a transfer over HTTPS.
type Offer struct {
	Session protocol.SessionID
	Offered groupcast.Offered
	number  protocol.OfferNo
	version uint64 // of the group's membership
}

// Config is what offers are made with.
type Config struct {
	Key seal.SigningKey
	// Transfer reads a transfer with its group.
	Transfer func(ctx context.Context, no protocol.TransferNo) (store.Transfer, groupcast.Group, error)
	// Open draws a number and gives the lowest one that is still open; Close gives numbers back.
	Open  func(ctx context.Context, no protocol.TransferNo) (number, floor protocol.OfferNo, err error)
	Close func(numbers ...protocol.OfferNo)
	// Of says what an offer is made of, and Keep keeps it for proofs.
	Of   func(tr store.Transfer, g groupcast.Group, number, floor protocol.OfferNo) offering.Of
	Keep func(ctx context.Context, o store.SignedOffer)
	// Use calls put if an offer of a transfer as it was read is still worth something. ErrOvertaken: it is not.
	Use func(tr store.Transfer, put func()) error
}

// Offers are those that stand.
type Offers struct {
	cfg Config
	mu  sync.Mutex // taken last: put and the methods below wait for nothing
	all map[protocol.TransferNo]map[protocol.SiteID]Offer
}

// New makes an empty collection.
func New(c Config) *Offers {
	return &Offers{cfg: c, all: map[protocol.TransferNo]map[protocol.SiteID]Offer{}}
}

// For gives the offer of a transfer in a site: a new one after each multicast session there or change of members,
// because receivers take the offer with the higher number. One call at a time.
func (o *Offers) For(ctx context.Context, no protocol.TransferNo, site protocol.SiteID) (Offer, error) {
	offer, err := o.offer(ctx, no, site)
	if errors.Is(err, ErrOvertaken) {
		return o.offer(ctx, no, site) // of what it holds now
	}
	return offer, err
}

func (o *Offers) offer(ctx context.Context, no protocol.TransferNo, site protocol.SiteID) (Offer, error) {
	tr, g, err := o.cfg.Transfer(ctx, no)
	if err != nil {
		return Offer{}, err
	}
	old, stood := o.at(no, site)
	if stood && old.version == g.Version {
		return old, nil
	}
	number, floor, err := o.cfg.Open(ctx, no)
	if err != nil {
		return Offer{}, err
	}
	made := Offer{number: number, version: g.Version}
	made.Session, made.Offered = o.cfg.Of(tr, g, number, floor).Direct(o.cfg.Key)
	o.cfg.Keep(ctx, offering.Signed(tr, number, made.Offered.Offer, made.Offered.Signature))
	if err := o.cfg.Use(tr, func() { o.put(no, site, made) }); err != nil {
		o.cfg.Close(number)
		return Offer{}, err
	}
	if stood {
		o.cfg.Close(old.number)
	}
	return made, nil
}

func (o *Offers) at(no protocol.TransferNo, site protocol.SiteID) (Offer, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	offer, found := o.all[no][site]
	return offer, found
}

func (o *Offers) put(no protocol.TransferNo, site protocol.SiteID, offer Offer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all[no] == nil {
		o.all[no] = map[protocol.SiteID]Offer{}
	}
	o.all[no][site] = offer
}

// Stands says whether a session's ID is that of an offer of a transfer, in any site.
func (o *Offers) Stands(no protocol.TransferNo, id protocol.SessionID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, offer := range o.all[no] {
		if offer.Session == id {
			return true
		}
	}
	return false
}

// TakeIn takes a transfer's offer in a site away, and gives its number to be closed.
func (o *Offers) TakeIn(no protocol.TransferNo, site protocol.SiteID) (numbers []protocol.OfferNo) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if offer, found := o.all[no][site]; found {
		numbers = append(numbers, offer.number)
		delete(o.all[no], site)
	}
	if len(o.all[no]) == 0 {
		delete(o.all, no)
	}
	return numbers
}

// Take takes a transfer's offers in all sites away, and gives their numbers to be closed.
func (o *Offers) Take(no protocol.TransferNo) (numbers []protocol.OfferNo) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, offer := range o.all[no] {
		numbers = append(numbers, offer.number)
	}
	delete(o.all, no)
	return numbers
}

// TakeAll takes all offers away, and gives their numbers to be closed.
func (o *Offers) TakeAll() (numbers []protocol.OfferNo) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, sites := range o.all {
		for _, offer := range sites {
			numbers = append(numbers, offer.number)
		}
	}
	clear(o.all)
	return numbers
}

// Len is how many offers stand.
func (o *Offers) Len() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, sites := range o.all {
		n += len(sites)
	}
	return n
}
