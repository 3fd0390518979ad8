package receiver

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestHandoutThatDoesNotFitIsRefused(t *testing.T) {
	o := newOrigin(t, 1<<20)
	e, store, other := newEndpoint(t, nil), contenttest.NewStore(o.content), seal.NewSecret()
	for what, change := range map[string]func(*Config){
		"another secret":      func(c *Config) { c.Handout.SessionSecret = other[:] },
		"another server":      func(c *Config) { c.Verify = seal.NewSigningKey().Public() },
		"no SYNC":             func(c *Config) { c.Handout.Sync = nil },
		"short key":           func(c *Config) { c.Handout.FeedbackKey = c.Handout.FeedbackKey[1:] },
		"no feedback ID":      func(c *Config) { c.Handout.FeedbackID = nil },
		"no feedback address": func(c *Config) { c.Handout.FeedbackAddr = "" },
	} {
		t.Run(what, func(t *testing.T) {
			cfg := o.config(e, store)
			change(&cfg)
			if r, err := New(cfg); err == nil {
				r.closeFeedback()
				t.Error("it was accepted")
			}
		})
	}
	r, err := New(o.config(e, store))
	if err != nil {
		t.Fatal(err)
	}
	r.closeFeedback()
}

func TestDiskThatFailsEndsTheReceiver(t *testing.T) {
	o := newOrigin(t, 2<<20)
	store := contenttest.NewStore(o.content)
	store.Fail = errors.New("no space left")
	r, over := o.running(store, nil)
	if err := r.SupplyManifest(o.content.Encoded.Manifest); err != nil {
		t.Fatal(err)
	}
	hear(r, o.from, o.block(o.content.Layout.FirstStream(), 0), o.packetSize())
	if err := <-over; !errors.Is(err, store.Fail) {
		t.Errorf("got %v", err)
	}
}

