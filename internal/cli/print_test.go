package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/ui"
)

// W2: nothing from outside moves the cursor, turns text around or hides in it.
func TestCleanShowsWhatHides(t *testing.T) {
	for in, want := range map[string]string{
		"plain näme 文":            "plain näme 文",
		"a\x1b[31mred":            `a\u{1b}[31mred`,
		"a\u009b31m":              `a\u{9b}31m`,
		"a\u202etxt.exe":          `a\u{202e}txt.exe`,
		"a\u2066b\u2069":          `a\u{2066}b\u{2069}`,
		"zero\u200bwidth":         `zero\u{200b}width`,
		"mark\ufeff":              `mark\u{feff}`,
		"soft\u00adhyphen":        `soft\u{ad}hyphen`,
		"tag\U000e0041":           `tag\u{e0041}`,
		"arabic\u061cmark":        `arabic\u{61c}mark`,
		"line\u2028separator":     `line\u{2028}separator`,
		"bad\xffbytes":            `bad\u{fffd}bytes`,
		"null\x00 bell\a del\x7f": `null\u{0} bell\u{7} del\u{7f}`,
		"kept\nlines":             "kept\nlines",
	} {
		if got := ui.Clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := ui.Name("two\nlines\tand\rmore"); strings.ContainsAny(got, "\n\t\r") {
		t.Errorf("name lets a line break through: %q", got)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a\x1b]0;title\a", "\u202e", "\xff\xfe", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range ui.Name(s) {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
				t.Fatalf("name(%q) holds %U", s, r)
			}
		}
	})
}

func TestTablesAndLists(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out}
	row := func(s string) []string { return []string{s, "x"} }
	if err := list(a, []string{"one\x1b", "two"}, "none", "A|B", row); err != nil {
		t.Fatal(err)
	}
	if want := "A          B\none\\u{1b}  x\ntwo        x\n"; out.String() != want {
		t.Errorf("got %q", out.String())
	}
	out.Reset()
	if err := list(a, nil, "none", "A|B", row); err != nil || out.String() != "none\n" {
		t.Errorf("empty: %q, %v", out.String(), err)
	}
	out.Reset()
	a.json = true
	if err := list(a, nil, "none", "A|B", row); err != nil || out.String() != "[]\n" {
		t.Errorf("an empty list in JSON: %q, %v", out.String(), err)
	}
}

// JSON is printed to terminals too: what hides is escaped there as JSON does it.
func TestJSONHidesNothing(t *testing.T) {
	in := []string{"a\x1b[1m", "b\u009b1m", "c\u202ed", "e\U000e0041f", "g\x7f", "häh 文"}
	var out bytes.Buffer
	if err := (&app{out: &out}).printJSON(in); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if r != '\n' && ui.Hides(r) {
			t.Errorf("%U in %q", r, out.String())
		}
	}
	var back []string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || !slices.Equal(back, in) {
		t.Errorf("it reads back as %q, %v", back, err)
	}
}

func TestExitCodes(t *testing.T) {
	hinted := groupcast.Errorf(groupcast.EConflict, "it is\x1b so").WithHint("do that")
	for _, c := range []struct {
		err  error
		code int
		says string
	}{
		{nil, exitDone, ""},
		{errOwed, exitOwed, ""},
		{usageError{errors.New("which?")}, exitUsage, "groupcast: which?\n"},
		{fmt.Errorf("outer: %w", hinted), exitError, "groupcast: it is\\u{1b} so\n     next: do that\n"},
		{errors.New("plain"), exitError, "groupcast: plain\n"},
		{context.Canceled, exitError, "groupcast: interrupted\n"},
	} {
		var errs bytes.Buffer
		if code := (&app{err: &errs}).exit(c.err); code != c.code || errs.String() != c.says {
			t.Errorf("%v: %d, %q", c.err, code, errs.String())
		}
	}
}

func TestSettled(t *testing.T) {
	owed := func(state groupcast.DeliveryState, active bool) ui.Snapshot {
		return ui.Snapshot{
			Transfer:   groupcast.Transfer{State: groupcast.TransferSending},
			Deliveries: []groupcast.Delivery{{State: state, Active: active}},
		}
	}
	for _, c := range []struct {
		s    ui.Snapshot
		want bool
	}{
		{owed(groupcast.DeliveryQueued, true), false},
		{owed(groupcast.DeliveryReceiving, true), false},
		{owed(groupcast.DeliveryRefused, true), true},
		{owed(groupcast.DeliveryQueued, false), true},
		{owed(groupcast.DeliveryVerified, true), true},
		{ui.Snapshot{
			Transfer: groupcast.Transfer{State: groupcast.TransferDone}, Deliveries: owed(groupcast.DeliveryQueued, true).
					Deliveries,
		}, true},
	} {
		if got := ui.Settled(c.s); got != c.want {
			t.Errorf("%+v: %v", c.s, got)
		}
	}
}

