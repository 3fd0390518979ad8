// Package ui says what the server knows in words for a terminal of any kind: names made safe,
// tables, bars, and how a transfer stands. It is what the command line and the menu have in
// common; it asks nothing, prints nothing and decides nothing.
package ui

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/units"
)

// Clean makes text from outside safe for a terminal: control, bidirectional and invisible
// characters are shown as what they are (security.md W2).
func Clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r != '\n' && r != '\t' && Hides(r) {
			fmt.Fprintf(&b, `\u{%x}`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Hides says whether a character is not shown, or changes how others are: control and format
// characters (bidirectional, zero-width, tags) and separators of lines.
func Hides(r rune) bool {
	return r == unicode.ReplacementChar || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Name is clean for one cell or line: nothing in it breaks the line either.
func Name(s string) string {
	return strings.NewReplacer("\n", `\u{a}`, "\t", `\u{9}`).Replace(Clean(s))
}

// Size writes a number of bytes for a human.
func Size(n uint64) string { return units.FormatSize(n) }

// Ago writes a moment in the past for a human.
func Ago(t time.Time) string {
	switch d := time.Since(t); {
	case t.IsZero() || t.Year() < 1980:
		return "never"
	case d.Abs() < 10*time.Second:
		return "now"
	case d < 0:
		return "in " + units.FormatDuration(-d.Round(time.Second))
	case d < 48*time.Hour:
		return units.FormatDuration(d.Round(time.Second)) + " ago"
	}
	return units.Minute(t)
}

// Percent writes a share of one, and never 100 before it is all there.
func Percent(share float64) string {
	if share < 1 {
		share = min(share, 0.99)
	}
	return fmt.Sprintf("%.0f %%", share*100)
}

// Day is a date.
func Day(t time.Time) string { return units.Day(t) }

// Plural counts things.
func Plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// Contents says how many files and folders a transfer has.
func Contents(t groupcast.Transfer) string {
	switch {
	case t.Folders == 0:
		return Plural(t.Files, "file")
	case t.Files == 0:
		return Plural(t.Folders, "folder")
	}
	return Plural(t.Files, "file") + " in " + Plural(t.Folders, "folder")
}

// Cut shortens a line to the terminal's width, so that it stays one line.
func Cut(s string, width int) string {
	r := []rune(s)
	if len(r) < width {
		return s
	}
	return string(r[:max(width-2, 0)]) + "…"
}

// Bar draws a share of one as blocks.
func Bar(share float64, width int) string {
	n := int(min(max(share, 0), 1)*float64(width) + 0.5)
	return strings.Repeat("█", n) + strings.Repeat("░", width-n)
}
