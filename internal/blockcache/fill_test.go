package blockcache

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// far is where blocks come from.
type far struct {
	mu     sync.Mutex
	asked  []protocol.Range
	given  map[protocol.BlockNumber]int
	now    int // requests that run
	most   int
	delay  time.Duration
	before func(n protocol.BlockNumber, nth int) ([]byte, error) // in place of a block
}

func newFar() *far { return &far{given: map[protocol.BlockNumber]int{}} }

func (f *far) get(ctx context.Context, r protocol.Range, put func(protocol.BlockNumber, []byte) error) error {
	f.mu.Lock()
	f.asked = append(f.asked, r)
	f.now++
	f.most = max(f.most, f.now)
	f.mu.Unlock()
	defer func() { f.mu.Lock(); f.now--; f.mu.Unlock() }()
	for n := r.First; n < r.End(); n++ {
		if f.delay > 0 {
			time.Sleep(f.delay)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		data := block(int(n))
		if f.before != nil {
			f.mu.Lock()
			other, err := f.before(n, f.given[n])
			f.given[n]++
			f.mu.Unlock()
			if err != nil {
				return err
			}
			if other != nil {
				data = other
			}
		} else {
			f.mu.Lock()
			f.given[n]++
			f.mu.Unlock()
		}
		if err := put(n, data); err != nil {
			return err
		}
	}
	return nil
}

func soon(context.Context, int) error { return nil }

// once checks that every block of so many came exactly once.
func (f *far) once(t *testing.T, first, count int) {
	t.Helper()
	for n := first; n < first+count; n++ {
		if f.given[protocol.BlockNumber(n)] != 1 {
			t.Errorf("block %d came %d times", n, f.given[protocol.BlockNumber(n)])
		}
	}
}

// Only what is missing is asked for, in ranges that are not too long.
func TestOnlyWhatIsMissingIsFetched(t *testing.T) {
	s := space(t, open(t, newDisk(1), 1<<30), 1)
	put(t, s, 5)
	put(t, s, 17)
	f := newFar()
	fetched, err := s.Fill(t.Context(), Filling{Blocks: wanted(0, 30), Get: f.get, InFlight: 1, Pause: soon})
	if err != nil {
		t.Fatal(err)
	}
	delete(f.given, 5)
	if len(f.asked) != 3 || f.given[17] != 0 || f.asked[1] != (protocol.Range{First: 6, Count: 11}) || fetched == 0 {
		t.Errorf("asked for %v", f.asked)
	}
	for n := range 30 {
		if !get(t, s, n) {
			t.Errorf("block %d is missing", n)
		}
	}
	if again, err := s.Fill(t.Context(), Filling{Blocks: wanted(0, 30), Get: f.get}); again != 0 || err != nil {
		t.Errorf("%d bytes once more, %v", again, err)
	}
	big := make([]Block, 100)
	for i := range big {
		big[i] = Block{Number: protocol.BlockNumber(i), Length: protocol.BlockSize}
	}
	for _, r := range runs(big) {
		if len(r)*protocol.BlockSize > rangeBytes {
			t.Errorf("a range of %d blocks", len(r))
		}
	}
	if n := len(runs(big)); n != 3 {
		t.Errorf("%d ranges", n)
	}
}

// Several ranges are under way at once, and no more than were asked for: a long way costs no time then.
func TestRangesAreInFlightTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := space(t, open(t, &shared{FS: newDisk(1)}, 1<<30), 1)
		var blocks []Block
		for n := range 64 { // none beside another
			blocks = append(blocks, wanted(2*n, 1)...)
		}
		f := newFar()
		f.delay = 100 * time.Millisecond
		began := time.Now()
		if _, err := s.Fill(t.Context(), Filling{Blocks: blocks, Get: f.get, InFlight: 8}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); f.most != 8 || took != 800*time.Millisecond {
			t.Errorf("%d at once, %v", f.most, took)
		}
	})
}

// Two that want the same blocks at the same time fetch them once.
func TestTwoFetchABlockOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := space(t, open(t, &shared{FS: newDisk(1)}, 1<<30), 1)
		f := newFar()
		f.delay = time.Millisecond
		var all sync.WaitGroup
		for _, first := range []int{0, 50, 20} {
			all.Go(func() {
				if _, err := s.Fill(t.Context(), Filling{Blocks: wanted(first, 100), Get: f.get}); err != nil {
					t.Error(err)
				}
				for n := first; n < first+100; n++ {
					if !get(t, s, n) {
						t.Errorf("block %d is missing", n)
					}
				}
			})
		}
		all.Wait()
		f.once(t, 0, 150)
	})
}

// One that gives up does not hinder another that waits for its blocks.
func TestOneGivesUpTheOtherFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := space(t, open(t, &shared{FS: newDisk(1)}, 1<<30), 1)
		slow, quick := newFar(), newFar()
		slow.delay = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := s.Fill(ctx, Filling{Blocks: wanted(0, 10), Get: slow.get}); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		time.Sleep(time.Second)
		if _, err := s.Fill(t.Context(), Filling{Blocks: wanted(0, 10), Get: quick.get}); err != nil {
			t.Error(err)
		}
		all.Wait()
		quick.once(t, 0, 10)
	})
}

