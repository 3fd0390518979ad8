package receiver

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/wire"
)

// Bounds of a pipeline.
const (
	maxOpeners = 4
	// behind is how many bytes one read gives when the reader does not keep up: only then is it worth
	// handing them to other goroutines.
	behind = 256 << 10
)

// batch is what one read of a socket gave: messages, the packets in them that were opened, and which of
// those belong together.
type batch struct {
	messages []mcast.Message
	n        int
	at       time.Time
	overruns uint32

	runs    []run
	packets []opened
	done    chan struct{} // one is sent when all packets are opened
}

// run is consecutive packets of one session, or one packet that is not sealed.
type run struct {
	to          *Receiver // nil: plain
	at          arrival
	first, last int // of packets, last excluded
	plain       []byte
	message     *mcast.Message
}

// pipeline is what is behind one socket. A batch is opened and delivered by the reader itself while
// that keeps up. When it does not, several goroutines open batches at once, and one more, the sequencer,
// delivers them in the order in which they were read: a SYNC must not overtake the data before it.
type pipeline struct {
	endpoint *Endpoint
	free     chan *batch
	toOpen   chan *batch
	inOrder  chan *batch
	made     int          // batches there are
	most     int          // batches there may be
	waiting  atomic.Int32 // batches in toOpen and inOrder
	started  bool
	all      sync.WaitGroup
}

func newPipeline(e *Endpoint) *pipeline {
	most := 2 + openers()
	return &pipeline{
		endpoint: e, most: most, free: make(chan *batch, most), toOpen: make(chan *batch, most),
		inOrder: make(chan *batch, most),
	}
}

// openers is how many goroutines open packets for one socket.
func openers() int { return min(maxOpeners, runtime.GOMAXPROCS(0)) }

// batch waits for a batch to read into. They are made when they are first needed.
func (p *pipeline) batch() *batch {
	select {
	case b := <-p.free:
		return b
	default:
	}
	if p.made == p.most || p.made > 0 && p.waiting.Load() == 0 {
		return <-p.free
	}
	p.made++
	b := &batch{messages: make([]mcast.Message, readMessages), done: make(chan struct{}, 1)}
	for n := range b.messages {
		b.messages[n].Buffer = make([]byte, mcast.BufferBytes)
	}
	return b
}

// put takes a batch that was read.
func (p *pipeline) put(b *batch) {
	if p.waiting.Load() == 0 && (b.bytes() < behind || openers() == 1) {
		p.endpoint.open(b)
		p.endpoint.deliver(b)
		p.free <- b
		return
	}
	if !p.started {
		p.started = true
		for range openers() {
			p.all.Go(p.open)
		}
		p.all.Go(p.sequence)
	}
	p.waiting.Add(1)
	p.inOrder <- b
	p.toOpen <- b
}

// end waits until everything that was put is delivered.
func (p *pipeline) end() {
	close(p.toOpen)
	close(p.inOrder)
	p.all.Wait()
}

func (p *pipeline) open() {
	for b := range p.toOpen {
		p.endpoint.open(b)
		b.done <- struct{}{}
	}
}

func (p *pipeline) sequence() {
	for b := range p.inOrder {
		<-b.done
		p.endpoint.deliver(b)
		p.waiting.Add(-1)
		p.free <- b
	}
}

func (b *batch) bytes() (n int) {
	for i := range b.messages[:b.n] {
		n += b.messages[i].N
	}
	return n
}

// open finds the session of each packet of a batch and opens it.
func (e *Endpoint) open(b *batch) {
	b.runs, b.packets = b.runs[:0], b.packets[:0]
	for i := range b.messages[:b.n] {
		e.split(b, &b.messages[i])
	}
}

// split opens the packets of a message: consecutive packets of a session at once.
func (e *Endpoint) split(b *batch, m *mcast.Message) {
	if m.Segment <= 0 {
		return
	}
	at := arrival{m.From, m.Segment, m.Marked, b.overruns}
	for rest := m.Buffer[:m.N]; len(rest) > 0; {
		first := rest[:min(m.Segment, len(rest))]
		kind, tag, ok := peek(first)
		if !ok || kind == wire.KindAnnounce || kind == wire.KindProbe {
			b.runs = append(b.runs, run{plain: first, message: m})
			rest = rest[len(first):]
			continue
		}
		end := together(rest, m.Segment, tag)
		if r := e.receiver(tag); r != nil {
			from := len(b.packets)
			b.packets = r.open(b.packets, b.at, at, rest[:end])
			b.runs = append(b.runs, run{to: r, at: at, first: from, last: len(b.packets)})
		} else {
			e.drops.Add(drops.Tag)
		}
		rest = rest[end:]
	}
}

// deliver hands the packets of a batch to their sessions, in their order.
func (e *Endpoint) deliver(b *batch) {
	for i := range b.runs {
		if r := &b.runs[i]; r.to != nil {
			r.to.take(r.at, b.packets[r.first:r.last])
		} else {
			e.handlePlain(b.at, r.plain, r.message)
		}
	}
	clear(b.runs) // it may be long before this batch is used again: a session that ended is not held until then
}
