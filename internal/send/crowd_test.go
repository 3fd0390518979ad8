package send_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

const (
	crowdSymbol = 1 // byte: ten thousand pools have to fit into memory
	crowdK      = 164
	crowdDelay  = 2500 * time.Microsecond // one way
	farewell    = 50 * time.Millisecond   // as internal/receiver's: a device that is done leaves
)

// crowd is many receivers at one delay; packets are lost by skipping ahead, so that ten
// thousand of them are affordable. It has no reordering and no queues.
type crowd struct {
	t      testing.TB
	clock  *netsim.Clock
	rnd    *rand.Rand
	s      *send.Sender
	blocks int
	loss   float64
	peers  []spectator
	tick   uint64
	over   bool
	data   int
	nacks  int
	began  time.Time
	told   traffic
	body   []byte
	symbol [crowdSymbol]byte
}

type spectator struct {
	r    *recv.Receiver
	rnd  *rand.Rand
	at   time.Time // the earliest moment it is armed for
	skip int       // packets until the next that is lost
	done bool
	gone bool
}

// uniform is a layout of blocks of crowdK symbols.
type uniform int

func (u uniform) Length(b protocol.BlockNumber) (int, bool) {
	return crowdK * crowdSymbol, int(b) < int(u)
}

func newCrowd(t testing.TB, n, blocks int, loss float64, cfg send.Config) *crowd {
	c := &crowd{
		t: t, clock: netsim.NewClock(), rnd: rand.New(rand.NewPCG(uint64(n), 3)),
		blocks: blocks, loss: loss, peers: make([]spectator, n),
	}
	c.began = c.clock.Now()
	cfg.Blocks, cfg.SymbolSize, cfg.FrameBytes = blocks, crowdSymbol, 1485
	cfg.Length = func(protocol.BlockNumber) int { return crowdK * crowdSymbol }
	c.s = send.New(cfg, c.began, rand.New(rand.NewPCG(1, 1)))
	for i := range n {
		c.s.Attach(c.began, send.Device(i), nil, i == 0)
		c.told.add(ready, c.spread(), readyBytes) // before the data flows
	}
	first := c.s.Preview(c.began)
	for i := range c.peers {
		p := &c.peers[i]
		p.rnd = rand.New(rand.NewPCG(uint64(i), 7))
		p.r = recv.New(recv.Config{
			Layout: uniform(blocks), Blocks: blocks, SymbolSize: crowdSymbol, MaxK: crowdK,
			PoolBytes: 24 * crowdK * crowdSymbol, First: first,
		}, c.began, p.rnd)
		p.draw(loss)
		c.serve(i)
	}
	c.pump()
	return c
}

// spread is what a device waits before it calls over HTTPS.
func (c *crowd) spread() time.Duration {
	return time.Duration(c.rnd.Float64() * float64(protocol.Spread(len(c.peers))))
}

func (p *spectator) draw(loss float64) {
	p.skip = int(math.Log(1-p.rnd.Float64()) / math.Log(1-loss))
}

// arrives gives how many of the next n packets come before one is lost, which is drawn, too.
func (p *spectator) arrives(n int, loss float64) int {
	if n <= p.skip {
		p.skip -= n
		return n
	}
	n = p.skip
	p.draw(loss)
	return n
}

func (c *crowd) pump() {
	now := c.clock.Now()
	refs := make([]send.SymbolRef, 0, 44)
	for busy := true; busy; {
		busy = false
		for e, ok := c.s.NextEvent(); ok; e, ok = c.s.NextEvent() {
			c.over = c.over || e.Kind == send.Over
			if e.Kind == send.DeviceBehind {
				c.t.Errorf("device %d left behind: %s", e.Device, e.Reason)
			}
		}
		if m, _, ok := c.s.NextSync(now); ok {
			busy = true
			m.Repairs = slices.Clone(m.Repairs)
			c.clock.After(crowdDelay, func() { c.hearSync(m) })
		}
		if t, ok := c.s.NextTrain(now, refs[:0]); ok {
			busy = true
			c.data += len(t.Refs)
			first, packets := t.First, c.packets(t.Refs)
			c.clock.After(crowdDelay, func() { c.hearTrain(first, packets) })
		}
	}
	c.tick++
	tick := c.tick
	if t, ok := c.s.NextTimeout(); ok {
		c.clock.At(t, func() {
			if tick == c.tick {
				c.s.HandleTimeout(c.clock.Now())
				c.pump()
			}
		})
	}
}

func (c *crowd) hearSync(m wire.Sync) {
	for i := range c.peers {
		if p := &c.peers[i]; !p.gone && p.arrives(1, c.loss) == 1 {
			p.r.HandleSync(c.clock.Now(), m)
			c.serve(i)
		}
	}
}

// packets makes those of a train once for all receivers.
func (c *crowd) packets(refs []send.SymbolRef) []wire.Data {
	out := make([]wire.Data, len(refs))
	for i, ref := range refs {
		out[i] = wire.Data{Block: ref.Block, Length: crowdK * crowdSymbol, Index: ref.Index, Symbol: c.symbol[:]}
	}
	return out
}

