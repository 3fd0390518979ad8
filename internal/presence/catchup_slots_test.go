package presence

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
)

func slots() *CatchUpSlots {
	return NewCatchUpSlots(auth.Bounds{What: "downloads", All: 6, Each: 3, Admins: 1, Line: 8, Wait: time.Minute}, 2)
}

func TestCatchUpsAreBounded(t *testing.T) {
	ada := device("ada", 9)
	ada.User.Role = groupcast.RoleAdmin
	ann, ann2, bob, bob2 := device("ann", 1), device("ann", 2), device("bob", 3), device("bob", 4)
	for _, c := range []struct {
		name  string
		have  []groupcast.Principal
		who   groupcast.Principal
		code  groupcast.Code
		waits time.Duration // before the answer comes
	}{
		{"the first", nil, ann, "", 0},
		{"one device's part is used up", []groupcast.Principal{ann, ann}, ann, groupcast.EExhausted, 0},
		{"another device of the same user", []groupcast.Principal{ann, ann}, ann2, "", 0},
		{"one user's part is used up", []groupcast.Principal{ann, ann, ann2}, ann2, groupcast.EExhausted, time.Minute},
		{"the members' part is used up", []groupcast.Principal{ann, ann, ann2, bob, bob}, bob2, groupcast.EBusy, time.Minute},
		{"an administrator then", []groupcast.Principal{ann, ann, ann2, bob, bob}, ada, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := slots()
				for _, p := range c.have {
					if err := s.Enter(t.Context(), p); err != nil {
						t.Fatal(err)
					}
				}
				start := time.Now()
				err := s.Enter(t.Context(), c.who)
				if got := groupcast.ErrorCode(err); got != c.code && (err != nil || c.code != "") {
					t.Errorf("%v, want %q", err, c.code)
				}
				if waited := time.Since(start); waited != c.waits {
					t.Errorf("the answer came after %v, want %v", waited, c.waits)
				}
				if err == nil {
					s.Leave(c.who)
				}
				for _, p := range c.have {
					s.Leave(p)
				}
				if len(s.open) != 0 {
					t.Errorf("slots of %d devices are kept", len(s.open))
				}
			})
		})
	}
}

// Who waits gets the slot that is given back; those that hold one learn that somebody waits.
func TestASlotGoesToWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slots()
		ann, ann2 := device("ann", 1), device("ann", 2)
		for _, p := range []groupcast.Principal{ann, ann, ann2} {
			if err := s.Enter(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		if s.Waiting("ann") {
			t.Error("somebody waits")
		}
		got := make(chan error, 1)
		go func() { got <- s.Enter(t.Context(), ann2) }()
		synctest.Wait()
		if !s.Waiting("ann") || s.Waiting("bob") {
			t.Errorf("ann should make room: %v, bob: %v", s.Waiting("ann"), s.Waiting("bob"))
		}
		s.Leave(ann)
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
}

// A call that ended while it waited takes no slot.
func TestACancelledWaitTakesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slots()
		ann, ann2 := device("ann", 1), device("ann", 2)
		for _, p := range []groupcast.Principal{ann, ann, ann2} {
			if err := s.Enter(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Enter(ctx, ann2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		s.Leave(ann)
		if err := s.Enter(t.Context(), ann2); err != nil {
			t.Errorf("the next one: %v", err)
		}
	})
}
