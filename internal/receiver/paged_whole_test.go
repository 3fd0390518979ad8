package receiver

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// pagedServer sends a paged transfer from sockets while it reads and signs it, made of the pure parts: a machine, a
// writer of pages and the session's keys. Packets of a train leave in a random order.
type pagedServer struct {
	o        *pagedOrigin
	link     *mcast.Link
	feedback *mcast.Feedback
	began    time.Time
	rnd      *rand.Rand
	code     *fec.Code
	reports  chan []byte

	mu      sync.Mutex
	machine *send.Sender
	openers map[protocol.FeedbackID]*seal.FeedbackOpener
	w       *pages.Writer
	source  *reading
	next    time.Time // when the next block is read
	starved int       // SYNCs that said so
	over    bool
}

func newPagedServer(t *testing.T, o *pagedOrigin) *pagedServer {
	t.Helper()
	ifi, err := mcast.InterfaceByName("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	s := &pagedServer{
		o: o, began: time.Now(), rnd: rand.New(rand.NewPCG(1, 2)), code: fec.NewCode(),
		reports: make(chan []byte, 100), openers: map[protocol.FeedbackID]*seal.FeedbackOpener{},
	}
	if s.link, err = mcast.OpenLink(ifi, 1); err != nil {
		t.Fatal(err)
	}
	if s.feedback, err = mcast.ListenFeedback(netip.AddrPortFrom(loopback, 0)); err != nil {
		t.Fatal(err)
	}
	o.offer.FeedbackPort = s.feedback.Port()
	o.begin()
	o.pages, o.changes = nil, nil
	s.w = pages.NewWriter(o.offer.Terms(), o.offer.Pages, int(o.offer.Entries), o.key, o.cut)
	s.source = newReading(o, s.w, nil)
	head := int(o.offer.FirstStream())
	s.machine = send.New(send.Config{
		Blocks: head + o.cut.Blocks(), Length: s.length, SymbolSize: int(o.offer.SymbolSize), Head: head,
		Pages: int(o.offer.Pages), Sourced: true, Rate: rate.Config{Fixed: 30 << 20},
	}, s.began, s.rnd)
	s.machine.Available(s.began, protocol.Range{Count: uint32(o.offer.FirstPage())})
	return s
}

func (s *pagedServer) length(b protocol.BlockNumber) int {
	if b >= s.o.pageBlock(len(s.o.pages)) && b < s.o.offer.FirstStream() {
		return 1
	}
	return len(s.o.block(b))
}

// run sends until nobody is waited for.
func (s *pagedServer) run(ctx context.Context) {
	var reader sync.WaitGroup
	reader.Go(func() {
		for buf := make([]byte, maxFeedback); ; {
			n, _, err := s.feedback.Read(buf)
			if err != nil {
				return
			}
			s.reports <- append([]byte{}, buf[:n]...)
		}
	})
	for !s.over && ctx.Err() == nil {
		s.mu.Lock()
		s.step(ctx, time.Now())
		s.mu.Unlock()
		time.Sleep(200 * time.Microsecond)
	}
	_ = s.feedback.Close()
	for ended := false; !ended; { // the reader may wait for room
		select {
		case <-s.reports:
		default:
			ended = true
		}
	}
	reader.Wait()
	_ = s.link.Close()
}

func (s *pagedServer) step(ctx context.Context, now time.Time) {
	for len(s.reports) > 0 {
		s.report(now, <-s.reports)
	}
	s.read(now)
	s.machine.HandleTimeout(now)
	for e, ok := s.machine.NextEvent(); ok; e, ok = s.machine.NextEvent() {
		s.over = s.over || e.Kind == send.Over
		if e.Kind == send.DeviceBehind {
			s.o.t.Errorf("device %d is left behind: %s", e.Device, e.Reason)
		}
	}
	var refs [32]send.SymbolRef
	for busy := true; busy && !s.over; {
		busy = false
		if m, n, ok := s.machine.NextSync(now); ok {
			busy = true
			p := s.o.seal.SealSync2(s.o.syncKey, n, s.sync(now, m), int(s.o.offer.SymbolSize))
			s.write(ctx, p, len(p))
		}
		if t, ok := s.machine.NextTrain(now, refs[:0]); ok {
			busy = true
			s.train(ctx, t)
		}
	}
}

// read hashes a block now and then, and stalls once until a SYNC has said so; a page may leave at once.
func (s *pagedServer) read(now time.Time) {
	if b, _ := s.w.Next(); now.Before(s.next) || int(b) == s.o.cut.Blocks()/2 && s.starved == 0 {
		return
	}
	more := s.source.step()
	s.next = now.Add(3 * time.Millisecond)
	from := len(s.o.pages)
	s.o.publish(s.w, !more || s.machine.Starved())
	for i, c := range s.o.changes[from:] {
		s.machine.Announce(now, c.Final)
		s.machine.Available(now, protocol.Range{First: s.o.pageBlock(from + i), Count: 1})
		for _, x := range moved(c.Held, s.o.offer.FirstStream()) {
			s.machine.Drop(now, x)
		}
		for _, x := range moved(c.Ready, s.o.offer.FirstStream()) {
			s.machine.Available(now, x)
		}
	}
}

func (s *pagedServer) sync(now time.Time, m wire.Sync) format2.Sync {
	announced, sent := s.machine.PagesSent()
	out := format2.Sync{Sync: m, Flags: format2.SyncFlags(m.Flags), Pages: uint32(announced), PageFront: uint32(sent)}
	for _, p := range s.o.pages[max(0, announced-format2.MaxSyncLengths):announced] {
		out.Lengths = append(out.Lengths, len(p))
	}
	slot := uint32(now.Sub(s.began) / (100 * time.Millisecond))
	out.Index = slot - min(slot, uint32(s.o.offer.Lag))
	out.Element, _ = s.o.chain.Element(out.Index)
	if s.machine.Starved() {
		out.Flags |= format2.SyncStarved
		s.starved++
	}
	return out
}

