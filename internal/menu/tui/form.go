package tui

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/groupcast/groupcast/internal/menu"
)

// maxAnswer bounds what can be typed into a field.
const maxAnswer = 4096

// ask comes to a field; after the last one comes the plan.
func (m *model) ask(n int) {
	f := &m.form
	if n >= len(m.entry.Fields) {
		m.planFirst()
		return
	}
	m.screen, f.field, f.choices, f.pick, f.wrong, f.loading = onForm, n, menu.Choices{}, -1, "", false
	f.input = m.newInput(m.entry.Fields[n])
	m.ahead.begin(m.now())
	prepare := m.entry.Fields[n].Prepare
	if prepare == nil {
		f.asked = append(f.asked, n)
		m.offer()
		return
	}
	f.loading = true
	m.job++
	job, answers := m.job, maps.Clone(f.answers)
	m.stop = m.start(func(ctx context.Context, send func(tea.Msg)) {
		c, err := prepare(ctx, answers)
		send(choicesMsg{job, c, err})
	})
}

func (m *model) newInput(f menu.Field) textinput.Model {
	in := textinput.New()
	in.Prompt, in.CharLimit = "", maxAnswer
	in.SetWidth(max(10, m.width-len(f.Ask)-8))
	in.SetVirtualCursor(true)
	styles := in.Styles()
	styles.Cursor.Blink = false
	in.SetStyles(styles)
	if f.Secret {
		in.EchoMode = textinput.EchoPassword
	}
	if !f.Closed {
		in.SetValue(m.preset(f))
		in.CursorEnd()
	}
	_ = in.Focus() // the command only makes the cursor blink
	return in
}

// preset is what was answered before, else the default. A secret is asked for again.
func (m *model) preset(f menu.Field) string {
	if old, ok := m.form.answers[f.Key]; ok && !f.Secret {
		return old
	}
	return f.Default
}

// prepared takes the choices of the field that waits for them.
func (m *model) prepared(msg choicesMsg) {
	f := &m.form
	f.loading = false
	m.stop()
	switch c := msg.choices; {
	case msg.err != nil:
		m.finish(menu.Page{}, msg.err)
	case c.Skip:
		delete(f.answers, m.entry.Fields[f.field].Key)
		m.ask(f.field + 1)
	case len(c.Options) == 0 && c.Empty != "":
		m.finish(menu.Page{}, menu.NothingToDo(c.Empty))
	default:
		f.choices = c
		f.asked = append(f.asked, f.field)
		m.ahead.begin(m.now())
		m.offer()
	}
}

// offer picks the option that is meant by what is typed. Where nothing is changed, and an option is
// the only answer there is, one is always picked.
func (m *model) offer() {
	f, field := &m.form, m.entry.Fields[m.form.field]
	f.pick = -1
	if field.Path {
		return
	}
	meant := field.Meant(f.input.Value(), f.choices.Options)
	if f.input.Value() == "" && field.Closed {
		meant = slices.IndexFunc(f.choices.Options, func(o menu.Option) bool { return o.Value == m.preset(field) })
	}
	shown := m.options()
	f.pick = slices.IndexFunc(shown, func(o option) bool { return o.at == meant && meant >= 0 })
	if f.pick < 0 && field.Closed && m.entry.Plan == nil && len(shown) > 0 {
		f.pick = 0
	}
}

// option is one that is shown, with its place among all.
type option struct {
	menu.Option
	at int
}

// options are those that fit what is typed: all of them while it is a number.
func (m *model) options() []option {
	f, field := &m.form, m.entry.Fields[m.form.field]
	text, all := f.input.Value(), f.choices.Options
	fits := menu.Matching(all, text)
	if field.Path {
		all = menu.Paths(text)
		fits = all
	}
	if _, err := strconv.Atoi(text); err == nil && !field.OwnNames && field.Meant(text, all) >= 0 {
		fits = all
	}
	shown := make([]option, 0, len(fits))
	for i, o := range all {
		if slices.Contains(fits, o) {
			shown = append(shown, option{o, i})
		}
	}
	return shown
}

func (m *model) pressForm(k tea.KeyPressMsg) tea.Cmd {
	f := &m.form
	switch key := k.String(); {
	case key == "esc":
		m.back()
	case f.loading:
		m.ahead.over, m.ahead.left = false, m.entry.Plan != nil
	case key == "enter":
		m.accept()
	case key == "up":
		m.move(-1)
	case key == "down":
		m.move(1)
	case key == "pgup":
		m.move(-m.room() / 2)
	case key == "pgdown":
		m.move(m.room() / 2)
	case key == "tab":
		m.complete()
	default:
		return m.edit(k)
	}
	return nil
}

func (m *model) edit(msg tea.Msg) tea.Cmd {
	f := &m.form
	before := f.input.Value()
	var cmd tea.Cmd
	f.input, cmd = f.input.Update(msg)
	if f.input.Value() != before {
		f.wrong = ""
		m.offer()
	}
	return cmd
}

func (m *model) move(by int) {
	if n := len(m.options()); n > 0 {
		m.form.pick = min(max(m.form.pick+by, 0), n-1)
	}
}

// complete puts the picked option into the line, or as much as all options have in common.
func (m *model) complete() {
	f, options := &m.form, m.options()
	if len(options) == 0 {
		return
	}
	text := options[max(f.pick, 0)].Value
	if f.pick < 0 {
		for _, o := range options {
			for !strings.HasPrefix(o.Value, text) {
				text = text[:len(text)-1]
			}
		}
		text = strings.ToValidUTF8(text, "")
	}
	if len(text) < len(f.input.Value()) && f.pick < 0 {
		return
	}
	f.input.SetValue(text)
	f.input.CursorEnd()
	m.offer()
}

// accept takes the answer, or says why not.
func (m *model) accept() {
	f, field, options := &m.form, m.entry.Fields[m.form.field], m.options()
	text := f.input.Value()
	if f.pick >= 0 && f.pick < len(options) {
		text = options[f.pick].Value
	}
	if field.Path && len(text) > 1 {
		text = strings.TrimSuffix(text, string(filepath.Separator))
	}
	if text == "" && field.Closed {
		f.wrong = "Type its number or a part of its name, or choose it with ↑ and ↓."
		return
	}
	value, err := field.Settle(text, f.choices.Options)
	if err != nil {
		f.wrong = menu.Reason(err)
		return
	}
	f.answers[field.Key] = value
	m.ask(f.field + 1)
}

// back goes to the question before, or to the menu.
func (m *model) back() {
	f := &m.form
	m.stop()
	m.job++ // what is on its way comes too late
	if m.screen == onForm && !f.loading && len(f.asked) > 0 {
		f.asked = f.asked[:len(f.asked)-1]
	}
	if len(f.asked) == 0 {
		m.screen = onMenu
		return
	}
	m.askAgain()
}

// askAgain comes back to the question that was answered last.
func (m *model) askAgain() {
	f := &m.form
	last := f.asked[len(f.asked)-1]
	f.asked = f.asked[:len(f.asked)-1]
	m.ask(last)
}
