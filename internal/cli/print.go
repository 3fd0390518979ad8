package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

const wireVersion = protocol.Version

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
	if strings.IndexFunc(s, func(r rune) bool { return r != '\n' && ui.Hides(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || !ui.Hides(r):
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
	cells := make([][]string, len(rows))
	for i, r := range rows {
		cells[i] = row(r)
	}
	for _, line := range ui.Table(head, cells) {
		fmt.Fprintln(a.out, line)
	}
	return nil
}

// one prints a single thing: as JSON, or as a sentence.
func (a *app) one(v any, format string, args ...any) error {
	if a.json {
		return a.printJSON(v)
	}
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = ui.Name(s)
		}
	}
	fmt.Fprintf(a.out, format+"\n", args...)
	return nil
}

func yes(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// mostRows is how many rows of a long list are shown unless more are asked for.
const mostRows = 1000

// windowFlags lets people read a long list piece by piece.
func windowFlags(c *cobra.Command, w *groupcast.Window, what string) {
	c.Flags().IntVar(&w.Limit, "limit", w.Limit, "how many "+what+" (0: all of them)")
	c.Flags().IntVar(&w.From, "from", 0, "leave out so many "+what+" from the start")
}

// sayMore says how many rows a list has that were not shown. It goes to the error stream: a list as JSON stays one.
func (a *app) sayMore(w groupcast.Window, shown, total int) error {
	if end := w.From + shown; end < total {
		_, err := fmt.Fprintf(a.err, "%d of %d are shown; --from %d shows what follows\n", shown, total, end)
		return err
	}
	return nil
}
