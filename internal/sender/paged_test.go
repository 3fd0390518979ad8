package sender

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

func noVoid(uint32) bool { return false }

// all is the whole stream of a tree.
func (s *signed) all() []protocol.Range {
	return []protocol.Range{{First: 0, Count: uint32(s.cut.Blocks())}}
}

// play runs a session with devices until it is over, and gives what Run said.
func (r *rig) play(ctx context.Context, devices ...*reader) error {
	var all sync.WaitGroup
	for _, d := range devices {
		all.Go(func() { d.run(ctx) })
	}
	err := r.sender.Run(ctx)
	all.Wait()
	return err
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// left lists the events in which a device was left behind.
func (r *rig) left() (out []Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Kind == DeviceBehind {
			out = append(out, e)
		}
	}
	return out
}

// A tree that is read while it is sent, with a file that changes and one of zeros, to devices that lose 3 % of the
// packets: they get every block that is not void, and no block or page leaves before its page may.
func TestPagedSession(t *testing.T) {
	s := newSigned(t, 70_000, 0, 900_000, 3_000_000, 1_200_000, 2_000_000)
	clear(s.files[4])
	r := newPagedRig(t, s, testRate, nil)
	devices := []*reader{newReader(t, r, s, 0.03, nil), newReader(t, r, s, 0.03, s.all())}
	ctx := patient(t)
	var hashing sync.WaitGroup
	hashing.Go(func() {
		for n := range s.cut.Blocks() {
			hurried, _, _ := s.seen()
			s.hash(1, hurried > 0)
			for n == 8 && hurried == 0 && ctx.Err() == nil { // all before it is sent, and the session wants more
				time.Sleep(time.Millisecond)
				hurried, _, _ = s.seen()
			}
			if n == 20 { // the last file is lost in the middle
				s.lose(5)
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
		s.hashAll()
	})
	must(t, r.play(ctx, devices...))
	hashing.Wait()
	first, end, _ := s.cut.File(5)
	for _, d := range devices {
		d.check("a device", s.all(), func(b uint32) bool { return b >= first && b < end || s.zeros(b) })
		for w := range d.sent {
			if n := w.block - d.offer.FirstStream(); w.block >= d.offer.FirstStream() && s.zeros(uint32(n)) {
				t.Errorf("block %d of the stream is zeros and was sent", n)
				break
			}
		}
	}
	hurried, front, _ := s.seen()
	if hurried == 0 || int(front) != s.cut.Blocks() || len(s.early) > 0 || len(r.left()) > 0 {
		t.Errorf("hurried %d times, front %d of %d, too early %v, left behind %v", hurried, front, s.cut.Blocks(), s.early,
			r.left())
	}
	st := r.sender.Status()
	if n := len(st.Devices); n != 2 || st.Devices[0].Blocks != s.cut.Blocks() || st.Session.Progress != 1 {
		t.Errorf("at the end %+v", st)
	}
	for _, x := range devices[0].heard() {
		starved := x.Flags&format2.SyncStarved != 0
		if starved && x.Flags&format2.SyncPassDone != 0 || len(x.Lengths) != min(int(x.Pages), format2.MaxSyncLengths) {
			t.Errorf("a SYNC says %+v", x)
		}
	}
}

// zeros says whether a block of the stream is zeros of a large file.
func (s *signed) zeros(b uint32) bool {
	return !s.cut.Shared(b) && !slices.ContainsFunc(s.block(b), func(c byte) bool { return c != 0 })
}

// A source that answers nothing for seconds: SYNCs go on and say so, nobody is left behind, and afterwards everything
// is sent that was to be sent, once.
func TestPagedSessionOfASourceThatStalls(t *testing.T) {
	s := newSigned(t, 4_000_000)
	s.hash(8, true)
	r := newPagedRig(t, s, testRate, nil)
	d := newReader(t, r, s, 0, nil)
	goOn := s.stall()
	ctx := patient(t)
	var acting sync.WaitGroup
	acting.Go(func() {
		time.Sleep(3 * time.Second)
		syncs := d.heard()
		starved := 0
		for _, x := range syncs {
			if x.Flags&format2.SyncStarved != 0 {
				starved++
			}
		}
		if starved < 15 {
			t.Errorf("%d SYNCs in three seconds, %d say that the source is behind", len(syncs), starved)
		}
		s.hashAll()
		goOn()
	})
	must(t, r.play(ctx, d))
	acting.Wait()
	d.check("the device", s.all(), noVoid)
	for w, n := range d.sent {
		if n > 1 {
			t.Errorf("symbol %d of block %d was sent %d times", w.index, w.block, n)
		}
	}
	if st := r.sender.machine.Status(); len(r.left()) > 0 || st.Counters.Resent > 0 || len(s.early) > 0 {
		t.Errorf("left behind %v, too early %v, %+v", r.left(), s.early, st.Counters)
	}
}

// Stop returns at once while a read hangs, and so does Run, in either format.
func TestStopWhileReadsHang(t *testing.T) {
	s := newSigned(t, 2_000_000)
	s.hashAll()
	goOn := s.stall()
	defer goOn()
	for name, r := range map[string]*rig{
		"paged": newPagedRig(t, s, testRate, nil), "plain": newPlainRig(t, 4<<20, func(b BlockSource) BlockSource {
			return hangs{b, s}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			r.attach()
			over := make(chan error, 1)
			go func() { over <- r.sender.Run(t.Context()) }()
			time.Sleep(100 * time.Millisecond)
			begun := time.Now()
			r.sender.Stop()
			if err := <-over; err != nil || time.Since(begun) > 5*time.Second {
				t.Errorf("after %s: %v", time.Since(begun), err)
			}
		})
	}
}

// hangs is a source that hangs while a tree stalls.
type hangs struct {
	BlockSource
	s *signed
}

func (h hangs) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	h.s.mu.Lock()
	lag := h.s.lag
	h.s.mu.Unlock()
	if lag != nil {
		<-lag
	}
	return h.BlockSource.ReadBlock(n, buf)
}

// The elements of the chain are genuine to its end, and with it the session ends: devices are told, nobody joins any
// more, and Run says why.
func TestPagedSessionEndsWithItsChain(t *testing.T) {
	s := newSigned(t, 2_000_000)
	s.hash(2, true)
	r := newPagedRig(t, s, testRate, func(c *PagedConfig) { c.Life = 1500 * time.Millisecond })
	d := newReader(t, r, s, 0, nil)
	if err := r.play(patient(t), d); !errors.Is(err, ErrLifeOver) {
		t.Errorf("the session ended with %v", err)
	}
	if _, err := r.sender.Attach(protocol.NewDeviceID(), nil, true); !errors.Is(err, ErrSessionOver) {
		t.Errorf("attach afterwards: %v", err)
	}
	syncs := d.heard()
	last := syncs[len(syncs)-1]
	if last.Flags&format2.SyncEnd == 0 || last.Index < 10 || d.offer.LifeSeconds != 2 || len(r.left()) > 0 {
		t.Errorf("the last SYNC is %+v; life %d s; left behind %v", last, d.offer.LifeSeconds, r.left())
	}
	for _, x := range syncs {
		if at := x.SentAt / 100_000; uint64(x.Index) != max(at, 3)-3 {
			t.Errorf("a SYNC of slot %d has element %d", at, x.Index)
		}
	}
}

// A machine that stood still for longer than the chain lasts cannot say a word more: the session is over.
func TestNoSyncWithoutAnElement(t *testing.T) {
	s := newSigned(t, 2_000_000)
	r := newPagedRig(t, s, testRate, func(c *PagedConfig) { c.Life = 200 * time.Millisecond })
	r.attach()
	time.Sleep(time.Second)
	if err := r.sender.Run(patient(t)); !errors.Is(err, ErrLifeOver) {
		t.Errorf("got %v", err)
	}
}

// Feedback of the other format is dropped before any key is used, and counted.
func TestFeedbackOfTheOtherFormat(t *testing.T) {
	s := newSigned(t, 2_000_000)
	paged, plain := newPagedRig(t, s, testRate, nil), newPlainRig(t, 1<<20, nil)
	dev, h := paged.attach()
	_, h1 := plain.attach()
	body := format2.Feedback{}
	for _, c := range []struct {
		r      *rig
		packet []byte
		kind   uint64
		heard  uint64
	}{
		{paged, sealerOf(t, h).Seal(nil, wire.Feedback{}), 1, 0},
		{paged, sealerOf(t, h).Seal2(nil, body), 1, 1},
		{plain, sealerOf(t, h1).Seal2(nil, body), 1, 0},
		{plain, sealerOf(t, h1).Seal(nil, body.Feedback), 1, 1},
	} {
		c.r.endpoint.demux.handle(c.packet)
		if got := c.r.endpoint.Drops()["kind"]; got != c.kind {
			t.Errorf("%d packets of the other format were counted, expected %d", got, c.kind)
		}
		if got := c.r.sender.machine.Status().Counters.Feedback; got != c.heard {
			t.Errorf("the machine heard %d, expected %d", got, c.heard)
		}
	}
	longest := format2.Feedback{Feedback: wire.Feedback{Ranges: make([]protocol.Range, 100)}}
	if err := paged.sender.Feedback(dev, format2.AppendFeedback(nil, longest)); err != nil {
		t.Errorf("over HTTPS: %v", err)
	}
	if err := paged.sender.Feedback(dev, make([]byte, 3)); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("three bytes over HTTPS: %v", err)
	}
}

