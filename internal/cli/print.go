package cli

import (
	"encoding/json"
	"fmt"

	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/groupcast/groupcast/internal/config"
	"github.com/groupcast/groupcast/internal/protocol"
)

const wireVersion = protocol.Version

// clean makes text from outside safe for a terminal: control, bidirectional and invisible
// characters are shown as what they are (security.md W2).
func clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r != '\n' && r != '\t' && hides(r) {
			fmt.Fprintf(&b, `\u{%x}`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hides(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\uFFFD', r == '\uFEFF':
		return true
	case r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x2069:
		return true
	}
	return false
}

// name is clean for one cell or line: nothing in it breaks the line either.
func name(s string) string {
	return strings.NewReplacer("\n", `\u{a}`, "\t", `\u{9}`).Replace(clean(s))
}

func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// list prints rows as a table, or as a JSON list; empty is what a table without rows says.
func list[T any](a *app, rows []T, empty, head string, row func(T) []string) error {
	if a.json {
		if rows == nil {
			rows = []T{}
		}
		return a.printJSON(rows)
	}
	if len(rows) == 0 {
		fmt.Fprintln(a.out, empty)
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(head, "|", "\t"))
	for _, r := range rows {
		cells := row(r)
		for i := range cells {
			cells[i] = name(cells[i])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// one prints a single thing: as JSON, or as a sentence.
func (a *app) one(v any, format string, args ...any) error {
	if a.json {
		return a.printJSON(v)
	}
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = name(s)
		}
	}
	fmt.Fprintf(a.out, format+"\n", args...)
	return nil
}

func size(n uint64) string { return config.FormatSize(n) }

// ago writes a moment in the past for a human.
func ago(t time.Time) string {
	switch d := time.Since(t); {
	case t.IsZero() || t.Year() < 1980:
		return "never"
	case d < 0:
		return "in " + config.FormatDuration(-d.Round(time.Second))
	case d < 10*time.Second:
		return "now"
	case d < 48*time.Hour:
		return config.FormatDuration(d.Round(time.Second)) + " ago"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

func yes(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}
