package blockcache

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Bounds of what is fetched at once.
const (
	rangeBytes      = 8 << 20 // of one request
	defaultInFlight = 8       // requests
	fillTries       = 5       // one after another that bring nothing
	fillPause       = 500 * time.Millisecond
)

// Get fetches the blocks of a range in order and hands over each. It ends with put's error if there is one; blocks
// that it leaves out are asked for again.
type Get func(ctx context.Context, r protocol.Range, put func(n protocol.BlockNumber, block []byte) error) error

// Filling is what Fill does.
type Filling struct {
	Blocks   []Block // by increasing number
	Get      Get
	InFlight int                  // requests at once; 0: 8
	Passing  func(err error) bool // whether Get's error may pass by itself; nil: each may
	// Pause waits before a further try; nil: half a second, each further time so much longer.
	Pause func(ctx context.Context, try int) error
}

// Fill fetches what is not in the cache yet, in ranges of 8 MiB at most, several at once. What another Fill of the
// space fetches already is waited for, not fetched twice. Hold the blocks before: else those that come last may evict
// those that came first. Fetched is how many bytes came, wrong ones included.
func (s *Space) Fill(ctx context.Context, f Filling) (fetched uint64, err error) {
	if f.InFlight == 0 {
		f.InFlight = defaultInFlight
	}
	if f.Pause == nil {
		f.Pause = pauseLonger
	}
	var sum atomic.Uint64
	left := f.Blocks
	for try := 1; len(left) > 0; try++ {
		mine, others, theirs := s.claim(left)
		if len(mine) == 0 {
			if len(others) == 0 {
				break
			}
			if err := await(ctx, theirs); err != nil {
				return sum.Load(), err
			}
			left, try = others, try-1
			continue
		}
		missing, err := s.fetch(ctx, &f, mine, &sum)
		s.unclaim(mine)
		if len(missing) < len(mine) {
			try = 0
		}
		left = append(others, missing...)
		switch {
		case ctx.Err() != nil:
			return sum.Load(), ctx.Err()
		case len(missing) == 0:
			continue
		case err == nil:
			err = errLeftOut
		}
		if try >= fillTries || !f.passes(err) {
			return sum.Load(), unwrapFinal(err)
		}
		slices.SortFunc(left, func(a, b Block) int { return cmp.Compare(a.Number, b.Number) })
		if err := f.Pause(ctx, try+1); err != nil {
			return sum.Load(), err
		}
	}
	return sum.Load(), nil
}

// passes says whether it makes sense to try again.
func (f *Filling) passes(err error) bool {
	if final(err) {
		return false
	}
	return f.Passing == nil || errors.Is(err, ErrWrong) || errors.Is(err, errLeftOut) || f.Passing(err)
}

var errLeftOut = errors.New("blocks that were asked for did not come")

// finalError is the cache's own, after which fetching makes no sense.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) bool { return errors.As(err, new(finalError)) }

func unwrapFinal(err error) error {
	var f finalError
	if errors.As(err, &f) {
		return f.error
	}
	return err
}

func pauseLonger(ctx context.Context, try int) error {
	t := time.NewTimer(time.Duration(try) * fillPause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// claim divides the blocks that are not here: mine are this caller's to fetch from here on, others are fetched by
// somebody else, or in doubt for a moment; theirs is closed once one of these may have come.
func (s *Space) claim(blocks []Block) (mine, others []Block, theirs <-chan struct{}) {
	c := s.cache
	claimed := make(chan struct{})
	for _, b := range blocks {
		n := s.name(b.Digest)
		c.mu.Lock()
		e, other := c.blocks[n], c.claims[n]
		switch {
		case other == claimed: // the same content twice
		case other != nil:
			others, theirs = append(others, b), other
		case e != nil && e.busy != nil:
			others, theirs = append(others, b), e.busy
		case e != nil:
		default:
			c.claims[n] = claimed
			mine = append(mine, b)
		}
		c.mu.Unlock()
	}
	return mine, others, theirs
}

func (s *Space) unclaim(mine []Block) {
	c := s.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	var claimed chan struct{}
	for _, b := range mine {
		n := s.name(b.Digest)
		claimed = c.claims[n]
		delete(c.claims, n)
	}
	close(claimed)
}

// fetch asks for blocks, several ranges at once, and gives those that are still missing. Its error is that of one of
// the ranges.
func (s *Space) fetch(ctx context.Context, f *Filling, mine []Block, sum *atomic.Uint64) (missing []Block, _ error) {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(f.InFlight)
	var mu sync.Mutex
	var passing error
	for _, run := range runs(mine) {
		all.Go(func() error {
			left, err := run, ctx.Err()
			if err == nil {
				left, err = s.fetchRun(ctx, f.Get, run, sum)
			}
			mu.Lock()
			defer mu.Unlock()
			missing = append(missing, left...)
			if final(err) {
				return err
			}
			if err != nil && passing == nil {
				passing = err
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return missing, err
	}
	return missing, passing
}

func (s *Space) fetchRun(ctx context.Context, get Get, run []Block, sum *atomic.Uint64) (missing []Block, _ error) {
	asked := protocol.Range{First: run[0].Number, Count: uint32(len(run))}
	came := make([]bool, len(run))
	err := get(ctx, asked, func(n protocol.BlockNumber, block []byte) error {
		sum.Add(uint64(len(block)))
		if n < asked.First || n >= asked.End() || came[n-asked.First] {
			return ErrWrong
		}
		err := s.Put(run[n-asked.First].Digest, block)
		if err != nil && !errors.Is(err, ErrWrong) {
			return finalError{err}
		}
		came[n-asked.First] = err == nil
		return err
	})
	for i, b := range run {
		if !came[i] {
			missing = append(missing, b)
		}
	}
	return missing, err
}

// runs cuts blocks into ranges for one request each.
func runs(blocks []Block) (out [][]Block) {
	bytes := 0
	for i, b := range blocks {
		if i == 0 || b.Number != blocks[i-1].Number+1 || bytes+b.Length > rangeBytes {
			out, bytes = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], b)
		bytes += b.Length
	}
	return out
}
