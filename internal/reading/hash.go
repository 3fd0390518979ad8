package reading

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// hash brings one source to its final page.
func (s *Sources) hash(ctx context.Context, r *reading) {
	for try := 0; ; try++ {
		end := s.turn(ctx, r)
		if end == nil {
			return
		}
		src, err := s.hashOnce(ctx, r)
		end()
		if ctx.Err() != nil {
			return
		}
		if !s.cfg.Ended(r.no, src, err) || !r.rest(ctx, min(tryFirst<<min(try, 10), tryMost)) {
			return
		}
	}
}

// turn waits until a source may be hashed, and gives what is to be called after it. Nobody waits for one that
// somebody reads. nil: it is not wanted any more.
func (s *Sources) turn(ctx context.Context, r *reading) (end func()) {
	select {
	case <-r.wanted:
		return func() {}
	default:
	}
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }
	case <-r.wanted:
		return func() {}
	case <-ctx.Done():
		return nil
	}
}

// rest waits for the next try; false: there is none.
func (r *reading) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.again:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

func (s *Sources) hashOnce(ctx context.Context, r *reading) (Source, error) {
	open, err := s.open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer open.Close()
	err = open.Run(ctx)
	s.mu.Lock()
	r.look()
	s.mu.Unlock()
	return open.Source, err
}

// Open is a source that somebody reads, until they close it.
type Open struct {
	Source
	close func() error
}

// Close ends the reading, once. The source itself is closed with its last reader.
func (o *Open) Close() error { return o.close() }

// Open gives a transfer's source to somebody who reads it, and has it hashed if it is not yet.
func (s *Sources) Open(ctx context.Context, no protocol.TransferNo) (*Open, error) {
	s.mu.Lock()
	r := s.of(no)
	select {
	case <-r.wanted:
	default:
		close(r.wanted)
	}
	select {
	case r.again <- struct{}{}:
	default:
	}
	s.begin(r)
	s.mu.Unlock()
	return s.open(ctx, r)
}

func (s *Sources) open(ctx context.Context, r *reading) (*Open, error) {
	for {
		s.mu.Lock()
		switch {
		case r.dropped:
			s.mu.Unlock()
			return nil, ErrOver
		case r.src != nil:
			r.readers++
			out := s.opened(r)
			s.mu.Unlock()
			return out, nil
		case r.opening != nil:
			wait := r.opening
			s.mu.Unlock()
			select {
			case <-wait:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			continue
		}
		done := make(chan struct{})
		r.opening = done
		s.mu.Unlock()
		src, err := s.cfg.Open(ctx, r.no)
		s.mu.Lock()
		r.opening, r.src = nil, src
		close(done)
		if err != nil {
			r.src = nil
			s.mu.Unlock()
			return nil, err
		}
		r.readers = 1
		r.look()
		out := s.opened(r)
		s.mu.Unlock()
		return out, nil
	}
}

// opened is the source for one more reader; the lock is held.
func (s *Sources) opened(r *reading) *Open {
	return &Open{Source: r.src, close: sync.OnceValue(func() error {
		s.mu.Lock()
		r.look()
		r.readers--
		last := r.readers == 0
		src := r.src
		if last {
			r.src = nil
		}
		s.mu.Unlock()
		if last {
			return src.Close()
		}
		return nil
	})}
}