var errLine = errors.New("the line broke")

// A line that breaks again and again brings every block, and none twice.
func TestABrokenLineGoesOn(t *testing.T) {
	s := space(t, open(t, newDisk(1), 1<<30), 1)
	f := newFar()
	tries := 0
	f.before = func(n protocol.BlockNumber, nth int) ([]byte, error) {
		if tries++; tries%4 == 0 {
			f.given[n]--
			return nil, errLine
		}
		return nil, nil
	}
	if _, err := s.Fill(t.Context(), Filling{Blocks: wanted(0, 80), Get: f.get, InFlight: 1, Pause: soon}); err != nil {
		t.Fatal(err)
	}
	f.once(t, 0, 80)
}

// When it ends: an error that does not pass, a block that stays wrong, one that never comes, a cache that is too small,
// a disk that does not work.
func TestFillingEnds(t *testing.T) {
	for name, c := range map[string]struct {
		before  func(n protocol.BlockNumber, nth int) ([]byte, error)
		passing func(error) bool
		quota   uint64
		sick    error
		want    error
	}{
		"refused": {
			before:  func(protocol.BlockNumber, int) ([]byte, error) { return nil, errLine },
			passing: func(error) bool { return false }, want: errLine,
		},
		"a line that stays broken": {
			before: func(protocol.BlockNumber, int) ([]byte, error) { return nil, errLine }, want: errLine,
		},
		"a wrong block": {
			before:  func(protocol.BlockNumber, int) ([]byte, error) { return []byte("another"), nil },
			passing: func(error) bool { return false }, want: ErrWrong,
		},
		"a full cache":              {quota: sector, want: ErrFull},
		"a disk that does not work": {sick: syscall.EIO, want: syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			disk := newDisk(1)
			if c.quota == 0 {
				c.quota = 1 << 30
			}
			cache := open(t, disk, c.quota)
			s := space(t, cache, 1)
			if errors.Is(c.want, ErrFull) {
				put(t, s, 100)
				if err := s.Hold().Add(wanted(100, 1)); err != nil {
					t.Fatal(err)
				}
			}
			f := newFar()
			f.before, disk.Sick = c.before, c.sick
			_, err := s.Fill(t.Context(), Filling{
				Blocks: wanted(0, 3), Get: f.get, Passing: c.passing, InFlight: 1, Pause: soon,
			})
			if !errors.Is(err, c.want) || len(f.asked) > fillTries {
				t.Errorf("%v after %d tries", err, len(f.asked))
			}
			if len(cache.claims) > 0 {
				t.Errorf("%d blocks are still said to be fetched", len(cache.claims))
			}
		})
	}
}

// A far end that gives one block again and again, or others than those asked for, gets nowhere.
func TestAFarEndThatCheats(t *testing.T) {
	for name, give := range map[string]func(protocol.Range) protocol.BlockNumber{
		"the first again and again": func(r protocol.Range) protocol.BlockNumber { return r.First },
		"one before":                func(r protocol.Range) protocol.BlockNumber { return r.First - 1 },
		"one behind":                func(r protocol.Range) protocol.BlockNumber { return r.End() },
	} {
		t.Run(name, func(t *testing.T) {
			s := space(t, open(t, newDisk(1), 1<<30), 1)
			tries := 0
			_, err := s.Fill(t.Context(), Filling{
				Blocks: wanted(1, 20), Pause: soon, InFlight: 1,
				Get: func(_ context.Context, r protocol.Range, put func(protocol.BlockNumber, []byte) error) error {
					tries++
					for range 100 {
						if err := put(give(r), block(int(give(r)))); err != nil {
							return err
						}
					}
					return nil
				},
			})
			if name == "the first again and again" {
				if err != nil || tries != 20 { // it comes on, by one each time
					t.Errorf("%v after %d tries", err, tries)
				}
				return
			}
			if !errors.Is(err, ErrWrong) || tries != fillTries {
				t.Errorf("%v after %d tries", err, tries)
			}
		})
	}
}

// A relay that is killed while it fetches, at any step, fetches nothing twice that was kept.
func TestKilledWhileFetching(t *testing.T) {
	for step := 60; step < 260; step += 3 {
		disk := newDisk(uint64(step))
		disk.CrashAfter(step)
		f := newFar()
		kept := map[protocol.BlockNumber]bool{}
		get := func(ctx context.Context, r protocol.Range, put func(protocol.BlockNumber, []byte) error) error {
			return f.get(ctx, r, func(n protocol.BlockNumber, data []byte) error {
				err := put(n, data)
				if err == nil && kept[n] {
					t.Errorf("step %d: block %d was fetched twice", step, n)
				}
				kept[n] = kept[n] || err == nil
				return err
			})
		}
		for {
			if c, err := Open(config(disk, 1<<30)); err == nil {
				_, err = space(t, c, 1).Fill(t.Context(), Filling{Blocks: wanted(0, 40), Get: get, InFlight: 1, Pause: soon})
				if err == nil {
					break
				}
				if !errors.Is(err, spooltest.ErrPower) {
					t.Fatal(err)
				}
			}
			disk.Kill()
		}
	}
}
