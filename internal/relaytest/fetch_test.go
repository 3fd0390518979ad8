package relaytest

import (
	"testing"

	"github.com/groupcast/groupcast"
)

const mb = 1_000_000

// What is owed in the site is fetched once, whole, and a second transfer with the same content costs next to nothing.
func TestARelayFetchesWhatItsSiteIsOwed(t *testing.T) {
	w := newWorld(t)
	b := w.box()
	b.start(w.invite("one"))
	w.write("a", 20*mb, 1)
	w.write("small", 1000, 2)
	tr := w.send("a", "small")
	got := w.await("one", "the first transfer", whole(tr.No))
	if got.Fetched < 20*mb || got.Fetched > 20*mb*105/100 {
		t.Errorf("%d bytes over the line for %d", got.Fetched, 20*mb)
	}
	if got.Bytes < 20*mb {
		t.Errorf("it holds %d bytes", got.Bytes)
	}
	w.write("b", 2*mb, 3)
	second := w.send("a", "b")
	again := w.await("one", "the second transfer", whole(second.No))
	if more := again.Fetched - got.Fetched; more < 2*mb || more > 2*mb*105/100 {
		t.Errorf("%d further bytes over the line for %d that are new", more, 2*mb)
	}
	_, err := w.CancelTransfer(t.Context(), local, tr.No)
	w.must(err)
	w.await("one", "what nobody is owed", func(r groupcast.RelayReport) bool { return len(r.Transfers) == 1 })
}
