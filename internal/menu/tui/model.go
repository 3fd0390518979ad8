package tui

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/groupcast/groupcast/internal/menu"
)

// screen is what is shown.
type screen int

const (
	onMenu screen = iota
	onForm
	onWork
	onPage
	onLive
	onPlan
)

// starter runs a job beside the screen; what it sends comes back to Update. The answer breaks
// the job off.
type starter func(job func(ctx context.Context, send func(tea.Msg))) context.CancelFunc

// model is the menu on a terminal. It changes in Update only.
type model struct {
	menu          *menu.Menu
	start         starter
	role          menu.Role
	width, height int

	screen screen
	cursor int    // in the menu
	typed  string // in the menu so far: a number or a letter
	wrong  string // why what was typed there is no entry
	entry  menu.Entry
	form   form
	asking asking
	ahead  typedAhead
	work   menu.Progress
	live   live
	counts map[menu.Role]menu.Counts
	page   menu.Page
	failed bool // the page is an error
	scroll int
	job    int // number of the newest job: what older ones send is late
	stop   context.CancelFunc
	ending bool // Esc was pressed while it works
	now    func() time.Time
}

// form is the questions of an entry.
type form struct {
	answers menu.Answers
	field   int
	asked   []int // fields that were really asked, to go back by
	input   textinput.Model
	choices menu.Choices
	loading bool
	pick    int // of the options shown; -1: none
	wrong   string
}

// What jobs send.
type (
	choicesMsg struct {
		job     int
		choices menu.Choices
		err     error
	}
	planMsg struct {
		job     int
		plan    menu.Plan
		answers menu.Answers // with those that the plan added
		err     error
	}
	progressMsg struct {
		job      int
		progress menu.Progress
	}
	doneMsg struct {
		job  int
		page menu.Page
		err  error
	}
	countsMsg struct {
		role   menu.Role
		counts menu.Counts
	}
)

func newModel(d *menu.Menu, start starter) *model {
	return &model{
		menu: d, start: start, role: d.Roles()[0], width: 80, height: 24, stop: func() {},
		counts: map[menu.Role]menu.Counts{}, now: time.Now,
	}
}

// Init begins to count what there is to do; the menu waits for no answer of the server.
func (m *model) Init() tea.Cmd {
	for _, r := range m.menu.Roles() {
		m.start(func(ctx context.Context, send func(tea.Msg)) {
			m.menu.KeepCounting(ctx, r, func(c menu.Counts) { send(countsMsg{r, c}) })
		})
	}
	return nil
}

// Update takes a key or what a job sent.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(msg.Width, 20), max(msg.Height, 8)
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.PasteMsg:
		if m.screen == onForm && !m.form.loading && (!m.guarded() || m.ahead.takes(m.now())) {
			return m, m.edit(msg)
		}
	case choicesMsg:
		if msg.job == m.job && m.screen == onForm {
			m.prepared(msg)
		}
	case planMsg:
		if msg.job == m.job && m.screen == onPlan {
			m.planned(msg)
		}
	case progressMsg:
		if msg.job == m.job {
			m.work = msg.progress
		}
	case doneMsg:
		if msg.job == m.job && (m.screen == onWork || m.screen == onLive) {
			m.finish(msg.page, msg.err)
		}
	default:
		m.take(msg)
	}
	return m, nil
}

// take notes what keeps a screen up to date.
func (m *model) take(msg tea.Msg) {
	switch msg := msg.(type) {
	case countsMsg:
		m.counts[msg.role] = msg.counts
	case transfersMsg:
		if msg.job == m.job && m.screen == onLive {
			m.showTransfers(msg.transfers)
		}
	case actionMsg:
		if msg.job == m.job && m.screen == onLive {
			m.performed(msg)
		}
	}
}

func (m *model) press(k tea.KeyPressMsg) tea.Cmd {
	if k.String() == "ctrl+c" {
		m.stop()
		return tea.Quit
	}
	if m.guarded() && k.String() != "esc" && !m.ahead.takes(m.now()) {
		return nil
	}
	switch m.screen {
	case onForm:
		return m.pressForm(k)
	case onPlan:
		m.pressPlan(k)
	case onWork:
		if s := k.String(); s == "esc" || s == "q" {
			m.ending = true
			m.stop()
		}
	case onPage:
		m.pressPage(k.String())
	case onLive:
		m.pressLive(k)
	default:
		return m.pressMenu(k.String())
	}
	return nil
}

