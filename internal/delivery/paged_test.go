package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/download"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/offering"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

// book is a paged transfer of ten blocks, in sessions at 12, whose pages tests sign.
type book struct {
	mu      sync.Mutex
	pages   int
	final   bool
	over    bool
	changed chan struct{}
	open    int
	broken  error

	skeleton string
}

func (b *book) Skeleton() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(b.skeleton)), b.broken
}

func (b *book) SignedFrom(n protocol.PageNo) (list []pages.Signed, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ; int(n) < b.pages; n++ {
		list = append(list, pages.Signed{Number: n, Final: b.final && int(n) == b.pages-1})
	}
	return list, b.changed
}

func (b *book) Page(n protocol.PageNo) ([]byte, error) { return fmt.Append(nil, "page ", n), nil }

// ReadBlock reads a block of four that have a page; the second of them is void.
func (b *book) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	switch {
	case n == 13:
		return 0, pages.ErrVoid
	case n < 12 || n >= 16:
		return 0, pages.ErrNotYet
	}
	return copy(buf, fmt.Append(nil, "block ", n-12)), b.broken
}

func (b *book) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
	return nil
}

// sign signs one page more, or says that there will be none.
func (b *book) sign(over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if close(b.changed); over {
		b.over = true
		return
	}
	b.pages++
	b.changed = make(chan struct{})
}

// paged sends a transfer to a device that is owed it, gives it as if it were paged, and its source.
func (w *world) paged() (*agent, store.Transfer, *book) {
	w.Helper()
	w.group("g")
	a := w.enrol("ann", "g").attach()
	no := w.send("g", nil).No
	_, err := a.ready(a.offered())
	w.must(err)
	tr, err := w.db.Transfer(w.ctx, no)
	w.must(err)
	tr.Paged, tr.ID, tr.SkeletonBytes, tr.Pages = true, protocol.TransferID{1}, 100, 10
	b := &book{changed: make(chan struct{}), skeleton: "the skeleton"}
	w.paging.open = func(context.Context, store.Transfer) (download.Paged, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.open++
		return b, nil
	}
	return a, tr, b
}

func TestPartsOfAPagedTransferAreGiven(t *testing.T) {
	inBubble(t, func(w *world) {
		a, tr, b := w.paged()
		b.sign(false)
		b.sign(false)
		if got := w.read(w.skeletonOf(w.ctx, a.p, tr)); string(got) != "the skeleton" {
			t.Errorf("the skeleton: %q", got)
		}
		if got := w.read(w.pagesOf(w.ctx, a.p, tr, 1)); string(got) != "\x00\x00\x06page 1" {
			t.Errorf("pages: %q", got)
		}
		got := w.read(w.streamOf(w.ctx, a.p, tr, protocol.Range{Count: 4}))
		if want := "\x00\x00\x00\x00block 0\x00\x00\x00\x02block 2\x00\x00\x00\x03block 3"; string(got) != want {
			t.Errorf("blocks: %q, want %q", got, want)
		}
		if got := w.read(w.streamOf(w.ctx, a.p, tr, protocol.Range{First: 1, Count: 1})); len(got) != 0 {
			t.Errorf("a void block: %q", got)
		}
		if b.open != 0 {
			t.Errorf("the source is open for %d", b.open)
		}
	})
}

func TestHostileNumbersOfPagedTransfers(t *testing.T) {
	inBubble(t, func(w *world) {
		a, tr, b := w.paged()
		for name, asked := range map[string]protocol.Range{
			"no block": {First: 1}, "behind the end": {First: 10, Count: 1}, "over the end": {First: 9, Count: 2},
			"far behind the end": {First: 1<<32 - 1, Count: 4096}, "too many": {Count: groupcast.MaxStreamCount + 1},
			"all there can be": {First: 1<<32 - 1, Count: 1<<32 - 1},
		} {
			if _, err := w.streamOf(w.ctx, a.p, tr, asked); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, from := range []protocol.PageNo{11, 1<<32 - 1} {
			if _, err := w.pagesOf(w.ctx, a.p, tr, from); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("pages from %d: %v", from, err)
			}
		}
		if b.open != 0 {
			t.Errorf("the source is open for %d", b.open)
		}
	})
}

// What cannot be given is said before anything is, and takes no place from others.
func TestBlocksWithoutAPage(t *testing.T) {
	inBubble(t, func(w *world) {
		a, tr, b := w.paged()
		for range 2 * maxStreams {
			_, err := w.streamOf(w.ctx, a.p, tr, protocol.Range{First: 4, Count: 1})
			if groupcast.ErrorCode(err) != groupcast.EConflict {
				t.Fatal(err)
			}
		}
		r, err := w.streamOf(w.ctx, a.p, tr, protocol.Range{First: 3, Count: 2})
		w.must(err)
		if got, err := io.ReadAll(r); !errors.Is(err, pages.ErrNotYet) || len(got) != 4+len("block 3") {
			t.Errorf("%q, %v", got, err)
		}
		w.must(r.Close())
		b.broken = errors.New("the disk is away")
		for range 2 * maxStreams {
			if _, err := w.streamOf(w.ctx, a.p, tr, protocol.Range{Count: 1}); !errors.Is(err, b.broken) {
				t.Fatal(err)
			}
			if _, err := w.skeletonOf(w.ctx, a.p, tr); !errors.Is(err, b.broken) {
				t.Fatal(err)
			}
		}
		if w.settle(); b.open != 0 {
			t.Errorf("the source is open for %d", b.open)
		}
	})
}

func TestPagesAreWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		there int
		final bool
		from  protocol.PageNo
		do    func(b *book) // after three seconds
		wait  time.Duration
		want  string
	}{
		"there is one":             {there: 1, want: "\x00\x00\x06page 0"},
		"one comes":                {do: func(b *book) { b.sign(false) }, wait: 3 * time.Second, want: "\x00\x00\x06page 0"},
		"none comes":               {there: 1, from: 1, wait: groupcast.PagesWait},
		"another comes":            {from: 5, do: func(b *book) { b.sign(false) }, wait: groupcast.PagesWait},
		"the last was the final":   {there: 3, final: true, from: 3},
		"the source ends":          {do: func(b *book) { b.sign(true) }, wait: 3 * time.Second},
		"there will never be more": {from: 10, wait: groupcast.PagesWait},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				a, tr, b := w.paged()
				b.pages, b.final = c.there, c.final
				if c.do != nil {
					time.AfterFunc(3*time.Second, func() { c.do(b) })
				}
				began := time.Now()
				got := w.read(w.pagesOf(w.ctx, a.p, tr, c.from))
				if took := time.Since(began); string(got) != c.want || took != c.wait {
					t.Errorf("%q after %v, want %q after %v", got, took, c.want, c.wait)
				}
				if b.open != 0 {
					t.Errorf("the source is open for %d", b.open)
				}
			})
		})
	}
}

// A device cannot let many calls wait, and one that is removed meanwhile gets nothing.
func TestWhoWaitsForPages(t *testing.T) {
	inBubble(t, func(w *world) {
		a, tr, b := w.paged()
		began := time.Now()
		results := make(chan error, 2)
		for range 2 {
			go func() {
				r, err := w.pagesOf(w.ctx, a.p, tr, 0)
				if err == nil {
					_, err = io.ReadAll(r)
					r.Close()
				}
				results <- err
			}()
		}
		w.settle()
		for range 20 {
			if got := w.read(w.pagesOf(w.ctx, a.p, tr, 0)); len(got) != 0 || !time.Now().Equal(began) {
				t.Fatalf("one more was answered %q after %v", got, time.Since(began))
			}
		}
		ctx, cancel := context.WithCancel(w.ctx)
		cancel()
		w.remove("ann", "g")
		b.sign(false)
		for range 2 {
			if err := <-results; groupcast.ErrorCode(err) != groupcast.ENotFound {
				t.Errorf("one that is removed: %v", err)
			}
		}
		if _, err := w.pagesOf(ctx, a.p, tr, 5); !errors.Is(err, context.Canceled) {
			t.Errorf("one that is gone: %v", err)
		}
		if n := w.paging.polls.Waiting(); n != 0 || b.open != 0 {
			t.Errorf("%d wait, open for %d", n, b.open)
		}
	})
}

func TestADeviceFetchesItsShareOfAPagedTransferOnly(t *testing.T) {
	inBubble(t, func(w *world) {
		a, tr, b := w.paged()
		b.skeleton = strings.Repeat("x", protocol.BlockSize/2)
		most := maxShare*int(offering.Worth(tr))/len(b.skeleton) + 1
		for range most {
			if got := w.shown(tr.No); got.Failed > 0 {
				t.Fatalf("it failed before: %+v", got)
			}
			r, err := w.skeletonOf(w.ctx, a.p, tr)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
				err = errors.Join(err, r.Close())
			}
			if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
				t.Fatal(err)
			}
		}
		if got := w.shown(tr.No); got.Failed != 1 {
			t.Errorf("after %d skeletons: %+v", most, got)
		}
	})
}

// answer is an answer to the offer that the device was given last.
func (a *agent) answer(change func(r *groupcast.Ready)) groupcast.Ready {
	id := protocol.TransferID{1}
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	var r groupcast.Ready
	for k, g := range a.w.given {
		if k.dev == a.id {
			r = groupcast.Ready{Transfer: k.no, Session: g.session, TransferID: &id}
		}
	}
	change(&r)
	return r
}

