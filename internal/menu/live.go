package menu

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// live is the screen of transfers that run.
type live struct {
	b         board
	gaze      *gaze
	from      int  // the first receiver that is shown
	onDevices bool // the arrows move through the receivers
	at        int  // the receiver they are at
	asking    *deed
	askedFor  groupcast.Delivery // and this receiver, where it is about one
	asked     groupcast.Transfer // the one the question is about
	said      string
	bad       bool // what was said is an error
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
	case "tab":
		l.onDevices = !l.onDevices && len(l.b.chosen.Deliveries) > 0
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
		m.scrollLive(-len(l.b.chosen.Deliveries))
	case "end":
		m.scrollLive(len(l.b.chosen.Deliveries))
	default:
		m.pressDeed(key)
	}
}

// scrollLive moves through the receivers.
func (m *model) scrollLive(by int) {
	l, last := &m.live, max(0, len(m.live.b.chosen.Deliveries)-1)
	if l.onDevices {
		l.at, l.said = max(0, min(l.at+by, last)), ""
		return
	}
	l.from = max(0, min(l.from+by, last))
}

// receiver is the one that the arrows are at.
func (l *live) receiver() groupcast.Delivery {
	all := worstFirst(l.b.chosen.Deliveries)
	if !l.onDevices || len(all) == 0 {
		return groupcast.Delivery{}
	}
	return all[min(l.at, len(all)-1)]
}

// fitting are the deeds that the keys stand for now.
func (l *live) fitting() []deed {
	if l.onDevices {
		return fittingEach(l.b.chosen.Transfer, l.receiver())
	}
	return fitting(l.b.chosen)
}

const pageful = 8 // receivers that a page moves by

func (m *model) moveLive(by int) {
	l := &m.live
	if l.onDevices {
		m.scrollLive(by)
		return
	}
	i := l.b.index(l.b.chosen.Transfer.No) + by
	if i < 0 || i >= len(l.b.transfers) {
		return
	}
	l.b.chosen.Transfer, l.b.chosen.Deliveries, l.from, l.said = l.b.transfers[i], nil, 0, ""
	l.gaze.at(l.b.transfers[i].No)
}

func (m *model) pressDeed(key string) {
	l := &m.live
	for _, e := range l.fitting() {
		if e.key != key {
			continue
		}
		l.said, l.asked, l.askedFor = "", l.b.chosen.Transfer, l.receiver()
		if e.ask == "" {
			m.perform(e)
			return
		}
		l.asking = &e
		return
	}
}

func (m *model) answerDeed(key string) {
	e := *m.live.asking
	m.live.asking = nil
	if key == "y" {
		m.perform(e)
		return
	}
	m.live.said, m.live.bad = "Nothing was done.", false
}

// perform does what was asked for beside the screen.
func (m *model) perform(e deed) {
	m.live.said, m.live.bad = "One moment …", false
	job, d, g, no, who := m.job, m.desk, m.live.gaze, m.live.asked.No, m.live.askedFor
	m.start(func(ctx context.Context, send func(tea.Msg)) {
		var text string
		var err error
		if e.action != "" {
			text, err = e.performOn(ctx, d, who)
		} else {
			text, err = e.perform(ctx, d, no)
		}
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

// showBoard takes what the watcher saw; a choice that it has not heard of yet is kept, and so is
// the receiver that the arrows are at: others may have changed places with it.
func (m *model) showBoard(b board) {
	l := &m.live
	if no := protocol.TransferNo(l.gaze.no.Load()); no != 0 && b.chosen.Transfer.No != no && b.index(no) >= 0 {
		b.chosen = l.b.chosen
		b.chosen.Transfer = b.transfers[b.index(no)]
	}
	who := l.receiver()
	if b.chosen.Transfer.No != l.b.chosen.Transfer.No {
		l.from, l.onDevices = 0, false
	}
	l.b = b
	if i := slices.IndexFunc(worstFirst(b.chosen.Deliveries), func(d groupcast.Delivery) bool {
		return d.DeviceID == who.DeviceID && d.UserID == who.UserID && d.Device == who.Device
	}); i >= 0 && l.onDevices {
		l.at = i
	}
}

// liveKeys are the keys of the live screen, or its question.
func (m *model) liveKeys() string {
	l := &m.live
	switch {
	case l.asking != nil && l.asking.action != "":
		return fmt.Sprintf("%s: %s   y yes   n no", ui.Name(l.askedFor.Device), l.asking.ask)
	case l.asking != nil:
		return fmt.Sprintf("Transfer %d: %s   y yes   n no", l.asked.No, l.asking.ask)
	}
	var keys []string
	for _, e := range l.fitting() {
		keys = append(keys, e.key+" "+e.name)
	}
	keys = append(keys, "↑ ↓ choose")
	switch {
	case l.onDevices:
		keys = append(keys, "Tab transfers")
	case len(l.b.chosen.Deliveries) > 0:
		keys = append(keys, "Tab receivers")
	}
	return strings.Join(append(keys, "Esc back"), "   ")
}
