package receiver

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

// marked gives the packets of a block with the MACs of a slot.
func (o *pagedOrigin) marked(b protocol.BlockNumber, slot uint32, e format2.Element) (run []byte, size int) {
	block, symbol := o.block(b), int(o.offer.SymbolSize)
	padded := make([]byte, protocol.SourceSymbols(len(block), symbol)*symbol)
	copy(padded, block)
	for i := range len(padded) / symbol {
		o.number++
		h := wire.Header{Kind: wire.KindData, Tag: o.offer.Tag, Number: o.number}
		body := append(wire.AppendDataHeader(nil, b, len(block), protocol.SymbolIndex(i)), padded[i*symbol:(i+1)*symbol]...)
		plain := append(append(format2.AppendHeader(nil, h), body...), byte(slot))
		run = o.seal.Seal(run, h, format2.AppendMAC(body, o.seal.MACKey(slot, e).Sum(h.Number, plain)))
	}
	return run, symbol + protocol.DataOverhead + format2.MACBytes
}

// TestPacketsWithMACsWaitForTheirKey: nothing of a block counts before the element of its slot is disclosed; then what
// the sender made does, and what a member made with an element that is known does not. What comes later is late.
func TestPacketsWithMACsWaitForTheirKey(t *testing.T) {
	const slot = 5
	o := newPagedOrigin(t, 0, 300_000)
	m := newPagedMemory(o)
	r := o.idle(m, both(withContent(m), func(c *PagedConfig) {
		c.Offer.Flags |= format2.OfferMACs
		c.Offer.SlotMS, c.Offer.Lag = 1000, 8 // this machine may be slow
	}))
	r.mu.Lock()
	r.marked.held.SetClock(time.Now(), recv.Clock{Asked: time.Now(), Stamp: slot*time.Second + time.Millisecond})
	r.mu.Unlock()
	genuine, _ := o.chain.Element(slot)
	known, _ := o.chain.Element(1)
	page := o.pageBlock(0)
	right, size := o.marked(page, slot, genuine)
	wrong, _ := o.marked(page, slot, known)
	o.say(r, o.sync(2, 1))
	hear(r, o.from, wrong, size)
	hear(r, o.from, right, size)
	hear(r, o.from, right[:size-1], size-1) // not of the length of packets with MACs
	ready := func() int {                   // blocks that are complete
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.jobs)
	}
	if got := r.Status(); ready() > 0 || got.Drops["forged"] > 0 || got.Drops["length"] != 1 {
		t.Errorf("before the key is disclosed: %+v", got)
	}
	o.say(r, o.sync(3, slot))
	n := len(wrong) / size
	if got := r.Status(); got.Drops["forged"] != uint64(n) || got.Drops["late"] > 0 || ready() != 1 {
		t.Errorf("after it: %+v", got)
	}
	hear(r, o.from, right, size)
	if got := r.Status(); got.Drops["late"] != uint64(n) {
		t.Errorf("of a slot whose key is known: %+v", got)
	}
}

// clock answers for the sender's clock.
type clock func(context.Context) (time.Duration, error)

// TestAServerTooFarAwayEndsTheSession: packets with MACs would all come too late. One slow answer among quick ones, or
// a question that fails, is no reason.
func TestAServerTooFarAwayEndsTheSession(t *testing.T) {
	slow := func(context.Context) (time.Duration, error) {
		time.Sleep(recv.MostRoundTrip + 10*time.Millisecond)
		return time.Second, nil
	}
	failing := func(context.Context) (time.Duration, error) { return 0, errors.New("not now") }
	quick := func(context.Context) (time.Duration, error) { return time.Second, nil }
	for name, c := range map[string]struct {
		clocks []clock // the last goes on
		want   error
	}{
		"always slow":         {[]clock{slow}, ErrTooFar},
		"never an answer":     {[]clock{failing}, ErrTooFar},
		"slow, then quick":    {[]clock{slow, quick}, context.DeadlineExceeded},
		"failing, then quick": {[]clock{failing, failing, quick}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newPagedOrigin(t, 0, 1<<20) // a SYNC that it seals changes it
			cfg := o.config(newEndpoint(t, nil), newPagedMemory(o))
			cfg.Offer.Flags |= format2.OfferMACs
			asked := 0
			cfg.Clock = func(ctx context.Context) (time.Duration, error) {
				asked++
				return c.clocks[min(asked, len(c.clocks))-1](ctx)
			}
			r, err := NewPaged(cfg)
			if err != nil {
				t.Fatal(err)
			}
			within := 10 * time.Second
			if !errors.Is(c.want, ErrTooFar) {
				within = time.Second
			}
			ctx, stop := context.WithTimeout(t.Context(), within)
			defer stop()
			if err := r.Run(ctx); !errors.Is(err, c.want) {
				t.Errorf("%v after %d questions", err, asked)
			}
		})
	}
}