func (c *crowd) hearTrain(first protocol.PacketNumber, packets []wire.Data) {
	now := c.clock.Now()
	for i := range c.peers {
		p := &c.peers[i]
		if p.gone {
			continue
		}
		for at := 0; at < len(packets); at++ { // past the lost one
			for end := at + p.arrives(len(packets)-at, c.loss); at < end; at++ {
				p.r.HandleData(now, first+protocol.PacketNumber(at), packets[at])
			}
		}
		c.serve(i)
	}
}

// serve does for one receiver what its driver does.
func (c *crowd) serve(i int) {
	p, now := &c.peers[i], c.clock.Now()
	for e, ok := p.r.NextEvent(); ok; e, ok = p.r.NextEvent() {
		switch e.Kind {
		case recv.BlockReady:
			p.r.BlockStored(now, e.Block, recv.Stored)
		case recv.Done:
			p.done = true
			c.clock.After(farewell, func() { c.part(i) })
		default:
		}
	}
	for f, ok := p.r.NextFeedback(now); ok; f, ok = p.r.NextFeedback(now) {
		c.feed(i, f)
	}
	if t, ok := p.r.NextTimeout(); ok && (p.at.IsZero() || t.Before(p.at)) {
		p.at = t
		c.clock.At(t, func() { c.wake(i, t) })
	}
}

// wake is a receiver's timer; if it is wanted later by now, it is set anew.
func (c *crowd) wake(i int, armed time.Time) {
	p, now := &c.peers[i], c.clock.Now()
	if p.gone || !p.at.Equal(armed) {
		return
	}
	p.at = time.Time{}
	if t, ok := p.r.NextTimeout(); ok && !t.After(now) {
		p.r.HandleTimeout(now)
	}
	c.serve(i)
}

// part ends a device's session; its receipt closes the delivery.
func (c *crowd) part(i int) {
	p := &c.peers[i]
	p.gone, p.r = true, nil
	c.clock.After(c.spread(), func() {
		c.told.add(receipts, c.clock.Now().Sub(c.began), receiptBytes)
		c.s.Complete(c.clock.Now(), send.Device(i))
		c.pump()
	})
}

func (c *crowd) feed(i int, f wire.Feedback) {
	if len(f.NACKs)+len(f.Ranges) > 0 {
		c.nacks++
	}
	c.body = wire.AppendFeedback(c.body[:0], f)
	c.told.feedback(c.clock.Now().Sub(c.began), f, len(c.body))
	f.NACKs, f.Ranges, f.Bitmaps = slices.Clone(f.NACKs), slices.Clone(f.Ranges), slices.Clone(f.Bitmaps)
	c.clock.After(crowdDelay, func() {
		c.s.HandleFeedback(c.clock.Now(), send.Device(i), f)
		c.pump()
	})
}

func (c *crowd) run(limit time.Duration) {
	end := c.began.Add(limit)
	for !c.over && c.clock.Step(end) {
	}
	if !c.over {
		c.t.Fatalf("not over: %+v", c.s.Status())
	}
	for i := range c.peers {
		if !c.peers[i].done {
			c.t.Errorf("device %d is not done: %+v", i, c.peers[i].r.Status())
		}
	}
}

func (c *crowd) summary() string {
	return fmt.Sprintf("%d receivers, %d blocks, %.0f %% loss, round trip %v: %.4f × the source symbols, %.4f NACK "+
		"packets a data packet, over after %v, %+v",
		len(c.peers), c.blocks, c.loss*100, 2*crowdDelay, c.overhead(), c.asked(), c.clock.Now().Sub(c.began).
			Round(time.Millisecond), c.s.Status().Counters)
}

func (c *crowd) overhead() float64 { return float64(c.data) / float64(c.blocks*crowdK) }
func (c *crowd) asked() float64    { return float64(c.nacks) / float64(c.data) }

// TestCrowd: the wire carries the worst receiver's deficit once, and the others hold their
// tongue. `make sim-crowd` sends 64 MiB to ten thousand, which takes minutes.
func TestCrowd(t *testing.T) {
	long(t)
	n, blocks := 1000, 48
	if v, err := strconv.Atoi(os.Getenv("GROUPCAST_CROWD")); err == nil {
		n, blocks = v, 64<<20/protocol.BlockSize
	}
	cfg := fixed(100)
	c := newCrowd(t, n, blocks, 0.01, cfg)
	c.run(10 * time.Minute)
	t.Log(c.summary())
	if o := c.overhead(); o > 1.12 {
		t.Errorf("%.4f × the source symbols, at most 1.12 are allowed", o)
	}
	if q := c.asked(); q > 0.02 {
		t.Errorf("%.4f NACK packets a data packet, at most 0.02 are allowed", q)
	}
	c.told.check(t, cfg.Rate.Fixed)
}
