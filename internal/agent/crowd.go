package agent

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// A manifest up to smallManifest is fetched over HTTPS at once, so that space and what is
// there already are known before the first packet; a larger one comes with the session, and so
// does any that all devices together would fetch groupManifests of.
const (
	smallManifest  = 64 << 10
	groupManifests = smallManifest * protocol.PromptGroup
	// One that is larger than that never comes with the session, which holds it in memory.
	maxSessionManifest = 32 << 20
)

func (j *job) manifestByMulticast() bool {
	alone := uint64(groupManifests / max(j.raw.Devices, 1))
	return j.offer.ManifestBytes <= maxSessionManifest && j.offer.ManifestBytes > min(smallManifest, alone) && j.offer.Flags&wire.OfferMulticast != 0
}

// turnOf draws when one of so many devices has its turn to call the server.
func turnOf(devices int) time.Duration {
	return time.Duration(rand.Float64() * float64(protocol.Spread(devices)))
}

// turn waits for this device's turn to answer the offer.
func (j *job) turn(ctx context.Context) error {
	wait := turnOf(j.raw.Devices)
	if wait == 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// postpone keeps a receipt back until it is this device's turn; a small group does not wait,
// nor does an agent that ends now.
func (a *Agent) postpone(j *job) bool {
	wait := turnOf(max(j.raw.Devices, j.crowd))
	if wait == 0 || a.cfg.Once {
		return false
	}
	a.unsent[j.offer.Transfer] = true
	if a.receiptTurn == nil {
		a.receiptTurn = time.After(wait)
	}
	return true
}

// sendUnsent does not let an agent end with receipts that only wait for their turn.
func (a *Agent) sendUnsent(ctx context.Context) {
	if len(a.unsent) > 0 {
		a.resendReceipts(context.WithoutCancel(ctx))
	}
}