func (s *pagedServer) train(ctx context.Context, t send.Train) {
	for _, i := range s.rnd.Perm(len(t.Refs)) {
		ref := t.Refs[i]
		data, size := s.o.block(ref.Block), int(s.o.offer.SymbolSize)
		k, symbol := protocol.SourceSymbols(len(data), size), make([]byte, size)
		if int(ref.Index) < k {
			copy(symbol, data[int(ref.Index)*size:])
		} else if err := s.code.Parity(data, k, size, ref.Index, symbol); err != nil {
			s.o.t.Error(err)
		}
		body := append(wire.AppendDataHeader(nil, ref.Block, len(data), ref.Index), symbol...)
		h := wire.Header{Kind: wire.KindData, Tag: s.o.offer.Tag, Number: t.First + protocol.PacketNumber(i)}
		p := s.o.seal.Seal(nil, h, body)
		s.write(ctx, p, len(p))
	}
}

func (s *pagedServer) write(ctx context.Context, p []byte, size int) {
	if err := s.link.WriteTrain(ctx, s.o.offer.GroupAddr, p, size); err != nil && ctx.Err() == nil {
		s.o.t.Error(err)
	}
}

func (s *pagedServer) report(now time.Time, p []byte) {
	h, err := format2.ParseFeedbackHeader(p)
	if err != nil || s.openers[h.ID] == nil {
		s.o.t.Errorf("feedback: %v", err)
		return
	}
	f, err := s.openers[h.ID].Open2(p)
	if err != nil {
		s.o.t.Errorf("feedback: %v", err)
		return
	}
	s.machine.HandleFeedback(now, send.Device(h.ID[0]), f.Feedback)
}

// attach is the hand-out of a device that lacks everything.
func (s *pagedServer) attach(dev byte) groupcast.Handout {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, key, id := time.Now(), seal.NewSecret(), seal.NewFeedbackID()
	id[0] = dev
	s.openers[id] = seal.NewFeedbackOpener(key, id)
	s.machine.Attach(now, send.Device(dev), nil, true)
	first := s.sync(now, s.machine.Preview(now))
	return groupcast.Handout{
		SessionSecret: s.o.secret[:], FeedbackKey: key[:], FeedbackID: id[:],
		FeedbackAddr: netip.AddrPortFrom(loopback, s.feedback.Port()).String(),
		Sync:         s.o.seal.SealSync2(s.o.syncKey, first.RangeLast+1, first, int(s.o.offer.SymbolSize)),
	}
}

// page is what the server answers over HTTPS.
func (s *pagedServer) page(n protocol.BlockNumber) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if int(n) >= len(s.o.pages) {
		return nil
	}
	return s.o.pages[n]
}

// TestAWholePagedSession: three devices over real sockets take part in a transfer that is read and signed while it is
// sent, with a source that stalls, packets in disorder, some of them lost, and one device that comes late. All end with
// all of it, and no block of the stream goes over HTTPS.
func TestAWholePagedSession(t *testing.T) {
	o := newPagedOrigin(t, 20_000, 0, 300_000, 900, 2_500_000, 4_000_000)
	s := newPagedServer(t, o)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	var all, server sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		all.Wait()
		server.Wait()
	})
	join := func(dev byte, loss float64) *Receiver {
		m := newPagedMemory(o)
		e := newEndpoint(t, Loss(loss, uint64(dev)))
		s.mu.Lock() // the server signs pages meanwhile
		cfg := o.config(e, m)
		s.mu.Unlock()
		cfg.Handout = s.attach(dev)
		var r *Receiver
		cfg.OnCatchUp = func(ranges []protocol.Range, reason string) {
			p := PartsOf(o.offer, ranges)
			if p.Skeleton || len(p.Stream) > 0 {
				t.Errorf("device %d fetches %+v: %s", dev, p, reason)
			}
			for _, x := range p.Pages {
				for n := x.First; n < x.End(); n++ {
					if err := r.SupplyPage(s.page(n)); err != nil && !errors.Is(err, ErrNoSkeleton) {
						t.Errorf("device %d, page %d: %v", dev, n, err)
					} // before the skeleton: it comes by multicast, too, because a SYNC said its length
				}
			}
		}
		cfg.OnSilent = func(reason string) { t.Errorf("device %d: %s", dev, reason) }
		var err error
		if r, err = NewPaged(cfg); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			if err := r.Run(ctx); err != nil {
				t.Errorf("device %d: %v, %+v", dev, err, r.Status())
			}
			m.check()
		})
		return r
	}
	devices := []*Receiver{join(1, 0), join(2, 5)}
	server.Go(func() { s.run(ctx) })
	until(t, "half is there", func() bool { return devices[0].Status().Bytes > o.cut.Bytes()/2 })
	devices = append(devices, join(3, 2))
	all.Wait()
	server.Wait()
	checkDevices(t, o, devices)
	if s.starved == 0 {
		t.Error("the session was never starved")
	}
	t.Logf("%d pages, %d SYNCs said that the source is behind", len(o.pages), s.starved)
}

// checkDevices looks at the end: each has all of it, and but for the first each has lost packets.
func checkDevices(t *testing.T, o *pagedOrigin, devices []*Receiver) {
	t.Helper()
	for n, r := range devices {
		st := r.Status()
		t.Logf("device %d dropped %v", n+1, st.Drops)
		if st.Bytes != o.cut.Bytes() || st.Verified != st.Blocks || (st.Drops["injected"] == 0) != (n == 0) {
			t.Errorf("device %d: %+v", n+1, st)
		}
	}
}
