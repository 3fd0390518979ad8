package source

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
)

// A server that is killed after any page, before it is durable or after, goes on with the same chain.
func TestKilledAfterEveryPage(t *testing.T) {
	whole := newWorld(t, smallsAndLarge()).list()
	whole.run()
	for n := range protocol.PageNo(len(whole.store.pages[1])) {
		for _, durable := range []bool{false, true} {
			w := newWorld(t, nil)
			w.dir = whole.dir // the same files
			w.list()
			die := func(p Page) error {
				if p.Number == n {
					return errCrash
				}
				return nil
			}
			if w.store.before = die; durable {
				w.store.before, w.store.after = nil, die
			}
			if err := w.open().Run(ctx); !errors.Is(err, errCrash) {
				t.Fatalf("page %d: %v", n, err)
			}
			w.store.before, w.store.after = nil, nil
			before := slices.Clone(w.store.pages[1])
			if want := int(n) + map[bool]int{true: 1}[durable]; len(before) != want {
				t.Fatalf("%d pages are durable, not %d", len(before), want)
			}
			s := w.open()
			if list, _ := s.SignedFrom(0); len(list) != len(before) {
				t.Fatalf("%d pages of %d are taken up", len(list), len(before))
			}
			must(t, s.Run(ctx))
			for i, raw := range before {
				if !bytes.Equal(raw, w.store.pages[1][i]) {
					t.Fatalf("page %d is another one after page %d", i, n)
				}
			}
			w.holds(s, w.contents(), nil)
		}
	}
}

// A run that ended because a page could not be kept goes on with that page.
func TestAPageThatCouldNotBeKeptIsKeptLater(t *testing.T) {
	w := newWorld(t, smallsAndLarge()).list()
	w.store.before = func(p Page) error {
		if p.Number == 2 {
			return errCrash
		}
		return nil
	}
	s := w.open()
	for range 2 {
		if err := s.Run(ctx); !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		if list, _ := s.SignedFrom(0); len(list) != 2 {
			t.Fatalf("%d pages may leave, and 2 are durable", len(list))
		}
	}
	w.store.before = nil
	must(t, s.Run(ctx))
	w.holds(s, w.contents(), nil)
}

// After a restart a file that was begun and is another one asks for a further edition, one that was not begun does not.
func TestBegunFilesMustBeAsTheyWere(t *testing.T) {
	for file, begun := range map[string]bool{"small00": true, "e1": true, "large1": true, "large2": false} {
		for name, do := range map[string]func(testing.TB, string){
			"written": grow, "touched": touch, "gone": func(t testing.TB, name string) { must(t, os.Remove(name)) },
		} {
			w := newWorld(t, smallsAndLarge()).list()
			w.store.after = func(p Page) error {
				if p.Number == 4 { // within large1
					return errCrash
				}
				return nil
			}
			if err := w.open().Run(ctx); !errors.Is(err, errCrash) {
				t.Fatal(err)
			}
			w.store.after = nil
			want := w.contents()
			do(t, w.path(file))
			_, err := w.tryOpen()
			var changed *ChangedError
			if errors.As(err, &changed) != begun || errors.Is(err, pages.ErrChanged) != begun || !begun && err != nil {
				t.Errorf("%s %s: %v", file, name, err)
				continue
			}
			if begun {
				if len(changed.Lost) != 1 || changed.Lost[0].Path != "d/"+file {
					t.Errorf("%s %s: %+v", file, name, changed)
				}
				w.edition++
			}
			reason := format2.VoidChanged
			if name == "gone" {
				reason = format2.VoidGone
			}
			w.holds(w.run(), want, map[string]format2.VoidReason{"d/" + file: reason})
		}
	}
}

// A large file whose bytes are others after a restart, unseen, is found when it is read again.
func TestABegunFileThatChangedUnseen(t *testing.T) {
	w := newWorld(t, map[string]int{"large": 8 << 20}).list()
	w.store.after = func(p Page) error {
		if p.Number == 4 {
			return errCrash
		}
		return nil
	}
	if err := w.open().Run(ctx); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	w.store.after = nil
	info, err := os.Stat(w.path("large"))
	must(t, err)
	rewriteAt(t, w.path("large"), 10)
	must(t, os.Chtimes(w.path("large"), info.ModTime(), info.ModTime()))
	if err := w.open().Run(ctx); !errors.Is(err, pages.ErrChanged) {
		t.Fatalf("its leaves are those of other bytes: %v", err)
	}
}

func rewriteAt(t testing.TB, name string, at int64) {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("!!!!"), at)
	must(t, errors.Join(err, f.Close()))
}

