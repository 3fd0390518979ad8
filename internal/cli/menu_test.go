package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/daemon"
)

// site is a server on loopback and the homes of two machines.
type site struct {
	t             *testing.T
	root, program string
	url, print    string
}

// newSite starts a server whose menus can be driven through a real terminal.
func newSite(t *testing.T) *site {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the menu's test must run in CI, and tmux is not installed: apt-get install -y tmux")
		}
		t.Skip("no tmux: apt-get install -y tmux")
	}
	root, err := os.MkdirTemp("", "gcm") // short: a socket's path has 103 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	s := &site{t: t, root: root, program: filepath.Join(root, "groupcast")}
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, s.program) // TestMain is the program under this name
	}
	if err != nil {
		t.Fatal(err)
	}
	port, err := daemon.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	s.url = fmt.Sprintf("https://127.0.0.1:%d", port)
	serve := s.command("s", "serve", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--gather", "100ms")
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = serve.Process.Signal(os.Interrupt)
		_ = serve.Wait() // how a server ends is another test's matter
	})
	s.until("the server", func() (string, bool) {
		id, err := apiclient.FetchFingerprint(context.Background(), s.url)
		s.print = id.String()
		return fmt.Sprint(err), err == nil
	})
	return s
}

func (s *site) env(home string) []string {
	return []string{
		"GROUPCAST_HOME=" + filepath.Join(s.root, home), "HOME=" + filepath.Join(s.root, "u"), "NO_COLOR=1", "LC_ALL=C.UTF-8",
	}
}

func (s *site) command(home string, args ...string) *exec.Cmd {
	c := exec.Command(s.program, args...)
	c.Env, c.Dir = append(os.Environ(), s.env(home)...), s.root
	return c
}

func (s *site) until(what string, holds func() (string, bool)) {
	s.t.Helper()
	deadline := time.Now().Add(scriptPatience)
	for {
		seen, ok := holds()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %s; there is:\n%s", what, seen)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// tty is 80×24 of tmux with a program in it.
type tty struct {
	*site
	socket string
}

func (s *site) terminal(home string) *tty {
	s.t.Helper()
	return s.shows(home, s.program, "menu")
}

// shows runs a command on a terminal.
func (s *site) shows(home string, command ...string) *tty {
	s.t.Helper()
	x := &tty{s, filepath.Join(s.root, home+".tmux")}
	args := append([]string{
		"-S", x.socket, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "-c", s.root, "env",
	}, s.env(home)...)
	if out, err := exec.Command("tmux", append(args, command...)...).CombinedOutput(); err != nil {
		s.t.Fatalf("tmux: %v\n%s", err, out)
	}
	// it ends by itself after the last exit
	s.t.Cleanup(func() { _ = exec.Command("tmux", "-S", x.socket, "kill-server").Run() })
	return x
}

func (x *tty) screen() string {
	out, _ := exec.Command("tmux", "-S", x.socket, "capture-pane", "-p", "-e").Output() // gone after the exit
	return string(out)
}

// sees waits until every text is on the screen.
func (x *tty) sees(texts ...string) {
	x.t.Helper()
	x.until(strings.Join(texts, " and "), func() (string, bool) {
		now := plainText(x.screen())
		for _, text := range texts {
			if !strings.Contains(now, text) {
				return now, false
			}
		}
		return now, true
	})
}

// types presses keys, by tmux's names or as text, some time after what was seen, as people do: what comes
// quicker is not taken for an answer.
func (x *tty) types(keys ...string) {
	x.t.Helper()
	time.Sleep(150 * time.Millisecond)
	if out, err := exec.Command("tmux", append([]string{"-S", x.socket, "send-keys"}, keys...)...).
		CombinedOutput(); err != nil {
		x.t.Fatalf("send-keys %v: %v\n%s", keys, err, out)
	}
}

// row chooses a line of the menu by its number or letter.
func (x *tty) row(number, title string) {
	x.t.Helper()
	x.sees("a number or a letter, then Enter")
	x.types(number, "Enter")
	x.sees(title)
}

// answers fills a form: each question is waited for.
func (x *tty) answers(pairs ...string) {
	x.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		x.sees("› " + pairs[i])
		if pairs[i+1] != "" {
			x.types("-l", pairs[i+1])
		}
		x.types("Enter")
	}
}

// said waits for a page and goes back to the menu.
func (x *tty) said(texts ...string) {
	x.t.Helper()
	x.sees(append(texts, "back to the menu")...)
	x.types("Escape")
}

// plainText is a screen without what styles it.
func plainText(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != 0x1b {
			b.WriteByte(s[i])
			continue
		}
		for i < len(s) && s[i] != 'm' {
			i++
		}
	}
	return b.String()
}

// colour asks a terminal for another colour than its own.
var colour = regexp.MustCompile(`\x1b\[(\d+;)*(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]`)

