package sessiontest

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/wire"
)

const testRate = 40 << 20 // bytes a second

func TestThreeReceiversWithLoss(t *testing.T) {
	c := contenttest.New(t, 5<<20+77)
	r := newRig(t, c, testRate)
	var stores []*contenttest.Store
	var receivers []*receiver.Receiver
	for n := range 3 {
		s := contenttest.NewStore(c)
		i := r.hearing(receiver.Loss(5, uint64(n+1)))
		stores, receivers = append(stores, s), append(receivers, r.receiver(i, s, nil))
	}
	for n, err := range r.run(receivers...) {
		if err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
	for n, s := range stores {
		s.Check(t, name(n))
		if st := receivers[n].Status(); st.Bytes != uint64(len(c.Data)) || st.Drops["injected"] == 0 {
			t.Errorf("%s: %+v", name(n), st)
		}
	}
	if n := r.heard(sender.DeviceDone); n != 3 {
		t.Errorf("%d devices said that they are done", n)
	}
	st := r.sender.Status()
	if got, limit := float64(st.Wire), 1.35*float64(len(c.Data)); got > limit {
		t.Errorf("%.0f bytes on the wire for %d", got, len(c.Data))
	}
	t.Logf("wire ×%.3f, %d parity", float64(st.Wire)/float64(len(c.Data)), st.Session.ParitySent)
}

// slowSource answers nothing for a while from a block on.
type slowSource struct {
	*contenttest.Content
	from  protocol.BlockNumber
	until <-chan struct{}
}

func (s slowSource) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	if n >= s.from {
		<-s.until
	}
	return s.Content.ReadBlock(n, buf)
}

// TestASourceThatStalls: while the disk answers nothing for seconds, receivers hear SYNCs. Nobody is left behind, and
// what was sent before is not sent again because of it.
func TestASourceThatStalls(t *testing.T) {
	c := contenttest.New(t, 5<<20)
	goOn := make(chan struct{})
	r := newRigFrom(t, c, slowSource{c, 10, goOn}, testRate, "127.0.0.1", netip.MustParseAddr("127.0.0.1"), group4())
	var silent atomic.Int64
	var receivers []*receiver.Receiver
	var stores []*contenttest.Store
	for range 2 {
		s := contenttest.NewStore(c)
		stores = append(stores, s)
		receivers = append(receivers, r.receiver(r.hearing(nil), s, func(cfg *receiver.Config) {
			cfg.OnSilent = func(string) { silent.Add(1) }
		}))
	}
	time.AfterFunc(4*time.Second, func() { close(goOn) })
	for n, err := range r.run(receivers...) {
		if err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
	symbols := uint64(0)
	for b := range protocol.BlockNumber(c.Layout.Blocks()) {
		n, _ := c.Layout.Length(b)
		symbols += uint64(protocol.SourceSymbols(n, protocol.DefaultSymbol))
	}
	for n, s := range stores {
		s.Check(t, name(n))
	}
	st := r.sender.Status()
	if st.Session.SourceSent != symbols || st.Session.Pass != 1 || silent.Load() > 0 || r.heard(sender.DeviceBehind) > 0 {
		t.Errorf("%d symbols were sent of %d, %d receivers heard nothing, %d were left behind: %+v", st.Session.SourceSent,
			symbols, silent.Load(), r.heard(sender.DeviceBehind), st.Session)
	}
}

func TestOneEndpointForTwoSessions(t *testing.T) {
	c := contenttest.New(t, 1<<20)
	a := newRig(t, c, testRate)
	b := newRigOn(t, c, testRate, a.ifi, a.server, a.group) // the same group, another tag
	i := a.hearing(nil)
	sa, sb := contenttest.NewStore(c), contenttest.NewStore(c)
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
	sa.Check(t, "a")
	sb.Check(t, "b")
}

func TestIPv6(t *testing.T) {
	group := netip.MustParseAddrPort("[ff11::7441:1]:17490")
	ifi := nicFor(t, group.Addr())
	c := contenttest.New(t, 1<<20)
	r := newRigOn(t, c, testRate, ifi.Name, netip.MustParseAddr("::1"), group)
	s := contenttest.NewStore(c)
	for _, err := range r.run(r.receiver(r.hearing(receiver.Loss(3, 9)), s, nil)) {
		if err != nil {
			t.Error(err)
		}
	}
	s.Check(t, "receiver")
}

func TestVerifiedBlocksAreNotSentAgain(t *testing.T) {
	c := contenttest.New(t, 6<<20)
	r := newRig(t, c, testRate)
	s := contenttest.NewStore(c)
	s.Hold(c.Layout.Blocks() - 4)
	rec := r.receiver(r.hearing(nil), s, nil)
	for _, err := range r.run(rec) {
		if err != nil {
			t.Error(err)
		}
	}
	s.Check(t, "receiver")
	if n := s.Writes(); n != 4 {
		t.Errorf("%d blocks were written, 4 were missing", n)
	}
	if st := r.sender.Status(); st.Wire > 6*protocol.BlockSize {
		t.Errorf("%d bytes on the wire for 4 blocks", st.Wire)
	}
}

func TestLateReceiverGetsEverything(t *testing.T) {
	c := contenttest.New(t, 4<<20)
	r := newRig(t, c, 8<<20)
	early, late := contenttest.NewStore(c), contenttest.NewStore(c)
	re := r.receiver(r.hearing(nil), early, nil)
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
	rl := r.receiver(r.hearing(nil), late, func(cfg *receiver.Config) { cfg.Manifest = c.Encoded.Manifest })
	if err := rl.Run(ctx); err != nil {
		t.Error(err)
	}
	wg.Wait()
	early.Check(t, "early")
	late.Check(t, "late")
}

// TestFeedbackOverHTTPS: feedback that does not reach the server by UDP is handed to OnFeedback, which
// posts it.
func TestFeedbackOverHTTPS(t *testing.T) {
	c := contenttest.New(t, 200_000)
	r := newRig(t, c, testRate)
	s := contenttest.NewStore(c)
	dev := protocol.NewDeviceID()
	h, err := r.sender.Attach(dev, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	h.FeedbackAddr = "127.0.0.1:9" // nobody listens
	signed := r.sender.Offer()
	offer, err := wire.ParseOffer(signed.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	var posted atomic.Int64
	rec, err := receiver.New(receiver.Config{
		Endpoint: r.hearing(receiver.Loss(10, 3)), Verify: r.key.Public(), Offer: offer, OfferBytes: signed.Bytes, Handout: h,
		OnManifest: func(*manifest.Layout, []byte) (receiver.BlockStore, *protocol.BlockSet, error) { return s, nil, nil },
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
	s.Check(t, "receiver")
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