// What is not durable does not leave: neither blocks nor pages, whoever asks at the same time.
func TestNothingLeavesBeforeItsPageIsDurable(t *testing.T) {
	w := newWorld(t, smallsAndLarge()).list()
	s := w.open()
	first := protocol.BlockNumber(s.skeletonBlocks() + w.most + 1)
	buf := make([]byte, protocol.BlockSize)
	for n := range s.Cut().Blocks() {
		if _, err := s.ReadBlock(first+protocol.BlockNumber(n), buf); !errors.Is(err, pages.ErrNotYet) {
			t.Fatalf("block %d: %v", n, err)
		}
	}
	if _, err := s.ReadBlock(protocol.BlockNumber(s.skeletonBlocks()+1), buf); !errors.Is(err, pages.ErrNotYet) {
		t.Errorf("the first page: %v", err)
	}
	var durable, signing sync.Mutex
	covered := uint32(0)
	w.store.before = func(Page) error {
		signing.Lock()
		time.Sleep(5 * time.Millisecond) // it is signed, and not durable
		return nil
	}
	w.store.after = func(p Page) error {
		durable.Lock()
		covered = w.lastCovered()
		durable.Unlock()
		signing.Unlock()
		return nil
	}
	stop, readers := make(chan struct{}), sync.WaitGroup{}
	for range 3 {
		readers.Go(func() {
			buf := make([]byte, protocol.BlockSize)
			for n := 0; ; n = (n + 1) % s.Cut().Blocks() {
				select {
				case <-stop:
					return
				default:
				}
				size, err := s.ReadBlock(first+protocol.BlockNumber(n), buf)
				durable.Lock()
				end := covered
				durable.Unlock()
				switch {
				case err == nil && uint32(n) >= end:
					t.Errorf("block %d was read, and pages cover those below %d", n, end)
				case err == nil && size == 0, err != nil && !errors.Is(err, pages.ErrNotYet):
					t.Errorf("block %d: %v", n, err)
				}
			}
		})
	}
	err := s.Run(ctx)
	close(stop)
	readers.Wait()
	must(t, err)
	w.holds(s, w.contents(), nil)
}

// lastCovered is the block behind those that the newest durable page covers.
func (w *world) lastCovered() uint32 {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	list := w.parsed()
	p := list[len(list)-1]
	return p.FirstBlock + uint32(len(p.Leaves))
}

// The head of a session can be read: index, skeleton, pages.
func TestTheHeadOfASession(t *testing.T) {
	w := newWorld(t, smallsAndLarge()).list()
	s := w.run()
	buf := make([]byte, protocol.BlockSize)
	for n := range protocol.BlockNumber(s.skeletonBlocks() + w.most + 1) {
		length, there := s.HeadLength(n)
		size, err := s.ReadBlock(n, buf)
		if there != (err == nil) || size != length || !there && !errors.Is(err, pages.ErrNotYet) {
			t.Fatalf("block %d: %d bytes of %d, %v", n, size, length, err)
		}
		switch page := int(n) - int(s.skeletonBlocks()) - 1; {
		case n == 0 && format2.SkeletonDigest(buf[:size]) != w.built.Skeleton:
			t.Error("the index is not the one of the offer")
		case n == 1 && format2.LeafDigest(buf[:size]) != protocol.Digest(s.cfg.Files.Index()[:32]):
			t.Error("the skeleton is not what its index says")
		case page >= 0 && there && !bytes.Equal(buf[:size], w.store.pages[1][page]):
			t.Errorf("page %d is another one", page)
		}
	}
}

// However often a session has nothing left to send, the numbers for pages are enough.
func TestHurryNeverRunsOutOfNumbers(t *testing.T) {
	for _, most := range []uint32{3, 4, 40, 500} {
		w := newWorld(t, map[string]int{"large": 20 << 20, "small": 5}).list()
		w.most = most
		s := w.open()
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				default:
					s.Hurry()
					time.Sleep(10 * time.Microsecond)
				}
			}
		}()
		err := s.Run(ctx)
		close(stop)
		<-done
		must(t, err)
		if n := len(w.store.pages[1]); n > int(most) || most == 500 && n < 10 {
			t.Errorf("%d pages, and there are %d numbers", n, most)
		}
		w.holds(s, w.contents(), nil)
	}
}

