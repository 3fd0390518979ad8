package menu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu/menutest"
)

// offered are the choices of a question in lines.
func offered(t *testing.T, f Field, a Answers) string {
	t.Helper()
	c, err := f.Prepare(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if c.Skip {
		return "skipped"
	}
	out := make([]string, len(c.Options))
	for i, o := range c.Options {
		out[i] = strings.TrimSpace(o.Value + ": " + o.Note)
	}
	return strings.Join(out, "|")
}

func TestWhatThereIsToChooseFrom(t *testing.T) {
	m, lab := own(menutest.New(t)), Answers{"group": "lab"}
	for name, c := range map[string]struct {
		field   Field
		answers Answers
		want    string
	}{
		"groups": {
			m.groupField(), nil,
			"lab: 3 members, 2 active, 4 deliveries pending|exam: 3 members, 2 active, 3 deliveries pending|" +
				"open: 0 members, 0 active",
		},
		"users":    {m.userField(true), nil, "ada: admin|alice: member|bob: member|carol: member"},
		"members":  {m.memberField(), lab, "alice: 1 device, 1 active|bob: 1 device, 1 active|carol: 1 device, 0 active"},
		"requests": {m.requestField(), nil, "dave to lab: PC 12|alice/pc-b to exam: a new device of a member"},
		"machines": {m.loginField(), Answers{"user": "alice"}, "pc-a: active · room=2"},
		"transfers": {m.transferField(), nil, "12: ubuntu.iso for lab: sending · 1 verified · 2 to come|" +
			"13: exam.zip for exam: held · 3 to come|11: course for lab: needs you · 2 verified · 1 failed"},
		"what to do with one that is sent": {
			m.actionField(),
			Answers{"transfer": "12"},
			"cancel: who lacks it will not get it; what is delivered stays|" +
				"pause: nothing more is sent until it is resumed; receivers keep what they have|" +
				"max rate: how fast it may be sent, from now on|" +
				"catch up now: one receiver gets it over HTTPS at once, not by multicast|" +
				"later: one receiver is left out for now; it still gets it, later|" +
				"drop: one receiver does not get it any more",
		},
		"what to do with one that failed": {
			m.actionField(),
			Answers{"transfer": "11"},
			"retry: again to those who lack some of it, failed, refused, or from whom it was taken back",
		},
		"no receiver for a whole transfer": {m.deviceField(), Answers{"transfer": "12", "action": "cancel"}, "skipped"},
		"who can catch up": {
			m.deviceField(),
			Answers{"transfer": "12", "action": "catch up now"},
			"bob/pc-b: 0 %  receiving  multicast, loss 0.0 %",
		},
		"who can be dropped": {
			m.deviceField(),
			Answers{"transfer": "12", "action": "drop"},
			"bob/pc-b: 0 %  receiving  multicast, loss 0.0 %|carol/pc-c: 0 %  off",
		},
		"no password for who has an account": {m.passwordField(), Answers{"user": "alice"}, "skipped"},
		"a password for who is new":          {m.passwordField(), Answers{"user": "dora"}, ""},
		"a decision": {
			decisionField(), nil,
			"approve: the client becomes a member, or its new device is let in|" +
				"deny: the client, or the new device, is turned down",
		},
		"yes or no": {yesOrNo("x", "X?", ""), nil, "yes:|no:"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := offered(t, c.field, c.answers); got != c.want {
				t.Errorf("%s\nnot\n%s", got, c.want)
			}
		})
	}
}

// Which questions about accounts and records are asked for what.
func TestQuestionsThatDoNotArise(t *testing.T) {
	m := own(menutest.New(t))
	for _, e := range []Entry{m.accountEntry(), m.recordEntry()} {
		for _, o := range strings.Split(offered(t, e.Fields[0], nil), "|") {
			what, _, _ := strings.Cut(o, ":")
			a := Answers{"what": what, "user": "alice", "transfer": "12"}
			asked := []string{what}
			for _, f := range e.Fields[1:] {
				if f.Prepare == nil {
					t.Fatalf("%s is always asked", f.Ask)
				}
				if c, err := f.Prepare(t.Context(), a); err != nil {
					t.Errorf("%s: %v", f.Ask, err)
				} else if !c.Skip {
					asked = append(asked, f.Key)
				}
			}
			want := map[string]string{
				"list": "list", "make": "make newcomer role password", "change role": "change role user role",
				"new password": "new password user password", "disable": "disable user", "enable": "enable user",
				"logins": "logins user", "end a login": "end a login user device", "delete": "delete user",
				"new devices": "new devices group approve", "label": "label user device labels",
				"audit":        "audit actor action",
				"export audit": "export audit actor action file", "keys": "keys transfer", "proof": "proof transfer proof",
				"bytes saved": "bytes saved", "memberships": "memberships", "missing": "missing transfer",
			}[what]
			if got := strings.Join(asked, " "); got != want {
				t.Errorf("%q is asked, not %q", got, want)
			}
		}
	}
}