// A device that comes in the middle, with some blocks, gets the others; what it asks for is of the stream.
func TestPagedLateDevice(t *testing.T) {
	s := newSigned(t, 6_000_000)
	s.hashAll()
	r := newPagedRig(t, s, 4<<20, nil)
	early := newReader(t, r, s, 0.02, nil)
	ctx := patient(t)
	var all sync.WaitGroup
	all.Go(func() { early.run(ctx) })
	all.Go(func() {
		if err := r.sender.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for {
		if _, front, _ := s.seen(); front > 4 || ctx.Err() != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := r.sender.Attach(protocol.NewDeviceID(), []protocol.Range{{First: 20, Count: 8}}, false); err == nil {
		t.Error("blocks beyond the stream were taken")
	}
	lacks := []protocol.Range{{First: 1, Count: 2}, {First: 20, Count: 3}}
	late := newReader(t, r, s, 0.02, lacks)
	for _, p := range s.raw { // it fetched the pages over HTTPS
		late.page(p)
	}
	for n := range late.s.raw {
		late.machine.BlockSupplied(time.Now(), late.offer.FirstPage()+protocol.BlockNumber(n))
	}
	all.Go(func() { late.run(ctx) })
	all.Wait()
	early.check("who was there", s.all(), noVoid)
	late.check("who came late", lacks, noVoid)
	if len(late.blocks) != 5 || len(r.left()) > 0 {
		t.Errorf("%d blocks went to who lacked 5; left behind %v", len(late.blocks), r.left())
	}
}

// Pages that were there before the session are sent to those who lack their blocks when it begins, and no others.
func TestPagesOfBefore(t *testing.T) {
	s := newSigned(t, 8_000_000)
	s.hashAll() // pages of 1, 2, 4, 8, 16, … blocks
	r := newPagedRig(t, s, testRate, nil)
	d := newReader(t, r, s, 0, []protocol.Range{{First: 4, Count: 1}, {First: 16, Count: 1}})
	sent := map[int]bool{}
	for n, c := range r.sender.feed.covers {
		sent[n] = c.First <= 4 && 4 < c.End() || c.First <= 16 && 16 < c.End()
	}
	for _, p := range s.raw {
		d.page(p)
	}
	for n := range s.raw {
		d.machine.BlockSupplied(time.Now(), d.offer.FirstPage()+protocol.BlockNumber(n))
	}
	must(t, r.play(patient(t), d))
	d.check("the device", []protocol.Range{{First: 4, Count: 1}, {First: 16, Count: 1}}, noVoid)
	for n, want := range sent {
		got := d.sent[wireSymbol{d.offer.FirstPage() + protocol.BlockNumber(n), 0}]
		if want && got != 1 || !want && got != 0 {
			t.Errorf("page %d was sent %d times, expected: %v", n, got, want)
		}
	}
	if len(sent) < 5 {
		t.Errorf("there are %d pages", len(sent))
	}
	whole := newPagedRig(t, s, testRate, nil)
	lost := newReader(t, whole, s, 0.05, nil)
	must(t, whole.play(patient(t), lost))
	lost.check("who has nothing", s.all(), noVoid)
}

// A block whose files turned out to be void is not given by the source before the page says so: the session waits for
// that page, and goes on.
func TestPagedSessionWaitsForTheWordThatAFileIsVoid(t *testing.T) {
	s := newSigned(t, 3_000_000, 2_000_000)
	s.hash(9, true)
	r := newPagedRig(t, s, testRate, nil)
	s.lose(0) // no page says so yet
	d := newReader(t, r, s, 0, nil)
	time.AfterFunc(1500*time.Millisecond, s.hashAll)
	must(t, r.play(patient(t), d))
	first, end, _ := s.cut.File(0)
	d.check("the device", s.all(), func(b uint32) bool { return b >= first && b < end })
	if s.voids == 0 || s.told < 3 || len(r.left()) > 0 {
		t.Errorf("%d reads of void blocks; the source heard %d times of the session; left behind %v", s.voids, s.told,
			r.left())
	}
}

// What the source says of a block that cannot be sent ends the session, and is what Run says.
func TestPagedSourceThatChanged(t *testing.T) {
	s := newSigned(t, 4_000_000)
	s.hashAll()
	s.fails = errors.New("it changed after its page was signed")
	r := newPagedRig(t, s, testRate, nil)
	r.attach()
	if err := r.sender.Run(patient(t)); !errors.Is(err, s.fails) {
		t.Errorf("got %v", err)
	}
}

// An offer that is out of its bounds, or not of this skeleton, makes no session.
func TestPagedTermsAreChecked(t *testing.T) {
	s := newSigned(t, 2_000_000)
	for name, change := range map[string]func(*format2.Offer){
		"another number of blocks": func(o *format2.Offer) { o.Blocks++ },
		"no pages":                 func(o *format2.Offer) { o.Pages = 0 },
		"no edition":               func(o *format2.Offer) { o.Edition = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newBareRig(t)
			terms := s.terms
			terms.GroupAddr = group()
			change(&terms)
			if _, err := NewPaged(PagedConfig{Endpoint: r.endpoint, Key: s.key, Terms: terms, Source: s}); err == nil {
				t.Error("a session was made")
			}
			if len(r.endpoint.tags) > 0 || len(r.endpoint.users) > 0 {
				t.Error("it keeps a tag or a link")
			}
		})
	}
}
