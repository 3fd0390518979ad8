package menu

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu/menutest"
)

// own is a menu of both roles in front of a server for tests.
func own(w *menutest.World) *Menu {
	return &Menu{Admin: w.Client, Member: w.Client, Dir: "/srv/lab", Whose: map[Role]string{
		Administrator: "this machine", Receiver: "alice",
	}}
}

// answer gives the menu lines as a script does, and what it says.
func answer(t *testing.T, m *Menu, lines ...string) string {
	t.Helper()
	var out strings.Builder
	if err := Prompts(t.Context(), m, strings.NewReader(strings.Join(lines, "\n")+"\n"), &out, nil); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in\n%s", p, text)
		}
	}
}

func lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(text, p) {
			t.Errorf("%q in\n%s", p, text)
		}
	}
}

// entries are answers, parted by |, what is said then, and what is asked of the server. FILE is a file
// that is there.
var entries = []struct{ in, says, does string }{
	{
		"1|new|a room|239.1.1.1|no|yes", "Create group new, at 239.1.1.1.|Only administrators see it|Group text",
		"CreateGroup",
	},
	{"1|new|||yes|yes", "the server picks|Everybody with an account sees it|Warning: text", "CreateGroup"},
	{"2|lab|yes", "Its transfers are cancelled: 4 deliveries will not be made.|Group lab is deleted.", "DeleteGroup[lab]"},
	{"2|open|yes", "Delete group open, which has 0 members.|Group open is deleted.", "DeleteGroup[open]"},
	{"3|lab|bob|yes", "Add bob to lab|is a member of", "AddMember[lab bob]"},
	{
		"3|lab|dora|her words|yes", "Make the account dora, with the password|The account text|is a member",
		"AddUser AddMember",
	},
	{"4|lab|bob|yes", "Remove bob from lab|bob is no longer a member of lab.", "RemoveMember[lab bob]"},
	{"5", "GROUP  ADDRESS|lab    |room 2", ""},
	{
		"6|lab|FILE||no|yes",
		"It is sent at once.|2 ready, 1 without the space.|carol/pc-c: needs 4 B; 1 B are free: free 3 B there|" +
			"at least 1m30s at 8 Mbit/s, the limit of this server|replaces transfer 7 (one.txt)|Transfer 14: one.txt, 1 file (4 B) for lab.|the devices that are here",
		"AddTransfer",
	},
	{"6|lab|FILE|*.o|yes|yes", "Left out: what matches *.o.|It is held until `Send pending`.", "AddTransfer"},
	{"6|lab|/no/such/file", "no such file or folder: /no/such/file|check the spelling", ""},
	{"6|lab|FILE|[a-", "That did not work", ""},
	{"9", "dave        never  PC 12|alice/pc-b  never  a new device", ""},
	{"10|1|approve|yes", "Approve dave for lab", "Approve[lab dave]"},
	{"10|2|approve|yes", "gets what members of text", "Approve[exam alice/pc-b]"},
	{"10|1|deny|yes", "Turn down dave for lab: they|was turned down for", "Deny[lab dave]"},
	{"10|2|deny|yes", "this device gets nothing", "Deny[exam alice/pc-b]"},
	{"11|alice", "GROUP|text", ""},
	{"12", "Asking every receiver|USER|ROUND TRIP", ""},
	{"13|lab", "MEMBER|carol   1        0", ""},
	{"a|list", "LOGIN ID|carol     member  disabled|ada       admin   enabled", ""},
	{"a|make|dora|admin|her words|yes", "Make the account dora with the role admin.|is made (text", "AddUser[{dora"},
	{"a|change role|alice|admin|yes", "Give alice the role admin.", "UpdateUser[alice"},
	{"a|new password|alice|other words|yes", "has a new password.", "UpdateUser[alice"},
	{"a|disable|alice|yes", "nothing more is sent to this account.", "UpdateUser[alice"},
	{"a|enable|carol|yes", "is enabled again.", "UpdateUser[carol"},
	{"a|logins|alice", "MACHINE|pc-a     active  room=2  linux", ""},
	{
		"a|label|alice|pc-a|room=big hall kind- seat=3|yes",
		"room is set to “big hall”, seat is set to “3”, kind is removed.|pc-a of alice has now: room=big hall seat=3",
		"LabelDevices[ big hall",
	},
	{"a|label|alice|pc-a|room", "room is neither KEY=VALUE nor KEY-", ""},
	{"a|label|alice|pc-a|fact.os=x", "is kept for what devices report", ""},
	{"a|end a login|alice|pc-a|yes", "The login of alice on pc-a has ended.", "RevokeDevice["},
	{"a|delete|alice|yes", "The account alice is deleted.", "DeleteUser[alice]"},
	{"a|new devices|lab|yes|yes", "gets nothing until you approve it.", "UpdateGroup[lab"},
	{"a|new devices|lab|no|yes", "gets what members get, at once.", "UpdateGroup[lab"},
	{"r|audit||", "AT|WHO|DID", ""},
	{"r|keys|12", "SESSION|HANDED OUT", ""},
	{"r|bytes saved", "last 24 hours|in all", ""},
	{"r|memberships", "GROUP|lab    carol|open   alice", ""},
	{
		"t|12|cancel|yes",
		"Cancel transfer 12 (ubuntu.iso) to lab: 2 devices|1 device has it and keeps it.|Transfer 12 is cancelled.",
		"CancelTransfer[12]",
	},
	{
		"t|13|send now|yes", "3 devices that still lack it get it as soon as they are here.|Transfer 13 is sent now.",
		"SendTransfer[13]",
	},
	{"t|11|retry|yes", "Send transfer 11 (course) to lab again|Transfer 11 is sent again", "RetryTransfer[11]"},
	{"t|12|pause|yes", "nothing more of it is sent until somebody|Transfer 12 is paused.", "PauseTransfer[12]"},
	{
		"t|12|max rate|20M|yes",
		"Limit the rate of transfer 12 (ubuntu.iso) to lab: 20 Mbit/s at most, from now on|" +
			"Transfer 12 goes at 20 Mbit/s at most from now on.",
		"ChangeTransfer[12",
	},
	{"t|12|max rate|auto|yes", "as fast as the network|12 has no limit of its own any more.", "ChangeTransfer[12"},
	{"t|12|max rate|fast", "not a rate|from 8K to 1000G", ""},
	{"t|12|catch up now|bob/pc-b|yes", "over HTTPS at once|bob/pc-b: text", "ActOnDelivery[12"},
	{"t|12|later|bob/pc-b|yes", "Leave bob/pc-b out|bob/pc-b: text", "ActOnDelivery[12"},
	{"t|12|drop|carol/pc-c|yes", "it will not get what it still lacks.|it is not owed any more", "ActOnDelivery[12"},
	{"t|99", "none of the choices", ""},
	{"s|1", "groupcast: Receiver, alice|GROUP  STATE   SINCE|for everybody", ""},
	{"s|2|open|please|yes", "Ask to join open|Asked to join", "Join[open please]"},
	{"s|3", "lab    member", ""},
}

