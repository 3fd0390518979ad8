package server

import (
	"context"
	"fmt"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	maxStreams       = 128 // catch-ups read at once; each holds a block in memory
	maxDeviceStreams = 4   // of one device
)

// streams bounds how many catch-ups are read at once, in all and per device, so that one
// device that does not read holds up nobody for long.
type streams struct {
	slots chan struct{}
	mu    sync.Mutex
	open  map[protocol.DeviceID]int
}

func newStreams() *streams {
	return &streams{slots: make(chan struct{}, maxStreams), open: map[protocol.DeviceID]int{}}
}

// enter waits for a turn.
func (s *streams) enter(ctx context.Context, dev protocol.DeviceID) error {
	s.mu.Lock()
	if s.open[dev] >= maxDeviceStreams {
		s.mu.Unlock()
		return groupcast.Errorf(groupcast.EExhausted, "this device fetches %d times at once already", maxDeviceStreams).
			WithHint("end one first")
	}
	s.open[dev]++
	s.mu.Unlock()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		s.forget(dev)
		return fmt.Errorf("waiting for a turn: %w", ctx.Err())
	}
}

func (s *streams) leave(dev protocol.DeviceID) {
	<-s.slots
	s.forget(dev)
}

func (s *streams) forget(dev protocol.DeviceID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[dev]--; s.open[dev] == 0 {
		delete(s.open, dev)
	}
}