func TestManifestThatIsRefusedEndsTheReceiver(t *testing.T) {
	o := newOrigin(t, 1<<20)
	refused := errors.New("no space")
	r, over := o.running(contenttest.NewStore(o.content), func(cfg *Config) {
		cfg.OnManifest = func(*manifest.Layout, []byte) (BlockStore, *protocol.BlockSet, error) { return nil, nil, refused }
	})
	for b := range o.content.Layout.FirstStream() {
		hear(r, o.from, o.block(b, 0), o.packetSize())
	}
	if err := <-over; !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

func TestSuppliedBlocksEndTheSession(t *testing.T) {
	o := newOrigin(t, 1<<20)
	c, store := o.content, contenttest.NewStore(o.content)
	r, over := o.running(store, nil) // nothing comes by multicast
	if err := r.Supply(c.Layout.FirstStream(), c.Data[:10]); !errors.Is(err, ErrNoManifest) {
		t.Errorf("a block before the manifest: %v", err)
	}
	if err := r.SupplyManifest(c.Encoded.Manifest[1:]); err == nil {
		t.Error("another manifest was taken")
	}
	if err := r.SupplyManifest(c.Encoded.Manifest); err != nil {
		t.Fatal(err)
	}
	for b := c.Layout.FirstStream(); int(b) < c.Layout.Blocks(); b++ {
		bad := append([]byte{c.Block(b)[0] ^ 1}, c.Block(b)[1:]...)
		if err := r.Supply(b, bad); err == nil {
			t.Error("a wrong block was taken")
		}
		if err := r.Supply(b, c.Block(b)); err != nil {
			t.Error(err)
		}
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	store.Check(t, "receiver")
}

// TestPacketsMakeTheFile: blocks are decoded from source symbols and parity, verified and stored, and
// Run ends once all are; the manifest comes before the index and has to wait for it.
func TestPacketsMakeTheFile(t *testing.T) {
	for _, lost := range []int{0, 1, 30, protocol.MaxSymbols - protocol.MaxSourceSymbols} {
		t.Run(fmt.Sprintf("%d of a block lost", lost), func(t *testing.T) {
			o := newOrigin(t, 1<<20)
			store := contenttest.NewStore(o.content)
			r, over := o.running(store, nil)
			for _, b := range []protocol.BlockNumber{1, 0} {
				hear(r, o.from, o.block(b, lost), o.packetSize())
			}
			until(t, "the manifest is known", func() bool { return r.Status().Manifest })
			for b := o.content.Layout.FirstStream(); int(b) < o.content.Layout.Blocks(); b++ {
				hear(r, o.from, o.block(b, lost), o.packetSize())
			}
			if err := <-over; err != nil {
				t.Error(err)
			}
			store.Check(t, "receiver")
			st := r.Status()
			if st.Verified != st.Blocks || st.Bytes != uint64(len(o.content.Data)) || st.Forged != 0 {
				t.Errorf("got %+v", st)
			}
		})
	}
}

// TestForgedSymbolIsFound: a member seals a wrong symbol. The block does not match its digest; with a
// little more parity the wrong symbol is found and the block is right.
func TestForgedSymbolIsFound(t *testing.T) {
	o := newOrigin(t, 1<<20)
	store := contenttest.NewStore(o.content)
	r, _ := o.running(store, func(cfg *Config) { cfg.Manifest = o.content.Encoded.Manifest })
	until(t, "the manifest is known", func() bool { return r.Status().Manifest })
	block := o.content.Layout.FirstStream()
	k := o.symbols(block)
	var run []byte
	for i := range k {
		symbol := o.symbol(block, i)
		if i == 7 {
			symbol[0]++
		}
		run = append(run, o.data(block, i, symbol)...)
	}
	hear(r, o.from, run, o.packetSize())
	until(t, "the block is known to be wrong", func() bool { return r.Status().Forged > 0 })
	if store.Writes() != 0 {
		t.Fatal("a wrong block was stored")
	}
	for i := k; i < k+4; i++ {
		hear(r, o.from, o.data(block, i, o.symbol(block, i)), o.packetSize())
	}
	until(t, "the block is right", func() bool { return store.Writes() == 1 })
}

// TestWhatIsThereIsNotWrittenAgain: blocks that OnManifest answers count as verified at once.
func TestWhatIsThereIsNotWrittenAgain(t *testing.T) {
	o := newOrigin(t, 1<<20)
	store := contenttest.NewStore(o.content)
	last := protocol.BlockNumber(o.content.Layout.Blocks() - 1)
	store.Hold(int(last))
	r, over := o.running(store, func(cfg *Config) { cfg.Manifest = o.content.Encoded.Manifest })
	until(t, "the manifest is known", func() bool { return r.Status().Manifest })
	if st := r.Status(); st.Verified != int(last) || st.Bytes != uint64(len(o.content.Data)-len(o.content.Block(last))) {
		t.Errorf("at first %+v", st)
	}
	hear(r, o.from, o.block(last, 1), o.packetSize())
	if err := <-over; err != nil {
		t.Error(err)
	}
	store.Check(t, "receiver")
	if store.Writes() != 1 {
		t.Errorf("%d blocks were written", store.Writes())
	}
}

func TestEndOfTheSession(t *testing.T) {
	o := newOrigin(t, 1<<20)
	r, over := o.running(contenttest.NewStore(o.content), nil)
	end := o.seal.SealSync(o.key, 2, wire.Sync{Sequence: 2, GroupSize: 1, RangeLast: 1, Flags: wire.SyncEnd})
	hear(r, o.from, end, len(end))
	if err := <-over; !errors.Is(err, ErrSessionOver) {
		t.Errorf("got %v", err)
	}
	hear(r, o.from, o.block(0, 0), o.packetSize()) // nothing happens
}

// unsafeStore cannot make blocks durable.
type unsafeStore struct{ *contenttest.Store }

var errUnsafe = errors.New("input/output error")

func (unsafeStore) Sync() error { return errUnsafe }

func TestBlocksThatAreNotDurableAreNoSuccess(t *testing.T) {
	o := newOrigin(t, 1<<20)
	store := contenttest.NewStore(o.content)
	r, over := o.running(store, func(cfg *Config) {
		cfg.OnManifest = func(l *manifest.Layout, raw []byte) (BlockStore, *protocol.BlockSet, error) {
			have, err := store.Stage(l, raw)
			return unsafeStore{store}, have, err
		}
	})
	if err := r.SupplyManifest(o.content.Encoded.Manifest); err != nil {
		t.Fatal(err)
	}
	for b := o.content.Layout.FirstStream(); int(b) < o.content.Layout.Blocks(); b++ {
		if err := r.Supply(b, o.content.Block(b)); err != nil {
			t.Error(err)
		}
	}
	if err := <-over; !errors.Is(err, errUnsafe) {
		t.Errorf("got %v", err)
	}
}

func TestCallbacks(t *testing.T) {
	o := newOrigin(t, 1<<20)
	r := o.idleReceiver()
	var got []string
	note := func(what string) { got = append(got, what) }
	r.cfg.OnCatchUp = func(ranges []protocol.Range, reason string) { note(fmt.Sprint("catch up ", ranges, reason)) }
	r.cfg.OnSilent = func(reason string) { note("silent " + reason) }
	r.cfg.OnFeedback = func(body []byte) { note("feedback " + string(body)) }
	events := []recv.Event{
		{Kind: recv.CatchUp, Ranges: []protocol.Range{{First: 3, Count: 2}}, Reason: "late"},
		{Kind: recv.Silent, Reason: "no SYNC"},
	}
	r.callBack(events, []byte("body"))
	want := []string{"catch up [{3 2}]late", "silent no SYNC", "feedback body"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	r.cfg.OnCatchUp, r.cfg.OnSilent, r.cfg.OnFeedback = nil, nil, nil
	r.callBack(events, []byte("body")) // nobody listens
}

// TestFeedbackOverHTTPSHasARate: a feedback that asks for something is not replaced by one that does
// not, and so many a second are handed over.
func TestFeedbackOverHTTPSHasARate(t *testing.T) {
	o := newOrigin(t, 1<<20)
	r := o.idleReceiver()
	ask := wire.Feedback{Verified: 1, NACKs: []wire.NACK{{Block: 3, Deficit: 2}}}
	now := time.Unix(1000, 0)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sendFeedback(ask)
	if r.dueReport(now) != nil {
		t.Error("a report over HTTPS although UDP is heard")
	}
	r.httpsToo = true
	r.sendFeedback(ask)
	r.sendFeedback(wire.Feedback{Verified: 2})
	f, err := wire.ParseFeedback(r.dueReport(now))
	if err != nil || len(f.NACKs) != 1 {
		t.Errorf("got %+v, %v", f, err)
	}
	r.sendFeedback(wire.Feedback{Verified: 3})
	if r.dueReport(now.Add(reportEvery/2)) != nil {
		t.Error("two reports at once")
	}
	if f, err := wire.ParseFeedback(r.dueReport(now.Add(reportEvery))); err != nil || f.Verified != 3 {
		t.Errorf("got %+v, %v", f, err)
	}
}
