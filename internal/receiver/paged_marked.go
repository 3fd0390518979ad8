package receiver

import (
	"context"
	"errors"
	"time"

	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// ErrTooFar says that the question for the sender's clock takes too long for a session whose packets have MACs: they
// would all come too late to be believed.
var ErrTooFar = errors.New("the server is too far away to check what comes by multicast")

// How the sender's clock is asked for.
const (
	clockTries = 3
	clockEvery = 30 * time.Second // this device's clock may be slower than the sender's
	clockPause = 100 * time.Millisecond
	clockWait  = 5 * time.Second // of one question
	clockFails = 20              // without an answer at the beginning
	clockSlow  = 3               // and with slow answers only
)

// marked is what a session has whose packets have MACs; r.mu guards it.
type marked struct {
	ask  func(ctx context.Context) (time.Duration, error)
	held *recv.Held
	keys map[uint32]*seal.MACKey // of the slots that the newest SYNC disclosed
}

func newMarked(cfg PagedConfig, first format2.Sync) *marked {
	o := cfg.Offer
	return &marked{
		ask: cfg.Clock, keys: make(map[uint32]*seal.MACKey),
		held: recv.NewHeld(time.Duration(o.SlotMS)*time.Millisecond, o.Lag, first.Index,
			recv.HeldBytes/cfg.Endpoint.share()),
	}
}

// dataBytes is how long a data packet of a paged session is.
func dataBytes(o format2.Offer) int {
	n := int(o.SymbolSize) + protocol.DataOverhead
	if o.Flags&format2.OfferMACs != 0 {
		n += format2.MACBytes
	}
	return n
}

// keepTime asks for the sender's clock at once and then now and again: without it nothing that comes is believed.
func (r *Receiver) keepTime(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-r.gone:
		case <-ctx.Done():
		}
		stop()
	}()
	for known, slow, fails := false, 0, 0; ; {
		least, err := r.askClock(ctx)
		wait := clockPause
		switch {
		case ctx.Err() != nil:
			return
		case known: // an earlier answer goes on to count
			wait = clockEvery
		case err != nil:
			fails++
		case least > recv.MostRoundTrip:
			slow++
		default:
			known, wait = true, clockEvery
		}
		if slow == clockSlow || fails == clockFails {
			r.fail(ErrTooFar)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// askClock asks some times, takes the answers and gives the time of the quickest; an error: there was none.
func (r *Receiver) askClock(ctx context.Context) (least time.Duration, err error) {
	if r.marked.ask == nil {
		return 0, ErrTooFar
	}
	answered := false
	for range clockTries {
		within, stop := context.WithTimeout(ctx, clockWait)
		asked := time.Now()
		stamp, e := r.marked.ask(within)
		stop()
		if e != nil {
			err = e
			continue
		}
		now := time.Now()
		if took := now.Sub(asked); !answered || took < least {
			least, answered = took, true
		}
		r.mu.Lock()
		r.marked.held.SetClock(now, recv.Clock{Asked: asked, Stamp: stamp})
		r.mu.Unlock()
	}
	if answered {
		err = nil
	}
	return least, err
}

// hold keeps an opened data packet until its key is disclosed; the lock is held.
func (r *Receiver) hold(now time.Time, p opened) {
	at := len(p.plain) - format2.MACBytes
	if at < protocol.GroupHeaderBytes+protocol.DataHeaderBytes { // the length was checked before it was opened
		r.drops.Add(drops.Body)
		return
	}
	m := format2.MAC{Slot: p.plain[at], Tag: [7]byte(p.plain[at+1:])}
	switch r.marked.held.Keep(now, p.number, p.plain[:at+1], m) {
	case recv.Late:
		r.drops.Add(drops.Late)
	case recv.Full:
		r.drops.Add(drops.Held)
	case recv.Kept:
	}
}

// learn derives the keys that a SYNC with a good signature discloses, before the chain takes its element.
func (m *marked) learn(keys *seal.Session, chain *seal.ChainEnd, s format2.Sync) {
	first := chain.Index() + 1
	for i, e := range chain.Since(s.Index, s.Element) {
		slot := first + uint32(i)
		m.keys[slot] = keys.MACKey(slot, e)
	}
}

// holdSync keeps a SYNC with a good signature until what was sent before it is judged, and judges what it discloses
// the keys of; the lock is held. The last word of a session is not kept: no other SYNC follows it.
func (p *pagedSession) holdSync(now time.Time, s format2.Sync) {
	r, m := p.r, p.r.marked
	r.machine.SampleDelay(now, s.SentAt)
	if s.Flags&format2.SyncEnd != 0 {
		p.takeSync(now, s)
	} else {
		m.held.KeepSync(s)
	}
	m.held.Release(s.Index, s.RangeLast, recv.Judge{
		Genuine: func(slot uint32, n protocol.PacketNumber, plain []byte, mac format2.MAC) bool {
			k := m.keys[slot]
			return k != nil && k.Verify(n, plain, mac)
		},
		Data: func(n protocol.PacketNumber, plain []byte) {
			d, err := wire.ParseData(plain[protocol.GroupHeaderBytes : len(plain)-1])
			switch {
			case err != nil:
				r.drops.Add(drops.Body)
			case !r.machine.Accepts(n):
				r.drops.Add(drops.Number)
			default:
				r.machine.HandleData(now, n, d)
			}
		},
		Sync: func(s format2.Sync) { p.takeSync(now, s) },
		Forged: func() {
			r.drops.Add(drops.Forged)
			r.machine.ForgedPacket()
		},
		Beyond: func() { r.drops.Add(drops.Number) },
	})
	clear(m.keys)
}
