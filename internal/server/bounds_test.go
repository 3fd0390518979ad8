package server

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/bandwidth"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
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

// longSource has blocks of full length.
type longSource struct{ fakeSource }

func (longSource) ReadBlock(_ protocol.BlockNumber, buf []byte) (int, error) { return len(buf), nil }

// readAt reads at so many bytes a second, in pieces of 8 KiB, and gives what it got.
func readAt(r io.Reader, bytesPerSec int) (got int, err error) {
	buf := make([]byte, 8<<10)
	for {
		n, err := r.Read(buf)
		got += n
		if err != nil {
			return got, err
		}
		time.Sleep(time.Duration(n) * time.Second / time.Duration(bytesPerSec))
	}
}

// Readers below the least rate are cut off; a line of 64 kbit/s is served to the end, with four
// streams at once, too.
func TestSlowReadersAreCutOffByALeastRate(t *testing.T) {
	for _, c := range []struct {
		rate   int
		served bool
	}{{8000, true}, {8000 / maxDeviceStreams, true}, {leastTaken, true}, {leastTaken * 9 / 10, false}, {100, false}} {
		inBubble(t, func(w *world) {
			w.openSource = longBlocks
			w.group("g")
			a := w.enrol("ann", "g").attach()
			tr := w.send("g", nil)
			r, err := w.Blocks(w.ctx, a.p, tr.No, 0, 3)
			w.must(err)
			start := time.Now()
			got, err := readAt(r, c.rate)
			w.must(r.Close())
			if c.served && (err != io.EOF || got != 3*protocol.BlockSize) {
				t.Errorf("at %d bytes/s: %d bytes, %v", c.rate, got, err)
			}
			if took := time.Since(start); !c.served && (groupcast.ErrorCode(err) != groupcast.EExhausted || took > takenWindow+82*time.Second) {
				t.Errorf("at %d bytes/s: %v after %v", c.rate, err, took)
			}
			if w.delivery.Slots.Enter(w.ctx, a.p) != nil {
				t.Error("its place was not given back")
			}
		})
	}
}

// How slowly the server gives is not the reader's fault.
func TestAServerThatGivesLittleCutsNobodyOff(t *testing.T) {
	inBubble(t, func(w *world) {
		w.openSource = longBlocks
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		w.delivery.Lines = bandwidth.New(w.now, leastTaken/2, func(uint64) {})
		r, err := w.Blocks(w.ctx, a.p, tr.No, 0, 2)
		w.must(err)
		if got, err := readAt(r, 1<<30); err != io.EOF || got != 2*protocol.BlockSize {
			t.Errorf("%d bytes, %v", got, err)
		}
	})
}

// Who reads for long gives way between two blocks, when somebody waits and not before.
func TestALongCatchUpGivesWayToThoseThatWait(t *testing.T) {
	inBubble(t, func(w *world) {
		w.openSource = longBlocks
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		const slow = 3800 // a block takes about a minute
		r, err := w.Blocks(w.ctx, a.p, tr.No, 0, 3)
		w.must(err)
		if got, err := readAt(r, slow); err != io.EOF || got != 3*protocol.BlockSize {
			t.Errorf("with nobody waiting: %d bytes, %v", got, err)
		}
		w.must(r.Close())
		r, err = w.Blocks(w.ctx, a.p, w.send("g", nil).No, 0, 3)
		w.must(err)
		for range catchUps().Each - 1 {
			w.must(w.delivery.Slots.Enter(w.ctx, a.another()))
		}
		go func() {
			for w.delivery.Slots.Enter(w.ctx, a.another()) != nil && w.ctx.Err() == nil {
				continue
			}
		}()
		got, err := readAt(r, slow)
		if groupcast.ErrorCode(err) != groupcast.EBusy || got%protocol.BlockSize != 0 || got == 0 || got > 2*protocol.BlockSize {
			t.Errorf("with somebody waiting: %d bytes, %v", got, err)
		}
		w.must(r.Close())
	})
}

// another is one more device of the agent's user.
func (a *agent) another() groupcast.Principal {
	p := a.p
	p.Device = &groupcast.Device{ID: protocol.NewDeviceID()}
	return p
}

func longBlocks(context.Context, store.Transfer) (content.Blocks, error) { return longSource{}, nil }

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
			w.must(w.logins.again(ann.p.User.ID, w.now()))
		}
		_, _, err = w.LoginWeb(w.ctx, "192.0.2.1", "ann", password)
		w.must(err)
		if _, _, err = w.LoginWeb(w.ctx, "192.0.2.1", "ann", password); groupcast.ErrorCode(err) != groupcast.EExhausted {
			t.Errorf("one more login: %v", err)
		}
	})
}
