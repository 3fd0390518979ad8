package tui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu"
	"github.com/groupcast/groupcast/internal/ui"
)

// live is the screen of transfers that run.
type live struct {
	b         menu.Transfers
	selected  *menu.Selection
	from      int                  // the first receiver that is shown
	onDevices bool                 // the arrows move through the receivers
	at        int                  // the receiver they are at
	asking    *menu.TransferAction // its plan is shown, or what it asks for
	askedFor  groupcast.Delivery   // and this receiver, where it is about one
	asked     groupcast.Transfer   // the one the question is about
	said      string
	bad       bool // what was said is an error
}

type (
	transfersMsg struct {
		job       int
		transfers menu.Transfers
	}
	actionMsg struct {
		job  int
		text string
		err  error
	}
)

// watch opens the live screen of an entry.
func (m *model) watch() {
	m.job++
	job, entry, answers, g := m.job, m.entry, m.form.answers, menu.NewSelection()
	m.screen, m.live = onLive, live{selected: g}
	m.stop = m.start(func(ctx context.Context, send func(tea.Msg)) {
		page, err := entry.Live(ctx, answers, g, func(b menu.Transfers) { send(transfersMsg{job, b}) })
		send(doneMsg{job, page, err})
	})
}

// pressLive takes a key on the live screen.
func (m *model) pressLive(k tea.KeyPressMsg) {
	l, key := &m.live, k.String()
	if l.asking != nil {
		m.answerAction(k)
		return
	}
	switch key {
	case "tab":
		l.onDevices = !l.onDevices && len(l.b.Chosen.Deliveries) > 0
		l.at = l.from
	case "esc", "q":
		if l.onDevices {
			l.onDevices = false
			return
		}
		m.stop()
		m.job++ // what is on its way comes too late
		m.screen = onMenu
	case "up", "k":
		m.moveLive(-1)
	case "down", "j":
		m.moveLive(1)
	case "pgup":
		m.scrollLive(-pageful)
	case "pgdown", "space":
		m.scrollLive(pageful)
	case "home":
		m.scrollLive(-len(l.b.Chosen.Deliveries))
	case "end":
		m.scrollLive(len(l.b.Chosen.Deliveries))
	default:
		m.pressAction(key)
	}
}

// scrollLive moves through the receivers.
func (m *model) scrollLive(by int) {
	l, last := &m.live, max(0, len(m.live.b.Chosen.Deliveries)-1)
	if l.onDevices {
		l.at, l.said = max(0, min(l.at+by, last)), ""
		return
	}
	l.from = max(0, min(l.from+by, last))
}

// receiver is the one that the arrows are at.
func (l *live) receiver() groupcast.Delivery {
	all := menu.WorstFirst(l.b.Chosen.Deliveries)
	if !l.onDevices || len(all) == 0 {
		return groupcast.Delivery{}
	}
	return all[min(l.at, len(all)-1)]
}

// actions are those that the keys stand for now.
func (l *live) actions() []menu.TransferAction {
	if l.onDevices {
		return menu.DeviceActionsOn(l.b.Chosen.Transfer, l.receiver())
	}
	return menu.ActionsOn(l.b.Chosen)
}

const pageful = 8 // receivers that a page moves by

func (m *model) moveLive(by int) {
	l := &m.live
	if l.onDevices {
		m.scrollLive(by)
		return
	}
	i := l.b.Index(l.b.Chosen.Transfer.No) + by
	if i < 0 || i >= len(l.b.All) {
		return
	}
	l.b.Chosen.Transfer, l.b.Chosen.Deliveries, l.from, l.said = l.b.All[i], nil, 0, ""
	l.selected.Choose(l.b.All[i].No)
}

