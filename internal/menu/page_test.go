package menu

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestAPageInLines(t *testing.T) {
	p := Page{Lines: []string{"said first"}, Head: "NAME|STATE", Rows: [][]string{{"a\x1b", "here"}, {"long name", ""}}}
	want := []string{"said first", "NAME       STATE", `a\u{1b}    here`, "long name  "}
	got := p.lines()
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := say("only", "words").lines(); !slices.Equal(got, []string{"only", "words"}) {
		t.Errorf("%q", got)
	}
	if len(p.Lines) != 1 {
		t.Error("the page itself is changed")
	}
}

func TestATableOrWhyThereIsNone(t *testing.T) {
	row := func(n int) []string { return []string{fmt.Sprint(n), strings.Repeat("x", n)} }
	p := table([]int{1, 2}, "none", "N|X", row)
	if p.Head != "N|X" || len(p.Rows) != 2 || p.Rows[1][1] != "xx" || p.Lines != nil {
		t.Errorf("%+v", p)
	}
	if p := table(nil, "There are none yet.", "N|X", row); p.Head != "" || p.Lines[0] != "There are none yet." {
		t.Errorf("%+v", p)
	}
}

func TestWhatBeginsSo(t *testing.T) {
	all := []Option{{Value: "lab-1"}, {Value: "Lab-2"}, {Value: "old-lab"}, {Value: "exam"}}
	for text, want := range map[string]string{
		"": "lab-1 Lab-2 old-lab exam", "lab": "lab-1 Lab-2", "LAB-": "lab-1 Lab-2", "old": "old-lab", "am": "exam",
		"-": "lab-1 Lab-2 old-lab", "z": "",
	} {
		t.Run(text, func(t *testing.T) {
			var got []string
			for _, o := range Matching(all, text) {
				got = append(got, o.Value)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%q: %q, not %q", text, got, want)
			}
		})
	}
}

func TestRoles(t *testing.T) {
	m := nobody()
	for want, d := range map[string]*Menu{
		"[Administrator Receiver]": m, "[Administrator]": {Admin: m.Admin}, "[Receiver]": {Member: m.Member}, "[]": {},
	} {
		t.Run(want, func(t *testing.T) {
			if got := fmt.Sprint(d.Roles()); got != want {
				t.Errorf("%s, not %s", got, want)
			}
		})
	}
	if Other(Receiver) != Administrator || Other(Administrator) != Receiver {
		t.Error("the other role")
	}
}

func TestWhatIsAYes(t *testing.T) {
	for text, want := range map[string]bool{
		"yes": true, " YES ": true, "Yes\n": true, "": false, "y": false, "no": false, "yes please": false, "ja": false,
	} {
		t.Run(text, func(t *testing.T) {
			if Yes(text) != want {
				t.Errorf("%q is %v", text, !want)
			}
		})
	}
}
