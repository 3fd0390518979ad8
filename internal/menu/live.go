package menu

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// live is the screen of transfers that run.
type live struct {
	b      board
	gaze   *gaze
	from   int // the first receiver that is shown
	asking *deed
	asked  groupcast.Transfer // the one the question is about
	said   string
	bad    bool // what was said is an error
}

type (
	boardMsg struct {
		job   int
		board board
	}
	deedMsg struct {
		job  int
		text string
		err  error
	}
)

// watch opens the live screen of a row.
func (m *model) watch() {
	m.job++
	job, row, answers, g := m.job, m.row, m.form.answers, newGaze()
	m.screen, m.live = onLive, live{gaze: g}
	m.stop = m.start(func(ctx context.Context, send func(tea.Msg)) {
		page, err := row.Live(ctx, answers, g, func(b board) { send(boardMsg{job, b}) })
		send(doneMsg{job, page, err})
	})
}

// pressLive takes a key on the live screen.
func (m *model) pressLive(key string) {
	l := &m.live
	if l.asking != nil {
		m.answerDeed(key)
		return
	}
	switch key {
	case "esc", "q":
		m.stop()
		m.job++ // what is on its way comes too late
		m.screen = onMenu
	case "up", "k":
		m.moveLive(-1)
	case "down", "j":
		m.moveLive(1)
	case "pgup":
		l.from -= pageful
	case "pgdown", "space":
		l.from += pageful
	case "home":
		l.from = 0
	case "end":
		l.from = len(l.b.chosen.Deliveries)
	default:
		m.pressDeed(key)
	}
	l.from = max(0, min(l.from, len(l.b.chosen.Deliveries)-1))
}

const pageful = 8 // receivers that a page moves by

func (m *model) moveLive(by int) {
	l := &m.live
	i := l.b.index(l.b.chosen.Transfer.No) + by
	if i < 0 || i >= len(l.b.transfers) {
		return
	}
	l.b.chosen.Transfer, l.b.chosen.Deliveries, l.from, l.said = l.b.transfers[i], nil, 0, ""
	l.gaze.at(l.b.transfers[i].No)
}

func (m *model) pressDeed(key string) {
	t := m.live.b.chosen.Transfer
	for _, e := range fitting(m.live.b.chosen) {
		if e.key != key {
			continue
		}
		m.live.said = ""
		if e.ask == "" {
			m.perform(e, t.No)
			return
		}
		m.live.asking, m.live.asked = &e, t
		return
	}
}

func (m *model) answerDeed(key string) {
	e := *m.live.asking
	m.live.asking = nil
	if key == "y" {
		m.perform(e, m.live.asked.No)
		return
	}
	m.live.said, m.live.bad = "Nothing was done.", false
}

// perform does something to a transfer beside the screen.
func (m *model) perform(e deed, no protocol.TransferNo) {
	m.live.said, m.live.bad = "One moment …", false
	job, d, g := m.job, m.desk, m.live.gaze
	m.start(func(ctx context.Context, send func(tea.Msg)) {
		text, err := e.perform(ctx, d, no)
		send(deedMsg{job, text, err})
		g.again()
	})
}

func (m *model) performed(msg deedMsg) {
	l := &m.live
	l.said, l.bad = msg.text, msg.err != nil
	if msg.err != nil {
		l.said = strings.TrimPrefix(strings.Join(inWords(msg.err), "; "), trouble)
	}
}

// showBoard takes what the watcher saw; a choice that it has not heard of yet is kept.
func (m *model) showBoard(b board) {
	l := &m.live
	if no := protocol.TransferNo(l.gaze.no.Load()); no != 0 && b.chosen.Transfer.No != no && b.index(no) >= 0 {
		b.chosen = l.b.chosen
		b.chosen.Transfer = b.transfers[b.index(no)]
	}
	if b.chosen.Transfer.No != l.b.chosen.Transfer.No {
		l.from = 0
	}
	l.b = b
}

// liveKeys are the keys of the live screen, or its question.
func (m *model) liveKeys() string {
	l := &m.live
	if l.asking != nil {
		return fmt.Sprintf("Transfer %d: %s   y yes   n no", l.asked.No, l.asking.ask)
	}
	var keys []string
	for _, e := range fitting(l.b.chosen) {
		keys = append(keys, e.key+" "+e.name)
	}
	keys = append(keys, "↑ ↓ choose")
	if len(l.b.chosen.Deliveries) > 0 {
		keys = append(keys, "PgUp PgDn receivers")
	}
	return strings.Join(append(keys, "Esc back"), "   ")
}