// What each entry says when it is through, and what it asked of the server.
func TestEveryEntry(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one.txt")
	if err := os.WriteFile(file, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range entries {
		t.Run(c.in, func(t *testing.T) {
			t.Parallel()
			w := menutest.New(t)
			out := answer(t, own(w), strings.Split(strings.ReplaceAll(c.in, "FILE", file), "|")...)
			has(t, out, strings.Split(c.says, "|")...)
			got := strings.Join(w.Changes(), " ")
			if c.does == "" && got != "" {
				t.Errorf("it changed %s", got)
			}
			has(t, got, strings.Fields(c.does)...)
			lacks(t, out, "her words", "other words")
		})
	}
}

// Without the last answer, or with another one, nothing is changed.
func TestNothingIsDoneWithoutYes(t *testing.T) {
	for _, in := range []string{
		"1|new|||yes", "2|lab", "3|lab|bob", "4|lab|bob", "7|exam", "10|1|approve", "t|12|cancel", "a|delete|alice",
		"a|make|dora|admin|words", "s|2|open|please", "t|12|pause", "t|12|max rate|20M",
		"a|label|alice|pc-a|room=2",
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			w := menutest.New(t)
			for _, last := range []string{"", "no", "y", "yess", "1", "ye s", "yes, please"} {
				out := answer(t, own(w), append(strings.Split(in, "|"), last)...)
				has(t, out, AskYes, NotChanged)
				if got := w.Changes(); len(got) > 0 {
					t.Errorf("%q changed %q", last, got)
				}
			}
			has(t, answer(t, own(w), strings.Split(in, "|")...), AskYes) // the input ends at the question
			if got := w.Changes(); len(got) > 0 {
				t.Errorf("the end of the input changed %q", got)
			}
		})
	}
}

// A form that changes something has no answer that an empty line takes.
func TestEmptyAnswersAreNone(t *testing.T) {
	m := nobody()
	for _, role := range m.Roles() {
		for _, e := range m.Entries(role) {
			if e.Plan == nil {
				continue
			}
			for _, f := range e.Fields {
				if f.Closed || !f.Optional && !f.Path {
					if got, err := f.Settle("", []Option{{Value: "first"}, {Value: "second"}}); err == nil {
						t.Errorf("%s: %s takes an empty line as %q", e.Title, f.Ask, got)
					}
				}
			}
		}
	}
}