func TestOutcomeSaysWhoIsOwed(t *testing.T) {
	nobody := apiclient.Local(filepath.Join(t.TempDir(), "none"))
	for _, c := range []struct {
		state groupcast.TransferState
		owed  int
		lacks int
		want  int
	}{
		{groupcast.TransferDone, 0, 0, exitDone}, {groupcast.TransferSending, 0, 0, exitDone},
		{groupcast.TransferWaiting, 1, 0, exitOwed},
		{groupcast.TransferFailed, 0, 0, exitError}, {groupcast.TransferCancelled, 0, 0, exitError},
		{groupcast.TransferDone, 0, 1, exitOwed}, {groupcast.TransferWaiting, 1, 1, exitOwed},
	} {
		var out bytes.Buffer
		a := &app{out: &out, err: &out}
		s := ui.Snapshot{Transfer: groupcast.Transfer{
			No: 7, State: c.state, Verified: 1, Owed: c.owed, Incomplete: c.lacks, Bytes: 10, WireBytes: 12,
		}}
		if code := a.exit(a.outcome(t.Context(), nobody, s, time.Second)); code != c.want {
			t.Errorf("%s: exit code %d, want %d\n%s", c.state, code, c.want, out.String())
		}
	}
}

// A machine that hangs keeps its connection: watching it ends, as long as nothing moves.
func TestStillness(t *testing.T) {
	s := ui.Snapshot{
		Transfer:   groupcast.Transfer{State: groupcast.TransferSending},
		Deliveries: []groupcast.Delivery{{State: groupcast.DeliveryReceiving, Active: true, Blocks: 1}},
	}
	q := ui.Stillness{Since: time.Now().Add(-time.Hour)}
	if q.Longer(s) {
		t.Error("the first look is news")
	}
	q.Since = time.Now().Add(-2 * ui.Stall)
	if !q.Longer(s) {
		t.Error("nothing moved for long")
	}
	s.Deliveries[0].Blocks++
	if q.Longer(s) {
		t.Error("a block came")
	}
	q.Since = time.Now().Add(-2 * ui.Stall)
	s.Transfer.State = groupcast.TransferGathering
	if q.Longer(s) {
		t.Error("a gather window is no stillness")
	}
}

// On a terminal progress is redrawn in place and never wraps; anywhere else it is a line now
// and then.
func TestDisplay(t *testing.T) {
	var out bytes.Buffer
	live := &display{out: &out, live: true}
	live.draw("plain", []string{strings.Repeat("x", 200), "second"})
	live.draw("plain", []string{"first"})
	live.done()
	for _, want := range []string{"\x1b[2A", strings.Repeat("x", 78) + "…", "\x1b[J"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, out.String())
		}
	}
	out.Reset()
	plain := &display{out: &out}
	plain.line("one")
	plain.line("two")
	if out.String() != "one\n" {
		t.Errorf("plain: %q", out.String())
	}
	out.Reset()
	(&display{out: &out, mute: true}).line("one")
	if out.Len() > 0 {
		t.Errorf("mute: %q", out.String())
	}
}

// L2: a folder others may write to is refused unless they are said to be welcome.
func TestReceiveDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	receiveDir := func(dir string, shared bool) error {
		return receiveDir(t.Context(), agent.Config{Dir: dir, Ledger: l}, shared)
	}
	if err := receiveDir(dir, false); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := receiveDir(dir, false); groupcast.ErrorCode(err) != groupcast.EForbidden {
		t.Errorf("open to others: %v", err)
	}
	if err := receiveDir(dir, true); err != nil {
		t.Errorf("shared: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := receiveDir(file, false); err == nil {
		t.Error("a file is no folder")
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if err := l.KeepFolder(t.Context(), gone, spool.Identity{1}); err != nil {
		t.Fatal(err)
	}
	if err := receiveDir(gone, false); err != nil {
		t.Errorf("a folder that is away: %v", err)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("a folder that was used before was made anew")
	}
}

func TestReadLineLeavesTheNextSecret(t *testing.T) {
	in := strings.NewReader("old secret\r\nnew secret")
	a := &app{in: in}
	for _, want := range []groupcast.Password{"old secret", "new secret"} {
		if got, err := a.password(true, ""); err != nil || got != want {
			t.Fatalf("%q, %v", string(got), err)
		}
	}
	if _, err := a.password(true, ""); err == nil {
		t.Error("nothing is no password")
	}
	long := &app{in: strings.NewReader(strings.Repeat("x", 2*maxSecretLine))}
	if got, err := long.password(true, ""); len(got) > maxSecretLine || err != nil && len(got) == 0 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestTransferNo(t *testing.T) {
	if n, err := transferNo("17"); n != protocol.TransferNo(17) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{"", "-1", "x", "0x10", "99999999999999999999"} {
		if _, err := transferNo(bad); groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
