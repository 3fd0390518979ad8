package agent_test

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// signing makes the server sign offers of another manifest.
func (w *world) signing(e *manifest.Encoded) {
	w.forge = func(o *groupcast.Offered) {
		offer, err := wire.ParseOffer(o.Offer)
		if err != nil {
			return
		}
		offer.IndexDigest, offer.ManifestBytes = e.Root, uint64(len(e.Manifest))
		offer.ManifestBlocks = uint32(protocol.SourceSymbols(len(e.Manifest), protocol.BlockSize))
		o.Offer = wire.AppendOffer(nil, offer)
		o.Signature = seal.SignOffer(w.authority.SigningKey(), o.Offer)
	}
}

// A manifest that the server signed and that cannot be accepted is fetched once, refused with what is
// wrong with it, and not asked for again: neither when the receiver comes back, nor when the server is
// started anew. An administrator's retry is answered without fetching it.
func TestAnUnacceptableManifestIsRefusedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad := manifest.Encode(&manifest.Manifest{Files: []manifest.File{{Path: "../x"}}})
	var fetched atomic.Int32
	w.signing(bad)
	w.list = func() io.Reader { fetched.Add(1); return bytes.NewReader(bad.Manifest) }
	a := w.enrol("anna", true).older().run()
	path, _ := w.file("one.bin", 1000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: groupcast.ViaHTTPS})
	got := w.until(tr, "anna", groupcast.DeliveryRefused)
	if got.Refusal != "manifest-entry" || !strings.Contains(got.Reason, "cannot be accepted") || !got.Refusal.Final() {
		t.Errorf("refused as %q: %s", got.Refusal, got.Reason)
	}
	w.await("the agent to say so", func() bool { return a.count("refused") > 0 })
	if text := a.said("refused").
		Text; !strings.Contains(text, "cannot be accepted") || strings.Contains(text, "again by itself") {
		t.Errorf("said: %s", text)
	}
	check(t, a.end())
	a.run()
	w.await("the agent to be back", func() bool { return w.delivery(tr, "anna").Active })
	time.Sleep(500 * time.Millisecond)
	w.stop()
	w.start(strings.TrimPrefix(w.address, "https://"))
	w.await("the agent to be back again", func() bool { return w.delivery(tr, "anna").Active })
	time.Sleep(500 * time.Millisecond)
	if d := w.delivery(tr, "anna"); d.State != groupcast.DeliveryRefused || d.Refusal != "manifest-entry" ||
		fetched.Load() != 1 {
		t.Errorf("%s as %q, fetched %d times", d.State, d.Refusal, fetched.Load())
	}
	_, err := w.server.RetryTransfer(t.Context(), local, tr.No)
	check(t, err)
	w.await("the retry to be refused", func() bool {
		d := w.delivery(tr, "anna")
		return d.State == groupcast.DeliveryRefused && d.Refusal == "manifest-entry"
	})
	if n := fetched.Load(); n > 2 {
		t.Errorf("fetched %d times", n)
	}
}

// A manifest that comes as another than the offer names was damaged on the way: it is fetched again.
func TestAManifestOfAnotherDigestIsFetchedAgain(t *testing.T) {
	w := newWorld(t)
	var fetched atomic.Int32
	w.list = func() io.Reader {
		if fetched.Add(1) < 3 {
			return bytes.NewReader([]byte("something else"))
		}
		return nil
	}
	a := w.enrol("anna", true).older().run()
	path, data := w.file("one.bin", 1000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: groupcast.ViaHTTPS})
	w.until(tr, "anna", groupcast.DeliveryVerified)
	if fetched.Load() != 3 || !a.has("one.bin", data) || a.count("refused")+a.count("failed") > 0 {
		t.Errorf("fetched %d times, said %d refusals, %d failures", fetched.Load(), a.count("refused"), a.count("failed"))
	}
}
