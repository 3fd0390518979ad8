package sender

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// Limits of feedback (security.md F5).
const (
	globalFeedback     = 200_000 // packets a second of all devices, before any key is used
	deviceFeedback     = 50      // a second of one device, by UDP and HTTPS together, over all hand-outs
	deviceBurst        = 200
	maxFeedbackDevices = 2 * protocol.MaxGroupSize
)

// feedbackKey opens the feedback of one device in one session. The next hand-out to the device
// replaces it; it is dropped at once when the device is detached or the session ends.
type feedbackKey struct {
	sender *Sender
	device send.Device
	opener *seal.FeedbackOpener
}

// feedbackDemux hands each feedback packet to the session that its feedback ID belongs to. Only one
// goroutine may call handle, which uses the openers; the other methods are safe for concurrent use.
type feedbackDemux struct {
	drops   drops.Counter
	limiter *rate.Limiter

	mu   sync.RWMutex
	keys map[protocol.FeedbackID]*feedbackKey
}

func newFeedbackDemux() feedbackDemux {
	return feedbackDemux{
		limiter: rate.NewLimiter(globalFeedback, globalFeedback/10),
		keys:    make(map[protocol.FeedbackID]*feedbackKey),
	}
}

func (d *feedbackDemux) add(id protocol.FeedbackID, k *feedbackKey) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.keys) >= maxFeedbackDevices {
		return ErrTooMany
	}
	d.keys[id] = k
	return nil
}

// drop forgets keys: feedback sealed with them is not opened any more.
func (d *feedbackDemux) drop(ids ...protocol.FeedbackID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		delete(d.keys, id)
	}
}

func (d *feedbackDemux) find(id protocol.FeedbackID) *feedbackKey {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.keys[id]
}

// handle checks one packet in the order that docs/security.md gives ("Order of checks") and hands
// it to its session. It never answers the peer.
func (d *feedbackDemux) handle(packet []byte) {
	header, paged, err := parseFeedbackHeader(packet)
	if err != nil {
		d.drops.Add(drops.Length)
		return
	}
	k := d.find(header.ID)
	switch {
	case k == nil:
		d.drops.Add(drops.Tag)
		return
	case k.sender.offer.Paged != paged:
		d.drops.Add(drops.Kind)
		return
	}
	now := time.Now()
	if !d.limiter.AllowN(now, 1) {
		d.drops.Add(drops.Budget)
		return
	}
	f, err := k.sender.format.open(k.opener, packet)
	if err != nil {
		d.drops.Add(drops.Key)
		return
	}
	if !k.sender.handleFeedback(k.device, f) {
		d.drops.Add(drops.Budget)
	}
}

// parseFeedbackHeader reads the clear part of a packet of either format.
func parseFeedbackHeader(packet []byte) (h wire.FeedbackHeader, paged bool, err error) {
	if len(packet) > 0 && packet[0]>>4 == format2.Version {
		h, err = format2.ParseFeedbackHeader(packet)
		return h, true, err
	}
	h, err = wire.ParseFeedbackHeader(packet)
	return h, false, err
}
