package session

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

const testRate = 40 << 20 // bytes a second

func TestThreeReceiversWithLoss(t *testing.T) {
	c := newContent(t, 5<<20+77)
	r := newRig(t, c, testRate)
	var shelves []*shelf
	var receivers []*Receiver
	for n := range 3 {
		s := newShelf(c)
		i := r.intake(Loss(5, uint64(n+1)))
		shelves, receivers = append(shelves, s), append(receivers, r.receiver(i, s, nil))
	}
	for n, err := range r.run(receivers...) {
		if err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
	for n, s := range shelves {
		s.check(t, name(n))
		if st := receivers[n].Status(); st.Bytes != uint64(len(c.data)) || st.Drops["injected"] == 0 {
			t.Errorf("%s: %+v", name(n), st)
		}
	}
	if n := r.heard(DeviceDone); n != 3 {
		t.Errorf("%d devices said that they are done", n)
	}
	st := r.sender.Status()
	if got, limit := float64(st.Wire), 1.35*float64(len(c.data)); got > limit {
		t.Errorf("%.0f bytes on the wire for %d", got, len(c.data))
	}
	t.Logf("wire ×%.3f, %d parity", float64(st.Wire)/float64(len(c.data)), st.Session.ParitySent)
}

func TestOneIntakeForTwoSessions(t *testing.T) {
	c := newContent(t, 1<<20)
	a := newRig(t, c, testRate)
	b := newRigOn(t, c, testRate, a.ifi, a.server, a.group) // same group, told apart by tag
	i := a.intake(nil)
	sa, sb := newShelf(c), newShelf(c)
	ra, rb := a.receiver(i, sa, nil), b.receiver(i, sb, nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, err := range a.run(ra) {
			if err != nil {
				t.Error(err)
			}
		}
	})
	for _, err := range b.run(rb) {
		if err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	sa.check(t, "a")
	sb.check(t, "b")
}

func TestIPv6(t *testing.T) {
	group := netip.MustParseAddrPort("[ff11::7441:1]:17490")
	ifi := nicFor(t, group.Addr())
	c := newContent(t, 1<<20)
	r := newRigOn(t, c, testRate, ifi.Name, netip.MustParseAddr("::1"), group)
	s := newShelf(c)
	for _, err := range r.run(r.receiver(r.intake(Loss(3, 9)), s, nil)) {
		if err != nil {
			t.Error(err)
		}
	}
	s.check(t, "receiver")
}

func TestVerifiedBlocksAreNotSentAgain(t *testing.T) {
	c := newContent(t, 6<<20)
	r := newRig(t, c, testRate)
	s := newShelf(c)
	first := c.layout.FirstStream()
	for b := protocol.BlockNumber(0); int(b) < c.layout.Blocks()-4; b++ {
		s.have.Add(b)
		if b >= first {
			copy(s.data[int(b-first)*protocol.BlockSize:], c.block(b))
		}
	}
	rec := r.receiver(r.intake(nil), s, nil)
	for _, err := range r.run(rec) {
		if err != nil {
			t.Error(err)
		}
	}
	s.check(t, "receiver")
	if s.writes != 4 {
		t.Errorf("%d blocks were written, 4 were missing", s.writes)
	}
	if st := r.sender.Status(); st.Wire > 6*protocol.BlockSize {
		t.Errorf("%d bytes on the wire for 4 blocks", st.Wire)
	}
}

func TestLateReceiverGetsEverything(t *testing.T) {
	c := newContent(t, 4<<20)
	r := newRig(t, c, 8<<20)
	early, late := newShelf(c), newShelf(c)
	re := r.receiver(r.intake(nil), early, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { r.sender.Run(ctx) })
	wg.Go(func() {
		if err := re.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for re.Status().Verified < 4 && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	rl := r.receiver(r.intake(nil), late, func(cfg *ReceiverConfig) { cfg.Manifest = c.encoded.Manifest })
	if err := rl.Run(ctx); err != nil {
		t.Error(err)
	}
	wg.Wait()
	early.check(t, "early")
	late.check(t, "late")
}

// countingSealer says when packets were sealed.
type countingSealer struct {
	sealer
	n atomic.Uint64
}

func (s *countingSealer) Seal(dst []byte, h wire.Header, body []byte) []byte {
	s.n.Add(1)
	return s.sealer.Seal(dst, h, body)
}

func TestAfterStopNothingIsSealed(t *testing.T) {
	c := newContent(t, 4<<20)
	r := newRig(t, c, 4<<20)
	counting := &countingSealer{sealer: r.sender.builder.seal}
	r.sender.builder.seal = counting
	s := newShelf(c)
	rec := r.receiver(r.intake(nil), s, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { rec.Run(ctx) })
	wg.Go(func() {
		if err := r.sender.Run(ctx); err != nil {
			t.Errorf("a stopped session ends with %v", err)
		}
	})
	for counting.n.Load() < 100 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	r.sender.Stop()
	n := counting.n.Load()
	if _, err := r.sender.Attach(protocol.NewDeviceID(), nil, true); !errors.Is(err, ErrSessionOver) {
		t.Errorf("attach after stop: %v", err)
	}
	time.Sleep(50 * time.Millisecond)
	if now := counting.n.Load(); now != n || n == 0 {
		t.Errorf("%d packets sealed when Stop returned, %d later", n, now)
	}
	if n := keysAt(&r.station.desk); n != 0 {
		t.Errorf("%d feedback keys outlive the session", n)
	}
	cancel()
	wg.Wait()
}

// keysAt is how many devices have feedback keys. The loop of a session may be ending still.
func keysAt(d *desk) int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.handouts)
}

func TestStopBeforeRun(t *testing.T) {
	r := newRig(t, newContent(t, 1<<20), testRate)
	r.sender.Stop()
	if err := r.sender.Run(t.Context()); !errors.Is(err, ErrSessionOver) {
		t.Errorf("got %v", err)
	}
}

func TestSourceThatFailsEndsTheSession(t *testing.T) {
	c := newContent(t, 3<<20)
	c.failAt = 7
	r := newRig(t, c, testRate)
	rec := r.receiver(r.intake(nil), newShelf(c), nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { rec.Run(ctx) })
	if err := r.sender.Run(ctx); !errors.Is(err, errSource) {
		t.Errorf("got %v", err)
	}
	cancel()
	wg.Wait()
}

func TestDiskThatFailsEndsTheReceiver(t *testing.T) {
	c := newContent(t, 2<<20)
	r := newRig(t, c, testRate)
	s := newShelf(c)
	s.fail = errors.New("no space left")
	rec := r.receiver(r.intake(nil), s, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { r.sender.Run(ctx) })
	if err := rec.Run(ctx); !errors.Is(err, s.fail) {
		t.Errorf("got %v", err)
	}
	cancel()
	wg.Wait()
}

func TestSuppliedBlocksEndTheSession(t *testing.T) {
	c := newContent(t, 1<<20)
	r := newRig(t, c, testRate) // never runs: all comes over HTTPS
	s := newShelf(c)
	rec := r.receiver(r.intake(nil), s, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := rec.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := rec.Supply(c.layout.FirstStream(), c.data[:10]); !errors.Is(err, ErrNoManifest) {
		t.Errorf("a block before the manifest: %v", err)
	}
	if err := rec.SupplyManifest(c.encoded.Manifest[1:]); err == nil {
		t.Error("another manifest was taken")
	}
	if err := rec.SupplyManifest(c.encoded.Manifest); err != nil {
		t.Fatal(err)
	}
	for b := c.layout.FirstStream(); int(b) < c.layout.Blocks(); b++ {
		bad := append([]byte{1}, c.block(b)[1:]...)
		bad[0] ^= c.block(b)[0] ^ 2
		if err := rec.Supply(b, bad); err == nil {
			t.Error("a wrong block was taken")
		}
		if err := rec.Supply(b, c.block(b)); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	s.check(t, "receiver")
}

func TestManifestThatIsRefusedEndsTheReceiver(t *testing.T) {
	c := newContent(t, 1<<20)
	r := newRig(t, c, testRate)
	refused := errors.New("no space")
	rec := r.receiver(r.intake(nil), newShelf(c), func(cfg *ReceiverConfig) {
		cfg.OnManifest = func(*manifest.Layout, []byte) (BlockStore, *protocol.BlockSet, error) {
			return nil, nil, refused
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { r.sender.Run(ctx) })
	if err := rec.Run(ctx); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	cancel()
	wg.Wait()
}

func TestHandoutThatDoesNotFitIsRefused(t *testing.T) {
	c := newContent(t, 1<<20)
	r := newRig(t, c, testRate)
	h, err := r.sender.Attach(protocol.NewDeviceID(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	h.FeedbackAddr = "127.0.0.1:9"
	offer, raw, _ := r.sender.Offer()
	good := ReceiverConfig{Intake: r.intake(nil), Verify: r.key.Public(), Offer: offer, OfferBytes: raw, Handout: h}
	other := seal.NewSecret()
	for what, change := range map[string]func(*ReceiverConfig){
		"another secret":      func(c *ReceiverConfig) { c.Handout.SessionSecret = other[:] },
		"another server":      func(c *ReceiverConfig) { c.Verify = seal.NewSigningKey().Public() },
		"no SYNC":             func(c *ReceiverConfig) { c.Handout.Sync = nil },
		"short key":           func(c *ReceiverConfig) { c.Handout.FeedbackKey = h.FeedbackKey[1:] },
		"no feedback ID":      func(c *ReceiverConfig) { c.Handout.FeedbackID = nil },
		"no feedback address": func(c *ReceiverConfig) { c.Handout.FeedbackAddr = "" },
	} {
		cfg := good
		change(&cfg)
		if rec, err := NewReceiver(cfg); err == nil {
			rec.reporter.Close()
			t.Errorf("%s was accepted", what)
		}
	}
	rec, err := NewReceiver(good)
	if err != nil {
		t.Fatal(err)
	}
	rec.reporter.Close()
}

func TestPacketsAreDroppedForAReason(t *testing.T) {
	c := newContent(t, 1<<20)
	r := newRig(t, c, testRate)
	rec := r.receiver(r.intake(nil), newShelf(c), nil)
	defer rec.reporter.Close()
	offer, _, _ := r.sender.Offer()
	data := func(n protocol.PacketNumber, kind wire.Kind, size int) []byte {
		h := wire.Header{Kind: kind, Tag: offer.Tag, Number: n}
		return r.sender.seal.Seal(nil, h, make([]byte, size))
	}
	whole := int(offer.SymbolSize) + protocol.DataHeaderBytes
	forged := data(5, wire.KindData, whole)
	forged[40]++
	other := data(6, wire.KindData, whole)
	other[2]++
	old := h0(t, r)
	from := netip.AddrPortFrom(offer.Source, 1)
	for want, p := range map[string]struct {
		from netip.AddrPort
		p    []byte
	}{
		"length":    {from, data(1, wire.KindData, whole-1)},
		"kind":      {from, data(2, wire.KindDigest, whole)},
		"source":    {netip.MustParseAddrPort("192.0.2.1:1"), data(3, wire.KindData, whole)},
		"number":    {from, data(1<<40, wire.KindData, whole)},
		"key":       {from, forged},
		"tag":       {from, other},
		"sequence":  {from, old},
		"signature": {from, forgedSync(r, offer)},
		"body":      {from, data(7, wire.KindData, whole)}, // a block of no bytes
	} {
		before := rec.Status().Drops[want]
		rec.packets(arrival{from: p.from, segment: len(p.p)}, p.p)
		if got := rec.Status().Drops; got[want] != before+1 {
			t.Errorf("%s: %v", want, got)
		}
	}
	rec.close()
}

// h0 is the SYNC of the hand-out, heard again.
func h0(t *testing.T, r *rig) []byte {
	h, err := r.sender.Attach(protocol.NewDeviceID(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	return h.Sync
}

// forgedSync is one that a member could make: the right key, another signature.
func forgedSync(r *rig, o wire.Offer) []byte {
	return r.sender.seal.SealSync(seal.NewSigningKey(), 9, wire.Sync{Sequence: 1 << 40, Flags: wire.SyncEnd})
}

func TestSignatureChecksAreBounded(t *testing.T) {
	c := newContent(t, 1<<20)
	r := newRig(t, c, testRate)
	rec := r.receiver(r.intake(nil), newShelf(c), nil)
	defer rec.reporter.Close()
	offer, _, _ := r.sender.Offer()
	from := netip.AddrPortFrom(offer.Source, 1)
	p := forgedSync(r, offer)
	for range 3 * maxCandidates {
		rec.packets(arrival{from: from, segment: len(p)}, p)
	}
	if got := rec.Status().Drops; got["signature"] != maxCandidates || got["budget"] != 2*maxCandidates {
		t.Errorf("%v", got)
	}
	rec.close()
}

func TestForgedFeedbackIsCounted(t *testing.T) {
	c := newContent(t, 1<<20)
	r := newRig(t, c, testRate)
	dev := protocol.NewDeviceID()
	h, err := r.sender.Attach(dev, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := seal.ParseSecret(h.FeedbackKey)
	id := protocol.FeedbackID(h.FeedbackID)
	sealer := seal.NewFeedbackSealer(key, id)
	good := sealer.Seal(nil, wire.Feedback{})
	desk := &r.station.desk
	desk.handle(good)
	desk.handle(good) // replayed
	desk.handle(good[:20])
	desk.handle(seal.NewFeedbackSealer(key, seal.NewFeedbackID()).Seal(nil, wire.Feedback{}))
	got := desk.drops.counts()
	if got["key"] != 1 || got["length"] != 1 || got["tag"] != 1 {
		t.Errorf("%v", got)
	}
	if n := r.sender.machine.Status().Counters.Feedback; n != 1 {
		t.Errorf("the machine heard %d", n)
	}
	for range 2 * deviceBurst {
		desk.handle(sealer.Seal(nil, wire.Feedback{}))
	}
	if got := desk.drops.counts()["budget"]; got == 0 || got > 2*deviceBurst {
		t.Errorf("%d over the device's budget", got)
	}
	r.sender.Detach(dev, "removed")
	desk.handle(sealer.Seal(nil, wire.Feedback{}))
	if got := desk.drops.counts()["tag"]; got != 2 {
		t.Errorf("feedback of a detached device: %v", desk.drops.counts())
	}
}

func TestSharesOfAnInterface(t *testing.T) {
	c := newContent(t, 1<<20)
	r := newRig(t, c, 0)
	r.station.cfg.MaxRate = 1000
	second, err := NewSender(r.sender.cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.station.enter(r.sender)
	r.station.enter(second)
	if n := len(r.station.shares[r.sender.link]); n != 2 {
		t.Errorf("%d sessions share", n)
	}
	r.station.leave(second)
	r.station.leave(r.sender)
	second.Stop()
	if len(r.station.tags) != 1 {
		t.Errorf("%d tags for one session", len(r.station.tags))
	}
}

// Reports and NACKs that get no answer by UDP are handed to the agent, which posts them.
func TestFeedbackByTheOtherRoad(t *testing.T) {
	c := newContent(t, 200_000)
	r := newRig(t, c, testRate)
	s := newShelf(c)
	dev := protocol.NewDeviceID()
	h, err := r.sender.Attach(dev, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	h.FeedbackAddr = "127.0.0.1:9" // nobody listens
	offer, raw, _ := r.sender.Offer()
	var posted atomic.Int64
	rec, err := NewReceiver(ReceiverConfig{
		Intake: r.intake(Loss(10, 3)), Verify: r.key.Public(), Offer: offer, OfferBytes: raw, Handout: h,
		OnManifest: func(*manifest.Layout, []byte) (BlockStore, *protocol.BlockSet, error) { return s, nil, nil },
		OnFeedback: func(body []byte) {
			posted.Add(1)
			if err := r.sender.Feedback(dev, body); err != nil {
				t.Error(err)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { r.sender.Run(ctx) })
	if err := rec.Run(ctx); err != nil {
		t.Error(err)
	}
	r.sender.Complete(dev)
	wg.Wait()
	s.check(t, "receiver")
	if posted.Load() == 0 {
		t.Error("nothing was posted")
	}
	if err := r.sender.Feedback(protocol.NewDeviceID(), make([]byte, wire.FeedbackFixedBytes)); err == nil {
		t.Error("feedback of a stranger was taken")
	}
	if err := r.sender.Feedback(dev, nil); err == nil {
		t.Error("garbage was taken")
	}
}

func TestPlainPacketsReachTheAgent(t *testing.T) {
	c := newContent(t, 1<<20)
	r := newRig(t, c, testRate)
	heard := make(chan string, 10)
	i, err := OpenIntake(IntakeConfig{Interface: r.ifi, Server: r.server, OnPlain: func(p []byte, group netip.Addr) {
		heard <- group.String() + string(p[:1])
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if err := i.Join(r.group, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	p := seal.SignProbe(r.key, wire.Probe{})
	if err := r.station.SendPlain(t.Context(), r.group, p); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-heard:
		if !strings.HasPrefix(got, r.group.Addr().String()) {
			t.Errorf("heard on %q", got)
		}
	case <-time.After(patience):
		t.Error("the probe was not heard")
	}
	if err := i.Leave(r.group, netip.Addr{}); err != nil {
		t.Error(err)
	}
}