// pressAction asks before what a key stands for is done.
func (m *model) pressAction(key string) {
	l := &m.live
	for _, e := range l.actions() {
		if e.Key == key {
			l.said, l.asked, l.askedFor, l.asking = "", l.b.Chosen.Transfer, l.receiver(), &e
			if e.Ask == "" {
				m.asking = asking{plan: e.Plan(l.b.Chosen, l.askedFor)}
			} else {
				m.asking = asking{plan: menu.Plan{e.AsksFor(l.asked)}, ask: e.Ask}
			}
			m.ahead.begin(m.now())
			return
		}
	}
}

func (m *model) answerAction(k tea.KeyPressMsg) {
	l, key := &m.live, k.String()
	switch {
	case key == "enter" && l.asking.Ask != "":
		m.answerAsked()
	case key == "enter" && menu.Yes(m.asking.typed):
		e := *l.asking
		l.asking = nil
		m.perform(e)
	case key == "esc", key == "enter" && strings.EqualFold(m.asking.typed, "no"):
		l.asking, l.said, l.bad = nil, menu.NotChanged, false
	default:
		m.asking.press(k)
	}
}

// answerAsked takes the answer that an action needs before its plan can be shown.
func (m *model) answerAsked() {
	l := &m.live
	e, err := l.asking.With(m.asking.typed)
	if err != nil {
		m.asking.wrong = menu.Reason(err)
		return
	}
	l.asking, m.asking = &e, asking{plan: e.Plan(ui.Snapshot{Transfer: l.asked}, l.askedFor)}
	m.ahead.begin(m.now())
}

// perform does what was asked for beside the screen.
func (m *model) perform(e menu.TransferAction) {
	m.live.said, m.live.bad = "One moment …", false
	job, d, g, no, who := m.job, m.menu, m.live.selected, m.live.asked.No, m.live.askedFor
	m.start(func(ctx context.Context, send func(tea.Msg)) {
		var text string
		var err error
		if e.Each != "" {
			text, err = e.DoOn(ctx, d, who)
		} else {
			text, err = e.Do(ctx, d, no)
		}
		send(actionMsg{job, text, err})
		g.Refresh()
	})
}

func (m *model) performed(msg actionMsg) {
	l := &m.live
	l.said, l.bad = msg.text, msg.err != nil
	if msg.err != nil {
		l.said = menu.Reason(msg.err)
	}
}

// showTransfers takes what was read of the server; a choice that it has not heard of yet is kept, and so is
// the receiver that the arrows are at: others may have changed places with it.
func (m *model) showTransfers(b menu.Transfers) {
	l := &m.live
	if no := l.selected.No(); no != 0 && b.Chosen.Transfer.No != no && b.Index(no) >= 0 {
		b.Chosen = l.b.Chosen
		b.Chosen.Transfer = b.All[b.Index(no)]
	}
	if l.b.Said == "" && b.Said != "" {
		l.said, l.bad = b.Said, false
	}
	who := l.receiver()
	if b.Chosen.Transfer.No != l.b.Chosen.Transfer.No {
		l.from, l.onDevices = 0, false
	}
	l.b = b
	if i := slices.IndexFunc(menu.WorstFirst(b.Chosen.Deliveries), func(d groupcast.Delivery) bool {
		return d.DeviceID == who.DeviceID && d.UserID == who.UserID && d.Device == who.Device
	}); i >= 0 && l.onDevices {
		l.at = i
	}
}

// liveKeys are the keys of the live screen, or how its question is answered.
func (m *model) liveKeys() string {
	l := &m.live
	if l.asking != nil {
		if l.asking.Ask != "" {
			return m.asking.line() + "   Enter next   Esc back"
		}
		return m.asking.line() + "   Enter does it   Esc back"
	}
	var keys []string
	for _, e := range l.actions() {
		keys = append(keys, e.Key+" "+e.Name)
	}
	keys = append(keys, "↑ ↓ choose")
	switch {
	case l.onDevices:
		keys = append(keys, "Tab transfers")
	case len(l.b.Chosen.Deliveries) > 0:
		keys = append(keys, "Tab receivers")
	}
	return strings.Join(append(keys, "Esc back"), "   ")
}
