package receiver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
)

// asked collects what a receiver wants to have fetched.
type asked struct {
	mu    sync.Mutex
	parts Parts
	why   []string
}

func (a *asked) listen(o *pagedOrigin) func(*PagedConfig) {
	return func(c *PagedConfig) {
		c.OnCatchUp = func(ranges []protocol.Range, reason string) {
			a.mu.Lock()
			defer a.mu.Unlock()
			p := PartsOf(o.offer, ranges)
			a.parts.Skeleton = a.parts.Skeleton || p.Skeleton
			a.parts.Pages, a.parts.Stream = append(a.parts.Pages, p.Pages...), append(a.parts.Stream, p.Stream...)
			a.why = append(a.why, reason)
		}
	}
}

func (a *asked) now() Parts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.parts
}

// both makes one change of two.
func both(list ...func(*PagedConfig)) func(*PagedConfig) {
	return func(c *PagedConfig) {
		for _, f := range list {
			f(c)
		}
	}
}

func TestPagedHandoutThatDoesNotFitIsRefused(t *testing.T) {
	o := newPagedOrigin(t, 0, 1<<20)
	e, other := newEndpoint(t, nil), seal.NewSecret()
	for what, change := range map[string]func(*PagedConfig){
		"another secret":      func(c *PagedConfig) { c.Handout.SessionSecret = other[:] },
		"no SYNC":             func(c *PagedConfig) { c.Handout.Sync = nil },
		"a SYNC of another":   func(c *PagedConfig) { c.Handout.Sync = o.sealSync(seal.NewSigningKey(), o.syncOf(1, 0)) },
		"data for a SYNC":     func(c *PagedConfig) { c.Handout.Sync = o.data(0, 0) },
		"short key":           func(c *PagedConfig) { c.Handout.FeedbackKey = c.Handout.FeedbackKey[1:] },
		"no feedback address": func(c *PagedConfig) { c.Handout.FeedbackAddr = "" },
		"content of another offer": func(c *PagedConfig) {
			c.Content, c.Offer.Bytes = newPagedMemory(o), c.Offer.Bytes+1
		},
	} {
		t.Run(what, func(t *testing.T) {
			cfg := o.config(e, newPagedMemory(o))
			change(&cfg)
			r, err := NewPaged(cfg)
			if err == nil {
				r.closeFeedback()
				t.Error("it was accepted")
			}
		})
	}
}

// TestPagedPacketsMakeTheFiles: skeleton, pages and blocks come by multicast, as source symbols and as parity.
func TestPagedPacketsMakeTheFiles(t *testing.T) {
	for _, lost := range []int{0, 1, 30, protocol.MaxSymbols - protocol.MaxSourceSymbols} {
		t.Run(fmt.Sprintf("%d of a block lost", lost), func(t *testing.T) {
			o := newPagedOrigin(t, 100, 0, 300_000, 200_000, 2_000_000)
			m := newPagedMemory(o)
			r, over := o.running(m, nil)
			o.say(r, o.sync(2, 1))
			for b := range o.offer.FirstPage() {
				o.tell(r, o.data(b, lost))
			}
			until(t, "the skeleton is known", func() bool { return r.Status().Manifest })
			for n := range o.pages {
				o.tell(r, o.data(o.pageBlock(n), lost))
			}
			for b := range o.cut.Blocks() {
				o.tell(r, o.data(o.inSession(b), lost))
			}
			if err := <-over; err != nil {
				t.Error(err)
			}
			m.check()
			st := r.Status()
			if st.Verified != st.Blocks || st.Bytes != o.cut.Bytes() || st.Forged != 0 || m.staged != 1 {
				t.Errorf("got %+v", st)
			}
		})
	}
}

