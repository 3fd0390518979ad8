package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/protocol"
)

// maxDeviceStreams is how many catch-ups one device reads at once.
const maxDeviceStreams = 4

func catchUps() auth.Bounds { // each holds a block in memory
	return auth.Bounds{What: "downloads", All: 128, Each: 32, Admins: 8, Line: 1024, Wait: 20 * time.Second}
}

// streams bounds how many catch-ups are read at once: in all, per user and per device.
type streams struct {
	share *auth.Share
	mu    sync.Mutex
	open  map[protocol.DeviceID]int
}

func newStreams() *streams {
	return &streams{share: auth.NewShare(catchUps()), open: map[protocol.DeviceID]int{}}
}

// enter waits for a turn.
func (s *streams) enter(ctx context.Context, p groupcast.Principal) error {
	dev := p.Device.ID
	s.mu.Lock()
	if s.open[dev] >= maxDeviceStreams {
		s.mu.Unlock()
		return groupcast.Errorf(groupcast.EExhausted, "this device fetches %d times at once already", maxDeviceStreams).
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

func (s *streams) leave(p groupcast.Principal) {
	s.share.Give(p.User.ID)
	s.forget(p.Device.ID)
}

func (s *streams) forget(dev protocol.DeviceID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[dev]--; s.open[dev] == 0 {
		delete(s.open, dev)
	}
}
