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

// crowd is many receivers at one delay; packets are lost by skipping ahead, so that ten
// thousand of them are affordable. It has no reordering and no queues.
type crowd struct {
	t      testing.TB
	clock  *netsim.Clock
	s      *send.Sender
	layout lengths
	loss   float64
	delay  time.Duration
	peers  []*spectator
	tick   uint64
	over   bool
	data   int
	nacks  int
	fed    int
	symbol [testSymbol]byte
}

type spectator struct {
	r    *recv.Receiver
	skip int // packets until the next that is lost
	rnd  *rand.Rand
	tick uint64
	at   time.Time // armed for
	done bool
}

func newCrowd(t testing.TB, n int, loss float64, layout lengths, cfg send.Config) *crowd {
	c := &crowd{t: t, clock: netsim.NewClock(), layout: layout, loss: loss, delay: 100 * time.Microsecond}
	cfg.Blocks, cfg.SymbolSize, cfg.FrameBytes = len(layout), testSymbol, 1485
	cfg.Length = func(b protocol.BlockNumber) int { return layout[b] }
	c.s = send.New(cfg, c.clock.Now(), rand.New(rand.NewPCG(1, 1)))
	for i := range n {
		c.s.Attach(c.clock.Now(), send.Device(i), nil, i == 0)
	}
	for i := range n {
		p := &spectator{rnd: rand.New(rand.NewPCG(uint64(i), 7))}
		p.r = recv.New(recv.Config{
			Layout: layout, Blocks: len(layout), SymbolSize: testSymbol, MaxK: 200,
			PoolBytes: 24 * 200 * testSymbol, First: c.s.Preview(c.clock.Now()),
		}, c.clock.Now(), p.rnd)
		p.draw(loss)
		c.peers = append(c.peers, p)
		c.serve(i)
	}
	c.pump()
	return c
}

func (p *spectator) draw(loss float64) {
	p.skip = int(math.Log(1-p.rnd.Float64()) / math.Log(1-loss))
}

// arrives says whether the next packet comes.
func (p *spectator) arrives(loss float64) bool {
	if p.skip > 0 {
		p.skip--
		return true
	}
	p.draw(loss)
	return false
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
			c.clock.After(c.delay, func() { c.hearSync(m) })
		}
		if t, ok := c.s.NextTrain(now, refs[:0]); ok {
			busy = true
			c.data += len(t.Refs)
			t.Refs = slices.Clone(t.Refs)
			c.clock.After(c.delay, func() { c.hearTrain(t) })
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
	for i, p := range c.peers {
		if p.arrives(c.loss) {
			p.r.HandleSync(c.clock.Now(), m)
			c.serve(i)
		}
	}
}

func (c *crowd) hearTrain(t send.Train) {
	now := c.clock.Now()
	for i, p := range c.peers {
		for j, ref := range t.Refs {
			if p.arrives(c.loss) {
				p.r.HandleData(now, t.First+protocol.PacketNumber(j), wire.Data{
					Block: ref.Block, Length: c.layout[ref.Block], Index: ref.Index, Symbol: c.symbol[:],
				})
			}
		}
		c.serve(i)
	}
}

// serve does for one receiver what its driver does.
func (c *crowd) serve(i int) {
	p, now := c.peers[i], c.clock.Now()
	for e, ok := p.r.NextEvent(); ok; e, ok = p.r.NextEvent() {
		switch e.Kind {
		case recv.BlockReady:
			p.r.BlockStored(now, e.Block, recv.Stored)
		case recv.Done:
			p.done = true
		}
	}
	for f, ok := p.r.NextFeedback(now); ok; f, ok = p.r.NextFeedback(now) {
		c.feed(i, f)
	}
	t, ok := p.r.NextTimeout()
	if !ok || t.Equal(p.at) {
		return
	}
	p.at = t
	p.tick++
	tick := p.tick
	c.clock.At(t, func() {
		if tick == p.tick {
			p.at = time.Time{}
			p.r.HandleTimeout(c.clock.Now())
			c.serve(i)
		}
	})
}

func (c *crowd) feed(i int, f wire.Feedback) {
	c.fed++
	if len(f.NACKs)+len(f.Ranges) > 0 {
		c.nacks++
	}
	f.NACKs, f.Ranges, f.Bitmaps = slices.Clone(f.NACKs), slices.Clone(f.Ranges), slices.Clone(f.Bitmaps)
	c.clock.After(c.delay, func() {
		c.s.HandleFeedback(c.clock.Now(), send.Device(i), f)
		c.pump()
	})
}

func (c *crowd) run(limit time.Duration) {
	end := c.clock.Now().Add(limit)
	for !c.over && c.clock.Step(end) {
	}
	if !c.over {
		c.t.Fatalf("not over: %+v", c.s.Status())
	}
	for i, p := range c.peers {
		if !p.done {
			c.t.Errorf("device %d is not done: %+v", i, p.r.Status())
		}
	}
}

func (c *crowd) summary() string {
	n := 0
	for _, l := range c.layout {
		n += l / testSymbol
	}
	return fmt.Sprintf("overhead %.4f, nacks/data %.4f, %d data, %d nacks, %d feedback, %v, %+v",
		float64(c.data)/float64(n), float64(c.nacks)/float64(c.data), c.data, c.nacks, c.fed, c.s.Status().GRTT, c.s.Status().Counters)
}

// TestCrowd: the wire carries the worst receiver's deficit once, and the others hold their
// tongue. Ten thousand take a minute: GROUPCAST_CROWD=10000.
func TestCrowd(t *testing.T) {
	long(t)
	n := 1000
	if v, err := strconv.Atoi(os.Getenv("GROUPCAST_CROWD")); err == nil {
		n = v
	}
	c := newCrowd(t, n, 0.01, even(48, 164), fixed(100))
	c.run(2 * time.Minute)
	t.Log(c.summary())
	if o := float64(c.data) / (48 * 164); o > 1.12 {
		t.Errorf("overhead %.4f", o)
	}
	if q := float64(c.nacks) / float64(c.data); q > 0.02 {
		t.Errorf("%.4f NACK packets a data packet", q)
	}
}