// TestBlocksWaitForTheirPages: pages come in the wrong order and after their blocks. Nothing is written before the
// chain reaches its page.
func TestBlocksWaitForTheirPages(t *testing.T) {
	o := newPagedOrigin(t, 0, 1<<20, 2<<20, 700)
	m := newPagedMemory(o)
	r, over := o.running(m, withContent(m))
	if len(o.pages) < 4 {
		t.Fatalf("%d pages are too few for this test", len(o.pages))
	}
	o.say(r, o.declaring(2, 1, len(o.pages)))
	for b := range o.cut.Blocks() {
		o.tell(r, o.data(o.inSession(b), 0))
	}
	for _, n := range slices.Backward(o.pages[1:]) {
		at := slices.IndexFunc(o.pages, func(p []byte) bool { return bytes.Equal(p, n) })
		o.tell(r, o.data(o.pageBlock(at), 0))
	}
	until(t, "the pages are there", func() bool { return r.Status().Verified >= len(o.pages)-1 })
	if n := m.written(); n != 0 {
		t.Fatalf("%d blocks were written without their pages", n)
	}
	o.tell(r, o.data(o.pageBlock(0), 0))
	if err := <-over; err != nil {
		t.Error(err)
	}
	m.check()
	if n := m.written(); n != o.cut.Blocks() {
		t.Errorf("%d of %d blocks were written", n, o.cut.Blocks())
	}
}

// TestBlocksWithoutPagesAreBounded: however many blocks come before their pages, they take half of the memory.
func TestBlocksWithoutPagesAreBounded(t *testing.T) {
	o := newPagedOrigin(t, 0, 40<<20)
	m := newPagedMemory(o)
	r := o.idle(m, withContent(m))
	o.say(r, o.declaring(2, 1, 0))
	for b := range o.cut.Blocks() {
		o.tell(r, o.data(o.inSession(b), 0)[:o.packetSize()])
	}
	limit := protocol.ReceiverPoolBytes / (int(o.offer.SymbolSize) * int(o.offer.MaxK))
	if got := r.machine.Unverified(); got != limit/2 || o.cut.Blocks() <= limit/2 {
		t.Errorf("%d of %d blocks wait, of a pool for %d", got, o.cut.Blocks(), limit)
	}
	if got := r.Status().Drops["pool"]; got != uint64(o.cut.Blocks()-limit/2) {
		t.Errorf("%d symbols had no room", got)
	}
}

