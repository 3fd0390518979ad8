package tui

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/menu"
	"github.com/groupcast/groupcast/internal/menu/menutest"
)

// typist is somebody at the keyboard of a menu whose server is a real API.
type typist struct {
	t     *testing.T
	world *menutest.World
	file  string // something to send
	blind bool   // types on without looking at the screen

	mu   sync.Mutex
	m    *model
	at   time.Time
	rnd  *rand.Rand
	gone bool
}

func newTypist(t *testing.T, role menu.Role) *typist {
	p := &typist{t: t, world: menutest.New(t), at: time.Unix(1_800_000_000, 0), rnd: rand.New(rand.NewPCG(1, 2))}
	p.file = filepath.Join(t.TempDir(), "one.txt")
	if err := os.WriteFile(p.file, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &menu.Menu{Admin: p.world.Client, Member: p.world.Client, Dir: t.TempDir()}
	d.Receive = func(ctx context.Context, _ string, _ bool, _ func(agent.Line)) error {
		<-ctx.Done()
		return ctx.Err()
	}
	var jobs sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	p.m = newModel(d, func(job func(context.Context, func(tea.Msg))) context.CancelFunc {
		ctx, cancel := context.WithCancel(ctx)
		jobs.Go(func() { job(ctx, p.send) })
		return cancel
	})
	p.m.role = role
	p.m.now = func() time.Time { return p.at }
	t.Cleanup(func() { cancel(); jobs.Wait() })
	return p
}

func (p *typist) send(msg tea.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, cmd := p.m.Update(msg); cmd != nil {
		_, p.gone = cmd().(tea.QuitMsg)
	}
}

func (p *typist) screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return ansi.Strip(p.m.View().Content)
}

// waits says whether the screen waits for the server.
func (p *typist) waits() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.m.screen {
	case onForm:
		return p.m.form.loading
	case onPlan:
		return p.m.asking.loading
	case onWork:
		return p.m.entry.Title != "Receive" // which goes on until it is ended
	case onLive:
		return !p.m.live.b.Read
	default:
		return false
	}
}

// keys types with 0.1 to 0.8 seconds between two keys; who is not blind sees each screen first.
func (p *typist) keys(keys ...string) {
	p.t.Helper()
	for _, k := range keys {
		p.mu.Lock()
		p.at = p.at.Add(100*time.Millisecond + time.Duration(p.rnd.IntN(700))*time.Millisecond)
		p.mu.Unlock()
		p.key(k)
		if !p.blind {
			p.settle()
		}
	}
}

// settle waits until the screen waits for no answer of the server.
func (p *typist) settle() {
	p.t.Helper()
	for end := time.Now().Add(10 * time.Second); p.waits(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("the screen waits for ever:\n%s", p.screen())
		}
	}
}

// burst types without any time between the keys.
func (p *typist) burst(keys ...string) {
	for _, k := range keys {
		p.key(k)
	}
}

func (p *typist) key(k string) {
	press := tea.KeyPressMsg{Code: named[k]}
	if named[k] == 0 {
		press = tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
	}
	p.send(press)
}

// answer types a text and Enter.
func (p *typist) answer(text string) {
	p.t.Helper()
	p.keys(append(strings.Split(text, ""), "enter")...)
}

func (p *typist) changed(what string) {
	p.t.Helper()
	if got := p.world.Changes(); len(got) > 0 {
		p.t.Fatalf("%s changed something: %q\n%s", what, got, p.screen())
	}
}

// eachEntry visits every entry of both menus.
func eachEntry(t *testing.T, visit func(t *testing.T, role menu.Role, e menu.Entry)) {
	some := &menu.Menu{Admin: both().Admin, Member: both().Member}
	for _, role := range []menu.Role{menu.Administrator, menu.Receiver} {
		for _, e := range some.Entries(role) {
			t.Run(role.String()+" "+e.Key, func(t *testing.T) {
				t.Parallel()
				visit(t, role, e)
			})
		}
	}
}

// A number and Enter opens the entry and does nothing more, and neither do more Enters, nor keys
// that were typed before the question was there.
func TestANumberAndEnterChangesNothing(t *testing.T) {
	eachEntry(t, func(t *testing.T, role menu.Role, e menu.Entry) {
		p := newTypist(t, role)
		p.answer(e.Key)
		p.mu.Lock()
		on, title := p.m.screen, p.m.entry.Title
		p.mu.Unlock()
		if (on == onMenu) != (e.Leads != menu.Nowhere) || on != onMenu && title != e.Title ||
			p.gone != (e.Leads == menu.Out) {
			t.Fatalf("%s leads to screen %d of %q", e.Key, on, title)
		}
		p.changed("a number and Enter")
		p.keys("enter", "enter", "enter", "enter", "enter", "enter")
		p.changed("Enter again and again")
	})
}

