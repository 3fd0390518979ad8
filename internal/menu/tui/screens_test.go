package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu"
)

// fits checks that the screen is so large and nothing of it is wider.
func (p *typist) fits(width, height int) {
	p.t.Helper()
	p.send(tea.WindowSizeMsg{Width: width, Height: height})
	lines := strings.Split(p.screen(), "\n")
	if len(lines) != height {
		p.t.Errorf("%d lines, not %d:\n%s", len(lines), height, p.screen())
	}
	for _, l := range lines {
		if n := len([]rune(l)); n > width {
			p.t.Errorf("%d wide: %q", n, l)
		}
	}
}

// golden compares the screen with the one that was looked at.
func (p *typist) golden(name string) {
	p.t.Helper()
	b := &bench{t: p.t, m: p.m}
	b.golden(name)
}

// The first screen of each entry, as it was looked at; those that tell times are not kept.
func TestTheFirstScreenOfEveryEntry(t *testing.T) {
	eachEntry(t, func(t *testing.T, role menu.Role, e menu.Entry) {
		if e.Leads != menu.Nowhere {
			return
		}
		p := newTypist(t, role)
		p.answer(e.Key)
		if len(e.Fields) > 0 && e.Title != "Receive" {
			p.golden("first-" + strings.ToLower(role.String()) + "-" + e.Key)
		}
		for _, size := range [][2]int{{120, 40}, {60, 20}, {40, 12}, {80, 24}} {
			p.fits(size[0], size[1])
		}
		if s := p.screen(); !strings.Contains(s, e.Title) {
			t.Errorf("it is not said where one is:\n%s", s)
		}
	})
}

// The question before something is changed, as it was looked at.
func TestTheLastScreenBeforeAChange(t *testing.T) {
	for name, answers := range map[string]string{
		"plan-delete": "2|lab", "plan-send": "7|exam", "plan-approve": "10|1|1", "plan-cancel": "t|12|cancel",
		"plan-account": "a|delete|alice",
	} {
		t.Run(name, func(t *testing.T) {
			p := newTypist(t, menu.Administrator)
			for _, a := range strings.Split(answers, "|") {
				p.answer(a)
			}
			p.golden(name)
			for _, size := range [][2]int{{120, 40}, {40, 12}, {30, 10}} {
				p.fits(size[0], size[1])
				if s := p.screen(); !strings.Contains(s, "Type yes to do it") {
					t.Errorf("%v: the question is not in sight:\n%s", size, s)
				}
			}
			p.changed("a question")
		})
	}
}

// Each key of the view of transfers asks before it acts, and then does what it said.
func TestEveryKeyOfTheLiveViewAsks(t *testing.T) {
	for _, c := range []struct{ moves, key, says, does string }{
		{"", "c", "Cancel transfer 12 (ubuntu.iso) to lab: 2 devices", "CancelTransfer[12]"},
		{"down", "s", "Send transfer 13 (exam.zip) to exam now: 3 devices", "SendTransfer[13]"},
		{"down", "c", "Cancel transfer 13 (exam.zip) to exam: 3 devices", "CancelTransfer[13]"},
		{
			"down down", "r", "Send transfer 11 (course) to lab again to those who do not have all of it: 2 devices",
			"RetryTransfer[11]",
		},
		{"tab", "n", "Let bob/pc-b fetch transfer 12 (ubuntu.iso) to lab over HTTPS at once", "ActOnDelivery[12"},
		{"tab", "l", "Leave bob/pc-b out of transfer 12 (ubuntu.iso) to lab for now", "ActOnDelivery[12"},
		{"tab", "d", "Drop transfer 12 (ubuntu.iso) to lab for bob/pc-b", "ActOnDelivery[12"},
		{"tab down", "d", "for carol/pc-c: it will not get what it still lacks.", "ActOnDelivery[12"},
	} {
		t.Run(c.moves+" "+c.key, func(t *testing.T) {
			t.Parallel()
			p := newTypist(t, menu.Administrator)
			p.answer("8")
			for _, k := range strings.Fields(c.moves) {
				p.keys(k)
				p.until("its deliveries", func(m *model) bool { return len(m.live.b.Chosen.Deliveries) > 0 })
			}
			p.keys(c.key)
			if s := joined(p.screen()); !strings.Contains(s, c.says) {
				t.Fatalf("no %q:\n%s", c.says, p.screen())
			}
			p.keys("enter", "y", "enter", "e", "x", "backspace", "enter", "esc")
			p.changed("anything but a yes")
			if s := p.screen(); !strings.Contains(s, menu.NotChanged) {
				t.Errorf("that nothing was done is not said:\n%s", s)
			}
			p.keys(c.key)
			p.answer("no")
			p.changed("a no")
			p.keys(c.key)
			p.answer("yes")
			p.until("what became of it", func(m *model) bool { return m.live.said != "" && m.live.said != "One moment …" })
			if got := p.world.Changes(); len(got) != 1 || !strings.HasPrefix(got[0], c.does) {
				t.Errorf("%q, not %q", got, c.does)
			}
		})
	}
}

// until waits for what a job brings.
func (p *typist) until(what string, done func(*model) bool) {
	p.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		p.mu.Lock()
		ok := done(p.m)
		p.mu.Unlock()
		if ok {
			return
		}
	}
	p.t.Fatalf("%s: never\n%s", what, p.screen())
}

// A question is about what it was asked of, whatever has become of the list since.
func TestAQuestionStaysAboutItsTransfer(t *testing.T) {
	p := newTypist(t, menu.Administrator)
	p.answer("8")
	p.keys("c")
	p.world.Put(groupcast.Transfer{No: 5, Name: "new", Group: "lab", State: groupcast.TransferSending, Owed: 1}, nil)
	p.world.EventStream().C <- groupcast.Event{Kind: groupcast.EventTransfer, Transfer: 5}
	p.until("the new one", func(m *model) bool { return len(m.live.b.All) == 4 })
	if s := joined(p.screen()); !strings.Contains(s, "Cancel transfer 12 (ubuntu.iso)") {
		t.Errorf("another question:\n%s", p.screen())
	}
	p.answer("yes")
	p.until("its end", func(m *model) bool { return m.live.said == "Transfer 12 is cancelled." })
	if got := fmt.Sprint(p.world.Changes()); got != "[CancelTransfer[12]]" {
		t.Errorf("%s", got)
	}
}

func TestWhatFailsInTheLiveViewIsSaid(t *testing.T) {
	p := newTypist(t, menu.Administrator)
	p.answer("8")
	p.keys("c", "y", "e", "s")
	p.world.Fail(groupcast.Errorf(groupcast.EConflict, "it is over").WithHint("look again"))
	p.keys("enter")
	p.until("the error", func(m *model) bool { return m.live.bad })
	if s := p.screen(); !strings.Contains(s, "it is over; Next: look again") || strings.Contains(s, "is cancelled") {
		t.Errorf("the error is not said:\n%s", s)
	}
}
