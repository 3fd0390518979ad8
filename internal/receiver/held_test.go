package receiver

import "testing"

// What is behind a socket holds no session once its packets are delivered: no further packet need come after it ended,
// and its memory would be missing to what follows.
func TestADeliveredBatchHoldsNoSession(t *testing.T) {
	o := newOrigin(t, 1<<20)
	r := o.idleReceiver()
	e := r.cfg.Endpoint
	if err := e.add(r); err != nil {
		t.Fatal(err)
	}
	defer e.remove(r)
	p := newPipeline(e)
	b := p.batch()
	fill(b, o.from, o.packetSize(), o.data(0, 0, o.symbol(0, 0)))
	p.put(b)
	p.end()
	runs := b.runs[:cap(b.runs)]
	if len(b.runs) != 1 {
		t.Fatalf("%d runs of packets were delivered, not 1", len(b.runs))
	}
	for i := range runs {
		if runs[i].to != nil {
			t.Error("the session is held by a batch that was delivered")
		}
	}
}