func TestWhatWasTypedAheadChangesNothing(t *testing.T) {
	eachEntry(t, func(t *testing.T, role menu.Role, e menu.Entry) {
		p := newTypist(t, role)
		for _, ahead := range []string{
			"1\n1\n1\n1\nyes\n", "lab\nalice\nyes\nyes\n", "12\n2\nyes\nyes\nyes\n",
			"\n\n\n\nyes\n",
		} {
			keys := strings.Split(e.Key+"\n"+ahead, "")
			for i, k := range keys {
				if k == "\n" {
					keys[i] = "enter"
				}
			}
			p.burst(keys...)
			p.settle()
			p.changed(fmt.Sprintf("%q at once", ahead))
			if s := p.screen(); e.Plan != nil && e.Fields[0].Prepare != nil && !strings.Contains(s, "are ignored") {
				t.Errorf("it is not said that keys were ignored:\n%s", s)
			}
			p.burst("esc", "esc", "esc", "esc", "esc", "esc")
			// Who types on blindly while the server takes its time does no better.
			p.blind = true
			p.keys(append(strings.Split(e.Key, ""), "enter", "enter", "enter", "enter", "enter")...)
			p.settle()
			p.changed("Enter without looking")
			p.burst("esc", "esc", "esc", "esc", "esc", "esc")
		}
	})
}

// walks are the answers to the questions of the entries that change something, what is said before
// they do, and what they then ask of the server. FILE is a file that is there.
var walks = []struct {
	role    menu.Role
	answers string
	says    string
	does    string
}{
	{
		menu.Administrator, "1|new|a room||1", "Create group new, at a multicast address that the server picks.",
		"CreateGroup[{new",
	},
	{menu.Administrator, "2|lab", "Delete group lab, which has 3 members.", "DeleteGroup[lab]"},
	{menu.Administrator, "3|1|bob", "Add bob to lab: their devices get what is pending", "AddMember[lab bob]"},
	{menu.Administrator, "3|exam|2", "Add alice to exam", "AddMember[exam alice]"},
	{menu.Administrator, "3|1|dora|her password", "Make the account dora", "AddUser[{dora"},
	{menu.Administrator, "4|1|3", "Remove carol from lab", "RemoveMember[lab carol]"},
	{menu.Administrator, "6|1|FILE||no", "The devices of the group: 2 ready", "AddTransfer[{lab"},
	{menu.Administrator, "6|1|FILE|*.tmp|yes", "It is held: nothing is sent before `Send pending`.", "AddTransfer[{lab"},
	{menu.Administrator, "7|2", "Send 1 transfer to exam: exam.zip (5 MB).", "SendTransfer[13]"},
	{menu.Administrator, "10|1|1", "Approve dave for lab: they become a member", "Approve[lab dave]"},
	{menu.Administrator, "10|2|approve", "Approve alice/pc-b for exam: the device pc-b gets", "Approve[exam alice/pc-b]"},
	{menu.Administrator, "10|1|2", "Turn down dave for lab", "Deny[lab dave]"},
	{menu.Administrator, "10|2|2", "Turn down alice/pc-b for exam: this device", "Deny[exam alice/pc-b]"},
	{
		menu.Administrator, "t|12|cancel",
		"Cancel transfer 12 (ubuntu.iso) to lab: 2 devices that still lack it will not get it.",
		"CancelTransfer[12]",
	},
	{menu.Administrator, "t|13|send now", "Send transfer 13 (exam.zip) to exam now: 3 devices", "SendTransfer[13]"},
	{
		menu.Administrator, "t|11|1", "Send transfer 11 (course) to lab again to those who do not have all of it: 2 devices",
		"RetryTransfer[11]",
	},
	{menu.Administrator, "t|12|pause", "Pause transfer 12 (ubuntu.iso) to lab: nothing more of it", "PauseTransfer[12]"},
	{
		menu.Administrator, "t|12|max rate|20M",
		"Limit the rate of transfer 12 (ubuntu.iso) to lab: 20 Mbit/s at most, from now on", "ChangeTransfer[12",
	},
	{menu.Administrator, "t|12|max rate|auto", "Take the limit off transfer 12 (ubuntu.iso) to lab", "ChangeTransfer[12"},
	{menu.Administrator, "a|11|2|1|room=3 kind-", "room is set to “3”, kind is removed.", "LabelDevices["},
	{menu.Administrator, "t|12|catch up now|1", "Let bob/pc-b fetch transfer 12", "ActOnDelivery[12"},
	{menu.Administrator, "t|12|later|1", "Leave bob/pc-b out of transfer 12", "ActOnDelivery[12"},
	{
		menu.Administrator, "t|12|drop|carol/pc-c", "Drop transfer 12 (ubuntu.iso) to lab for carol/pc-c",
		"ActOnDelivery[12",
	},
	{menu.Administrator, "a|make|dora|1|her password", "Make the account dora with the role member.", "AddUser[{dora"},
	{menu.Administrator, "a|3|2|2", "Give alice the role admin.", "UpdateUser[alice"},
	{menu.Administrator, "a|4|2|secret words", "Give alice a new password", "UpdateUser[alice"},
	{menu.Administrator, "a|5|2", "Disable alice", "UpdateUser[alice"},
	{menu.Administrator, "a|6|carol", "Enable carol again", "UpdateUser[carol"},
	{menu.Administrator, "a|8|2|1", "End the login of alice on pc-a", "RevokeDevice["},
	{menu.Administrator, "a|9|2", "Delete the account alice", "DeleteUser[alice]"},
	{menu.Administrator, "a|10|1|1", "New devices of members of lab wait until you approve them: yes.", "UpdateGroup[lab"},
	{menu.Administrator, "r|6|1", "Confirm that the memberships of all groups are right", "ConfirmMemberships[]"},
	{menu.Receiver, "2|1|please", "Ask to join open", "Join[open please]"},
}