// TestVoidFilesAreNotWaitedFor: blocks of files that the server could not read never come.
func TestVoidFilesAreNotWaitedFor(t *testing.T) {
	o := newPagedOrigin(t, 0, 100_000, 900_000, 2<<20, 3<<20)
	o.sign(func(e uint32) bool { return e == 1 || e == 2 })
	m := newPagedMemory(o)
	r, over := o.running(m, withContent(m))
	o.say(r, o.declaring(2, 1, len(o.pages)))
	for n := range o.pages {
		o.tell(r, o.data(o.pageBlock(n), 0))
	}
	sent := 0
	for _, c := range o.changes {
		for _, x := range c.Ready {
			for b := x.First; b < x.End(); b++ {
				o.tell(r, o.data(o.inSession(int(b)), 0))
				sent++
			}
		}
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	m.check()
	if n := m.written(); n != sent || n >= o.cut.Blocks()-8 {
		t.Errorf("%d blocks were written, %d sent, of %d", n, sent, o.cut.Blocks())
	}
	if st := r.Status(); st.Verified != st.Blocks || st.Bytes != o.cut.Bytes() {
		t.Errorf("%+v", st)
	}
}

// TestWhatIsThereIsNotAskedFor: pages and blocks that are here from an earlier session count at once.
func TestWhatIsThereIsNotAskedFor(t *testing.T) {
	o := newPagedOrigin(t, 0, 3<<20)
	m := newPagedMemory(o)
	for _, raw := range o.pages {
		if _, err := m.AddPage(raw); err != nil {
			t.Fatal(err)
		}
	}
	last := o.cut.Blocks() - 1
	for b := range last {
		if ok, err := m.WriteBlock(uint32(b), o.streamBlock(uint32(b))); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	var a asked
	r, over := o.running(m, both(withContent(m), a.listen(o)))
	o.say(r, o.sync(2, 1))
	if st := r.Status(); st.Verified != st.Blocks-1 || st.Bytes != o.cut.Bytes()-uint64(len(o.streamBlock(uint32(last)))) {
		t.Errorf("at first %+v", st)
	}
	o.tell(r, o.data(o.inSession(last), 1))
	if err := <-over; err != nil {
		t.Error(err)
	}
	m.check()
	if p := a.now(); p.Skeleton || p.Pages != nil || p.Stream != nil || m.written() != last+1 {
		t.Errorf("asked for %+v, %d writes", p, m.written())
	}
}

// TestALateReceiverFetchesPages: pages whose length no SYNC says any more are fetched at once, then the stream comes.
func TestALateReceiverFetchesPages(t *testing.T) {
	sizes := make([]int, 30) // a page each, as if a slow source had been hurried on
	for i := range sizes {
		sizes[i] = 1 << 20
	}
	o := newPagedOrigin(t, 0, sizes...)
	o.signShort()
	if len(o.pages) <= format2.MaxSyncLengths+5 {
		t.Fatalf("%d pages are too few for this test", len(o.pages))
	}
	m := newPagedMemory(o)
	var a asked
	late := func(c *PagedConfig) { c.Handout.Sync, c.Handout.Started = o.sync(1, 900), true }
	r, over := o.running(m, both(a.listen(o), late))
	older := len(o.pages) - format2.MaxSyncLengths
	until(t, "older pages are asked for", func() bool { return len(a.now().Pages) > 0 })
	if got := a.now().Pages; got[0] != (protocol.Range{Count: uint32(older)}) {
		t.Errorf("asked for pages %v, %d of %d have no length", got, older, len(o.pages))
	}
	if err := r.SupplyPage(o.pages[0]); !errors.Is(err, ErrNoSkeleton) {
		t.Errorf("a page before the skeleton: %v", err)
	}
	if err := r.Supply(0, o.streamBlock(0)); !errors.Is(err, ErrNoSkeleton) {
		t.Errorf("a block before the skeleton: %v", err)
	}
	if err := r.SupplySkeleton(bytes.NewReader(o.skeleton)); err != nil {
		t.Fatal(err)
	}
	for _, raw := range o.pages[:older] {
		if err := r.SupplyPage(raw); err != nil {
			t.Fatal(err)
		}
	}
	o.say(r, o.sync(2, 901))
	for n := older; n < len(o.pages); n++ {
		o.tell(r, o.data(o.pageBlock(n), 0))
	}
	for b := range o.cut.Blocks() {
		o.tell(r, o.data(o.inSession(b), 0))
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	m.check()
}

// signShort signs a page for each block.
func (o *pagedOrigin) signShort() {
	o.pages, o.changes = nil, nil
	w := pages.NewWriter(o.offer.Terms(), o.offer.Pages, int(o.offer.Entries), o.key, o.cut)
	for s := newReading(o, w, nil); s.step(); {
		o.publish(w, true)
	}
	o.publish(w, true)
}

// TestSuppliedBlocksEndAPagedSession: everything comes over HTTPS, wrong things among it.
func TestSuppliedBlocksEndAPagedSession(t *testing.T) {
	o := newPagedOrigin(t, 0, 500, 2<<20)
	m := newPagedMemory(o)
	r, over := o.running(m, nil)
	if err := r.SupplyManifest(nil); !errors.Is(err, errPaged) {
		t.Errorf("a manifest: %v", err)
	}
	if err := r.SupplySkeleton(bytes.NewReader(o.skeleton)); err != nil {
		t.Fatal(err)
	}
	if err := r.SupplySkeleton(bytes.NewReader(nil)); err != nil {
		t.Errorf("once more: %v", err)
	}
	if err := r.Supply(0, o.streamBlock(0)); err == nil {
		t.Error("a block was taken whose page is not here")
	}
	for _, raw := range o.pages {
		if err := r.SupplyPage(raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Supply(protocol.BlockNumber(o.cut.Blocks()), nil); err == nil {
		t.Error("a block behind the last was taken")
	}
	for b := range uint32(o.cut.Blocks()) {
		data := o.streamBlock(b)
		if err := r.Supply(protocol.BlockNumber(b), append([]byte{data[0] ^ 1}, data[1:]...)); err == nil {
			t.Error("a wrong block was taken")
		}
		if err := r.Supply(protocol.BlockNumber(b), data); err != nil {
			t.Error(err)
		}
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	m.check()
}

func TestDiskThatFailsEndsAPagedSession(t *testing.T) {
	o := newPagedOrigin(t, 0, 1<<20)
	m := newPagedMemory(o)
	m.Fail = errors.New("no space left")
	r, over := o.running(m, withContent(m))
	o.say(r, o.declaring(2, 1, len(o.pages)))
	o.tell(r, o.data(o.pageBlock(0), 0))
	o.tell(r, o.data(o.inSession(0), 0))
	if err := <-over; !errors.Is(err, m.Fail) {
		t.Errorf("got %v", err)
	}
}

func TestEndOfAPagedSession(t *testing.T) {
	o := newPagedOrigin(t, 0, 1<<20)
	m := newPagedMemory(o)
	r, over := o.running(m, nil)
	end := o.syncOf(2, 1)
	end.Flags = format2.SyncEnd
	o.say(r, o.sealSync(o.syncKey, end))
	if err := <-over; !errors.Is(err, ErrSessionOver) {
		t.Errorf("got %v", err)
	}
	o.tell(r, o.data(0, 0)) // nothing happens
}

// TestAPagedSessionEndsWhileWorkersRun: Run returns when its workers have, and nothing is written after it.
func TestAPagedSessionEndsWhileWorkersRun(t *testing.T) {
	o := newPagedOrigin(t, 0, 3<<20)
	m := newPagedMemory(o)
	m.slow = make(chan struct{})
	r, over := o.running(m, withContent(m))
	o.say(r, o.declaring(2, 1, len(o.pages)))
	for n := range o.pages {
		o.tell(r, o.data(o.pageBlock(n), 0))
	}
	for b := range o.cut.Blocks() {
		o.tell(r, o.data(o.inSession(b), 0))
	}
	until(t, "workers have blocks", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.working >= minWorkers
	})
	stop := errors.New("stop")
	r.fail(stop)
	time.AfterFunc(50*time.Millisecond, func() { close(m.slow) })
	if err := <-over; !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	n := m.written()
	if n == 0 || n >= o.cut.Blocks() {
		t.Errorf("%d of %d blocks were written", n, o.cut.Blocks())
	}
	if err := r.SupplySkeleton(io.LimitReader(nil, 0)); err != nil {
		t.Error(err)
	}
}

// TestBlocksOfAnEarlierEditionCount: what is there already is there once the page of this edition says so.
func TestBlocksOfAnEarlierEditionCount(t *testing.T) {
	o := newPagedOrigin(t, 0, 3<<20)
	m := newPagedMemory(o)
	m.before = protocol.NewBlockSet(o.cut.Blocks())
	m.before.AddRange(protocol.Range{First: 1, Count: uint32(o.cut.Blocks() - 1)})
	r, over := o.running(m, withContent(m))
	o.say(r, o.declaring(2, 1, len(o.pages)))
	for n := range o.pages {
		o.tell(r, o.data(o.pageBlock(n), 0))
	}
	o.tell(r, o.data(o.inSession(0), 0))
	if err := <-over; err != nil {
		t.Error(err)
	}
	m.check()
	if n := m.written(); n != 1 || r.Status().Bytes != o.cut.Bytes() {
		t.Errorf("%d blocks were written, %+v", n, r.Status())
	}
}

// TestABlockWhoseFileBecomesVoid: a worker has the block when a page says that its file is not delivered. Whatever
// comes of it then, it is held.
func TestABlockWhoseFileBecomesVoid(t *testing.T) {
	o := newPagedOrigin(t, 0, 2<<20, 2<<20)
	o.pages, o.changes = nil, nil
	w := pages.NewWriter(o.offer.Terms(), o.offer.Pages, int(o.offer.Entries), o.key, o.cut)
	s := newReading(o, w, nil)
	s.step()
	o.publish(w, true)
	s.must(w.Void(0, format2.VoidChanged))
	for s.step() {
		o.publish(w, false)
	}
	o.publish(w, true)
	m := newPagedMemory(o)
	m.deaf = true
	p := o.idle(m, withContent(m)).format.(*pagedSession)
	for n, want := range []recv.Outcome{recv.Mismatch, recv.Stored} {
		if got := p.storePage(o.pageBlock(n), o.pages[n]); got != recv.Stored {
			t.Fatalf("page %d: outcome %d", n, got)
		}
		if got, _ := p.storeBlock(0, o.streamBlock(0)); got != want {
			t.Errorf("with page %d: outcome %d", n, got)
		}
	}
}
