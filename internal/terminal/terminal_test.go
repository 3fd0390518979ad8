package terminal

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

func TestTablesAndLists(t *testing.T) {
	var out bytes.Buffer
	s := &Streams{Out: &out}
	row := func(s string) []string { return []string{s, "x"} }
	if err := List(s, []string{"one\x1b", "two"}, "none", "A|B", row); err != nil {
		t.Fatal(err)
	}
	if want := "A          B\none\\u{1b}  x\ntwo        x\n"; out.String() != want {
		t.Errorf("got %q", out.String())
	}
	out.Reset()
	if err := List(s, nil, "none", "A|B", row); err != nil || out.String() != "none\n" {
		t.Errorf("empty: %q, %v", out.String(), err)
	}
	out.Reset()
	s.JSON = true
	if err := List(s, nil, "none", "A|B", row); err != nil || out.String() != "[]\n" {
		t.Errorf("an empty list in JSON: %q, %v", out.String(), err)
	}
}

// JSON is printed to terminals too: what hides is escaped there as JSON does it.
func TestJSONHidesNothing(t *testing.T) {
	in := []string{"a\x1b[1m", "b\u009b1m", "c\u202ed", "e\U000e0041f", "g\x7f", "häh 文"}
	var out bytes.Buffer
	if err := (&Streams{Out: &out}).PrintJSON(in); err != nil {
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

// On a terminal progress is redrawn in place and never wraps; anywhere else it is a line now
// and then.
func TestDisplay(t *testing.T) {
	var out bytes.Buffer
	live := &Display{out: &out, live: true}
	live.Draw("plain", []string{strings.Repeat("x", 200), "second"})
	live.Draw("plain", []string{"first"})
	live.Done()
	for _, want := range []string{"\x1b[2A", strings.Repeat("x", 78) + "…", "\x1b[J"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, out.String())
		}
	}
	out.Reset()
	plain := &Display{out: &out}
	plain.Line("one")
	plain.Line("two")
	if out.String() != "one\n" {
		t.Errorf("plain: %q", out.String())
	}
	out.Reset()
	(&Display{out: &out, mute: true}).Line("one")
	if out.Len() > 0 {
		t.Errorf("mute: %q", out.String())
	}
}

func TestReadLineLeavesTheNextSecret(t *testing.T) {
	in := strings.NewReader("old secret\r\nnew secret")
	s := &Streams{In: in}
	for _, want := range []groupcast.Password{"old secret", "new secret"} {
		if got, err := s.Password(true, ""); err != nil || got != want {
			t.Fatalf("%q, %v", string(got), err)
		}
	}
	if _, err := s.Password(true, ""); err == nil {
		t.Error("nothing is no password")
	}
	long := &Streams{In: strings.NewReader(strings.Repeat("x", 2*maxSecretLine))}
	if got, err := long.Password(true, ""); len(got) > maxSecretLine || err != nil && len(got) == 0 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