// Whatever is changed is said before, in words, and waits for a yes.
func TestNothingIsChangedWithoutAYes(t *testing.T) {
	for _, w := range walks {
		t.Run(strings.ReplaceAll(w.answers, "|", " "), func(t *testing.T) {
			t.Parallel()
			p := newTypist(t, w.role)
			p.world.SetBack(strings.HasPrefix(w.answers, "r|"))
			answers := func() {
				for _, a := range strings.Split(strings.ReplaceAll(w.answers, "FILE", p.file), "|") {
					p.keys(slices.DeleteFunc(strings.Split(a, ""), func(k string) bool { return k == "" })...)
					p.keys("enter")
				}
				if s := p.screen(); !strings.Contains(joined(s), w.says) || !strings.Contains(s, menu.AskYes) {
					t.Fatalf("no %q, or no question, in\n%s", w.says, s)
				}
			}
			answers()
			p.keys("enter", "enter", "y", "enter", "e", "enter", "s")
			p.changed("a yes before its Enter")
			p.keys("backspace", "backspace", "backspace", "n", "o", "enter")
			if s := p.screen(); !strings.Contains(s, menu.NotChanged) {
				t.Fatalf("a no is not confirmed:\n%s", s)
			}
			p.changed("a no")
			p.keys("enter")
			answers()
			p.answer("YES")
			if got := strings.Join(p.world.Changes(), " "); !strings.Contains(got, w.does) {
				t.Errorf("%q, not %q\n%s", got, w.does, p.screen())
			}
		})
	}
}

// joined is a screen as one line of words.
func joined(screen string) string { return strings.Join(strings.Fields(screen), " ") }

// Every entry that changes something is walked, and no such form has an answer that Enter takes.
func TestNoFormThatChangesSomethingHasADefault(t *testing.T) {
	eachEntry(t, func(t *testing.T, role menu.Role, e menu.Entry) {
		walked := slices.ContainsFunc(walks, func(w struct {
			role                menu.Role
			answers, says, does string
		},
		) bool {
			key, _, _ := strings.Cut(w.answers, "|")
			return w.role == role && key == e.Key
		})
		if walked != (e.Plan != nil) {
			t.Errorf("%s is walked: %v; it changes something: %v", e.Title, walked, e.Plan != nil)
		}
		for _, f := range e.Fields {
			if e.Plan != nil && f.Default != "" && !f.Path {
				t.Errorf("%s: Enter takes %q for %s", e.Title, f.Default, f.Ask)
			}
		}
	})
}

func TestTheLiveViewAsksBeforeItActs(t *testing.T) {
	for key, want := range map[string]struct{ says, does string }{
		"c": {"Cancel transfer 12 (ubuntu.iso) to lab: 2 devices that still lack it will not get it.", "CancelTransfer[12]"},
		"p": {"Pause transfer 12 (ubuntu.iso) to lab: nothing more of it is sent", "PauseTransfer[12]"},
	} {
		p := newTypist(t, menu.Administrator)
		p.answer("8")
		p.burst(key, "y", "e", "s", "enter") // all at once: the question was not there yet
		p.changed("keys typed ahead of the question")
		if s := joined(p.screen()); !strings.Contains(s, want.says) || !strings.Contains(s, "are ignored") {
			t.Errorf("the question, and what became of the keys:\n%s", p.screen())
		}
		p.keys("enter", "y", "enter")
		p.changed("y and Enter")
		p.keys("esc", key)
		p.answer("yes")
		for end := time.Now().Add(10 * time.Second); len(p.world.Changes()) == 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if got := strings.Join(p.world.Changes(), " "); got != want.does {
			t.Errorf("%q, not %q", got, want.does)
		}
	}
}
