package httpapitest

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
)

// Calls remembers calls with an idempotency key in memory.
type Calls struct {
	mu   sync.Mutex
	kept map[[2]string]groupcast.KeyedCall
}

// NewCalls makes an empty memory.
func NewCalls() *Calls { return &Calls{kept: map[[2]string]groupcast.KeyedCall{}} }

// BeginCall notes a call, or gives the earlier one.
func (c *Calls) BeginCall(
	_ context.Context, call groupcast.KeyedCall, since time.Time,
) (groupcast.KeyedCall, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := [2]string{call.Account, call.Key}
	if before, ok := c.kept[name]; ok && !before.At.Before(since) {
		return before, false, nil
	}
	c.kept[name] = call
	return groupcast.KeyedCall{}, true, nil
}

// AnswerCall keeps an answer.
func (c *Calls) AnswerCall(_ context.Context, call groupcast.KeyedCall) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept[[2]string{call.Account, call.Key}] = call
	return nil
}

// DropCall forgets a call.
func (c *Calls) DropCall(_ context.Context, call groupcast.KeyedCall) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kept, [2]string{call.Account, call.Key})
	return nil
}

// Kept gives all that is remembered.
func (c *Calls) Kept() (all []groupcast.KeyedCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.kept {
		all = append(all, call)
	}
	return all
}
