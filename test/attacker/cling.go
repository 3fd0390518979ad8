//go:build linux

package attacker

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// cling listens as a member and keeps every key, and goes on to ask: for blocks and manifests of
// every transfer up to p.Count (of those that run, too), for hand-outs, by NACKs of keys that it
// was handed. The report says when each kind of asking was begun that was still granted.
func cling(ctx context.Context, p Plan, r *Report) error {
	m, err := Login(ctx, p)
	if err != nil {
		return err
	}
	server, err := serverAddr(p)
	if err != nil {
		return err
	}
	c := &clinging{Member: m, report: r, owed: make(map[protocol.TransferNo]groupcast.Offered)}
	r.Granted, r.Answers = make(map[string]int64), make(map[string]int)
	go c.askOn(ctx, p.Count)
	return m.attach(ctx, func(ctx context.Context, s *Session) {
		c.mu.Lock()
		r.Sessions = append(r.Sessions, s.Keys)
		c.owed[s.Transfer] = groupcast.Offered{Offer: s.Raw}
		c.mu.Unlock()
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.feedbackAddr(server)))
		if err != nil {
			say("feedback: %v", err)
			return
		}
		defer conn.Close()
		var sequence uint64
		go pace(ctx, 20, func(int) {
			c.mu.Lock()
			defer c.mu.Unlock()
			word := wire.Feedback{SyncSequence: sequence, SyncAge: 1000}
			lies["deficit"](s, &word)
			_, _ = conn.Write(s.sealFeedback(word)) // nobody answers
		})
		err = s.hear(ctx, func(h heard) {
			c.mu.Lock()
			defer c.mu.Unlock()
			r.Heard++
			if h.header.Kind == wire.KindSync {
				sequence = s.sequenceOf(h.body)
			}
		})
		say("session %s: %v", s.Offer.Session, err)
	})
}

type clinging struct {
	*Member
	mu     sync.Mutex
	report *Report
	owed   map[protocol.TransferNo]groupcast.Offered
}

func (c *clinging) askOn(ctx context.Context, upTo int) {
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		c.mu.Lock()
		offers := make([]groupcast.Offered, 0, len(c.owed))
		for _, o := range c.owed {
			offers = append(offers, o)
		}
		c.mu.Unlock()
		for _, o := range offers {
			offer, err := ParseTerms(o.Offer)
			if err != nil {
				continue
			}
			c.ask(ctx, "blocks", func() (io.ReadCloser, error) { return c.blocks(ctx, offer.Transfer) })
			c.ask(ctx, "hand-out", func() (io.ReadCloser, error) { _, err := c.Member.ask(ctx, o); return nil, err })
		}
		for no := range protocol.TransferNo(upTo) {
			for what, get := range c.everything(ctx, no+1) {
				c.ask(ctx, fmt.Sprintf("%s of %d", what, no+1), get)
			}
		}
	}
}

// blocks asks for the first block that devices need, of either format.
func (c *clinging) blocks(ctx context.Context, no protocol.TransferNo) (io.ReadCloser, error) {
	if body, err := c.Client.Blocks(ctx, no, 0, 1); err == nil {
		return body, nil
	}
	return c.Client.Stream(ctx, no, 0, 1)
}

// everything has the calls that give something of a transfer, of either format.
func (c *clinging) everything(ctx context.Context, no protocol.TransferNo) map[string]func() (io.ReadCloser, error) {
	return map[string]func() (io.ReadCloser, error){
		"manifest": func() (io.ReadCloser, error) { return c.Client.Manifest(ctx, no, 1000) },
		"blocks":   func() (io.ReadCloser, error) { return c.Client.Blocks(ctx, no, 0, 1) },
		"skeleton": func() (io.ReadCloser, error) { return c.Client.Skeleton(ctx, no, 1000) },
		"pages":    func() (io.ReadCloser, error) { return c.Client.Pages(ctx, no, 0) },
		"stream":   func() (io.ReadCloser, error) { return c.Client.Stream(ctx, no, 0, 1) },
	}
}

// ask asks once and notes what was answered.
func (c *clinging) ask(ctx context.Context, what string, get func() (io.ReadCloser, error)) {
	begun := time.Now().UnixNano()
	body, err := get()
	if err == nil && body != nil {
		_, err = io.Copy(io.Discard, body)
		_ = body.Close()
	}
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.report.Granted[what] = begun
		c.report.Answers[what+": granted"]++
		return
	}
	c.report.Answers[what+": "+word(err)]++
}