// pressMenu takes a key in the menu: what is typed is shown, and acts on Enter.
func (m *model) pressMenu(key string) tea.Cmd {
	entries := m.menu.Entries(m.role)
	m.wrong = ""
	switch {
	case key == "up" || key == "k":
		m.cursor, m.typed = (m.cursor+len(entries)-1)%len(entries), ""
	case key == "down" || key == "j":
		m.cursor, m.typed = (m.cursor+1)%len(entries), ""
	case key == "home":
		m.cursor, m.typed = 0, ""
	case key == "end":
		m.cursor, m.typed = len(entries)-1, ""
	case key == "esc":
		m.typed = ""
	case key == "backspace":
		m.typed = m.typed[:max(0, len(m.typed)-1)]
	case key == "q":
		return tea.Quit
	case key == "enter":
		return m.enter(entries)
	case len(key) == 1 && key > " " && key <= "~" && len(m.typed) < mostTyped:
		m.typed += key
	}
	if i := menu.Find(entries, m.typed); i >= 0 {
		m.cursor = i
	}
	return nil
}

// mostTyped bounds what can be typed in the menu.
const mostTyped = 8

// enter does the entry that was typed, or that the arrows are at where nothing was.
func (m *model) enter(entries []menu.Entry) tea.Cmd {
	at := m.cursor
	if m.typed != "" {
		if at = menu.Find(entries, m.typed); at < 0 {
			m.wrong = fmt.Sprintf("“%s” is not one of %s", m.typed, menu.Keys(entries))
			m.typed = ""
			return nil
		}
	}
	m.typed, m.cursor = "", at
	return m.choose(entries[at])
}

func (m *model) choose(e menu.Entry) tea.Cmd {
	switch e.Leads {
	case menu.Out:
		return tea.Quit
	case menu.ToTheOther:
		m.role, m.cursor = menu.Other(m.role), 0
		return nil
	case menu.Nowhere:
	}
	m.entry = e
	m.form, m.ahead = form{answers: menu.Answers{}}, typedAhead{}
	m.ask(0)
	return nil
}

func (m *model) pressPage(key string) {
	switch key {
	case "up", "k":
		m.scroll--
	case "down", "j":
		m.scroll++
	case "pgup":
		m.scroll -= m.room()
	case "pgdown", "space":
		m.scroll += m.room()
	case "home":
		m.scroll = 0
	case "end":
		m.scroll = len(m.wrapped())
	case "r":
		if len(m.entry.Fields) == 0 {
			m.run()
		}
	case "e":
		if m.amendable() {
			m.askAgain()
		}
	case "esc", "enter", "q", "left":
		m.screen = onMenu
	}
	m.scroll = max(0, min(m.scroll, len(m.wrapped())-m.room()))
}

// amendable says whether the page is an error that other answers may correct.
func (m *model) amendable() bool { return m.failed && len(m.form.asked) > 0 }

// run runs the entry with the answers.
func (m *model) run() {
	if m.entry.Live != nil {
		m.watch()
		return
	}
	m.job++
	job, entry, answers := m.job, m.entry, maps.Clone(m.form.answers)
	m.screen, m.work, m.ending = onWork, menu.Progress{}, false
	m.stop = m.start(func(ctx context.Context, send func(tea.Msg)) {
		page, err := entry.Run(ctx, answers, func(p menu.Progress) { send(progressMsg{job, p}) })
		send(doneMsg{job, page, err})
	})
}

func (m *model) finish(p menu.Page, err error) {
	m.stop()
	if m.ending && errors.Is(err, context.Canceled) && len(p.Kept) == 0 {
		m.screen = onMenu // who broke it off knows
		return
	}
	var nothing menu.NothingToDo
	m.screen, m.scroll, m.failed, m.page = onPage, 0, err != nil && !errors.As(err, &nothing), p
	if err != nil {
		m.page = menu.Page{Lines: append(menu.InWords(err), p.Kept...)}
	} else if p.Tail {
		m.scroll = max(0, len(m.wrapped())-m.room())
	}
}
