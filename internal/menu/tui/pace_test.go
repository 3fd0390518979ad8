package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu"
	"github.com/groupcast/groupcast/internal/ui"
)

// sees waits until the screen says something.
func (p *typist) sees(text string) {
	p.t.Helper()
	end := time.Now().Add(10 * time.Second)
	for ; !strings.Contains(joined(p.screen()), text); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("no %q in\n%s", text, p.screen())
		}
	}
}

// A rate is typed, said in words with the one that holds now, and set after a yes.
func TestTheRateOfATransferThatIsWatched(t *testing.T) {
	p := newTypist(t, menu.Administrator)
	p.answer("8")
	p.burst("m", "2", "0", "m", "enter", "y", "e", "s", "enter")
	p.sees("How fast may transfer 12 (ubuntu.iso) be sent")
	p.changed("keys typed ahead of the question")
	p.keys("enter")
	p.sees("not a rate")
	p.answer("fast")
	p.sees("not a rate")
	p.keys("backspace", "backspace", "backspace", "backspace")
	p.answer("20M")
	p.sees("20 Mbit/s at most, from now on. Its limit now: none.")
	p.keys("enter", "enter", "y", "enter", "backspace")
	p.changed("a rate without its yes")
	p.answer("yes")
	p.sees("Transfer 12 goes at 20 Mbit/s at most from now on.")
	if got := strings.Join(p.world.Changes(), " "); !strings.Contains(got, "ChangeTransfer[12") {
		t.Error(got)
	}
	p.keys("m", "esc")
	p.sees(menu.NotChanged)
}

// A transfer that is paused says so, with the key that resumes it.
func TestATransferThatIsPausedIsResumed(t *testing.T) {
	p := newTypist(t, menu.Administrator)
	p.world.Put(groupcast.Transfer{
		No: 12, Name: "ubuntu.iso", Group: "lab", Bytes: 4_000_000, Files: 1, State: groupcast.TransferWaiting, Owed: 2,
		Paused: true, Cause: groupcast.CausePaused, Summary: "paused until it is resumed", RateLimit: 5_000_000,
		Selection: groupcast.Selection{Only: []string{"room=2"}},
	}, []groupcast.Delivery{{
		Transfer: 12, User: "bob", Device: "pc-b", State: groupcast.DeliveryQueued, Cause: groupcast.CausePaused,
		Active: true,
	}})
	p.answer("8")
	p.sees("1 held, 1 closed, 1 paused")
	p.keys("down", "up")
	p.sees("Next: p resumes it.")
	p.sees("for lab (room=2) · at most 5 Mbit/s")
	if s := p.screen(); strings.Contains(s, "p pause") || strings.Contains(s, "s send now") {
		t.Errorf("what cannot be done to it is offered:\n%s", s)
	}
	p.keys("p")
	p.sees("Resume transfer 12 (ubuntu.iso) to lab (room=2): 2 devices that still lack it get the rest.")
	p.changed("the question")
	p.answer("yes")
	p.sees("Transfer 12 goes on.")
	if got := strings.Join(p.world.Changes(), " "); got != "ResumeTransfer[12]" {
		t.Error(got)
	}
}

// What is answered in the form is shown afterwards as it goes on, with what was done.
func TestAChangeIsWatchedAfterwards(t *testing.T) {
	p := newTypist(t, menu.Administrator)
	for _, a := range []string{"t", "13", "max rate", "5M", "yes"} {
		p.answer(a)
	}
	p.sees("Transfer 13 goes at 5 Mbit/s at most from now on.")
	p.sees("› 13 exam.zip for exam")
	p.keys("up")
	p.sees("› 12 ubuntu.iso for lab")
	if s := p.screen(); strings.Contains(s, "Transfer 13 goes") {
		t.Errorf("it is still said of another transfer:\n%s", s)
	}
	p.keys("esc")
	p.sees("Create group")
}

// There is room beside every question for what is typed, at 80 characters.
func TestQuestionsLeaveRoomForTheirAnswers(t *testing.T) {
	eachEntry(t, func(t *testing.T, _ menu.Role, e menu.Entry) {
		for _, f := range e.Fields {
			if n := len(menu.Asked(f.Ask)); n > 60 {
				t.Errorf("%q is %d long: what is typed beside it is not seen", f.Ask, n)
			}
		}
	})
}

// A line of the list leaves parts of a state out as a whole, and gives a selection the room that is there.
func TestLinesOfTheListAreNotCutInMidWord(t *testing.T) {
	one := groupcast.Transfer{
		No: 5, Name: "three.bin", Group: "lab", State: groupcast.TransferSending, Owed: 3, Away: 1,
		Selection: groupcast.Selection{Only: []string{"room=2"}}, Session: &groupcast.SessionStatus{Rate: 579_000},
	}
	s := ui.Snapshot{Transfer: one, Deliveries: []groupcast.Delivery{
		{Transfer: 5, User: "cyd", Device: "pc-cyd", State: groupcast.DeliveryQueued},
	}}
	for room, want := range map[int]string{
		80: "sending · 0 of 3 · 1 away · 579 kbit/s", 33: "sending · 0 of 3 · 1 away", 24: "sending · 0 of 3",
		3: "sending",
	} {
		if got := state(s, room); got != want {
			t.Errorf("%d: %q", room, got)
		}
	}
	b := newBench(t, both())
	b.live(s)
	b.says("three.bin for lab (room=2)", "sending · 0 of 3 · 1 away")
	if line := strings.Split(b.screen(), "\n")[3]; strings.Contains(line, "…") {
		t.Errorf("it is cut: %q", line)
	}
}
