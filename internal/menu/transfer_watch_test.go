package menu

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/menu/menutest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// watched runs a watch beside the test.
type watched struct {
	t    *testing.T
	mu   sync.Mutex
	last Transfers
	seen int
}

func watch(t *testing.T, m *Menu, s *Selection, e Entry, a Answers) *watched {
	t.Helper()
	w := &watched{t: t}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() {
		_, err := e.Live(ctx, a, s, func(b Transfers) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.last, w.seen = b, w.seen+1
		})
		over <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			t.Errorf("the watch ended with %v", err)
		}
	})
	return w
}

// until waits for a list that fits.
func (w *watched) until(what string, fits func(Transfers) bool) Transfers {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		w.mu.Lock()
		b := w.last
		w.mu.Unlock()
		if b.Read && fits(b) {
			return b
		}
	}
	w.t.Fatalf("%s: never", what)
	return Transfers{}
}

func entry(t *testing.T, m *Menu, key string) Entry {
	t.Helper()
	all := m.Entries(Administrator)
	i := Find(all, key)
	if i < 0 {
		t.Fatalf("no entry %s", key)
	}
	return all[i]
}

func numbers(b Transfers) string {
	var out []protocol.TransferNo
	for _, t := range b.All {
		out = append(out, t.No)
	}
	return fmt.Sprint(out)
}

func TestTheListIsFollowed(t *testing.T) {
	world := menutest.New(t)
	m, s := own(world), NewSelection()
	w := watch(t, m, s, entry(t, m, "8"), Answers{})
	b := w.until("the first look", func(b Transfers) bool { return true })
	if numbers(b) != "[12 13 11]" || b.Chosen.Transfer.No != 12 || len(b.Chosen.Deliveries) != 3 {
		t.Errorf("%s, looking at %d with %d", numbers(b), b.Chosen.Transfer.No, len(b.Chosen.Deliveries))
	}
	if len(b.Known[13]) != 3 || b.Known[11] != nil || b.Known[12] != nil {
		t.Errorf("the deliveries of others that are open are known: %v", b.Known)
	}
	if got := ui.Share(b.Snapshot(b.All[0])); got < 0.3 || len(b.Snapshot(b.All[1]).Deliveries) != 3 {
		t.Errorf("share %v", got)
	}
	s.Choose(11)
	w.until("a choice", func(b Transfers) bool { return b.Chosen.Transfer.No == 11 && len(b.Known[12]) == 3 })
	// A new transfer is heard of by an event, not by the clock.
	world.Put(groupcast.Transfer{No: 20, Name: "new", Group: "lab", State: groupcast.TransferWaiting, Owed: 1}, nil)
	world.EventStream().C <- groupcast.Event{Kind: groupcast.EventTransfer, Transfer: 20}
	b = w.until("a new one", func(b Transfers) bool { return len(b.All) == 4 })
	if numbers(b) != "[12 20 13 11]" || b.Chosen.Transfer.No != 11 {
		t.Errorf("%s, looking at %d", numbers(b), b.Chosen.Transfer.No)
	}
	// Progress comes with the event.
	moved := groupcast.Transfer{
		No: 12, Name: "ubuntu.iso", Group: "lab", State: groupcast.TransferSending, Verified: 2,
		Owed: 1,
	}
	world.EventStream().C <- groupcast.Event{Kind: groupcast.EventProgress, Data: moved}
	w.until("progress", func(b Transfers) bool { return b.All[b.Index(12)].Verified == 2 })
}