func TestListsOfLackingBlocks(t *testing.T) {
	inBubble(t, func(w *world) {
		a, tr, _ := w.paged()
		set := protocol.NewBlockSet(tr.Blocks)
		set.AddRange(protocol.Range{First: 3, Count: 2})
		raw := format2.AppendLacks(nil, set)
		digest := format2.LacksDigest(raw)
		r := a.answer(func(r *groupcast.Ready) { r.LacksDigest, r.LacksAll = &digest, true })
		if h, whole, err := w.readyFor(tr, a.id, &r); err != nil || !whole || h.Lacks != groupcast.LacksSend {
			t.Errorf("a list that is not known: %+v, %v, %v", h, whole, err)
		}
		w.must(w.paging.lacks.Keep(w.now(), tr.No, a.id, raw, tr.Blocks))
		if h, whole, err := w.readyFor(tr, a.id, &r); err != nil || whole || h.Lacks != "" {
			t.Errorf("a list that is known: %+v, %v, %v", h, whole, err)
		}
		if r.LacksAll || len(r.Lacks) != 1 || r.Lacks[0] != (protocol.Range{First: 3, Count: 2}) {
			t.Errorf("it lacks %v, all %v", r.Lacks, r.LacksAll)
		}
	})
}

func TestAnswersThatFitNoOffer(t *testing.T) {
	inBubble(t, func(w *world) {
		a, tr, _ := w.paged()
		other := protocol.TransferID{2}
		for name, change := range map[string]func(r *groupcast.Ready){
			"of another transfer":     func(r *groupcast.Ready) { r.TransferID = &other },
			"of no transfer":          func(r *groupcast.Ready) { r.TransferID, r.Looking = nil, true },
			"of another session":      func(r *groupcast.Ready) { r.Session = protocol.SessionID{9} },
			"a list of no transfer":   func(r *groupcast.Ready) { r.TransferID, r.LacksDigest = nil, &protocol.Digest{} },
			"looking, and of another": func(r *groupcast.Ready) { r.TransferID, r.Looking = &other, true },
		} {
			r := a.answer(change)
			if _, whole, err := w.readyFor(tr, a.id, &r); !whole || groupcast.ErrorCode(err) != groupcast.EConflict {
				t.Errorf("%s: %v, %v", name, whole, err)
			}
		}
		plain := tr
		plain.Paged = false
		r := a.answer(func(*groupcast.Ready) {})
		if _, _, err := w.readyFor(plain, a.id, &r); groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Errorf("a transfer that is not paged: %v", err)
		}
		_, err := w.HandOut(w.ctx, *a.p.Device, r)
		if groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Errorf("the same, whole: %v", err)
		}
	})
}

// One that looks gets no keys by that, and its answer is waited for.
func TestADeviceThatLooksThroughItsFiles(t *testing.T) {
	inBubble(t, func(w *world) {
		_, tr, _ := w.paged()
		bob := w.enrol("bob", "g").attach()
		bob.offered()
		for _, eta := range []int{1 << 30, -1, 0, 120} {
			r := bob.answer(func(r *groupcast.Ready) { r.Looking, r.ETA = true, eta })
			if h, whole, err := w.readyFor(tr, bob.id, &r); err != nil || !whole || h.SessionSecret != nil || h.HTTPS {
				t.Errorf("%d seconds: %+v, %v, %v", eta, h, whole, err)
			}
		}
		state := func() schedule.State {
			w.settle()
			w.Engine.mu.Lock()
			defer w.Engine.mu.Unlock()
			d, _ := w.sched.Delivery(tr.No, bob.id)
			return d.State
		}
		if time.Sleep(119 * time.Second); state() != schedule.StateAsked {
			t.Error("it is no longer waited for")
		}
		if time.Sleep(2 * time.Second); state() == schedule.StateAsked {
			t.Error("it is waited for longer than it said")
		}
	})
}

// A device that is too far away for multicast is not one that refuses: it gets the transfer over HTTPS.
func TestADeviceThatIsTooFarAwayForMulticast(t *testing.T) {
	inBubble(t, func(w *world) {
		w.paged()
		bob := w.enrol("bob", "g").attach()
		o := bob.offered()
		_, err := w.HandOut(w.ctx, *bob.p.Device, groupcast.Ready{
			Transfer: o.Transfer, Session: o.Session, Refused: "200 ms", Kind: groupcast.RefusedClock,
		})
		w.must(err)
		w.settle()
		w.Engine.mu.Lock()
		d, _ := w.sched.Delivery(o.Transfer, bob.id)
		w.Engine.mu.Unlock()
		if d.State != schedule.StateHTTPS {
			t.Errorf("it is in state %v", d.State)
		}
		if got := w.shown(o.Transfer); got.Owed != 2 {
			t.Errorf("%d are owed it", got.Owed)
		}
	})
}

// Whoever leaves while what they asked for is opened says nothing of the transfer's files.
func TestACallThatEndsIsNoFaultOfTheSource(t *testing.T) {
	inBubble(t, func(w *world) {
		a, tr, _ := w.paged()
		w.paging.open = func(ctx context.Context, _ store.Transfer) (download.Paged, error) { return nil, ctx.Err() }
		gone, leave := context.WithCancel(w.ctx)
		leave()
		if _, err := w.skeletonOf(gone, a.p, tr); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if now := w.shown(tr.No); now.State == groupcast.TransferWaiting {
			t.Errorf("%s: %s", now.State, now.Reason)
		}
	})
}
