package reading

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// fake is a source of three blocks whose Run does as a test says.
type fake struct {
	Source
	w      *world
	no     protocol.TransferNo
	cut    *skeleton.Cut
	signed []pages.Signed
	closed bool
}

func (f *fake) Cut() *skeleton.Cut { return f.cut }

func (f *fake) SignedFrom(n protocol.PageNo) ([]pages.Signed, <-chan struct{}) {
	return f.signed[min(int(n), len(f.signed)):], nil
}

func (f *fake) Run(ctx context.Context) error {
	f.w.note("run", f.no)
	select {
	case err := <-f.w.results[f.no]:
		if err == nil {
			f.signed = append(f.signed, pages.Signed{Final: true, Ready: []protocol.Range{{First: 0, Count: 3}}})
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fake) Close() error {
	if f.closed {
		f.w.t.Error("closed twice")
	}
	f.closed = true
	f.w.note("close", f.no)
	return nil
}

type world struct {
	*Sources
	t       *testing.T
	mu      sync.Mutex
	said    []string
	results map[protocol.TransferNo]chan error
	opens   error
	ended   []error
	stop    func()
}

func (w *world) note(what string, no protocol.TransferNo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, what+string(rune('0'+no)))
}

// take gives what was done since the last call.
func (w *world) take() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

func (w *world) did(want ...string) {
	w.t.Helper()
	if got := w.take(); !slices.Equal(got, want) {
		w.t.Fatalf("%q, want %q", got, want)
	}
}

func in(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, results: map[protocol.TransferNo]chan error{}}
		for no := range protocol.TransferNo(9) {
			w.results[no] = make(chan error, 1)
		}
		w.Sources = New(Config{
			Open: func(_ context.Context, no protocol.TransferNo) (Source, error) {
				w.note("open", no)
				w.mu.Lock()
				err := w.opens
				w.mu.Unlock()
				if err != nil {
					return nil, err
				}
				cut := skeleton.NewCutOf(10, 100)
				cut.Add(0, &skeleton.Entry{Kind: manifest.KindFile, Size: 25})
				return &fake{w: w, no: no, cut: cut}, cut.Close()
			},
			Ended: func(_ protocol.TransferNo, _ Source, err error) bool {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.ended = append(w.ended, err)
				var away *content.UnavailableError
				return errors.As(err, &away)
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		w.stop = func() { cancel(); w.Wait() }
		w.Start(ctx)
		f(w)
		w.stop()
	})
}

func TestASourceIsOpenWhileSomebodyReadsIt(t *testing.T) {
	in(t, func(w *world) {
		w.Read(1)
		w.did("open1", "run1")
		session, err := w.Open(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		w.results[1] <- nil
		w.did()
		if h, known := w.Hashed(1); !known || !h.Final || h.Bytes != 25 || h.Pages != 1 {
			t.Errorf("%+v", h)
		}
		session.Close()
		session.Close()
		w.did("close1")
		fetch, err := w.Open(t.Context(), 1) // it is whole: nothing is hashed again
		if err != nil {
			t.Fatal(err)
		}
		w.did("open1")
		fetch.Close()
		w.did("close1")
		if len(w.ended) != 1 || w.ended[0] != nil {
			t.Errorf("%v", w.ended)
		}
	})
}

func TestADiskThatIsAwayIsTriedAgain(t *testing.T) {
	in(t, func(w *world) {
		w.opens = &content.UnavailableError{Path: "x"}
		w.Read(1)
		w.did("open1")
		time.Sleep(tryFirst + time.Second)
		w.did("open1")
		w.mu.Lock()
		w.opens = nil
		w.mu.Unlock()
		time.Sleep(2*tryFirst + time.Second)
		w.did("open1", "run1")
		w.results[1] <- &content.UnavailableError{Path: "x"}
		w.did("close1")
		r, err := w.Open(t.Context(), 1) // whoever wants to read it waits for no pause
		if err != nil {
			t.Fatal(err)
		}
		w.did("open1", "run1")
		r.Close()
		if len(w.ended) != 3 {
			t.Errorf("%v", w.ended)
		}
	})
}

func TestWhatChangedIsNotTriedAgain(t *testing.T) {
	in(t, func(w *world) {
		w.Read(1)
		w.results[1] <- pages.ErrChanged
		w.did("open1", "run1", "close1")
		time.Sleep(time.Hour)
		w.did()
		if len(w.ended) != 1 || !errors.Is(w.ended[0], pages.ErrChanged) {
			t.Fatalf("%v", w.ended)
		}
		w.Drop(1)
		w.Read(1)
		w.did("open1", "run1")
	})
}

func TestFewAreHashedAtOnceButThoseThatAreRead(t *testing.T) {
	in(t, func(w *world) {
		for no := range protocol.TransferNo(5) {
			w.Read(no + 1)
		}
		if got := w.take(); len(got) != 2*atOnce {
			t.Fatalf("%q", got)
		}
		last := protocol.TransferNo(0)
		for no := range protocol.TransferNo(5) {
			if w.all[no+1].src == nil {
				last = no + 1
			}
		}
		r, err := w.Open(t.Context(), last)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.take(); len(got) != 2 {
			t.Errorf("one that is wanted waits: %q", got)
		}
		r.Close()
	})
}

func TestDropEndsTheHashingAndLeavesReaders(t *testing.T) {
	in(t, func(w *world) {
		r, err := w.Open(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		w.did("open1", "run1")
		w.Drop(1)
		w.did()
		if _, known := w.Hashed(1); known || len(w.ended) != 0 {
			t.Errorf("it is known still, %v", w.ended)
		}
		r.Close()
		w.did("close1")
		w.Drop(1)
	})
}

func TestNothingIsHashedBeforeStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, results: map[protocol.TransferNo]chan error{1: make(chan error, 1)}}
		w.Sources = New(Config{
			Open: func(context.Context, protocol.TransferNo) (Source, error) {
				w.note("open", 1)
				return nil, pages.ErrChanged
			},
			Ended: func(protocol.TransferNo, Source, error) bool { return false },
		})
		w.Read(1)
		w.did()
		ctx, cancel := context.WithCancel(t.Context())
		w.Start(ctx)
		w.did("open1")
		cancel()
		w.Wait()
	})
}
