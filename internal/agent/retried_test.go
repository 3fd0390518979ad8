package agent_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// A retry by multicast sends what devices lack, also of a transfer that was new to its group: not what they have.
func TestARetrySendsWhatIsLacked(t *testing.T) {
	w := newWorld(t)
	devices := []*device{w.enrol("anna", true).run(), w.enrol("bert", true).run()}
	path := w.tree(3, 0)
	big := random(30 * protocol.BlockSize)
	check(t, os.WriteFile(filepath.Join(path, "big"), big, 0o644))
	var inTheWay []string
	for _, d := range devices {
		inTheWay = append(inTheWay, w.inTheWay(d))
	}
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: groupcast.ViaMulticast})
	for _, d := range devices {
		w.until(tr, d.name, groupcast.DeliveryIncomplete)
	}
	w.await("the transfer to be over", func() bool { return !w.open(tr) })
	before, err := w.server.Transfer(t.Context(), local, tr.No)
	check(t, err)
	for _, at := range inTheWay {
		check(t, os.Remove(at))
	}
	_, err = w.server.RetryTransfer(t.Context(), local, tr.No)
	check(t, err)
	for _, d := range devices {
		w.until(tr, d.name, groupcast.DeliveryVerified)
		if !d.has("tree/big", big) || !d.has("tree/a/0002", []byte("in 2")) {
			t.Errorf("%s does not have it all", d.name)
		}
	}
	after, err := w.server.Transfer(t.Context(), local, tr.No)
	check(t, err)
	first, again := before.WireBytes, after.WireBytes+after.HTTPSBytes-before.WireBytes-before.HTTPSBytes
	t.Logf("first %d bytes, then %d", first, again)
	if first < uint64(len(big)) || again > 60_000 {
		t.Errorf("%d bytes were sent first, and %d again", first, again)
	}
}
