package menu

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu/menutest"
)

func TestCountsOfAnAdministrator(t *testing.T) {
	w := menutest.New(t)
	c, err := own(w).count(t.Context(), Administrator)
	want := "2 join requests wait · 1 transfer runs · 1 pending · 2 of 3 receivers active"
	if err != nil || c.Text != want || !c.Urgent {
		t.Errorf("%v: %+v", err, c)
	}
	w.SetBack(true)
	if c, _ := own(w).count(t.Context(), Administrator); !strings.HasPrefix(c.Text, "Nothing is sent:") {
		t.Errorf("a server that was set back says %q", c.Text)
	}
}

func TestCountsOfAServerThatIsAway(t *testing.T) {
	c := Counts{Text: "3 wait", Lost: noon}
	want := "The server has not answered for 1m5s; it is asked again by itself"
	if got := c.Line(noon.Add(65 * time.Second)); got != want {
		t.Errorf("%q", got)
	}
	if got := (Counts{Text: "3 wait"}).Line(noon); got != "3 wait" {
		t.Errorf("%q", got)
	}
}

// The counts follow the server's events; what runs on changes none of them.
func TestCountsFollowTheServer(t *testing.T) {
	w := menutest.New(t)
	for _, role := range []Role{Administrator, Receiver} {
		ctx, cancel := context.WithCancel(t.Context())
		told, over := make(chan Counts, 100), make(chan bool)
		go func() {
			own(w).KeepCounting(ctx, role, func(c Counts) { told <- c })
			close(over)
		}()
		if c := next(t, told); c.Text == "" || !c.Lost.IsZero() {
			t.Errorf("%s: %+v", role, c)
		}
		if role == Administrator {
			w.Put(groupcast.Transfer{No: 30, State: groupcast.TransferHeld}, nil)
			w.EventStream().C <- groupcast.Event{Kind: groupcast.EventTransfer}
			for c := next(t, told); !strings.Contains(c.Text, "2 pending"); c = next(t, told) {
			}
			w.Fail(groupcast.Errorf(groupcast.EForbidden, "no longer"))
			w.EventStream().C <- groupcast.Event{Kind: groupcast.EventTransfer}
			for c := next(t, told); c.Lost.IsZero(); c = next(t, told) {
			}
			w.Fail(nil)
		}
		cancel()
		<-over
	}
}

func next(t *testing.T, told <-chan Counts) Counts {
	t.Helper()
	select {
	case c := <-told:
		return c
	case <-time.After(30 * time.Second):
		t.Fatal("nothing is told")
		return Counts{}
	}
}
