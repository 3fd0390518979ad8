package sender

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// Budgets of feedback (security.md F5).
const (
	globalFeedback     = 200_000 // packets a second before any key is used
	deviceFeedback     = 50      // a second of a device, by whatever way and however often it attaches
	deviceBurst        = 200
	maxFeedbackDevices = 2 * protocol.MaxGroupSize
)

// handout is one device's keys of one session: replaced by the next hand-out, gone at once
// when the device or the session ends.
type handout struct {
	sender *Sender
	device send.Device
	opener *seal.FeedbackOpener
}

// desk sorts feedback packets by feedback ID. handle is for one goroutine: openers are its own.
type desk struct {
	drops  drops.Counter
	budget *rate.Limiter

	mu       sync.RWMutex
	handouts map[protocol.FeedbackID]*handout
}

func newDesk() desk {
	return desk{
		budget:   rate.NewLimiter(globalFeedback, globalFeedback/10),
		handouts: make(map[protocol.FeedbackID]*handout),
	}
}

func (d *desk) add(id protocol.FeedbackID, h *handout) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.handouts) >= maxFeedbackDevices {
		return ErrTooMany
	}
	d.handouts[id] = h
	return nil
}

// drop ends keys; feedback sealed with them is not even opened any more.
func (d *desk) drop(ids ...protocol.FeedbackID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		delete(d.handouts, id)
	}
}

func (d *desk) find(id protocol.FeedbackID) *handout {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.handouts[id]
}

// handle takes one packet through the checks ("Order of checks" in docs/security.md). It
// answers nothing, whatever comes.
func (d *desk) handle(packet []byte) {
	header, err := wire.ParseFeedbackHeader(packet)
	if err != nil {
		d.drops.Add(drops.Length)
		return
	}
	h := d.find(header.ID)
	if h == nil {
		d.drops.Add(drops.Tag)
		return
	}
	now := time.Now()
	if !d.budget.AllowN(now, 1) {
		d.drops.Add(drops.Budget)
		return
	}
	f, err := h.opener.Open(packet)
	if err != nil {
		d.drops.Add(drops.Key)
		return
	}
	if !h.sender.hear(h.device, f) {
		d.drops.Add(drops.Budget)
	}
}
