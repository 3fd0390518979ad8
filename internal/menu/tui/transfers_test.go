package tui

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu"
	"github.com/groupcast/groupcast/internal/protocol"
)

// pending are transfers as a group may have them: one that runs, and of every other kind one.
func pending() menu.Transfers {
	s := transfer()
	for i := range s.Deliveries {
		if s.Deliveries[i].State == groupcast.DeliveryReceiving {
			s.Deliveries[i].Bar = bytes.Repeat([]byte{0xff}, 2*i+1) // every later one has more of the start
		}
	}
	s.Transfer.Owed, s.Transfer.Failed, s.Transfer.WireBytes = 28, 1, 5_100_000_000
	b := menu.Transfers{Group: "lab-a", Chosen: s, Read: true}
	b.All = []groupcast.Transfer{
		s.Transfer,
		{
			No: 13, Name: "waits.iso", Group: "lab-a", State: groupcast.TransferWaiting, Owed: 30,
			Reason: "1 receiver is off and gets it when it is back",
		},
		{No: 14, Name: "held.iso", Group: "lab-a", State: groupcast.TransferHeld, Owed: 30},
		{
			No: 10, Name: "old.iso", Group: "lab-a", State: groupcast.TransferFailed, Failed: 3, Verified: 27,
			Reason: "the file changed",
		},
		{No: 9, Name: "course", Group: "lab-a", State: groupcast.TransferDone, Verified: 30},
	}
	return b
}

func (b *bench) openTransfers(shown menu.Transfers) {
	b.open(menu.Entry{Title: "Send pending", Live: func(_ context.Context, _ menu.Answers, _ *menu.Selection,
		show func(menu.Transfers),
	) (menu.Page, error) {
		show(shown)
		return menu.Page{}, nil
	}})
	b.jobs = nil // it stays until it is left
	b.m.Update(transfersMsg{b.m.job, shown})
}

func TestLiveTransfers(t *testing.T) {
	b := newBench(t, both())
	b.openTransfers(pending())
	b.golden("live")
	b.press("pgdown")
	b.golden("live-receivers")
	b.press("c")
	b.golden("live-cancel")
	b.press("enter", "y", "enter")
	if s := b.screen(); len(b.jobs) > 0 || !strings.Contains(s, "before you type yes") {
		t.Errorf("a cancel without a yes:\n%s", s)
	}
	b.press("esc")
	if len(b.jobs) > 0 || !strings.Contains(b.screen(), "Nothing was changed.") {
		t.Error("a cancel that was not meant")
	}
	b.press("c", "y", "e", "s")
	if len(b.jobs) > 0 {
		t.Error("done before Enter")
	}
	b.press("enter")
	b.run()
	if s := b.screen(); !strings.Contains(s, "no server runs on this machine") {
		t.Errorf("the error of a menu.TransferAction is not on the screen:\n%s", s)
	}
	b.press("down", "down", "down")
	if got := b.m.live.selected.No(); got != 10 {
		t.Errorf("looks at %d, not at the newest that is closed", got)
	}
	if s := b.screen(); !strings.Contains(s, " r retry") || strings.Contains(s, "s send now") {
		t.Errorf("what can be done to a failed transfer:\n%s", s)
	}
	b.m.Update(transfersMsg{b.m.job, pending()}) // still about another transfer
	if b.m.live.b.Chosen.Transfer.No != 10 {
		t.Error("what was read before the choice undid it")
	}
	b.press("esc")
	if b.m.screen != onMenu {
		t.Error("Esc leaves the menu.Transfers")
	}
	b.m.Update(transfersMsg{b.m.job - 1, pending()})
	if b.m.screen != onMenu {
		t.Error("a late menu.Transfers came back")
	}
}

func TestDeedsAboutOneReceiver(t *testing.T) {
	b := newBench(t, both())
	b.openTransfers(pending())
	b.press("tab", "down", "down")
	b.golden("live-receiver")
	if who := b.m.live.receiver(); who.Device != "pc-01" {
		t.Fatalf("at %q", who.Device)
	}
	moved := pending()
	moved.Chosen.Deliveries[1].Bytes = 3_000_000_000 // it overtook others
	b.m.Update(transfersMsg{b.m.job, moved})
	if who := b.m.live.receiver(); who.Device != "pc-01" || b.m.live.at < 10 {
		t.Errorf("at %q, place %d: the arrows stay with the receiver", who.Device, b.m.live.at)
	}
	b.press("d")
	if s := b.screen(); !strings.Contains(s, "Drop transfer 12 (ubuntu.iso) to lab-a for user01/pc-01: it will not get") {
		t.Errorf("no question before a drop:\n%s", s)
	}
	b.types("yes")
	b.press("enter")
	if len(b.jobs) != 1 || b.m.live.askedFor.Device != "pc-01" {
		t.Errorf("%d transferActions, about %q", len(b.jobs), b.m.live.askedFor.Device)
	}
	b.jobs = nil
	b.press("n")
	if s := b.screen(); len(b.jobs) > 0 || !strings.Contains(s, "Let user01/pc-01 fetch transfer 12") {
		t.Errorf("no question before a catch-up:\n%s", s)
	}
	b.press("esc")
	b.press("home") // who failed is owed nothing more
	if s := b.screen(); strings.Contains(s, "d drop") || strings.Contains(s, "n catch up") {
		t.Errorf("what can be done to who failed:\n%s", s)
	}
	b.press("esc", "esc")
	if b.m.screen != onMenu {
		t.Error("Esc leaves the receivers, then the menu.Transfers")
	}
}

func TestLiveTransfersFitEveryTerminal(t *testing.T) {
	shown := pending()
	shown.Lost = time.Now().Add(-time.Minute)
	for i := range 1000 {
		shown.All = append(shown.All, groupcast.Transfer{
			No:   protocol.TransferNo(100 + i),
			Name: strings.Repeat("long name ", 12), Group: "lab-a", State: groupcast.TransferHeld,
		})
	}
	for _, size := range [][2]int{{80, 24}, {60, 20}, {40, 10}, {20, 8}, {200, 60}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			b := newBench(t, both())
			b.m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			b.openTransfers(shown)
			lines := strings.Split(b.screen(), "\n")
			if len(lines) != size[1] {
				t.Errorf("%v: %d lines", size, len(lines))
			}
			for _, l := range lines {
				if w := ansi.StringWidth(l); w > size[0] {
					t.Errorf("%v: %d wide: %q", size, w, l)
				}
			}
			if !strings.Contains(b.screen(), "›") || size[1] > 8 && !strings.Contains(b.screen(), "pc-05 has no room") {
				t.Errorf("%v: the chosen transfer is not in sight:\n%s", size, b.screen())
			}
		})
	}
}
