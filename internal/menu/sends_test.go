package menu

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu/menutest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// waiting are sends of these transfers, and what they said last.
func waiting(m *Menu, nos ...protocol.TransferNo) (c *sends, said func() []string) {
	var last []string
	c = &sends{menu: m, tell: func(p Progress) { last = p.Lines }}
	for _, no := range nos {
		one := &send{Snapshot: ui.Snapshot{Transfer: groupcast.Transfer{No: no}}, quiet: ui.Stillness{Since: time.Now()}}
		c.all = append(c.all, one)
	}
	return c, func() []string { return last }
}

func TestSendsSayHowTheyStand(t *testing.T) {
	w := menutest.New(t)
	gathering := groupcast.Transfer{
		No: 21, Group: "lab", State: groupcast.TransferGathering, Owed: 1,
		Summary: "it begins",
	}
	here := []groupcast.Delivery{{User: "ann", Device: "a", State: groupcast.DeliveryQueued, Active: true}}
	w.Put(gathering, here)
	gathering.No = 22
	w.Put(gathering, here)
	c, said := waiting(own(w), 12, 21, 22)
	left, pause := c.lookAtAll(t.Context())
	if left != 3 || pause < lookLeast+5*lookPerUnit {
		t.Errorf("%d are left, the next look waits %v", left, pause)
	}
	want := []string{"Transfer 12:  50 %; carol/pc-c gets it when it is back", "2 more after it"}
	if got := said(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, no := range []protocol.TransferNo{12, 21, 22} {
		w.Put(groupcast.Transfer{No: no, State: groupcast.TransferDone, Verified: 1}, []groupcast.Delivery{})
	}
	if left, _ := c.lookAtAll(t.Context()); left != 0 || c.err != nil {
		t.Errorf("%d are left, %v", left, c.err)
	}
}

// Nobody is waited for who is away: the send is over once all who are here have it.
func TestSendsDoNotWaitForWhoIsAway(t *testing.T) {
	w := menutest.New(t)
	w.Put(groupcast.Transfer{No: 12, Name: "x", State: groupcast.TransferWaiting, Owed: 1, Verified: 1},
		[]groupcast.Delivery{
			{User: "ann", Device: "a", State: groupcast.DeliveryVerified, Active: true},
			{User: "bob", Device: "b", State: groupcast.DeliveryQueued},
		})
	c, _ := waiting(own(w), 12)
	if err := c.watch(t.Context()); err != nil || !c.all[0].over {
		t.Errorf("%v, over %v", err, c.all[0].over)
	}
	has(t, strings.Join(outcome(c.all[0].Snapshot), "|"), "1 verified, 1 still owed: delivered when they are back")
}

func TestSendsEndWithTheirServer(t *testing.T) {
	w := menutest.New(t)
	w.Fail(groupcast.Errorf(groupcast.EForbidden, "no longer an administrator"))
	c, said := waiting(own(w), 12)
	if err := c.watch(t.Context()); groupcast.ErrorCode(err) != groupcast.EForbidden || said() != nil {
		t.Errorf("%v, %q", err, said())
	}
	w.Fail(nil)
	c, _ = waiting(own(w), 12)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("its user left"))
	if err := c.watch(ctx); err == nil || err.Error() != "its user left" {
		t.Errorf("%v", err)
	}
}

func TestAFollowerIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		wake := make(chan struct{}, 1)
		var looks atomic.Int64
		f := follower{
			events: func(ctx context.Context, _ func(groupcast.Event) error) error {
				<-ctx.Done()
				return ctx.Err()
			},
			look: func(context.Context) time.Duration { looks.Add(1); return time.Hour },
			wake: wake,
		}
		over := make(chan struct{})
		go func() { f.run(ctx); close(over) }()
		time.Sleep(time.Minute)
		if looks.Load() != 1 {
			t.Errorf("%d looks: the first one asked for an hour's pause", looks.Load())
		}
		wake <- struct{}{}
		time.Sleep(time.Second)
		if looks.Load() != 2 {
			t.Errorf("%d looks: somebody asked for one at once", looks.Load())
		}
		cancel()
		<-over
	})
}

func TestASelectionIsTold(t *testing.T) {
	s := NewSelection()
	if s.No() != 0 || len(s.wake) != 0 {
		t.Error("nothing is chosen yet")
	}
	s.Choose(7)
	s.Choose(8) // nobody has looked yet: one is enough, and does not block
	s.Refresh()
	if s.No() != 8 || len(s.wake) != 1 {
		t.Errorf("%d, %d", s.No(), len(s.wake))
	}
}

// What came since the question is not sent with what it named: a held exam stays held.
func TestOnlyWhatWasSaidIsSent(t *testing.T) {
	w := menutest.New(t)
	m, a := own(w), Answers{"group": "exam"}
	plan, err := m.planSend(t.Context(), a)
	if err != nil || plan[0] != "Send 1 transfer to exam: exam.zip (5 MB)." {
		t.Fatalf("%v, %q", err, plan)
	}
	w.Put(groupcast.Transfer{No: 50, Name: "held.zip", Group: "exam", State: groupcast.TransferHeld, Owed: 3}, nil)
	sent, err := m.sendPlanned(t.Context(), a)
	if err != nil || len(sent) != 1 || sent[0].No != 13 {
		t.Errorf("%v, %v", err, sent)
	}
	if got := w.Changes(); !slices.Equal(got, []string{"SendTransfer[13]"}) {
		t.Errorf("%q", got)
	}
	if _, err := m.sendPlanned(t.Context(), Answers{"group": "exam"}); err == nil {
		t.Error("without a plan nothing is sent")
	}
	if _, err := m.sendPlanned(t.Context(), Answers{sentKey: "x"}); err == nil {
		t.Error("no number is no transfer")
	}
}
