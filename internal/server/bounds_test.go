package server

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/delivery/deliverytest"
	"github.com/groupcast/groupcast/internal/store"
)

// One account, and all members together, leave event streams for those who administer.
func TestMembersLeaveEventStreamsForAdministrators(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: "ada", Role: groupcast.RoleAdmin, Password: password})
		w.must(err)
		most := watchers()
		open, refused := 0, map[groupcast.Code]int{}
		for i := range most.All/most.Each + 1 {
			p := w.enrol(fmt.Sprint("m", i), "g").cli
			for range most.Each + 8 {
				if _, err := w.Events(w.ctx, p); err != nil {
					refused[groupcast.ErrorCode(err)]++
					continue
				}
				open++
			}
			if i == 0 && (open != most.Each || refused[groupcast.EExhausted] != 8) {
				t.Fatalf("one account has %d event streams, refused %v", open, refused)
			}
		}
		if open != most.All-most.Admins || refused[groupcast.EBusy] == 0 {
			t.Errorf("members have %d event streams, refused %v", open, refused)
		}
		for _, p := range []groupcast.Principal{w.login("ada").cli, local} {
			if _, err := w.Events(w.ctx, p); err != nil {
				t.Errorf("%s: %v", p.Actor(), err)
			}
		}
	})
}

// A member with many machines does not hold every catch-up: others are served at once.
func TestOneAccountDoesNotHoldEveryCatchUp(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: "ada", Role: groupcast.RoleAdmin, Password: password})
		w.must(err)
		for _, name := range []string{"ada"} {
			_, err = w.AddMember(w.ctx, local, "g", name)
			w.must(err)
		}
		crowd := []*agent{w.enrol("mia", "g")}
		for range 32 {
			crowd = append(crowd, w.login("mia"))
		}
		other, admin := w.enrol("moe", "g"), w.login("ada")
		for _, a := range append([]*agent{other, admin}, crowd...) {
			a.attach()
		}
		tr := w.send("g", nil)
		var waits int
		for _, a := range crowd {
			for range maxDeviceStreams {
				waits++
				go func() {
					if r, err := w.Blocks(w.ctx, a.p, tr.No, 0, 1); err == nil {
						<-w.ctx.Done()
						r.Close()
					}
				}()
			}
		}
		synctest.Wait()
		for _, a := range []*agent{other, admin} {
			for range maxDeviceStreams {
				start := time.Now()
				r, err := w.Blocks(w.ctx, a.p, tr.No, 0, 1)
				w.must(err)
				defer r.Close()
				if waited := time.Since(start); waited > 0 {
					t.Errorf("%s waited for %v while %d wait", a.p.User.Name, waited, waits)
				}
			}
		}
		start := time.Now()
		_, err = w.Blocks(w.ctx, crowd[0].p, tr.No, 0, 1)
		if groupcast.ErrorCode(err) != groupcast.EExhausted || time.Since(start) > time.Minute {
			t.Errorf("one more of the same account: %v after %v", err, time.Since(start))
		}
	})
}

func longBlocks(context.Context, store.Transfer) (content.Blocks, error) {
	return deliverytest.Blocks{Full: true}, nil
}

// What is written down each time is bounded per user: joining and leaving, logging in.
func TestAUserCannotFillTheAuditLog(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g")
		var err error
		for range wishBurst {
			_ = w.Leave(w.ctx, ann.cli, "g")
			if _, err = w.Join(w.ctx, ann.cli, "g", ""); err != nil {
				break
			}
		}
		if groupcast.ErrorCode(err) != groupcast.EExhausted {
			t.Fatal(err)
		}
		time.Sleep(wishEvery)
		if _, err := w.Join(w.ctx, ann.cli, "g", ""); groupcast.ErrorCode(err) == groupcast.EExhausted {
			t.Error(err)
		}
		for range loginBurst - 2 {
			w.must(w.logins.Again(ann.p.User.ID, w.now()))
		}
		_, _, err = w.LoginWeb(w.ctx, "192.0.2.1", "ann", password)
		w.must(err)
		if _, _, err = w.LoginWeb(w.ctx, "192.0.2.1", "ann", password); groupcast.ErrorCode(err) != groupcast.EExhausted {
			t.Errorf("one more login: %v", err)
		}
	})
}
