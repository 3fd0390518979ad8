package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/groupcast/groupcast/internal/menu"
	"github.com/groupcast/groupcast/internal/ui"
)

// Colour says nothing that the text does not say too.
var (
	strong = lipgloss.NewStyle().Bold(true)
	accent = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("6"))
	faint  = lipgloss.NewStyle().Faint(true)
	alarm  = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("1"))
)

// chrome is how many lines the screen needs besides its content.
const chrome = 5

// room is how many lines of content fit.
func (m *model) room() int { return max(1, m.height-chrome) }

// View draws the screen: who and where, the content, the keys.
func (m *model) View() tea.View {
	content, keys := m.content()
	lines := []string{
		accent.Render(" groupcast") + "  " + strong.Render(m.role.String()) + ", " + ui.Name(m.menu.Whose[m.role]),
		faint.Render(strings.Repeat("─", m.width)),
	}
	if len(content) > m.room() {
		content = content[:m.room()]
	}
	lines = append(lines, content...)
	for len(lines) < m.height-2 {
		lines = append(lines, "")
	}
	style := faint
	switch {
	case m.screen == onLive && m.live.asking != nil, m.screen == onMenu && m.typed != "":
		style = accent
	case m.screen == onMenu && m.wrong != "":
		style = alarm
	}
	lines = append(lines, faint.Render(strings.Repeat("─", m.width)), style.Render(" "+fitKeys(keys, m.width-2)))
	for i, l := range lines {
		lines[i] = ansi.Truncate(l, m.width, "…")
	}
	v := tea.NewView(strings.Join(lines, "\n"))
	v.AltScreen = true
	v.WindowTitle = "groupcast"
	return v
}

// dispensable are keys that a narrow screen does not name, the first to go first.
var dispensable = []string{"Tab complete", "↑ ↓ choose", "↑ ↓ PgUp PgDn scroll"}

// fitKeys leaves out of a line of keys what can be guessed, until it fits.
func fitKeys(keys string, width int) string {
	for _, key := range dispensable {
		if ansi.StringWidth(keys) <= width {
			break
		}
		keys = strings.Replace(keys, "   "+key, "", 1)
	}
	if ansi.StringWidth(keys) > width {
		keys = strings.ReplaceAll(keys, "   ", "  ")
	}
	return keys
}

func (m *model) content() (lines []string, keys string) {
	switch m.screen {
	case onForm:
		return m.viewForm(), m.formKeys()
	case onPlan:
		return m.viewPlan(), "yes and Enter: it is done   Esc back   Ctrl-C exit"
	case onWork:
		stop := m.entry.Stop
		if stop == "" {
			stop = "Esc breaks it off"
		}
		return m.viewWork(), stop
	case onPage:
		keys = "Enter or Esc back to the menu"
		if len(m.entry.Fields) == 0 {
			keys += "   r once more"
		}
		if m.amendable() {
			keys += "   e other answers"
		}
		if len(m.wrapped()) > m.room() {
			keys += "   ↑ ↓ PgUp PgDn scroll"
		}
		return m.viewPage(), keys
	case onLive:
		return m.viewSaid(m.viewLive()), m.liveKeys()
	default:
		return m.viewMenu(), m.menuKeys()
	}
}

func (m *model) viewMenu() []string {
	top := m.viewCounts()
	var lines []string
	for i, e := range m.menu.Entries(m.role) {
		line := fmt.Sprintf("%4s  %s", e.Key, e.Title)
		if i == m.cursor {
			line = accent.Render(fmt.Sprintf(" ›%2s  %s", e.Key, e.Title))
		}
		lines = append(lines, line)
	}
	if room := m.room() - len(top); len(lines) > room { // the cursor stays in sight
		from := min(len(lines)-room, max(0, m.cursor-room/2))
		lines = lines[from : from+room]
	}
	return append(top, lines...)
}

// formKeys are the keys of the question that is asked.
func (m *model) formKeys() string {
	keys := "Enter next"
	switch {
	case m.entry.Fields[m.form.field].Path:
		keys += "   Tab complete   ↑ ↓ choose"
	case len(m.form.choices.Options) > 0:
		keys = "a number, then Enter   ↑ ↓ choose   Tab complete"
	}
	return keys + "   Esc back   Ctrl-C exit"
}

// menuKeys is the last line below the menu: what was typed, or what can be.
func (m *model) menuKeys() string {
	switch {
	case m.wrong != "":
		return m.wrong
	case m.typed != "":
		entries := m.menu.Entries(m.role)
		if i := menu.Find(entries, m.typed); i >= 0 {
			return "Choice: " + m.typed + "▏   Enter: " + entries[i].Title
		}
		return "Choice: " + m.typed + "▏   there is no " + m.typed
	}
	return "a number or a letter, then Enter   ↑ ↓ choose   q exit"
}

// viewCounts is the line above the menu.
func (m *model) viewCounts() []string {
	c := m.counts[m.role]
	text := " " + ansi.Truncate(c.Line(time.Now()), m.width-2, "…")
	switch {
	case !c.Lost.IsZero():
		text = alarm.Render(text)
	case c.Urgent:
		text = strong.Render(text)
	default:
		text = faint.Render(text)
	}
	if m.room() < len(m.menu.Entries(m.role))+2 { // better without the empty line than without the last entry
		return []string{text}
	}
	return []string{text, ""}
}