// Every row of both menus, once, through a terminal of 80×24 without colour.
func TestMenusOnATerminal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, text := range map[string]string{
		"report.txt": "for all of you", "second.txt": "more", "third.txt": "never sent",
	} {
		if err := os.WriteFile(filepath.Join(s.root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	admin := s.terminal("s")
	admin.prepares()

	login := s.command("a", "login", s.url, "--user", "alice", "--trust", s.print, "--device", "pc-a", "--password-stdin")
	login.Stdin = strings.NewReader("correct horse battery\n")
	if out, err := login.CombinedOutput(); err != nil {
		t.Fatalf("login: %v\n%s", err, out)
	}
	receiver := s.terminal("a")
	receiver.asks()
	admin.decides()
	receiver.row("4", "Receive")
	receiver.answers("Folder for the files", "", "End after one transfer?", "")
	receiver.sees("connected to", "in group lab", "in group open2")
	admin.sends()
	receiver.sees("report.txt")
	admin.watches()
	receiver.sees("second.txt")
	got, err := os.ReadFile(filepath.Join(s.root, "u", "Groupcast", "lab", "report.txt"))
	if err != nil || string(got) != "for all of you" {
		t.Errorf("received %q, %v", got, err)
	}
	receiver.types("Escape")
	receiver.said("Receiving has ended")
	receiver.row("5", "")
	s.fromElsewhere()
	admin.turnsDown(s)
	admin.takesAway()
	s.until("the end of both menus", func() (string, bool) {
		return admin.screen() + receiver.screen(), admin.screen()+receiver.screen() == ""
	})
}

func (x *tty) prepares() {
	x.t.Helper()
	x.sees("Administrator", "1  Create group", "14  Exit")
	if colour.MatchString(x.screen()) {
		x.t.Errorf("colour in spite of NO_COLOR: %q", x.screen())
	}
	for _, group := range []string{"lab", "open2"} {
		x.row("1", "Create group")
		x.answers(
			"Name of the group",
			group,
			"Description",
			"",
			"Multicast address",
			"",
			"May receivers see it",
			"yes",
			"Type yes",
			"yes",
		)
		x.said("Group " + group + " is there")
	}
	x.row("3", "Add client to group")
	x.answers("Group", "lab", "Client (login ID)", "alice", "New client", "correct horse battery", "Type yes", "yes")
	x.said("The account alice is made", "alice is a member of lab")
	x.row("a", "Accounts")
	x.answers(
		"What to do",
		"make",
		"Login ID",
		"dora",
		"Role",
		"member",
		"New password",
		"yet another horse",
		"Type yes",
		"yes",
	)
	x.said("The account dora is made")
	x.row("r", "Records")
	x.answers("Which", "audit", "Only what this user did", "", "Only this kind", "user")
	x.said("user.add", "dora")
	x.row("5", "List groups")
	x.said("lab ", "open2 ", "MEMBERS")
	x.row("13", "View members")
	x.answers("Group", "lab")
	x.said("alice", "DEVICES")
}

func (x *tty) asks() {
	x.t.Helper()
	x.sees("Receiver", "alice at ", "5  Exit")
	x.row("1", "List available groups")
	x.said("lab", "open2", "member")
	x.row("2", "Join a group")
	x.answers("Group", "open2", "A word to the administrator", "second row", "Type yes", "yes")
	x.said("Asked to join open2")
	x.row("3", "My groups")
	x.said("open2", "asked")
}

func (x *tty) decides() {
	x.t.Helper()
	x.row("9", "View join requests")
	x.said("alice", "second row")
	x.row("10", "Approve or deny")
	x.answers("Request", "alice")
	x.types("Escape") // back to the request, and forward again
	x.answers("Request", "", "Approve or deny", "approve", "Type yes", "yes")
	x.said("alice is a member of open2 now")
	x.row("11", "View a client's groups")
	x.answers("Client", "alice")
	x.said("lab", "open2")
}

func (x *tty) sends() {
	x.t.Helper()
	x.row("12", "Check active receivers")
	x.said("pc-a", "active")
	x.row("6", "Add file to pending")
	x.answers("Group", "lab")
	x.sees("› File or folder")
	x.types("-l", "nowhere")
	x.types("Enter")
	x.sees("no such file or folder")
	x.types("C-u")
	x.types("-l", "rep")
	x.types("Tab")
	x.sees("report.txt")
	x.answers("File or folder", "", "Leave out", "", "Hold it", "yes", "Type yes", "yes")
	x.said("Transfer 1: report.txt", "held until")
	x.row("8", "Pending status")
	x.sees("report.txt for lab", "held", "held until it is sent", "pc-a", "c cancel")
	x.types("c")
	x.sees("Cancel transfer 1 (report.txt)", "Type yes to do it")
	x.types("Enter")
	x.sees("Nothing is done before")
	x.types("Escape")
	x.types("s")
	x.sees("Type yes to do it")
	x.types("-l", "yes")
	x.types("Enter")
	x.sees("Transfer 1 is sent now.", "everybody has it", "verified")
	x.types("Escape")
}

// watches sends what is pending and sees it through, live.
func (x *tty) watches() {
	x.t.Helper()
	x.row("7", "Send pending")
	x.answers("Group", "lab")
	x.said("Nothing is pending for lab")
	x.row("6", "Add file to pending")
	x.answers("Group", "lab", "File or folder", "second.txt", "Leave out", "", "Hold it", "yes", "Type yes", "yes")
	x.said("Transfer 2: second.txt", "held until")
	x.row("7", "Send pending")
	x.answers("Group", "lab", "Type yes", "yes")
	x.sees("Send pending: lab", "second.txt", "everybody has it", "pc-a", "verified", "1 closed")
	x.types("Escape")
	x.row("6", "Add file to pending")
	x.answers("Group", "lab", "File or folder", "third.txt", "Leave out", "", "Hold it", "yes", "Type yes", "yes")
	x.said("Transfer 3: third.txt")
	x.row("8", "Pending status")
	x.sees("›  3  third.txt")
	x.types("c")
	x.sees("Cancel transfer 3", "Type yes to do it")
	x.types("-l", "yes")
	x.types("Enter")
	x.sees("Transfer 3 is cancelled.", "r retry")
	x.types("Escape")
	x.row("6", "Add file to pending")
	x.answers("Group", "lab", "File or folder", "third.txt", "Leave out", "", "Hold it", "yes", "Type yes", "yes")
	x.said("Transfer 4: third.txt")
	x.sees("1 pending")
	x.row("t", "Transfer: pause, rate, cancel, retry, catch up")
	x.answers("Transfer", "4", "What to do", "cancel", "Type yes", "yes")
	x.sees("Transfer 4 is cancelled.")
	x.types("Escape")
	x.row("6", "Add file to pending")
	x.answers("Group", "lab", "File or folder", "third.txt", "Leave out", "", "Hold it", "yes", "Type yes", "yes")
	x.said("Transfer 5: third.txt")
	x.row("t", "Transfer: pause, rate, cancel, retry, catch up")
	x.answers("Transfer", "5", "What to do", "drop", "Receiver", "alice/pc-a", "Type yes", "yes")
	x.sees("alice/pc-a: it is not owed any more")
	x.types("Escape")
}

func (x *tty) takesAway() {
	x.t.Helper()
	x.row("4", "Remove client")
	x.answers("Group", "lab", "Client", "alice", "Type yes", "yes")
	x.said("alice is no longer a member of lab")
	x.row("2", "Delete group")
	x.answers("Group", "lab", "Type yes", "yes")
	x.said("Group lab is deleted")
	x.row("14", "")
}

// fromElsewhere is an administrator on another machine: what he adds is uploaded.
func (s *site) fromElsewhere() {
	s.t.Helper()
	for _, c := range []*exec.Cmd{
		s.command("s", "user", "add", "boss", "--role", "admin", "--password-stdin"),
		s.command("b", "login", s.url, "--user", "boss", "--trust", s.print, "--device", "desk", "--password-stdin"),
	} {
		c.Stdin = strings.NewReader("another horse battery\n")
		if out, err := c.CombinedOutput(); err != nil {
			s.t.Fatalf("%v: %v\n%s", c.Args, err, out)
		}
	}
	x := s.terminal("b")
	x.sees("Administrator, boss at ", "s  Switch to the receiver's menu", "0 of 2 receivers active")
	x.row("6", "Add file to pending")
	x.answers("Group", "lab", "File or folder", "third.txt", "Leave out", "", "Hold it", "yes", "Type yes", "yes")
	x.said("Transfer 6: third.txt, 1 file (10 B) for lab.")
	if b, err := os.ReadFile(filepath.Join(s.root, "b", "agent", "uploads.json")); err != nil ||
		strings.TrimSpace(string(b)) != "{}" {
		s.t.Errorf("an upload that is through is still remembered: %s, %v", b, err)
	}
	x.row("s", "Receiver, boss at")
	x.types("C-c")
	s.until("the end by Ctrl-C", func() (string, bool) { now := x.screen(); return now, now == "" })
}

// turnsDown denies a request, and sees above the menu that it waits and that it does not.
func (x *tty) turnsDown(s *site) {
	x.t.Helper()
	if out, err := s.command("b", "join", "lab").CombinedOutput(); err != nil {
		x.t.Fatalf("join: %v\n%s", err, out)
	}
	x.sees("1 join request waits")
	x.row("10", "Approve or deny")
	x.answers("Request", "boss", "Approve or deny", "deny", "Type yes", "yes")
	x.said("boss was turned down for lab")
	x.sees("0 join requests wait")
}
