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

func (t *plain) manifestByMulticast() bool {
	bytes, multicast := t.offer.ManifestBytes, t.offer.Flags&wire.OfferMulticast != 0
	return bytes <= maxSessionManifest && t.byMulticast(bytes, multicast)
}

// byMulticast says whether a list of the files of so many bytes is left to the session to bring.
func (t *transfer) byMulticast(bytes uint64, multicast bool) bool {
	alone := uint64(groupManifests / max(t.raw.Devices, 1))
	return multicast && bytes > min(smallManifest, alone)
}

// turnOf draws when one of so many devices has its turn to call the server.
func turnOf(devices int) time.Duration {
	return time.Duration(rand.Float64() * float64(protocol.Spread(devices)))
}

// turn waits for this device's turn to answer the offer.
func (t *transfer) turn(ctx context.Context) error {
	wait := turnOf(t.raw.Devices)
	if wait == 0 {
		return nil
	}
	return pause(ctx, wait)
}
