package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"

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

// hides says whether a character is not shown, or changes how others are: control and format
// characters (bidirectional, zero-width, tags) and separators of lines.
func hides(r rune) bool {
	return r == unicode.ReplacementChar || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// name is clean for one cell or line: nothing in it breaks the line either.
func name(s string) string {
	return strings.NewReplacer("\n", `\u{a}`, "\t", `\u{9}`).Replace(clean(s))
}

// printJSON prints a value for programs; a terminal may show it, so what hides is escaped.
func (a *app) printJSON(v any) error { return writeJSON(a.out, v, "  ") }

// printLine prints a value as one line of JSON.
func (a *app) printLine(v any) error { return writeJSON(a.out, v, "") }

func writeJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escapeJSON(b.String()))
	return err
}

// escapeJSON writes characters that hide as JSON's own escapes: it reads back the same.
func escapeJSON(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r != '\n' && hides(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || !hides(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
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
