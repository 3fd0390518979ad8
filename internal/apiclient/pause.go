package apiclient

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// agentCalls are the calls of a receiving device. The server bounds how often it may make them.
const agentCalls = "/agent/"

// mostObeyed is the longest that a device stays away because the server says so.
const mostObeyed = 2 * time.Minute

// pause is when a device may call again: a server that says 429 to one short call means all calls.
type pause struct {
	mu    sync.Mutex
	until time.Time
}

// note notes that the server refused a device's call as too frequent.
func (p *pause) note(path string, res *http.Response, now time.Time) {
	long := strings.HasPrefix(path, agentCalls+"transfers/") || path == agentCalls+"events"
	if res.StatusCode != http.StatusTooManyRequests || long || !strings.HasPrefix(path, agentCalls) {
		return // who downloads or attaches waits by itself: it may be a place that is missing, not a pace
	}
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return
	}
	until := now.Add(min(time.Duration(seconds)*time.Second, mostObeyed))
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}

// wait lets a device's call wait until it may be made.
func (p *pause) wait(ctx context.Context, path string) error {
	if !strings.HasPrefix(path, agentCalls) {
		return nil
	}
	p.mu.Lock()
	left := time.Until(p.until)
	p.mu.Unlock()
	if left <= 0 {
		return ctx.Err()
	}
	return sleep(ctx, left)
}

// agentCall makes a call of a device. One that the server turned away with 429 was not carried out:
// it is made again when the server said. Otherwise only what changes nothing is tried again, as by do.
func (c *Client) agentCall(ctx context.Context, k call, out any) error {
	for try := 1; ; try++ {
		if err := c.pause.wait(ctx, k.path); err != nil {
			return err
		}
		again, err := c.once(ctx, k, out)
		turnedAway := again >= 0 && c.pause.on()
		if err == nil || again < 0 || try == maxTries || ctx.Err() != nil || k.method != http.MethodGet && !turnedAway {
			return err
		}
		if !turnedAway && sleep(ctx, max(again, firstPause)) != nil {
			return err
		}
	}
}

// on says whether the server wants to be left alone just now.
func (p *pause) on() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.until)
}
