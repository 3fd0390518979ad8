package tui

import (
	"cmp"
	"context"
	"maps"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/groupcast/groupcast/internal/menu"
)

// asking is a plan that waits for its yes.
type asking struct {
	plan    menu.Plan
	ask     string // what is typed instead of a yes; empty: a yes
	typed   string
	wrong   string
	loading bool
}

// planFirst asks what the entry is about to change; what changes nothing is run at once.
func (m *model) planFirst() {
	if m.entry.Plan == nil {
		m.run()
		return
	}
	m.screen, m.asking = onPlan, asking{loading: true}
	m.ahead.begin(m.now())
	m.job++
	job, plan, answers := m.job, m.entry.Plan, maps.Clone(m.form.answers)
	m.stop = m.start(func(ctx context.Context, send func(tea.Msg)) {
		p, err := plan(ctx, answers)
		send(planMsg{job, p, answers, err})
	})
}

// planned takes the plan.
func (m *model) planned(msg planMsg) {
	m.stop()
	switch {
	case msg.err != nil:
		m.finish(menu.Page{}, msg.err)
	case len(msg.plan) == 0:
		m.run()
	default:
		m.asking, m.form.answers = asking{plan: msg.plan}, msg.answers
		m.ahead.begin(m.now())
	}
}

func (m *model) pressPlan(k tea.KeyPressMsg) {
	key := k.String()
	switch {
	case key == "esc":
		m.back()
	case m.asking.loading:
		m.ahead.over, m.ahead.left = false, true
	case key == "enter" && menu.Yes(m.asking.typed):
		m.run()
	case key == "enter" && strings.EqualFold(m.asking.typed, "no"):
		m.finish(menu.Page{Lines: []string{menu.NotChanged}}, nil)
	default:
		m.asking.press(k)
	}
}

// mostAnswered bounds an answer that is no yes, such as 12.5Mbit/s.
const mostAnswered = 12

// press takes a key of the answer. Enter comes here only where the answer is none.
func (a *asking) press(k tea.KeyPressMsg) {
	a.wrong = ""
	most := mostTyped
	if a.ask != "" {
		most = mostAnswered
	}
	switch key := k.String(); {
	case key == "enter":
		a.wrong = "Nothing is done before you type yes; Esc goes back."
	case key == "backspace":
		a.typed = a.typed[:max(0, len(a.typed)-1)]
	case len(k.Text) == 1 && k.Text > " " && k.Text <= "~" && len(a.typed) < most:
		a.typed += k.Text
	}
}

// line is the question below the plan, with what was typed so far.
func (a *asking) line() string { return menu.Asked(cmp.Or(a.ask, menu.AskYes)) + " " + a.typed + "▏" }

func (m *model) viewPlan() []string {
	lines := m.viewAnswers()
	if m.asking.loading {
		return append(lines, faint.Render(" › asking the server …"))
	}
	var plan []string
	for _, sentence := range m.asking.plan {
		for _, l := range wrap(sentence, m.width-4) {
			plan = append(plan, "   "+strong.Render(l))
		}
	}
	question := append([]string{"", accent.Render(" › " + m.asking.line())}, m.viewWrong(m.asking.wrong)...)
	room := m.room() - len(question) // the answers go first, then the end of the plan; the question stays
	if over := len(lines) + 1 + len(plan) - room; over > 0 {
		lines = lines[min(over, len(lines)):]
	}
	lines = append(append(lines, ""), plan...)
	return append(lines[:max(0, min(len(lines), room))], question...)
}

// viewWrong is what is wrong with an answer, or that keys were left out.
func (m *model) viewWrong(wrong string) []string {
	switch note := m.ahead.note(); {
	case wrong != "":
		lines := clipped(wrap(wrong, max(10, m.width-4)), 2)
		for i, l := range lines {
			lines[i] = alarm.Render("   " + l)
		}
		return lines
	case note != "" && m.guarded():
		return []string{faint.Render("   " + note)}
	}
	return nil
}