// The numbers of the first version keep their meaning; what is newer has a letter.
func TestNumbersKeepTheirMeaning(t *testing.T) {
	m := nobody()
	for role, want := range map[Role]string{
		Administrator: "1 Create group, 2 Delete group, 3 Add client to group, 4 Remove client from group, 5 List groups, " +
			"6 Add file to pending, 7 Send pending, 8 Pending status, 9 View join requests, 10 Approve or deny a request, " +
			"11 View a client's groups, 12 Check active receivers, 13 View members of a group, 14 Exit",
		Receiver: "1 List available groups, 2 Join a group, 3 My groups, 4 Receive, 5 Exit",
	} {
		var numbers []string
		entries := m.Entries(role)
		for _, e := range entries {
			if strings.Trim(e.Key, "0123456789") == "" {
				numbers = append(numbers, e.Key+" "+e.Title)
			} else if len(e.Key) != 1 || slices.Contains([]string{"j", "k", "q"}, e.Key) {
				t.Errorf("%q is no letter for an entry", e.Key)
			}
			if i := Find(entries, strings.ToUpper(e.Key)); i < 0 || entries[i].Title != e.Title {
				t.Errorf("%s is found at %d", e.Key, i)
			}
		}
		if got := strings.Join(numbers, ", "); got != want {
			t.Errorf("%s:\n%s, not\n%s", role, got, want)
		}
	}
	one := &Menu{Admin: nobody().Admin}
	if entries := one.Entries(Administrator); Find(entries, "s") >= 0 || Keys(entries) != "1 to 14, t, a, r" {
		t.Errorf("who has one role cannot switch: %s", Keys(entries))
	}
	entries := one.Entries(Administrator)
	for text, want := range map[string]int{
		"1": 0, "01": 0, "14": 13, "0": -1, "15": -1, "": -1, "-1": -1, "1 ": -1,
		"tt": -1,
	} {
		t.Run(text, func(t *testing.T) {
			if got := Find(entries, text); got != want {
				t.Errorf("%q is found at %d, not %d", text, got, want)
			}
		})
	}
}

func TestAnswersAsAFormRepeatsThem(t *testing.T) {
	for want, f := range map[string]Field{
		"Client: al\\u{1b}ice": {Key: "name", Ask: "Client (login ID)"},
		"Password: ••••":       {Key: "name", Ask: "Password", Secret: true},
		"Text: (none)":         {Key: "text", Ask: "Text"},
		"Hold it? al\\u{1b}ice": {
			Key: "name", Ask: "Hold it?",
		},
	} {
		t.Run(want, func(t *testing.T) {
			if got := f.Answered(Answers{"name": "al\x1bice"}); got != want {
				t.Errorf("%q, not %q", got, want)
			}
		})
	}
}

func TestErrorsInWords(t *testing.T) {
	bad := groupcast.Errorf(groupcast.EInvalid, "a bad\x1b name").WithHint("take another")
	for _, c := range []struct {
		err         error
		want, short string
	}{
		{bad, `That did not work: a bad\u{1b} name|Next: take another`, `a bad\u{1b} name; Next: take another`},
		{groupcast.Errorf(groupcast.EInvalid, "no"), "That did not work: no", "no"},
		{os.ErrNotExist, "That did not work: file does not exist", "file does not exist"},
		{context.Canceled, "Stopped.", "Stopped."},
		{NothingToDo("Nobody is waiting."), "Nobody is waiting.", "Nobody is waiting."},
	} {
		t.Run(c.want, func(t *testing.T) {
			if got := strings.Join(InWords(c.err), "|"); got != c.want {
				t.Errorf("%q, not %q", got, c.want)
			}
			if got := Reason(c.err); got != c.short {
				t.Errorf("in one line %q, not %q", got, c.short)
			}
		})
	}
}

func TestWhatIsMeantByAnAnswer(t *testing.T) {
	rooms := []Option{{Value: "lab-1"}, {Value: "lab-2"}, {Value: "exam"}, {Value: "1"}}
	numbers := []Option{{Value: "12"}, {Value: "3"}, {Value: "1"}}
	for _, c := range []struct {
		field   Field
		options []Option
		text    string
		want    int
	}{
		{Field{Closed: true}, rooms, "1", 3}, // a name comes before a number
		{Field{Closed: true}, rooms, "2", 1},
		{Field{Closed: true}, rooms, " 3 ", 2},
		{Field{Closed: true}, rooms, "lab", -1}, // two begin so
		{Field{Closed: true}, rooms, "EX", 2},
		{Field{Closed: true}, rooms, "-2", 1},
		{Field{Closed: true}, rooms, "", -1},
		{Field{Closed: true}, rooms, "0", -1},
		{Field{Closed: true}, rooms, "5", -1},
		{Field{}, rooms, "ex", -1}, // it may be a new name
		{Field{}, rooms, "3", 2},
		{Field{Closed: true, OwnNames: true}, numbers, "3", 1},
		{Field{Closed: true, OwnNames: true}, numbers, "2", 0}, // a part of 12 alone
		{Field{Closed: true, OwnNames: true}, numbers, "4", -1},
		{Field{Path: true}, rooms, "2", -1}, // a file may be called so
		{Field{Secret: true}, rooms, "2", -1},
	} {
		t.Run(fmt.Sprint(c.text, " ", c.want), func(t *testing.T) {
			if got := c.field.Meant(c.text, c.options); got != c.want {
				t.Errorf("%q of %+v: %d, not %d", c.text, c.field, got, c.want)
			}
		})
	}
	if _, err := (Field{Closed: true}).Settle("lab", rooms); err == nil || !strings.Contains(err.Error(), "any of 2") {
		t.Errorf("what two choices begin with: %v", err)
	}
}
