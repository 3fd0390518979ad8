package auth

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
)

// Members cannot use up what administrators need, nor one member what the others need.
func TestMembersCannotTakeTheLastPlaces(t *testing.T) {
	s, ctx := NewShare(Bounds{What: "things", All: 10, Each: 3, Admins: 4, Local: 1}), context.Background()
	got, codes := map[string]int{}, map[string]groupcast.Code{}
	take := func(key string, rank Rank, tries int) {
		for range tries {
			err := s.Take(ctx, key, rank)
			if codes[key] = groupcast.ErrorCode(err); err == nil {
				got[key], codes[key] = got[key]+1, ""
			}
		}
	}
	take("mia", RankMember, 5)
	take("max", RankMember, 2)
	take("moe", RankMember, 3)
	take("ada", RankAdmin, 5)
	take("local", RankLocal, 2)
	if want := "map[ada:3 local:1 max:2 mia:3 moe:1]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if codes["mia"] != groupcast.EExhausted || codes["moe"] != groupcast.EBusy || codes["local"] != groupcast.EBusy {
		t.Errorf("%v", codes)
	}
	s.Give("mia")
	if err := s.Take(ctx, "moe", RankMember); err == nil {
		t.Error("a member took a place of the administrators' when one of them was given back")
	}
	for range 3 {
		s.Give("ada")
	}
	s.Give("max")
	take("moe", RankMember, 1)
	if codes["moe"] != "" {
		t.Error("a place that members may have was not given to one")
	}
	for key, n := range map[string]int{"mia": 2, "max": 1, "moe": 2, "local": 1} {
		for range n {
			s.Give(key)
		}
	}
	if s.taken != 0 || len(s.of) != 0 {
		t.Errorf("%d places are lost, %v", s.taken, s.of)
	}
}

// Who waits is served by who holds the fewest, and leaves the line when they go or wait too long.
func TestTheOneWithTheFewestIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewShare(Bounds{What: "things", All: 3, Each: 3, Line: 8, Wait: time.Minute})
		ctx := context.Background()
		for range 3 {
			if err := s.Take(ctx, "greedy", RankMember); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		var order []string
		var done sync.WaitGroup
		ask := func(ctx context.Context, key string) {
			done.Go(func() {
				err := s.Take(ctx, key, RankMember)
				mu.Lock()
				defer mu.Unlock()
				order = append(order, fmt.Sprint(key, " ", err == nil))
			})
			synctest.Wait()
		}
		gone, leave := context.WithCancel(ctx)
		ask(ctx, "greedy")
		ask(gone, "gone")
		ask(ctx, "modest")
		if !s.Waiting("greedy") || s.Waiting("nobody") {
			t.Error("nobody is seen to wait")
		}
		leave()
		synctest.Wait()
		s.Give("greedy")
		synctest.Wait()
		s.Give("greedy")
		synctest.Wait()
		time.Sleep(2 * time.Minute)
		done.Wait()
		if want := "[gone false modest true greedy true]"; fmt.Sprint(order) != want {
			t.Errorf("%v, want %s", order, want)
		}
		ask(ctx, "late")
		time.Sleep(time.Minute)
		done.Wait()
		if got := order[len(order)-1]; got != "late false" || len(s.line) != 0 || len(s.waiting) != 0 || s.taken != 3 {
			t.Errorf("%s, line %d, taken %d", got, len(s.line), s.taken)
		}
	})
}

// The line is bounded, and one holder cannot fill it.
func TestTheLineOfAShareIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewShare(Bounds{What: "things", All: 2, Each: 2, Line: 4, Wait: time.Minute})
		ctx, end := context.WithCancel(context.Background())
		for range 2 {
			_ = s.Take(ctx, "a", RankMember)
		}
		for _, key := range []string{"a", "a", "a", "b", "c", "d", "d"} {
			go func() { _ = s.Take(ctx, key, RankMember) }()
			synctest.Wait()
		}
		if len(s.line) != 4 || s.waiting["a"] != 2 {
			t.Errorf("%d wait, %v", len(s.line), s.waiting)
		}
		end()
		synctest.Wait()
	})
}