func TestAServerThatDoesNotAnswerIsSaid(t *testing.T) {
	world := menutest.New(t)
	m, s := own(world), NewSelection()
	w := watch(t, m, s, entry(t, m, "8"), Answers{})
	w.until("the first look", func(Transfers) bool { return true })
	world.Fail(groupcast.Errorf(groupcast.EForbidden, "no longer an administrator"))
	s.Refresh()
	b := w.until("the error", func(b Transfers) bool { return b.Unreadable != nil })
	if len(b.All) != 3 || b.Unreadable.Error() != "no longer an administrator" {
		t.Errorf("what was there stays: %d, %v", len(b.All), b.Unreadable)
	}
	world.Fail(nil)
	s.Refresh()
	w.until("it is back", func(b Transfers) bool { return b.Unreadable == nil })
	// away, from a server that is not there at all
	gone := &Menu{Admin: apiclient.Local("/nowhere/server.sock")}
	watch := gone.watchTransfers("", NewSelection(), func(Transfers) {})
	watch.look(t.Context())
	if watch.b.Lost.IsZero() || watch.b.Read {
		t.Errorf("a server that is not there: %+v", watch.b)
	}
	since := watch.b.Lost
	if watch.look(t.Context()); watch.b.Lost != since {
		t.Error("the time since it is away is that of the first look")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if watch.look(over) != 0 {
		t.Error("who has left is told nothing")
	}
}

func TestSendPendingShowsWhatItSent(t *testing.T) {
	world := menutest.New(t)
	m := own(world)
	w := watch(t, m, NewSelection(), entry(t, m, "7"), Answers{"group": "exam", sentKey: "13"})
	b := w.until("what was sent", func(b Transfers) bool { return true })
	if numbers(b) != "[13]" || b.Group != "exam" {
		t.Errorf("%s of %q", numbers(b), b.Group)
	}
	// Once it is closed it stays in the list.
	done := groupcast.Transfer{No: 13, Name: "exam.zip", Group: "exam", State: groupcast.TransferDone, Verified: 3}
	world.Put(done, nil)
	world.EventStream().C <- groupcast.Event{Kind: groupcast.EventTransfer, Transfer: 13}
	w.until("its end", func(b Transfers) bool { return len(b.All) == 1 && b.All[0].State == groupcast.TransferDone })
	if got := world.Changes(); !slices.Equal(got, []string{"SendTransfer[13]"}) {
		t.Errorf("%q", got)
	}
	_, err := entry(t, m, "7").Live(t.Context(), Answers{"group": "open"}, NewSelection(), func(Transfers) {})
	var nothing NothingToDo
	if !errors.As(err, &nothing) {
		t.Errorf("a group with nothing pending: %v", err)
	}
	world.Fail(groupcast.Errorf(groupcast.EInvalid, "no"))
	if _, err := entry(t, m, "7").Live(t.Context(), Answers{sentKey: "13"}, NewSelection(), nil); err == nil {
		t.Error("an error is lost")
	}
}

func TestTransfersInOrder(t *testing.T) {
	state := func(no protocol.TransferNo, s groupcast.TransferState) groupcast.Transfer {
		return groupcast.Transfer{No: no, State: s}
	}
	all := arrange([]groupcast.Transfer{
		state(1, groupcast.TransferDone), state(2, groupcast.TransferCancelled), state(9, groupcast.TransferHeld),
		state(4, groupcast.TransferHeld), state(5, groupcast.TransferWaiting), state(6, groupcast.TransferGathering),
		state(8, groupcast.TransferSending), state(7, groupcast.TransferSending), state(8, groupcast.TransferDone),
	})
	if got := numbers(Transfers{All: all}); got != "[7 6 5 4 9 8 2 1]" {
		t.Errorf("%s: what runs first, the oldest first; what is closed last, the newest first; each as it was read last",
			got)
	}
}

func TestWhatIsLookedAtWithoutAChoice(t *testing.T) {
	sending, held := groupcast.TransferSending, groupcast.TransferHeld
	for name, c := range map[string]struct {
		all  []groupcast.Transfer
		old  protocol.TransferNo
		want protocol.TransferNo
	}{
		"nothing":                        {nil, 3, 0},
		"the first":                      {[]groupcast.Transfer{{No: 4, State: held}, {No: 5, State: held}}, 0, 4},
		"the same as before":             {[]groupcast.Transfer{{No: 4, State: held}, {No: 5, State: held}}, 5, 5},
		"what runs, rather":              {[]groupcast.Transfer{{No: 4, State: sending}, {No: 5, State: held}}, 5, 4},
		"the same as before if it runs":  {[]groupcast.Transfer{{No: 4, State: sending}, {No: 5, State: sending}}, 5, 5},
		"the first if the other is gone": {[]groupcast.Transfer{{No: 4, State: held}}, 5, 4},
	} {
		t.Run(name, func(t *testing.T) {
			w := &transferWatch{b: Transfers{All: c.all}}
			w.b.Chosen.Transfer.No = c.old
			if got := w.nextToShow(); got != c.want {
				t.Errorf("%d, not %d", got, c.want)
			}
		})
	}
}

func TestEventsAboutOthersChangeNothing(t *testing.T) {
	shown := 0
	w := &transferWatch{b: Transfers{All: []groupcast.Transfer{{No: 4}}}, show: func(Transfers) { shown++ }}
	if w.take(groupcast.Event{Kind: groupcast.EventProgress, Data: groupcast.Transfer{No: 5}}) || shown > 0 {
		t.Error("progress of a transfer of another group is looked at")
	}
	if w.take(groupcast.Event{Kind: groupcast.EventProgress, Data: groupcast.Transfer{No: 4}}) || shown != 1 {
		t.Error("progress of one that is not looked at is shown, and the server not asked")
	}
	if !w.take(groupcast.Event{Kind: groupcast.EventProgress}) || !w.stale {
		t.Error("an event without its transfer is a hint to look")
	}
}

func transferNo(n int) protocol.TransferNo { return protocol.TransferNo(n) }
