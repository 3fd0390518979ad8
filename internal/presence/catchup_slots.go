package presence

import (
	"context"
	"fmt"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/protocol"
)

// CatchUpSlots bounds how many downloads over HTTPS run at once: in all, of one user and of one
// device. It is safe for concurrent use.
type CatchUpSlots struct {
	share     *auth.Share
	perDevice int
	mu        sync.Mutex
	open      map[protocol.DeviceID]int // downloads that run or wait
}

// NewCatchUpSlots makes slots of which none is taken.
func NewCatchUpSlots(bounds auth.Bounds, perDevice int) *CatchUpSlots {
	return &CatchUpSlots{share: auth.NewShare(bounds), perDevice: perDevice, open: map[protocol.DeviceID]int{}}
}

// Enter takes a slot for p's device and waits for one if need be. A device that has all of its
// own is refused at once.
func (s *CatchUpSlots) Enter(ctx context.Context, p groupcast.Principal) error {
	dev := p.Device.ID
	s.mu.Lock()
	if s.open[dev] >= s.perDevice {
		s.mu.Unlock()
		return groupcast.Errorf(groupcast.EExhausted, "this device fetches %d times at once already", s.perDevice).
			WithHint("end one first")
	}
	s.open[dev]++
	s.mu.Unlock()
	err := s.share.Take(ctx, p.User.ID, auth.RankOf(p))
	if err != nil {
		s.forget(dev)
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for a turn: %w", err)
		}
	}
	return err
}

// Leave gives a slot back; each Enter without an error needs one Leave.
func (s *CatchUpSlots) Leave(p groupcast.Principal) {
	s.share.Give(p.User.ID)
	s.forget(p.Device.ID)
}

// Waiting says whether a download of this user should end for one that waits: of the same user, or of one
// that has fewer slots.
func (s *CatchUpSlots) Waiting(user string) bool { return s.share.Waiting(user) }

func (s *CatchUpSlots) forget(dev protocol.DeviceID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[dev]--; s.open[dev] == 0 {
		delete(s.open, dev)
	}
}
