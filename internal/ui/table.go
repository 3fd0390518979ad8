package ui

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// Table writes rows below a head with titles that are separated by |.
func Table(head string, rows [][]string) []string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(head, "|", "\t"))
	for _, cells := range rows {
		fmt.Fprintln(w, strings.Join(safe(cells), "\t"))
	}
	_ = w.Flush() // a strings.Builder does not fail
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func safe(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = Name(c)
	}
	return out
}

const (
	tableGap  = 2  // spaces between two columns
	leastRoom = 16 // a column with less is no column
)

// TableIn is Table for a terminal of some width. A table that is wider has the column with the longest
// texts in several lines; one that is wider still is written row by row, a title and its text a line.
// No word is broken.
func TableIn(width int, head string, rows [][]string) []string {
	lines := Table(head, rows)
	if width <= 0 || widest(lines) <= width {
		return lines
	}
	titles := strings.Split(head, "|")
	shown := make([][]string, len(rows))
	for i, cells := range rows {
		shown[i] = safe(cells)
	}
	if wrapped := wrapColumn(width, titles, shown); wrapped != nil {
		return wrapped
	}
	return records(width, titles, shown)
}

// wrapColumn gives a table with one column in several lines; nil if that makes it no narrower.
func wrapColumn(width int, titles []string, rows [][]string) []string {
	widths := make([]int, len(titles))
	all := 0
	for i, title := range titles {
		widths[i] = runes(title)
		for _, cells := range rows {
			widths[i] = max(widths[i], runes(cells[i]))
		}
		all += widths[i] + tableGap
	}
	column := slices.Index(widths, slices.Max(widths))
	room := width - (all - tableGap - widths[column])
	if room < max(leastRoom, runes(titles[column])) {
		return nil
	}
	var broken [][]string
	for _, cells := range rows {
		parts := words(cells[column], room)
		if widest(parts) > room {
			return nil
		}
		for n, part := range parts {
			row := make([]string, len(cells))
			if n == 0 {
				copy(row, cells)
			}
			row[column] = part
			broken = append(broken, row)
		}
	}
	lines := Table(strings.Join(titles, "|"), broken)
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}

// records writes each row on its own: what it does not say is left out.
func records(width int, titles []string, rows [][]string) (lines []string) {
	margin := widest(titles) + tableGap
	for n, cells := range rows {
		if n > 0 {
			lines = append(lines, "")
		}
		for i, cell := range cells {
			if cell == "" || i >= len(titles) {
				continue
			}
			title := titles[i]
			for _, part := range words(cell, width-margin) {
				lines = append(lines, fmt.Sprintf("%-*s%s", margin, title, part))
				title = ""
			}
		}
	}
	return lines
}

// words breaks a text into lines of so many characters. A word that is longer has a line of its own.
func words(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case runes(line)+1+runes(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

func runes(s string) int { return utf8.RuneCountInString(s) }

func widest(lines []string) (most int) {
	for _, line := range lines {
		most = max(most, runes(strings.TrimRight(line, " ")))
	}
	return most
}
