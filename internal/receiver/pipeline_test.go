package receiver

import (
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// several makes the pipelines of a test open on several goroutines, however many processors there are.
func several(t testing.TB, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// fill puts what one read would give into a batch of the pipeline: messages of packets of one size.
func fill(b *batch, from netip.AddrPort, size int, messages ...[]byte) {
	b.n, b.at = len(messages), time.Now()
	for i, m := range messages {
		at := &b.messages[i]
		*at = mcast.Message{Buffer: at.Buffer, N: copy(at.Buffer, m), Segment: size, From: from}
	}
}

// TestBatchesAreDeliveredInOrder: while several goroutines open, what was read first is delivered first.
func TestBatchesAreDeliveredInOrder(t *testing.T) {
	several(t, 4)
	o := newOrigin(t, 1<<20)
	var mu sync.Mutex
	var heard []uint64
	e, err := OpenEndpoint(EndpointConfig{
		Interface: "127.0.0.1", Server: loopback, OnPlain: func(p []byte, _ netip.Addr) {
			a, err := wire.ParseAnnounce(p)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				heard = append(heard, uint64(a.Number))
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	p := newPipeline(e)
	const batches = plainOthers
	noise := make([]byte, mcast.BufferBytes)
	for i := 0; i+o.packetSize() <= len(noise); i += o.packetSize() {
		copy(noise[i:], o.data(0, 0, o.symbol(0, 0))) // of a session that nobody here takes part in
	}
	large := 0
	for i := range batches {
		b := p.batch()
		announce := seal.SignAnnounce(o.key, wire.Announce{Number: protocol.OfferNo(i)})
		messages := [][]byte{announce}
		for range 1 + i%6 { // some are worth handing on, some are not
			messages = append(messages, noise)
		}
		fill(b, o.from, o.packetSize(), messages...)
		b.messages[0].Segment = len(announce)
		if b.bytes() >= behind {
			large++
		}
		p.put(b)
	}
	p.end()
	if len(heard) != batches || !slices.IsSorted(heard) || large < batches/4 {
		t.Errorf("%d of %d delivered, in this order: %v; %d were large", len(heard), batches, heard, large)
	}
}

// TestAStreamThroughThePipeline: all blocks of a session come whole and nothing counts as lost,
// whether one goroutine opens or several do.
func TestAStreamThroughThePipeline(t *testing.T) {
	for _, c := range []struct {
		name  string
		cores int
	}{{"one", 1}, {"four", 4}} {
		t.Run(c.name, func(t *testing.T) {
			several(t, c.cores)
			o := newOrigin(t, 4<<20)
			r := o.idleReceiver()
			e := r.cfg.Endpoint
			if err := e.add(r); err != nil {
				t.Fatal(err)
			}
			defer e.remove(r)
			if err := r.SupplyManifest(o.content.Encoded.Manifest); err != nil {
				t.Fatal(err)
			}
			p := newPipeline(e)
			blocks := o.content.Layout.Blocks()
			first, syncs := o.number+1, uint64(2)
			for n := 0; n < blocks; {
				var messages [][]byte
				for ; n < blocks && len(messages)+2 < readMessages; n++ {
					messages = append(messages, pieces(o.block(protocol.BlockNumber(n), 0), o.packetSize())...)
				}
				o.number++
				messages = append(messages, o.syncOf(syncs, first, o.number))
				first, syncs = o.number, syncs+1
				for len(messages) > 0 {
					some := messages[:min(readMessages, len(messages))]
					messages = messages[len(some):]
					b := p.batch()
					fill(b, o.from, o.packetSize(), some...)
					if last := &b.messages[len(some)-1]; len(messages) == 0 {
						last.Segment = last.N // the SYNC
					}
					p.put(b)
				}
			}
			p.end()
			ready := map[protocol.BlockNumber]bool{}
			for _, j := range r.jobs {
				ready[j.Block] = true
			}
			head := int(r.format.(*manifestSession).blocks.first)
			if got := r.Status(); len(ready) != blocks-head || got.Lost > 0 {
				t.Errorf("%d of %d blocks are whole, %d packets count as lost", len(ready), blocks-head, got.Lost)
			}
			for _, why := range []string{"number", "key", "source", "length", "tag", "body", "malformed"} {
				if n := r.Status().Drops[why]; n > 0 {
					t.Errorf("%d packets were dropped: %s", n, why)
				}
			}
		})
	}
}

// pieces cuts packets into messages as the kernel merges them.
func pieces(run []byte, size int) (out [][]byte) {
	most := mcast.BufferBytes / size * size
	for len(run) > 0 {
		n := min(most, len(run))
		out, run = append(out, run[:n]), run[n:]
	}
	return out
}

// BenchmarkStageOpening is what is behind a socket that gives more than one goroutine can open: the
// copy into the buffers (in place of the kernel's), opening, and placing symbols. Compare -cpu 1,2,4.
func BenchmarkStageOpening(b *testing.B) {
	o := newOrigin(b, 2<<20)
	r, one, size := o.packetRun()
	e := r.cfg.Endpoint
	if err := e.add(r); err != nil {
		b.Fatal(err)
	}
	defer e.remove(r)
	p := newPipeline(e)
	messages := make([][]byte, readMessages)
	for i := range messages {
		messages[i] = one
	}
	b.SetBytes(int64(readMessages * len(one)))
	b.ReportAllocs()
	for b.Loop() {
		in := p.batch()
		fill(in, o.from, size, messages...)
		p.put(in)
	}
	p.end()
}