func (m *model) viewForm() []string {
	f, field := &m.form, m.entry.Fields[m.form.field]
	lines := m.viewAnswers()
	if f.loading {
		return append(lines, faint.Render(" › asking the server …"))
	}
	lines = append(lines, accent.Render(" › "+menu.Asked(field.Ask)+" ")+f.input.View())
	lines = append(lines, m.viewWrong(f.wrong)...)
	return append(lines, m.viewOptions(m.room()-len(lines)-1)...)
}

// viewAnswers is the title of a form and what was answered so far.
func (m *model) viewAnswers() []string {
	f := &m.form
	lines := []string{"", " " + strong.Render(m.entry.Title), ""}
	for _, n := range f.asked {
		if n != f.field || m.screen == onPlan {
			old := m.entry.Fields[n]
			lines = append(lines, "   "+old.Answered(f.answers))
		}
	}
	return lines
}

// viewOptions lists what there is to choose from, the picked one always in sight. What is said of an
// option has more than one line where there is room for all of them.
func (m *model) viewOptions(room int) []string {
	options := m.options()
	if len(options) == 0 || room < 2 {
		return nil
	}
	wide := 0
	for _, o := range options {
		wide = max(wide, min(ansi.StringWidth(ui.Name(o.Value)), 40))
	}
	if len(options) < room {
		all := []string{""}
		for i, o := range options {
			all = append(all, m.viewOption(o, i == m.form.pick, wide, 3)...)
		}
		if len(all) <= room {
			return all
		}
	}
	from := max(0, min(m.form.pick-room/2, len(options)-room+1))
	lines := []string{""}
	if from > 0 {
		lines[0] = faint.Render(fmt.Sprintf("       … %d before", from))
	}
	for i := from; i < len(options) && len(lines) < room; i++ {
		lines = append(lines, m.viewOption(options[i], i == m.form.pick, wide, 1)...)
	}
	if left := len(options) - from - len(lines) + 1; left > 0 {
		lines = append(lines, faint.Render(fmt.Sprintf("       … and %d more: type to narrow", left)))
	}
	return lines
}

// viewOption is one that can be chosen, with the number that chooses it.
func (m *model) viewOption(o option, picked bool, wide, most int) []string {
	field, text := m.entry.Fields[m.form.field], fit(ui.Name(o.Value), wide)
	if !field.OwnNames && !field.Path {
		text = fmt.Sprintf("%2d  %s", o.at+1, text)
	}
	left := "   " + text
	if picked {
		left = "  ›" + text
	}
	indent := strings.Repeat(" ", ansi.StringWidth(left)+2)
	notes := []string{ui.Name(o.Note)}
	if room := m.width - len(indent); most > 1 && room >= 20 {
		notes = clipped(wrap(notes[0], room), most)
	}
	if picked {
		left = accent.Render(left)
	}
	lines := []string{strings.TrimRight(left+"  "+faint.Render(notes[0]), " ")}
	for _, n := range notes[1:] {
		lines = append(lines, indent+faint.Render(n))
	}
	return lines
}

func (m *model) viewWork() []string {
	lines := []string{"", " " + strong.Render(m.entry.Title)}
	if m.ending {
		lines[1] += faint.Render("   stopping …")
	}
	lines = append(lines, "")
	progress := m.work.Lines
	if len(progress) == 0 {
		progress = []string{"One moment …"}
	}
	if m.work.Tail { // nothing of it is cut: there is room above
		progress = strings.Split(ansi.Wrap(strings.Join(progress, "\n"), m.width-2, " "), "\n")
	}
	room := max(1, m.room()-len(lines))
	if over := len(progress) - room; over > 0 && m.work.Tail {
		progress = progress[over:]
	} else if over > 0 {
		progress = append(append([]string(nil), progress[:room-1]...), fmt.Sprintf("… and %d more", over+1))
	}
	for _, l := range progress {
		lines = append(lines, " "+l)
	}
	return lines
}

// wrapped is the page broken into lines that fit.
func (m *model) wrapped() []string {
	lines := []string{"", " " + strong.Render(m.entry.Title), ""}
	for i, l := range m.page.Lines {
		if m.failed && i == 0 {
			l = alarm.Render(l)
		}
		for _, part := range wrap(l, m.width-2) {
			lines = append(lines, " "+part)
		}
	}
	if m.page.Head == "" {
		return lines
	}
	for _, l := range tabled(m.page.Head, m.page.Rows, m.width-2) {
		lines = append(lines, " "+l)
	}
	return lines
}

// tabled sets a table into a width. Where it does not fit, the last cells have lines of their own
// below the others.
func tabled(head string, rows [][]string, width int) []string {
	titles := strings.Split(head, "|")
	var lines []string
	keep := len(titles)
	for ; keep > 0; keep-- {
		short := make([][]string, len(rows))
		for i, r := range rows {
			short[i] = r[:keep]
		}
		lines = ui.Table(strings.Join(titles[:keep], "|"), short)
		if !slices.ContainsFunc(lines, func(l string) bool { return ansi.StringWidth(l) > width }) {
			break
		}
	}
	if keep == len(titles) {
		return lines
	}
	var out []string
	for i, l := range lines {
		out = append(out, wrap(l, width)...)
		if i == 0 {
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(rows[i-1][max(keep, 1):]), func(cell string) bool { return cell == "" })
		for n := range rest {
			rest[n] = ui.Name(rest[n])
		}
		for _, part := range flow(rest, width-4) {
			for _, part := range wrap(part, width-4) {
				out = append(out, "    "+part)
			}
		}
	}
	return out
}

func (m *model) viewPage() []string {
	all := m.wrapped()
	return all[min(m.scroll, len(all)):]
}
