package menu

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// pending are transfers as a group may have them: one that runs, and of every other kind one.
func pending() board {
	s := transfer()
	for i := range s.Deliveries {
		if s.Deliveries[i].State == groupcast.DeliveryReceiving {
			s.Deliveries[i].Bar = bytes.Repeat([]byte{0xff}, 2*i+1) // every later one has more of the start
		}
	}
	s.Transfer.Owed, s.Transfer.Failed, s.Transfer.WireBytes = 28, 1, 5_100_000_000
	b := board{group: "lab-a", chosen: s, read: true}
	b.transfers = arrange([]groupcast.Transfer{
		{No: 9, Name: "course", Group: "lab-a", State: groupcast.TransferDone, Verified: 30},
		{No: 10, Name: "old.iso", Group: "lab-a", State: groupcast.TransferFailed, Failed: 3, Verified: 27, Reason: "the file changed"},
		{No: 14, Name: "held.iso", Group: "lab-a", State: groupcast.TransferHeld, Owed: 30},
		{No: 13, Name: "waits.iso", Group: "lab-a", State: groupcast.TransferWaiting, Owed: 30, Reason: "nobody who lacks it is active"},
		s.Transfer})
	return b
}

func (b *bench) openBoard(shown board) {
	b.open(Row{Title: "Send pending", Live: func(_ context.Context, _ Answers, _ *gaze, show func(board)) (Page, error) {
		show(shown)
		return Page{}, nil
	}})
	b.jobs = nil // a board stays until it is left
	b.m.Update(boardMsg{b.m.job, shown})
}

func TestLiveTransfers(t *testing.T) {
	b := newBench(t, both())
	b.openBoard(pending())
	b.golden("live")
	b.press("pgdown")
	b.golden("live-receivers")
	b.press("c")
	if s := b.screen(); !strings.Contains(s, "Transfer 12: take back what it still owes?   y yes   n no") {
		t.Errorf("no question before a cancel:\n%s", s)
	}
	b.press("n")
	if len(b.jobs) > 0 || !strings.Contains(b.screen(), "Nothing was done.") {
		t.Error("a cancel that was not meant")
	}
	b.press("c", "y")
	b.run()
	if s := b.screen(); !strings.Contains(s, "no server runs on this machine") {
		t.Errorf("the error of a deed is not on the screen:\n%s", s)
	}
	b.press("down", "down", "down")
	if got := b.m.live.gaze.no.Load(); got != 10 {
		t.Errorf("looks at %d, not at the newest that is closed", got)
	}
	if s := b.screen(); !strings.Contains(s, " r retry") || strings.Contains(s, "s send now") {
		t.Errorf("what can be done to a failed transfer:\n%s", s)
	}
	b.m.Update(boardMsg{b.m.job, pending()}) // still about another transfer
	if b.m.live.b.chosen.Transfer.No != 10 {
		t.Error("what was read before the choice undid it")
	}
	b.press("esc")
	if b.m.screen != onMenu {
		t.Error("Esc leaves the board")
	}
	b.m.Update(boardMsg{b.m.job - 1, pending()})
	if b.m.screen != onMenu {
		t.Error("a late board came back")
	}
}

func TestDeedsAboutOneReceiver(t *testing.T) {
	b := newBench(t, both())
	b.openBoard(pending())
	b.press("tab", "down", "down")
	b.golden("live-receiver")
	if who := b.m.live.receiver(); who.Device != "pc-01" {
		t.Fatalf("at %q", who.Device)
	}
	moved := pending()
	moved.chosen.Deliveries[1].Bytes = 3_000_000_000 // it overtook others
	b.m.Update(boardMsg{b.m.job, moved})
	if who := b.m.live.receiver(); who.Device != "pc-01" || b.m.live.at < 10 {
		t.Errorf("at %q, place %d: the arrows stay with the receiver", who.Device, b.m.live.at)
	}
	b.press("d")
	if s := b.screen(); !strings.Contains(s, "pc-01: not owed to this receiver any more?   y yes   n no") {
		t.Errorf("no question before a drop:\n%s", s)
	}
	b.press("y")
	if len(b.jobs) != 1 || b.m.live.askedFor.Device != "pc-01" {
		t.Errorf("%d deeds, about %q", len(b.jobs), b.m.live.askedFor.Device)
	}
	b.jobs = nil
	b.press("n")
	if len(b.jobs) != 1 {
		t.Error("catching up needs no question")
	}
	b.press("home") // who failed is owed nothing more
	if s := b.screen(); strings.Contains(s, "d drop") || strings.Contains(s, "n catch up") {
		t.Errorf("what can be done to who failed:\n%s", s)
	}
	b.press("esc", "esc")
	if b.m.screen != onMenu {
		t.Error("Esc leaves the receivers, then the board")
	}
}

func TestLiveTransfersFitEveryTerminal(t *testing.T) {
	shown := pending()
	shown.lost = time.Now().Add(-time.Minute)
	for i := range 1000 {
		shown.transfers = append(shown.transfers, groupcast.Transfer{No: protocol.TransferNo(100 + i), Name: strings.Repeat("long name ", 12), Group: "lab-a", State: groupcast.TransferHeld})
	}
	for _, size := range [][2]int{{80, 24}, {60, 20}, {40, 10}, {20, 8}, {200, 60}} {
		b := newBench(t, both())
		b.m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		b.openBoard(shown)
		lines := strings.Split(b.screen(), "\n")
		if len(lines) != size[1] {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, l := range lines {
			if w := ansi.StringWidth(l); w > size[0] {
				t.Errorf("%v: %d wide: %q", size, w, l)
			}
		}
		if !strings.Contains(b.screen(), "›") || size[1] > 8 && !strings.Contains(b.screen(), "1 of 30 done") {
			t.Errorf("%v: the chosen transfer is not in sight:\n%s", size, b.screen())
		}
	}
}

func TestFollowerLooksWhenItHearsAndByTheClockWhenItDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		events := make(chan groupcast.Event)
		var looks atomic.Int64
		var hears atomic.Bool
		f := follower{
			events: func(ctx context.Context, each func(groupcast.Event) error) error {
				if !hears.Load() {
					return groupcast.Errorf(groupcast.EUnavailable, "no events")
				}
				for {
					select {
					case e := <-events:
						if err := each(e); err != nil {
							return err
						}
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			},
			hear: func(e groupcast.Event) bool { return e.Kind != groupcast.EventProgress },
			look: func(context.Context) time.Duration { looks.Add(1); return 0 },
		}
		over := make(chan struct{})
		go func() { f.run(ctx); close(over) }()
		time.Sleep(time.Minute) // of the test's own clock
		if n := looks.Load(); n < 30 {
			t.Errorf("%d looks in a minute without events", n)
		}
		hears.Store(true)
		time.Sleep(5 * time.Minute) // the stream is opened again
		events <- groupcast.Event{Kind: groupcast.EventHello}
		time.Sleep(time.Second)
		before := looks.Load()
		time.Sleep(time.Minute)
		if n := looks.Load() - before; n < 11 || n > 13 {
			t.Errorf("%d looks in a quiet minute with events", n)
		}
		before = looks.Load()
		for range 100 { // two seconds of many changes
			events <- groupcast.Event{Kind: groupcast.EventDelivery}
			time.Sleep(20 * time.Millisecond)
		}
		if n := looks.Load() - before; n < 7 || n > 10 {
			t.Errorf("%d looks in two busy seconds", n)
		}
		cancel()
		<-over
	})
}
