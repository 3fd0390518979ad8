package tui

import (
	"context"
	"errors"
	"maps"

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
	typed  string // digits so far
	row    menu.Entry
	form   form
	work   menu.Progress
	live   live
	counts map[menu.Role]menu.Counts
	page   menu.Page
	failed bool // the page is an error
	scroll int
	job    int // number of the newest job: what older ones send is late
	stop   context.CancelFunc
	ending bool // Esc was pressed while it works
}

// form is the questions of a row.
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
		counts: map[menu.Role]menu.Counts{},
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
		if m.screen == onForm && !m.form.loading {
			return m, m.edit(msg)
		}
	case choicesMsg:
		if msg.job == m.job && m.screen == onForm {
			m.prepared(msg)
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
	switch m.screen {
	case onForm:
		return m.pressForm(k)
	case onWork:
		if s := k.String(); s == "esc" || s == "q" {
			m.ending = true
			m.stop()
		}
	case onPage:
		m.pressPage(k.String())
	case onLive:
		m.pressLive(k.String())
	default:
		return m.pressMenu(k.String())
	}
	return nil
}

func (m *model) pressMenu(key string) tea.Cmd {
	count := len(m.menu.Titles(m.role))
	switch {
	case key == "up" || key == "k":
		m.cursor, m.typed = (m.cursor+count-1)%count, ""
	case key == "down" || key == "j":
		m.cursor, m.typed = (m.cursor+1)%count, ""
	case key == "home":
		m.cursor, m.typed = 0, ""
	case key == "end":
		m.cursor, m.typed = count-1, ""
	case key == "esc":
		m.typed = ""
	case key == "q":
		return tea.Quit
	case key == "enter":
		return m.choose(m.cursor, count)
	case len(key) == 1 && key >= "0" && key <= "9":
		return m.digit(key, count)
	}
	return nil
}

// digit takes a number as soon as no longer one could be meant.
func (m *model) digit(key string, count int) tea.Cmd {
	n := 0
	for _, d := range m.typed + key {
		n = n*10 + int(d-'0')
	}
	if n < 1 || n > count {
		m.typed = ""
		return nil
	}
	m.cursor, m.typed = n-1, m.typed+key
	if n*10 > count {
		return m.choose(n-1, count)
	}
	return nil
}

func (m *model) choose(n, count int) tea.Cmd {
	m.typed, m.cursor = "", n
	rows := m.menu.Entries(m.role)
	switch {
	case n == count-1:
		return tea.Quit
	case n >= len(rows):
		m.role, m.cursor = menu.Other(m.role), 0
		return nil
	}
	m.row = rows[n]
	m.form = form{answers: menu.Answers{}}
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
		if len(m.row.Fields) == 0 {
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

// amendable says whether the page is an error that other answers may mend.
func (m *model) amendable() bool { return m.failed && len(m.form.asked) > 0 }

// run runs the row with the answers.
func (m *model) run() {
	if m.row.Live != nil {
		m.watch()
		return
	}
	m.job++
	job, row, answers := m.job, m.row, maps.Clone(m.form.answers)
	m.screen, m.work, m.ending = onWork, menu.Progress{}, false
	m.stop = m.start(func(ctx context.Context, send func(tea.Msg)) {
		page, err := row.Run(ctx, answers, func(p menu.Progress) { send(progressMsg{job, p}) })
		send(doneMsg{job, page, err})
	})
}

func (m *model) finish(p menu.Page, err error) {
	m.stop()
	if m.ending && errors.Is(err, context.Canceled) && len(p.Kept) == 0 {
		m.screen = onMenu // who broke it off knows
		return
	}
	m.screen, m.scroll, m.failed, m.page = onPage, 0, err != nil, p
	if err != nil {
		m.page = menu.Page{Lines: append(menu.InWords(err), p.Kept...)}
	} else if p.Tail {
		m.scroll = max(0, len(m.wrapped())-m.room())
	}
}