// A session that waits gets a page at once, however little is hashed.
func TestHurryClosesAPageThatWaits(t *testing.T) {
	w := newWorld(t, map[string]int{"large": 40 << 20}).list()
	s := w.open()
	s.listens = time.Hour
	s.Sent(0) // hashing waits for the session, in the middle of a page
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	next := protocol.PageNo(0)
	front := uint32(0)
	for final := false; !final; {
		list, changed := s.SignedFrom(next)
		if len(list) == 0 {
			s.Hurry()
			select {
			case <-changed:
			case <-time.After(20 * time.Second):
				t.Fatalf("after page %d nothing comes", next)
			}
			continue
		}
		for _, p := range list {
			next, final = p.Number+1, p.Final
			for _, r := range p.Ready {
				front = uint32(r.End())
			}
		}
		s.Sent(front)
	}
	must(t, <-ended)
	w.holds(s, w.contents(), nil)
}

// Hashing is held back by a session that did not send what is there, and by no session that says nothing.
func TestSentBoundsHowFarHashingIsAhead(t *testing.T) {
	w := newWorld(t, map[string]int{"large": 0}).list()
	must(t, os.Truncate(w.path("large"), 400<<20)) // one hole
	w.list()
	s := w.open()
	s.listens = time.Hour
	s.Sent(0)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	still := func(front uint32) {
		t.Helper()
		const most = ahead + aheadAPage + 20 // with what workers have at hand
		deadline := time.Now().Add(20 * time.Second)
		for s.holds(time.Now()) <= 0 {
			if time.Now().After(deadline) {
				t.Fatal("hashing does not come as far as it may")
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.covered < front+ahead || s.writer.End() > front+most {
			t.Errorf("the session sent blocks below %d, those below %d are signed, and below %d hashed", front, s.covered,
				s.writer.End())
		}
	}
	still(0)
	s.Sent(500)
	still(500)
	s.Sent(100) // of another session
	still(500)
	s.mu.Lock()
	s.heard = time.Time{} // it went long ago
	s.mu.Unlock()
	notify(s.moved)
	must(t, <-ended)
	if !w.book(s).Final() {
		t.Error("the final page is not there")
	}
}

// Holes are not read, and neither is what is all zeros hashed twice: everybody holds such blocks.
func TestHolesAndZeros(t *testing.T) {
	w := newWorld(t, map[string]int{"noise": 3 << 20})
	w.write("zeros", make([]byte, 3<<20))
	w.write("hole", nil)
	must(t, os.Truncate(w.path("hole"), 9<<20+5))
	w.write("both", nil)
	must(t, os.Truncate(w.path("both"), 9<<20))
	rewriteAt(t, w.path("both"), 4<<20)
	rewriteAt(t, w.path("both"), 9<<20-4)
	s := w.list().run()
	w.holds(s, w.contents(), nil)
	held := protocol.NewBlockSet(s.Cut().Blocks())
	list, _ := s.SignedFrom(0)
	for _, p := range list {
		for _, r := range p.Held {
			held.AddRange(r)
		}
	}
	for i, e := range w.entries(s) {
		first, end, _ := s.Cut().File(uint32(i))
		n := 0
		for b := first; b < end; b++ {
			if held.Has(protocol.BlockNumber(b)) {
				n++
			}
		}
		blocks := int(end - first)
		all := map[string]int{"d/noise": 0, "d/zeros": blocks, "d/hole": blocks, "d/both": blocks - 2}
		if want, file := all[e.Path]; file && n != want {
			t.Errorf("%s: %d of %d blocks need not come, not %d", e.Path, n, blocks, want)
		}
	}
}

// A run that is cancelled at any time leaves a chain that goes on.
func TestCancelledAtAnyTime(t *testing.T) {
	w := newWorld(t, smallsAndLarge()).list()
	s := w.open()
	for i := range 20 {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(i)*300*time.Microsecond)
		err := s.Run(ctx)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	must(t, s.Run(ctx))
	w.holds(s, w.contents(), nil)
}

// A source that is closed while it runs ends, and lets go of everything.
func TestClosedWhileItRuns(t *testing.T) {
	w := newWorld(t, smallsAndLarge()).list()
	s := w.open()
	_, changed := s.SignedFrom(100)
	w.store.after = func(Page) error { time.Sleep(time.Millisecond); return nil }
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-changed
	_, changed = s.SignedFrom(100)
	must(t, s.Close())
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-changed
	must(t, s.Close())
	if _, err := s.ReadBlock(1, make([]byte, protocol.BlockSize)); err == nil {
		t.Error("a block is read of a source that is closed")
	}
}

// What is not the listing of the offer is not opened.
func TestAnotherListIsNotOpened(t *testing.T) {
	w := newWorld(t, map[string]int{"f": 10}).list()
	w.built.Skeleton[0]++
	if _, err := w.tryOpen(); groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Errorf("%v", err)
	}
}
