package tui

import (
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// Parts of the live view.
const (
	mostListed = 6 // transfers above the chosen one's picture
	barWide    = 10
	leastRoom  = 14 // lines that the chosen transfer needs
)

// viewLive draws the transfers and, below them, the chosen one.
func (m *model) viewLive() []string {
	l := &m.live
	lines := []string{m.liveHead()}
	if !l.b.Read {
		return append(lines, "", faint.Render(" asking the server …"))
	}
	if len(l.b.All) == 0 {
		return append(lines, "", " Nothing is owed to anybody. `Add file to pending` promises files to a group.")
	}
	lines = append(lines, m.liveList(max(1, min(mostListed, m.room()-leastRoom)))...)
	lines = append(lines, "")
	lines = append(lines, m.liveChosen()...)
	return append(lines, m.liveDevices(m.room()-len(lines))...)
}

// viewSaid is above the keys: a question, what came of an action, or why the receiver that the
// arrows are at waits.
func (m *model) viewSaid(lines []string) []string {
	said := m.liveSaid()
	lines = lines[:min(len(lines), max(0, m.room()-len(said)))]
	for len(lines) < m.room()-len(said) {
		lines = append(lines, "")
	}
	return append(lines, said...)
}

const mostSaid = 4 // lines of it

func (m *model) liveSaid() []string {
	l, style := &m.live, strong
	text, most := l.said, 2
	switch who := l.receiver(); {
	case l.asking != nil:
		said := wrapped(strings.Join(m.asking.plan, " "), m.width-2, mostSaid, style)
		return append(said, m.viewWrong(m.asking.wrong)...)
	case text != "" && l.bad:
		style = alarm
	case text == "" && who.Reason != "": // in full: its line may be too short
		text, style = ui.Name(menu.ReceiverName(who))+": "+ui.Why(who), faint
		if n := who.Missing + who.Beside; n > 0 && !who.State.Owed() {
			text += fmt.Sprintf(" (all %d: Records, missing)", n)
		}
	}
	return wrapped(text, m.width-2, most, style)
}

// wrapped breaks a text into so many lines at most.
func wrapped(text string, wide, most int, style lipgloss.Style) []string {
	if text == "" {
		return nil
	}
	lines := clipped(wrap(text, wide), most)
	for i, l := range lines {
		lines[i] = " " + style.Render(l)
	}
	return lines
}

// liveHead is the entry's title, and at the right how much there is.
func (m *model) liveHead() string {
	l := &m.live
	left, count, paused := " "+m.entry.Title, map[int]int{}, 0
	if l.b.Group != "" {
		left += ": " + ui.Name(l.b.Group)
	}
	for _, t := range l.b.All {
		if t.Label() == groupcast.LabelPaused {
			paused++
			continue
		}
		count[t.Rank()]++
	}
	var right []string
	for i, name := range []string{"sending", "beginning", "waiting", "held", "closed"} {
		if count[i] > 0 {
			right = append(right, fmt.Sprintf("%d %s", count[i], name))
		}
	}
	if paused > 0 {
		right = append(right, fmt.Sprintf("%d paused", paused))
	}
	text := strings.Join(right, ", ")
	style := faint
	switch {
	case !l.b.Lost.IsZero():
		text, style = "the server has not answered for "+units.FormatDuration(time.Since(l.b.Lost).Round(time.Second)), alarm
	case l.b.Unreadable != nil:
		text, style = menu.Reason(l.b.Unreadable), alarm
	}
	gap := max(2, m.width-ansi.StringWidth(left)-ansi.StringWidth(text)-1)
	return strong.Render(left) + strings.Repeat(" ", gap) + style.Render(text)
}

// liveList is a window of the list of transfers that has the chosen one in it.
func (m *model) liveList(room int) []string {
	all, at := m.live.b.All, max(0, m.live.b.Index(m.live.b.Chosen.Transfer.No))
	from := max(0, min(at-room/2, len(all)-room))
	var lines []string
	wide := m.nameWide(all[from:min(len(all), from+room)])
	for i := from; i < min(len(all), from+room); i++ {
		line := m.transferLine(all[i], wide)
		switch {
		case i == at && !m.live.onDevices:
			line = accent.Render(" ›" + line)
		case i == at:
			line = strong.Render(" ·" + line)
		default:
			line = "  " + line
		}
		lines = append(lines, line)
	}
	if len(all) > room {
		lines = append(lines, faint.Render(fmt.Sprintf("   %d to %d of %d", from+1, min(len(all), from+room), len(all))))
	}
	return lines
}

// nameWide is how wide the names of transfers are shown: wider than usual where they need it and there is room.
func (m *model) nameWide(shown []groupcast.Transfer) int {
	name, right := 0, 0
	for _, t := range shown {
		name = max(name, ansi.StringWidth(m.transferName(t)))
		right = max(right, ansi.StringWidth(state(m.live.b.Snapshot(t), m.width)))
	}
	usual := max(10, min(40, m.width-60))
	return max(usual, min(name, m.width-besides-min(right, enough)))
}

// Columns of a transfer's line: those besides its name and its state, and of a state that says what matters.
const (
	besides = 27
	enough  = 26
)

// transferName is what is sent and, where transfers of all groups are shown, for whom.
func (m *model) transferName(t groupcast.Transfer) string {
	if m.live.b.Group != "" {
		return ui.Name(t.Name)
	}
	return ui.Name(t.Name) + " for " + ui.ForWhom(t)
}

// transferLine is one transfer in one line.
func (m *model) transferLine(t groupcast.Transfer, wide int) string {
	s := m.live.b.Snapshot(t)
	share := share(s)
	return fmt.Sprintf("%3d  %s  %s %s  %s", t.No, fit(m.transferName(t), wide), ui.Bar(share, barWide), percent(share),
		state(s, m.width-besides-wide))
}

// share is how much of a transfer those who are here have; by its counts where no more is known.
func share(s ui.Snapshot) float64 {
	if s.Deliveries == nil {
		return s.Transfer.Share()
	}
	return ui.Share(s)
}

// state is how a transfer stands, what matters most first, and no more of it than there is room for.
func state(s ui.Snapshot, room int) string {
	t := s.Transfer
	word, needsYou := ui.Standing(s.Transfer)
	parts := []string{word}
	if needsYou {
		parts[0] = alarm.Render(word)
	}
	chips := ui.Chips(s)
	for _, c := range chips {
		if c.Bad {
			parts = append(parts, c.String())
		}
	}
	if all := t.Devices(); t.Verified < all && t.State != groupcast.TransferHeld && word != "delivered" {
		parts = append(parts, fmt.Sprintf("%d of %d", t.Verified, all))
	}
	for _, c := range chips {
		if c.Text == "away" {
			parts = append(parts, c.String())
		}
	}
	if t.Session != nil {
		parts = append(parts, units.FormatRate(t.Session.Rate))
	}
	return flow(parts, room)[0]
}

// fit makes a text exactly so wide.
func fit(s string, wide int) string {
	s = ansi.Truncate(s, wide, "…")
	return s + strings.Repeat(" ", max(0, wide-ansi.StringWidth(s)))
}

// liveChosen is the chosen transfer: the sentence, the file from start to end, how many stand how,
// when it will be done, the numbers.
func (m *model) liveChosen() []string {
	s := m.live.b.Chosen
	lines := wrapped(ui.Line(s, m.now()), m.width-2, 3, strong)
	lines = append(lines, " "+coverage(s, m.width-9)+" "+percent(share(s)), " "+chips(s))
	items := facts(s)
	for _, l := range clipped(flow(items, m.width-2), 3) {
		lines = append(lines, " "+l)
	}
	if advice := menu.Advice(s); advice != "" {
		lines = append(lines, wrapped(advice, m.width-2, 2, strong)...)
	}
	return append(lines, wrapped(ui.Forging(s.Transfer), m.width-2, 3, alarm)...)
}

// chips say how many devices stand how.
func chips(s ui.Snapshot) string {
	var out []string
	for _, c := range ui.Chips(s) {
		if c.Bad {
			out = append(out, alarm.Render(c.String()))
		} else {
			out = append(out, c.String())
		}
	}
	return strings.Join(out, " · ")
}

// flow sets items into lines of a width without breaking any.
func flow(items []string, wide int) []string {
	var lines []string
	for _, item := range items {
		last := len(lines) - 1
		if last >= 0 && ansi.StringWidth(lines[last]+" · "+item) <= wide {
			lines[last] += " · " + item
		} else {
			lines = append(lines, item)
		}
	}
	return lines
}

func wrap(text string, wide int) []string { return strings.Split(ansi.Wrap(text, wide, " "), "\n") }

// clipped is the first lines, the last of them saying that there was more.
func clipped(lines []string, most int) []string {
	if len(lines) > most {
		lines = append(lines[:most-1:most-1], lines[most-1]+" …")
	}
	return lines
}

// liveDevices is a window of the receivers, worst first.
func (m *model) liveDevices(room int) []string {
	l := &m.live
	all := menu.WorstFirst(l.b.Chosen.Deliveries)
	if room < 2 || len(all) == 0 {
		return nil
	}
	head, body := " Receivers", room-1
	if l.onDevices { // the one that the arrows are at stays in sight
		l.at = max(0, min(l.at, len(all)-1))
		l.from = max(l.at-body+1, min(l.from, l.at))
	}
	l.from = max(0, min(l.from, len(all)-body))
	if len(all) > body {
		head += fmt.Sprintf(" %d to %d of %d", l.from+1, l.from+body, len(all))
	}
	lines := []string{faint.Render(head + ", worst first")}
	name, wide := names(all), 6
	shown := all[l.from:min(len(all), l.from+body)]
	for _, d := range shown {
		wide = max(wide, min(ansi.StringWidth(name(d)), 22))
	}
	bar := min(20, max(barWide, m.width-66))
	for i, d := range shown {
		t := l.b.Chosen.Transfer
		line := fmt.Sprintf("%s %s  %s  %s", deviceBar(d, t, bar), percent(d.Share(t.Bytes)), fit(name(d), wide),
			menu.DeviceTail(d))
		if l.onDevices && l.from+i == l.at {
			lines = append(lines, accent.Render(" › "+line))
		} else {
			lines = append(lines, "   "+line)
		}
	}
	return lines
}
