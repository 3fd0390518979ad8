package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/groupcast/groupcast/internal/ui"
)

// PrintJSON prints a value for programs; a terminal may show it, so what hides is escaped.
func (s *Streams) PrintJSON(v any) error { return writeJSON(s.Out, v, "  ") }

// PrintLine prints a value as one line of JSON.
func (s *Streams) PrintLine(v any) error { return writeJSON(s.Out, v, "") }

// WriteLine writes a value as one line of JSON.
func WriteLine(w io.Writer, v any) error { return writeJSON(w, v, "") }

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

// List prints rows as a table, or as a JSON list; empty is what a table without rows says.
func List[T any](s *Streams, rows []T, empty, head string, row func(T) []string) error {
	if s.JSON {
		if rows == nil {
			rows = []T{}
		}
		return s.PrintJSON(rows)
	}
	if len(rows) == 0 {
		fmt.Fprintln(s.Out, empty)
		return nil
	}
	cells := make([][]string, len(rows))
	for i, r := range rows {
		cells[i] = row(r)
	}
	s.Table(head, cells)
	return nil
}

// Table prints a table that fits the terminal, if there is one.
func (s *Streams) Table(head string, rows [][]string) {
	for _, line := range ui.TableIn(Width(s.Out), head, rows) {
		fmt.Fprintln(s.Out, line)
	}
}

// One prints a single thing: as JSON, or as a sentence.
func (s *Streams) One(v any, format string, args ...any) error {
	if s.JSON {
		return s.PrintJSON(v)
	}
	if s.Quiet {
		return nil
	}
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = ui.Name(text)
		}
	}
	fmt.Fprintf(s.Out, format+"\n", args...)
	return nil
}
