package delivery

import (
	"context"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
)

// placeAll tells the schedule which devices are in other sites than the server's own.
func (e *Engine) placeAll(ctx context.Context) error {
	placed, err := e.store.Placed(ctx)
	for dev, site := range placed {
		e.Place(dev, site)
	}
	return err
}

// Place says in which site a device is. It takes no offer that is older than one it has: those that stand there for
// what it was offered elsewhere are made anew.
func (e *Engine) Place(dev protocol.DeviceID, site protocol.SiteID) {
	var older []protocol.OfferNo
	e.change(func(sch *schedule.Scheduler, now time.Time) {
		for _, no := range sch.Open() {
			if _, offered := e.given[deliveryKey{no, dev}]; offered {
				older = append(older, e.direct.TakeIn(no, site)...)
			}
		}
		sch.Place(now, dev, site)
	})
	e.closeOffers(older...)
}
