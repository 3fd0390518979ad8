package agent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// journal notes which calls were made, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.lines, want) {
		t.Errorf("%q, want %q", j.lines, want)
	}
}

// takes makes a call that takes so long, and notes how it ended.
func (j *journal) takes(name string, d time.Duration) call {
	return call{do: func(ctx context.Context) {
		select {
		case <-time.After(d):
			j.add(name)
		case <-ctx.Done():
			j.add(name + " given up")
		}
	}}
}

// withCalls runs a test in a bubble, where time passes when everybody waits.
func withCalls(t *testing.T, test func(*testing.T, *calls, *journal)) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls(slog.New(slog.DiscardHandler))
		test(t, c, &journal{})
		c.close()
		if c.post(lane{}, call{do: func(context.Context) { t.Error("a call is made after the end") }}); len(c.lanes) != 0 {
			t.Errorf("%d lanes are left", len(c.lanes))
		}
	})
}

func report(no protocol.TransferNo) lane { return lane{transferCalls, no} }

func TestCallsOfALaneKeepTheirOrder(t *testing.T) {
	withCalls(t, func(t *testing.T, c *calls, j *journal) {
		c.post(report(1), j.takes("slow", time.Minute))
		c.post(report(1), j.takes("after it", time.Second))
		c.post(report(2), j.takes("of another transfer", time.Second))
		c.post(lane{kind: probeCalls}, j.takes("of another kind", 2*time.Second))
		c.quiet(t.Context(), transferCalls, probeCalls)
		j.want(t, "of another transfer", "of another kind", "slow", "after it")
	})
}

// Calls that hang take the places of their kind, and of no other.
func TestNoKindWaitsForAnother(t *testing.T) {
	withCalls(t, func(t *testing.T, c *calls, j *journal) {
		for no := range protocol.TransferNo(20) {
			c.post(lane{receiptCalls, no}, j.takes("hangs", time.Hour))
		}
		synctest.Wait()
		if c.running[receiptCalls] != atOnce[receiptCalls] {
			t.Errorf("%d are under way", c.running[receiptCalls])
		}
		for kind := range callKinds {
			if kind != receiptCalls {
				c.post(lane{kind: kind}, j.takes("other", time.Second))
			}
		}
		time.Sleep(2 * time.Second)
		j.want(t, "other", "other", "other", "other")
	})
}

// A later report replaces one that waits; the reason that this one gave is not lost.
func TestALaterReportReplacesOneThatWaits(t *testing.T) {
	withCalls(t, func(t *testing.T, c *calls, j *journal) {
		tell := func(blocks int, reason string) {
			r := &groupcast.AgentReport{Blocks: blocks, Reason: reason}
			c.post(report(1), call{name: "progress", tell: r, do: func(context.Context) {
				j.add(r.Reason + string(rune('0'+r.Blocks)))
			}})
		}
		c.post(report(1), j.takes("first", time.Second))
		synctest.Wait()
		tell(1, "left behind ")
		tell(2, "")
		tell(3, "")
		c.post(report(1), j.takes("between", 0))
		tell(4, "")
		tell(5, "failed ")
		c.quiet(t.Context(), transferCalls)
		j.want(t, "first", "left behind 3", "between", "failed 5")
	})
}

// An answer that is waited for goes before what was said of the transfer earlier.
func TestWhatIsAskedDoesNotWait(t *testing.T) {
	withCalls(t, func(t *testing.T, c *calls, j *journal) {
		c.post(report(1), j.takes("hangs", time.Hour))
		c.post(report(1), j.takes("waits", 0))
		synctest.Wait()
		err := c.ask(t.Context(), report(1), func(context.Context) error {
			c.post(report(1), j.takes("later", 0))
			time.Sleep(time.Second)
			j.add("asked")
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		j.want(t, "hangs given up", "asked", "later")
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if c.ask(gone, report(1), func(context.Context) error { j.add("too late"); return nil }) == nil {
			t.Error("it is asked for somebody who is gone")
		}
		j.want(t, "hangs given up", "asked", "later")
	})
}

func TestARenewedCallReplacesTheOneUnderWay(t *testing.T) {
	withCalls(t, func(t *testing.T, c *calls, j *journal) {
		for _, name := range []string{"first", "second", "third"} {
			c.renew(lane{kind: stateCalls}, j.takes(name, time.Hour))
			synctest.Wait()
		}
		time.Sleep(2 * time.Hour)
		j.want(t, "first given up", "second given up", "third")
	})
}

func TestACallEndsWithWhatItIsMadeFor(t *testing.T) {
	withCalls(t, func(t *testing.T, c *calls, j *journal) {
		ctx, cancel := context.WithCancel(t.Context())
		bound := j.takes("bound", time.Hour)
		bound.with = ctx
		c.post(report(1), bound)
		c.post(report(2), j.takes("free", time.Minute))
		synctest.Wait()
		cancel()
		c.quiet(t.Context(), transferCalls)
		j.want(t, "bound given up", "free")
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c.post(report(3), j.takes("hangs", time.Hour))
		c.quiet(short, transferCalls)
		if short.Err() == nil {
			t.Error("a call that hangs is not waited for")
		}
	})
}

func TestCallsThatWaitAreBounded(t *testing.T) {
	withCalls(t, func(t *testing.T, c *calls, j *journal) {
		for no := range protocol.TransferNo(3 * maxWaitingCalls) {
			c.post(report(no), j.takes("hangs", time.Hour))
		}
		if c.waiting[transferCalls] != maxWaitingCalls || len(c.lanes) > maxWaitingCalls+atOnce[transferCalls] {
			t.Errorf("%d wait in %d lanes", c.waiting[transferCalls], len(c.lanes))
		}
	})
}

// A server that takes a receipt's call and does not answer has its time, and no more.
func TestACallOfAReceiptHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := inTime(t.Context(), func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != receiptTime {
			t.Errorf("after %v: %v", took, err)
		}
		answer := errors.New("what the call says")
		if err := inTime(t.Context(), func(context.Context) error { return answer }); !errors.Is(err, answer) {
			t.Errorf("got %v", err)
		}
	})
}
