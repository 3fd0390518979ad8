package menu

import (
	"context"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// paceActions are how a transfer goes on: not now, again, no faster than a rate.
var paceActions = []TransferAction{
	{
		Key: "p", Name: "pause", note: "nothing more is sent until it is resumed; receivers keep what they have",
		done: "is paused",
		fits: func(s ui.Snapshot) bool {
			t := s.Transfer
			return t.State.Open() && t.State != groupcast.TransferHeld && !t.Paused
		},
		plan: func(s ui.Snapshot, _ groupcast.Delivery) Plan {
			return Plan{fmt.Sprintf("Pause %s: nothing more of it is sent until somebody resumes it. %s", called(s),
				stillLack(s, "keeps what it has", "keep what they have"))}
		},
		do: func(ctx context.Context, m *Menu, no protocol.TransferNo) (groupcast.Transfer, error) {
			return m.Admin.PauseTransfer(ctx, no)
		},
	},
	{
		Key: "p", Name: "resume", note: "it goes on with what is lacking", done: "goes on",
		fits: func(s ui.Snapshot) bool { return s.Transfer.State.Open() && s.Transfer.Paused },
		plan: func(s ui.Snapshot, _ groupcast.Delivery) Plan {
			return Plan{fmt.Sprintf("Resume %s: %s", called(s), stillLack(s, "gets the rest", "get the rest"))}
		},
		do: func(ctx context.Context, m *Menu, no protocol.TransferNo) (groupcast.Transfer, error) {
			return m.Admin.ResumeTransfer(ctx, no)
		},
	},
	{
		Key: "m", Name: "max rate", note: "how fast it may be sent, from now on", Ask: "Rate", with: limited,
		fits: func(s ui.Snapshot) bool { return s.Transfer.State.Open() },
	},
}

// limited is the action that sends a transfer no faster than a rate.
func limited(e TransferAction, rate string) (TransferAction, error) {
	bits, err := units.ParseRate(rate)
	if err != nil {
		return e, err
	}
	e.Ask, e.done = "", fmt.Sprintf("goes at %s at most from now on", units.FormatRate(bits))
	if bits == 0 {
		e.done = "has no limit of its own any more"
	}
	e.plan = func(s ui.Snapshot, _ groupcast.Delivery) Plan {
		if bits == 0 {
			return Plan{fmt.Sprintf("Take the limit off %s: it goes as fast as the network, its receivers and the server's "+
				"own limit allow. Its limit now: %s.", called(s), limitNow(s.Transfer))}
		}
		return Plan{fmt.Sprintf("Limit the rate of %s: %s at most, from now on. Its limit now: %s.", called(s),
			units.FormatRate(bits), limitNow(s.Transfer))}
	}
	e.do = func(ctx context.Context, m *Menu, no protocol.TransferNo) (groupcast.Transfer, error) {
		return m.Admin.ChangeTransfer(ctx, no, groupcast.TransferChange{Rate: &bits})
	}
	return e, nil
}

// limitNow says the limit that a transfer has.
func limitNow(t groupcast.Transfer) string {
	if t.RateLimit == 0 {
		return "none"
	}
	return units.FormatRate(t.RateLimit)
}

// AsksFor is the question before an action that needs an answer.
func (e TransferAction) AsksFor(t groupcast.Transfer) string {
	return fmt.Sprintf("How fast may transfer %d (%s) be sent, in bits a second? For example 20M or 1.5G; auto: no "+
		"limit of its own. Its limit now: %s.", t.No, ui.Name(t.Name), limitNow(t))
}

// With is the action with the answer to what it asks for.
func (e TransferAction) With(text string) (TransferAction, error) {
	if e.with == nil {
		return e, nil
	}
	return e.with(e, text)
}

// rateField asks how fast a transfer may be sent.
func (m *Menu) rateField() Field {
	f := Field{Key: "rate", Ask: "Bits a second at most, for example 20M", OwnNames: true}
	f.Check = func(text string) error {
		_, err := units.ParseRate(text)
		return err
	}
	f.Prepare = func(ctx context.Context, a Answers) (Choices, error) {
		if i := actionNamed(a["action"]); i < 0 || transferActions[i].Ask == "" {
			return Choices{Skip: true}, nil
		}
		t, err := m.answered(ctx, a)
		return Choices{Options: []Option{{"auto", "no limit; its limit now: " + limitNow(t)}}}, err
	}
	return f
}

// changeLive does what was answered to a transfer and shows it from then on.
func (m *Menu) changeLive(ctx context.Context, a Answers, g *Selection, show func(Transfers)) (Page, error) {
	no, text, err := m.perform(ctx, a)
	if err != nil {
		return Page{}, err
	}
	g.Choose(no)
	w := m.watchTransfers("", g, show)
	w.b.Said = text
	w.run(ctx)
	return Page{}, nil
}