func TestWhereThereIsNothingToChoose(t *testing.T) {
	w := menutest.New(t)
	m := own(w)
	for _, no := range []int{11, 12, 13} {
		w.Put(groupcast.Transfer{No: transferNo(no), Group: "x", State: groupcast.TransferDone}, []groupcast.Delivery{})
	}
	c, err := m.actionField().Prepare(t.Context(), Answers{"transfer": "12"})
	if err != nil || len(c.Options) > 0 || c.Empty != "Nothing can be done to it any more." {
		t.Errorf("%v, %+v", err, c)
	}
	has(t, answer(t, m, "t", "12", "cancel"), "Nothing can be done to it any more.")
	if _, err := m.answered(t.Context(), Answers{"transfer": "twelve"}); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("%v", err)
	}
	// What can no longer be done is said when it is about to be.
	_, err = m.planChange(t.Context(), Answers{"transfer": "12", "action": "drop", "device": "nobody"})
	if groupcast.ErrorCode(err) != groupcast.EConflict || !strings.Contains(err.Error(), "any more") {
		t.Errorf("%v", err)
	}
}

func TestAMachineThatIsGoneIsSaid(t *testing.T) {
	_, err := endLogin(t.Context(), own(menutest.New(t)), Answers{"user": "alice", "device": "pc-z"})
	if groupcast.ErrorCode(err) != groupcast.ENotFound || !strings.Contains(err.Error(), "no machine pc-z any more") {
		t.Errorf("%v", err)
	}
}

func TestWhatCannotBeSentIsAskedFor(t *testing.T) {
	w, dir := menutest.New(t), t.TempDir()
	var bad []groupcast.LeftOut
	for i := range 2500 { // more than one piece
		bad = append(bad, groupcast.LeftOut{Path: fmt.Sprintf("tree/%d", i), Why: groupcast.WhyPipe})
	}
	bad = append(bad, groupcast.LeftOut{Path: "tree/x.tmp", Why: groupcast.WhyExcluded})
	w.Spoil(bad...)
	m := own(w)
	out := answer(t, m, "6", "lab", dir, "*.tmp", "yes", "yes", "yes")
	has(t, out, "2500 entries: tree/0: a named pipe, not a file; ", "and 2495 more",
		"What cannot be sent is left out, too.",
		"2501 entries left out.", "   tree/0: a named pipe")
	lacks(t, out, "x.tmp")
	has(t, strings.Join(w.Changes(), " "), "AddTransfer[{lab", "true")
	w.Spoil(groupcast.LeftOut{Path: "tree/x.tmp", Why: groupcast.WhyExcluded})
	lacks(t, answer(t, m, "6", "lab", dir, "*.tmp", "yes", "yes"), "cannot be sent")
}

func TestPathsOfAHomeFolder(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	if err := os.WriteFile(filepath.Join(home, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := expand("~/notes.txt"); got != filepath.Join(home, "notes.txt") {
		t.Errorf("%q", got)
	}
	if got := expand("/a/~/b"); got != "/a/~/b" {
		t.Errorf("%q", got)
	}
	if got := Paths("~/no"); len(got) != 1 || got[0].Value != filepath.Join(home, "notes.txt") {
		t.Errorf("%v", got)
	}
	if err := isThere("~/notes.txt"); err != nil {
		t.Error(err)
	}
	var e *groupcast.Error
	if err := isThere("~/nobody"); !errors.As(err, &e) || e.Hint != "check the spelling" {
		t.Errorf("%v", err)
	}
	if err := isNew("~/notes.txt"); !errors.As(err, &e) || e.Hint != "give another name" {
		t.Errorf("%v", err)
	}
	if err := isNew("~/new.txt"); err != nil {
		t.Error(err)
	}
}

// failing is an input whose server fails once the last line is read: at the yes.
type failing struct {
	lines []string
	world *menutest.World
}

func (f *failing) Read(p []byte) (int, error) {
	if len(f.lines) == 1 {
		f.world.Fail(groupcast.Errorf(groupcast.EForbidden, "no longer an administrator").WithHint("log in"))
	}
	if len(f.lines) == 0 {
		return 0, errEnd
	}
	n := copy(p, f.lines[0]+"\n")
	f.lines = f.lines[1:]
	return n, nil
}

var errEnd = errors.New("the end")

// What fails is never said to be done.
func TestWhatFailsIsNotSaidToBeDone(t *testing.T) {
	for in, done := range map[string]string{
		"1|new|||yes|yes": "is there, at", "2|lab|yes": "is deleted", "3|lab|bob|yes": "is a member of",
		"4|lab|bob|yes": "no longer a member", "10|1|approve|yes": "is a member of", "10|1|deny|yes": "was turned down",
		"t|12|cancel|yes": "is cancelled", "t|12|pause|yes": "is paused", "t|12|max rate|20M|yes": "goes at",
		"a|label|alice|pc-a|room=2|yes": "has now", "t|12|drop|carol/pc-c|yes": "not owed any more",
		"a|make|dora|admin|words|yes": "is made", "a|change role|alice|admin|yes": "is admin now",
		"a|new password|alice|words|yes": "has a new password.", "a|disable|alice|yes": "is disabled",
		"a|end a login|alice|pc-a|yes": "has ended", "a|delete|alice|yes": "is deleted",
		"a|new devices|lab|yes|yes": "gets nothing until", "7|exam|yes": "verified", "s|2|open|please|yes": "Asked to join",
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			w := menutest.New(t)
			var out strings.Builder
			err := Prompts(t.Context(), own(w), &failing{lines: strings.Split(in, "|"), world: w}, &out, nil)
			if !errors.Is(err, errEnd) {
				t.Errorf("%v", err)
			}
			has(t, out.String(), "That did not work: no longer an administrator", "Next: log in")
			lacks(t, out.String(), done)
		})
	}
}
