package mcast

import (
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// still is a watch that hears of nothing but what a test tells it.
func still() *Watch {
	return &Watch{c: make(chan struct{}, 1), running: map[int]bool{}, returned: map[int]bool{}, close: func() {}}
}

// words counts what the watch says until the machine is quiet.
func words(w *Watch, during time.Duration) (n int) {
	for end := time.After(during); ; {
		select {
		case <-w.C():
			n++
		case <-end:
			return n
		}
	}
}

// Changes come in bunches: of each bunch one word is said, when it has settled, and never more than one a second.
func TestABunchOfChangesIsOneWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := still()
		defer w.Close()
		began := time.Now()
		for range 100 {
			w.changed()
		}
		<-w.C()
		if took := time.Since(began); took != watchSettle {
			t.Errorf("the word came after %v", took)
		}
		w.changed()
		<-w.C()
		if took := time.Since(began); took != watchSettle+watchEvery {
			t.Errorf("the next word came after %v", took)
		}
	})
}

func TestAFlappingCardDoesNotFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := still()
		defer w.Close()
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					w.changed()
				}
			}
		}()
		if n := words(w, 10*time.Second); n < 9 || n > 11 {
			t.Errorf("%d words in ten seconds", n)
		}
		close(stop)
	})
}

// A word that nobody takes is kept, one of it, and whoever comes late gets it.
func TestAWordWaitsForItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := still()
		defer w.Close()
		for range 5 {
			w.changed()
			time.Sleep(2 * watchEvery)
		}
		if n := words(w, time.Second); n != 1 {
			t.Errorf("%d words waited", n)
		}
	})
}

func TestAClosedWatchIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := still()
		w.changed()
		w.Close()
		w.changed()
		if n := words(w, time.Minute); n != 0 {
			t.Errorf("%d words", n)
		}
	})
}

// What has to be joined again: a card that went, and one that has its link again; not one that is seen for the
// first time, nor one that never lost its link.
func TestWhichCardsReturned(t *testing.T) {
	type heard struct{ running, gone bool }
	up, down, gone := heard{true, false}, heard{false, false}, heard{false, true}
	for name, c := range map[string]struct {
		says     []heard
		returned bool
	}{
		"seen with a link":          {[]heard{up}, false},
		"seen without":              {[]heard{down}, false},
		"it has its link still":     {[]heard{up, up}, false},
		"it lost its link":          {[]heard{up, down}, false},
		"and has it again":          {[]heard{up, down, up}, true},
		"without, then with a link": {[]heard{down, up}, true},
		"it went":                   {[]heard{up, gone}, true},
		"it went and came back":     {[]heard{up, gone, up}, true},
		"it went without a link":    {[]heard{down, gone}, true},
		"it flapped":                {[]heard{up, down, up, down, up, down}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := still()
			for _, s := range c.says {
				w.link(7, s.running, s.gone)
			}
			if got := w.Returned()[7]; got != c.returned {
				t.Errorf("returned is %v", got)
			}
			if again := w.Returned(); len(again) != 0 {
				t.Errorf("said twice: %v", again)
			}
		})
	}
}

// When words were lost any card may have returned.
func TestLostWordsMeanAllCards(t *testing.T) {
	w := still()
	w.link(3, true, false)
	w.missed()
	w.link(4, true, true)
	if got, want := w.Returned(), map[int]bool{0: true, 4: true}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Changes are told while others ask: nobody waits, and none is lost.
func TestAWatchIsUsedAtOnce(t *testing.T) {
	w := still()
	defer w.Close()
	const cards = 50
	var mu sync.Mutex
	seen := map[int]bool{}
	take := func() {
		got := w.Returned()
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(seen, got)
	}
	var all sync.WaitGroup
	for i := range cards {
		all.Go(func() {
			w.link(i+1, true, true)
			w.changed()
		})
		all.Go(take)
	}
	all.Wait()
	take()
	if len(seen) != cards {
		t.Errorf("%d of %d cards were told", len(seen), cards)
	}
}

// The real watch of this system ends when it is closed, with its goroutines (TestMain looks), and may be closed twice.
func TestTheRealWatchEnds(t *testing.T) {
	w := OpenWatch()
	if got := w.Returned(); len(got) != 0 {
		t.Errorf("returned before anything happened: %v", got)
	}
	w.Close()
	w.Close()
}
