package loop

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// chance plays events to a loop and answers what it asks for at random, much later or not at all.
type chance struct {
	*bench
	draw    *rand.Rand
	seed    uint64
	number  protocol.OfferNo
	working map[protocol.TransferNo]bool
	sending map[protocol.TransferNo]bool
}

// step lets something happen.
func (c *chance) step() {
	no := protocol.TransferNo(c.draw.IntN(6) + 1)
	switch c.draw.IntN(9) {
	case 0, 1:
		c.number++
		c.offer(no, c.number)
	case 2:
		c.Heard(c.now, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	case 3:
		c.Heard(c.now, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: no, Over: c.draw.IntN(2) == 0})
	case 4:
		c.state(groupcast.AgentState{
			Groups: []groupcast.AgentGroup{lab}, Offers: []groupcast.Offered{offered(no, c.number)},
			OwedComplete: true, Owed: []protocol.TransferNo{no},
		})
	case 5, 6:
		if c.working[no] {
			delete(c.working, no)
			outcomes := []Outcome{verified(), {}, {Failed: "x"}, {State: groupcast.DeliveryRefused, Kind: "io"}}
			c.Ended(c.now, no, outcomes[c.draw.IntN(len(outcomes))])
		}
	case 7:
		if c.sending[no] {
			delete(c.sending, no)
			fate := Fate(c.draw.IntN(3))
			if fate == Over {
				c.kept.drop(no)
			}
			c.ReceiptSent(c.now, no, fate)
		}
	case 8:
		c.Due(c.now)
	}
}

// check holds an action to what must hold in any order of events.
func (c *chance) check(action Action) {
	switch a := action.(type) {
	case Begin:
		if no := a.Offer.Transfer; c.working[no] || c.sending[no] {
			c.t.Fatalf("seed %d: %d is begun while it is worked on (%v) or its receipt is sent", c.seed, no, c.working[no])
		}
		c.working[a.Offer.Transfer] = true
	case SendReceipt:
		no := a.Transfer
		if c.sending[no] || c.working[no] || !slices.Contains(c.kept.receipts, no) {
			c.t.Fatalf("seed %d: the receipt of %d is sent: on its way %v, worked on %v, kept %v",
				c.seed, no, c.sending[no], c.working[no], c.kept.receipts)
		}
		if c.sending[no] = true; len(c.sending) > maxSending {
			c.t.Fatalf("seed %d: %d receipts are on their way", c.seed, len(c.sending))
		}
	case Sweep:
		for no := range c.working {
			if !a.Keep(no) {
				c.t.Fatalf("seed %d: what is received of %d is deleted", c.seed, no)
			}
		}
	}
}

// play gives all that was wanted from a seed.
func play(t *testing.T, seed uint64) (done []string) {
	c := &chance{
		bench: connected(t), draw: rand.New(rand.NewPCG(seed, 1)), seed: seed, number: 1,
		working: map[protocol.TransferNo]bool{}, sending: map[protocol.TransferNo]bool{},
	}
	c.cfg.Random = func(n time.Duration) time.Duration { return time.Duration(c.draw.Int64N(int64(n) + 1)) }
	for range 400 {
		c.now = c.now.Add(time.Duration(c.draw.IntN(3000)) * time.Millisecond)
		c.step()
		for _, a := range c.Take() {
			c.check(a)
			done = append(done, names([]Action{a})...)
		}
		if next := c.Next(c.now); next.Sub(c.now) > roundEvery {
			t.Fatalf("seed %d: nothing is due before %v", seed, next)
		}
	}
	return done
}

// Nothing depends on chance but what is drawn: a seed gives the same run each time.
func TestAnyOrderOfEvents(t *testing.T) {
	for seed := range uint64(200) {
		if first := play(t, seed); !slices.Equal(first, play(t, seed)) {
			t.Fatalf("seed %d runs otherwise the second time", seed)
		}
	}
}
