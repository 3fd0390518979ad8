package auth

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
)

// Rank says who may use the last places of something that is bounded.
type Rank int

// The ranks: each may use a reserve that those before it may not.
const (
	RankMember Rank = iota
	RankAdmin       // an administrator, or a device of one
	RankLocal       // whoever runs the server, on its machine
)

// RankOf gives the rank of a principal.
func RankOf(p groupcast.Principal) Rank {
	switch {
	case p.Local:
		return RankLocal
	case p.User.Role == groupcast.RoleAdmin && !p.User.Disabled:
		return RankAdmin
	}
	return RankMember
}

// Bounds say how many places there are and how many one holder may have.
type Bounds struct {
	What   string        // in the plural, for the refusal: "event streams"
	All    int           // places of all holders together
	Each   int           // of one holder; those of RankLocal are bounded by All alone
	Admins int           // places that members cannot have
	Local  int           // of those, places that only RankLocal can have
	Line   int           // how many wait for a place, half of them of one holder; 0: nobody waits
	Wait   time.Duration // the longest that somebody waits
}

// Share hands out places: so many in all, so many to one holder, with a reserve that members cannot
// use up. Those that wait are served in the order of the places that they have, the fewest first, then of arrival.
// It is safe for concurrent use.
type Share struct {
	bounds  Bounds
	mu      sync.Mutex
	taken   int
	of      map[string]int
	line    []*waiting
	waiting map[string]int
}

type waiting struct {
	key  string
	rank Rank
	turn chan struct{}
}

// NewShare makes a Share of which nothing is taken.
func NewShare(b Bounds) *Share {
	return &Share{bounds: b, of: map[string]int{}, waiting: map[string]int{}}
}

// Take takes a place for a holder, whom key names. EExhausted: this holder has its part;
// EBusy: the places are used up by all together; both may be tried again.
func (s *Share) Take(ctx context.Context, key string, rank Rank) error {
	s.mu.Lock()
	refused := s.refuse(key, rank)
	if refused == nil {
		s.grant(key)
		s.mu.Unlock()
		return nil
	}
	if len(s.line) >= s.room(rank, s.bounds.Line) || s.waiting[key] >= (s.bounds.Line+1)/2 {
		s.mu.Unlock()
		return refused
	}
	w := &waiting{key: key, rank: rank, turn: make(chan struct{})}
	s.line = append(s.line, w)
	s.waiting[key]++
	s.mu.Unlock()
	return s.wait(ctx, w, refused)
}

func (s *Share) wait(ctx context.Context, w *waiting, refused error) error {
	patience := time.NewTimer(s.bounds.Wait)
	defer patience.Stop()
	var err error
	select {
	case <-w.turn:
		return nil
	case <-patience.C:
		err = refused
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.line {
		if other == w {
			s.leaveLine(i)
			return err
		}
	}
	return nil // its turn came in the meantime
}

// Give gives a holder's place back.
func (s *Share) Give(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.of[key]--; s.of[key] <= 0 {
		delete(s.of, key)
	}
	next := -1
	for i, w := range s.line {
		if s.refuse(w.key, w.rank) != nil {
			continue
		}
		if next < 0 || s.of[w.key] < s.of[s.line[next].key] {
			next = i
		}
	}
	if next >= 0 {
		w := s.line[next]
		s.leaveLine(next)
		s.grant(w.key)
		close(w.turn)
	}
}

// Waiting says whether a holder should make room for a request that waits: its own, or one of a user that
// has fewer places.
func (s *Share) Waiting(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.line {
		if w.key == key || s.of[w.key] < s.of[key] {
			return true
		}
	}
	return false
}

func (s *Share) grant(key string) {
	s.taken++
	s.of[key]++
}

func (s *Share) leaveLine(i int) {
	w := s.line[i]
	s.line = append(s.line[:i], s.line[i+1:]...)
	if s.waiting[w.key]--; s.waiting[w.key] <= 0 {
		delete(s.waiting, w.key)
	}
}

// room is what of so many places a rank may use.
func (s *Share) room(rank Rank, all int) int {
	if s.bounds.All == 0 {
		return all
	}
	switch rank {
	case RankMember:
		return all - all*s.bounds.Admins/s.bounds.All
	case RankAdmin:
		return all - all*s.bounds.Local/s.bounds.All
	default:
		return all
	}
}

// refuse says why a holder cannot have a place now; the lock is held.
func (s *Share) refuse(key string, rank Rank) error {
	b := s.bounds
	if rank != RankLocal && b.Each > 0 && s.of[key] >= b.Each {
		return groupcast.Errorf(groupcast.EExhausted, "this login has %d %s already, which is the most", b.Each, b.What).
			WithHint("try again when one of them has ended")
	}
	if s.taken >= s.room(rank, b.All) {
		return groupcast.Errorf(groupcast.EBusy, "the server has no room for more %s now", b.What).
			WithHint("try again in a few seconds")
	}
	return nil
}
