package download

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
)

// mostPolls is how many calls of a device may wait for pages at once: others are answered with what there is.
const mostPolls = 2

// Polls are the calls that wait for pages.
type Polls struct {
	mu  sync.Mutex
	now map[protocol.DeviceID]int
}

// Await gives the pages there are from a number on. If there is none yet, and one may come, it waits for it.
func (p *Polls) Await(
	ctx context.Context, src Paged, dev protocol.DeviceID, from protocol.PageNo,
) ([]pages.Signed, error) {
	list, changed := src.SignedFrom(from)
	if len(list) > 0 || endsBefore(src, from) || !p.begin(dev) {
		return list, nil
	}
	defer p.end(dev)
	timer := time.NewTimer(groupcast.PagesWait)
	defer timer.Stop()
	for {
		select {
		case <-changed:
		case <-timer.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		list, changed = src.SignedFrom(from)
		if len(list) > 0 || isClosed(changed) {
			return list, nil
		}
	}
}

// Waiting counts the devices whose calls wait.
func (p *Polls) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.now)
}

// endsBefore says whether the page before a number is the final one.
func endsBefore(src Paged, n protocol.PageNo) bool {
	if n == 0 {
		return false
	}
	before, _ := src.SignedFrom(n - 1)
	return len(before) > 0 && before[0].Final
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (p *Polls) begin(dev protocol.DeviceID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		p.now = map[protocol.DeviceID]int{}
	}
	if p.now[dev] >= mostPolls {
		return false
	}
	p.now[dev]++
	return true
}

func (p *Polls) end(dev protocol.DeviceID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now[dev]--; p.now[dev] == 0 {
		delete(p.now, dev)
	}
}
