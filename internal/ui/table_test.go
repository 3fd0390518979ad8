package ui

import (
	"strings"
	"testing"
)

func TestTablesFitTheTerminal(t *testing.T) {
	rows := [][]string{
		{"alice", "pc-03", "ready", "reached over multicast and nothing else is worth a word"},
		{"bob", "laptop", "away", ""},
	}
	for _, c := range []struct {
		name  string
		width int
		want  string
	}{
		{"no terminal", 0, `
USER   DEVICE  STANDS  WHY
alice  pc-03   ready   reached over multicast and nothing else is worth a word
bob    laptop  away`},
		{"it fits", 78, `
USER   DEVICE  STANDS  WHY
alice  pc-03   ready   reached over multicast and nothing else is worth a word
bob    laptop  away`},
		{"the longest column is broken between words", 50, `
USER   DEVICE  STANDS  WHY
alice  pc-03   ready   reached over multicast and
                       nothing else is worth a
                       word
bob    laptop  away`},
		{"row by row", 32, `
USER    alice
DEVICE  pc-03
STANDS  ready
WHY     reached over multicast
        and nothing else is
        worth a word

USER    bob
DEVICE  laptop
STANDS  away`},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := TableIn(c.width, "USER|DEVICE|STANDS|WHY", rows)
			for i, line := range lines {
				lines[i] = strings.TrimRight(line, " ")
			}
			if got := "\n" + strings.Join(lines, "\n"); got != c.want {
				t.Errorf("%s", got)
			}
		})
	}
}

// No width breaks a word, makes a line wider than it must be, or lets a name steer the terminal.
func FuzzTableIn(f *testing.F) {
	f.Add(20, "a b c", "long-name-without-spaces")
	f.Add(1, "", "\x1b[31m x")
	f.Add(80, "é文 x", "y\nz")
	f.Fuzz(func(t *testing.T, width int, a, b string) {
		width %= 200
		lines := TableIn(width, "ONE|TWO", [][]string{{a, b}})
		all := strings.Join(lines, "\n")
		for _, word := range strings.Fields(Name(a) + " " + Name(b)) {
			if !strings.Contains(all, word) {
				t.Fatalf("%q is not whole in %q", word, all)
			}
		}
		for _, line := range lines {
			if strings.ContainsFunc(line, func(r rune) bool { return r != '\n' && Hides(r) }) {
				t.Fatalf("%q", line)
			}
		}
	})
}
