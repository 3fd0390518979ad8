package receiver

import (
	"context"
	"errors"
	"testing"

	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
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
	hear(r, o.from, o.block(o.content.Layout.FirstStream(), 2), o.packetSize())
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
	number := protocol.PacketNumber(2)
	for b := range o.content.Layout.FirstStream() {
		run := o.block(b, number)
		hear(r, o.from, run, o.packetSize())
		number += protocol.PacketNumber(len(run) / o.packetSize())
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

// running starts a receiver and says when and how Run ended.
func (o *origin) running(store *contenttest.Store, change func(*Config)) (*Receiver, <-chan error) {
	o.t.Helper()
	cfg := o.config(newEndpoint(o.t, nil), store)
	if change != nil {
		change(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	over, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		over <- r.Run(ctx)
	}()
	o.t.Cleanup(func() {
		cancel()
		<-ended
	})
	return r, over
}

// packetSize is how many bytes a data packet of the session has.
func (o *origin) packetSize() int { return int(o.offer.SymbolSize) + protocol.DataOverhead }
