package menu

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// TransferAction is something that can be done to a transfer, or to what one device is owed of it.
type TransferAction struct {
	Key, Name, note string
	Each            groupcast.DeliveryAction // of one device; empty in the actions of a transfer
	fits            func(s ui.Snapshot) bool
	do              func(ctx context.Context, m *Menu, no protocol.TransferNo) (groupcast.Transfer, error)
	done            string
	Ask             string // what it needs an answer for; empty: nothing
	with            func(e TransferAction, text string) (TransferAction, error)
	plan            func(s ui.Snapshot, who groupcast.Delivery) Plan
}

// Plan says what the action changes, of a transfer or of what one device is owed of it.
func (e TransferAction) Plan(s ui.Snapshot, who groupcast.Delivery) Plan { return e.plan(s, who) }

// fitsDevice says whether it can be done to a device.
func (e TransferAction) fitsDevice(t groupcast.Transfer, d groupcast.Delivery) bool {
	return t.State.Open() && slices.Contains(d.Actions(), e.Each)
}

var deviceActions = []TransferAction{
	{
		Key: "n", Name: "catch up now", note: "one receiver gets it over HTTPS at once, not by multicast",
		Each: groupcast.CatchUp, plan: func(s ui.Snapshot, who groupcast.Delivery) Plan {
			text := "Let %s fetch %s over HTTPS at once, instead of by multicast."
			return Plan{fmt.Sprintf(text, receiverText(who), called(s))}
		},
	},
	{
		Key: "l", Name: "later", note: "one receiver is left out for now; it still gets it, later",
		Each: groupcast.PutOff, plan: func(s ui.Snapshot, who groupcast.Delivery) Plan {
			return Plan{
				fmt.Sprintf("Leave %s out of %s for now: the others no longer wait for it.", receiverText(who), called(s)),
				"It gets the rest after `catch up now`, or when the transfer is sent again.",
			}
		},
	},
	{
		Key: "d", Name: "drop", note: "one receiver does not get it any more",
		Each: groupcast.Drop, plan: func(s ui.Snapshot, who groupcast.Delivery) Plan {
			return Plan{fmt.Sprintf("Drop %s for %s: it will not get what it still lacks.", called(s), receiverText(who))}
		},
	},
}

// called is a transfer in a plan.
func called(s ui.Snapshot) string {
	return fmt.Sprintf("transfer %d (%s) to %s", s.Transfer.No, ui.Name(s.Transfer.Name), ui.ForWhom(s.Transfer))
}

func receiverText(who groupcast.Delivery) string { return ui.Name(ReceiverName(who)) }

// ReceiverName is who is owed a delivery.
func ReceiverName(d groupcast.Delivery) string {
	if d.Device == "" {
		return d.User
	}
	return d.User + "/" + d.Device
}

// DeviceActionsOn are the actions that make sense for a device.
func DeviceActionsOn(t groupcast.Transfer, d groupcast.Delivery) []TransferAction {
	return slices.DeleteFunc(slices.Clone(deviceActions), func(e TransferAction) bool {
		return t.No == 0 || !e.fitsDevice(t, d)
	})
}

// DoOn does something about what one device is owed, and says what becomes of it.
func (e TransferAction) DoOn(ctx context.Context, m *Menu, who groupcast.Delivery) (string, error) {
	if who.Device == "" {
		_, err := m.Admin.DropMember(ctx, who.Transfer, who.User)
		return ui.Name(who.User) + ": it is not owed any more", err
	}
	now, err := m.Admin.ActOnDelivery(ctx, who.Transfer, who.DeviceID, e.Each)
	if err != nil {
		return "", err
	}
	what := cmp.Or(now.Reason, string(now.State))
	if e.Each == groupcast.Drop {
		what = "it is not owed any more"
	}
	return ui.Name(ReceiverName(who)) + ": " + ui.Name(what), nil
}

var transferActions = slices.Concat(endActions, paceActions)

var endActions = []TransferAction{
	{
		Key: "s", Name: "send now", note: "without waiting for more receivers", done: "is sent now",
		fits: func(s ui.Snapshot) bool { return s.Transfer.Sendable() && !s.Transfer.Paused },
		plan: func(s ui.Snapshot, _ groupcast.Delivery) Plan {
			return Plan{fmt.Sprintf("Send %s now: %s", called(s),
				stillLack(s, "gets it as soon as it is here", "get it as soon as they are here"))}
		},
		do: func(ctx context.Context, m *Menu, no protocol.TransferNo) (groupcast.Transfer, error) {
			return m.Admin.SendTransfer(ctx, no)
		},
	},
	{
		Key: "c", Name: "cancel", note: "who lacks it will not get it; what is delivered stays", done: "is cancelled",
		fits: func(s ui.Snapshot) bool { return s.Transfer.State.Open() },
		plan: func(s ui.Snapshot, _ groupcast.Delivery) Plan {
			p := Plan{fmt.Sprintf("Cancel %s: %s", called(s), stillLack(s, "will not get it", "will not get it"))}
			if s.Transfer.Verified > 0 {
				p = append(p, some(s.Transfer.Verified, "device has it and keeps it.", "devices have it and keep it."))
			}
			return p
		},
		do: func(ctx context.Context, m *Menu, no protocol.TransferNo) (groupcast.Transfer, error) {
			return m.Admin.CancelTransfer(ctx, no)
		},
	},
	{
		Key: "r", Name: "retry", done: "is sent again to those who lack it",
		note: "again to those who lack some of it, failed, refused, or from whom it was taken back",
		fits: func(s ui.Snapshot) bool { return s.Transfer.Retryable() || retryable(s) > 0 },
		plan: func(s ui.Snapshot, _ groupcast.Delivery) Plan {
			return Plan{fmt.Sprintf("Send %s again to those who do not have all of it: %s.", called(s),
				ui.Plural(max(retryable(s), s.Transfer.Failed+s.Transfer.Incomplete), "device"))}
		},
		do: func(ctx context.Context, m *Menu, no protocol.TransferNo) (groupcast.Transfer, error) {
			return m.Admin.RetryTransfer(ctx, no)
		},
	},
}

// stillLack says what becomes of those who lack a transfer.
func stillLack(s ui.Snapshot, one, more string) string {
	return some(s.Transfer.Owed, "device that still lacks it "+one+".", "devices that still lack it "+more+".")
}

// retryable counts those to whom a retry owes it again.
func retryable(s ui.Snapshot) int {
	n := 0
	for _, d := range s.Deliveries {
		if d.State.Retryable() {
			n++
		}
	}
	return n
}

// ActionsOn are the actions that make sense for a transfer.
func ActionsOn(s ui.Snapshot) []TransferAction {
	return slices.DeleteFunc(slices.Clone(transferActions), func(e TransferAction) bool {
		return s.Transfer.No == 0 || !e.fits(s)
	})
}

// Do does it to a transfer, and says so.
func (e TransferAction) Do(ctx context.Context, m *Menu, no protocol.TransferNo) (string, error) {
	if _, err := e.do(ctx, m, no); err != nil {
		return "", err
	}
	return fmt.Sprintf("Transfer %d %s.", no, e.done), nil
}

// transferField asks for a transfer: an open one, or one of the last that are closed.
func (m *Menu) transferField() Field {
	f := Field{Key: "transfer", Ask: "Transfer", Closed: true, OwnNames: true}
	f.Prepare = func(ctx context.Context, _ Answers) (Choices, error) {
		all, err := m.watchTransfers("", NewSelection(), nil).list(ctx)
		c := Choices{Empty: "There is no transfer yet: `Add file to pending` makes one."}
		for _, t := range all {
			word, _ := ui.Standing(t)
			note := fmt.Sprintf("%s for %s: %s", t.Name, ui.ForWhom(t), word)
			for _, chip := range ui.Chips(ui.Snapshot{Transfer: t}) {
				note += " · " + chip.String()
			}
			c.Options = append(c.Options, Option{fmt.Sprint(t.No), note})
		}
		return c, err
	}
	return f
}

// snapshot reads the transfer that was answered, with its deliveries.
func (m *Menu) snapshot(ctx context.Context, a Answers) (s ui.Snapshot, err error) {
	if s.Transfer, err = m.answered(ctx, a); err != nil {
		return s, err
	}
	s.Deliveries, err = m.Admin.Deliveries(ctx, s.Transfer.No)
	return s, err
}

// actionField asks what to do to the transfer that was answered.
func (m *Menu) actionField() Field {
	f := Field{Key: "action", Ask: "What to do", Closed: true}
	f.Prepare = func(ctx context.Context, a Answers) (Choices, error) {
		s, err := m.snapshot(ctx, a)
		c := Choices{Empty: "Nothing can be done to it any more."}
		for _, e := range ActionsOn(s) {
			c.Options = append(c.Options, Option{e.Name, e.note})
		}
		for _, e := range deviceActions {
			if slices.ContainsFunc(s.Deliveries, func(d groupcast.Delivery) bool { return e.fitsDevice(s.Transfer, d) }) {
				c.Options = append(c.Options, Option{e.Name, e.note})
			}
		}
		return c, err
	}
	return f
}

// deviceField asks for the receiver of an action that is about one.
func (m *Menu) deviceField() Field {
	f := Field{Key: "device", Ask: "Receiver", Closed: true}
	f.Prepare = func(ctx context.Context, a Answers) (Choices, error) {
		i := slices.IndexFunc(deviceActions, func(e TransferAction) bool { return e.Name == a["action"] })
		if i < 0 {
			return Choices{Skip: true}, nil
		}
		s, err := m.snapshot(ctx, a)
		c := Choices{Empty: "There is no receiver that it could be done to."}
		for _, one := range WorstFirst(s.Deliveries) {
			if deviceActions[i].fitsDevice(s.Transfer, one) {
				note := ui.Percent(one.Share(s.Transfer.Bytes)) + "  " + DeviceTail(one)
				c.Options = append(c.Options, Option{ReceiverName(one), note})
			}
		}
		return c, err
	}
	return f
}

func (m *Menu) answered(ctx context.Context, a Answers) (groupcast.Transfer, error) {
	no, err := strconv.ParseUint(a["transfer"], 10, 64)
	if err != nil {
		text := "%s is not the number of a transfer"
		return groupcast.Transfer{}, groupcast.Errorf(groupcast.EInvalid, text, ui.Name(a["transfer"]))
	}
	return m.Admin.Transfer(ctx, protocol.TransferNo(no))
}

// chosen is the action that was answered, with what it is about.
func (m *Menu) chosen(ctx context.Context, a Answers) (
	e TransferAction, s ui.Snapshot, who groupcast.Delivery, err error,
) {
	if s, err = m.snapshot(ctx, a); err != nil {
		return e, s, who, err
	}
	if i := actionNamed(a["action"]); i >= 0 {
		e, err = transferActions[i].With(a["rate"])
		return e, s, who, err
	}
	i := slices.IndexFunc(deviceActions, func(e TransferAction) bool { return e.Name == a["action"] })
	at := slices.IndexFunc(s.Deliveries, func(d groupcast.Delivery) bool { return ReceiverName(d) == a["device"] })
	if i < 0 || at < 0 {
		err = groupcast.Errorf(groupcast.EConflict, "that cannot be done to transfer %d any more", s.Transfer.No)
		return e, s, who, err
	}
	return deviceActions[i], s, s.Deliveries[at], nil
}

// actionNamed is the place of an action on a whole transfer; -1: it is none.
func actionNamed(name string) int {
	return slices.IndexFunc(transferActions, func(e TransferAction) bool { return e.Name == name })
}

// planChange says what was answered is going to change.
func (m *Menu) planChange(ctx context.Context, a Answers) (Plan, error) {
	e, s, who, err := m.chosen(ctx, a)
	if err != nil {
		return nil, err
	}
	return e.Plan(s, who), nil
}

// change does what was answered to a transfer.
func (m *Menu) change(ctx context.Context, a Answers, _ show) (Page, error) {
	_, text, err := m.perform(ctx, a)
	return say(text), err
}

// perform does it, and says so.
func (m *Menu) perform(ctx context.Context, a Answers) (no protocol.TransferNo, text string, err error) {
	e, s, who, err := m.chosen(ctx, a)
	if err != nil {
		return 0, "", err
	}
	if e.Each != "" {
		text, err = e.DoOn(ctx, m, who)
	} else {
		text, err = e.Do(ctx, m, s.Transfer.No)
	}
	return s.Transfer.No, text, err
}

// DeviceTail says of a device how it receives, or why not.
func DeviceTail(d groupcast.Delivery) string {
	out := []string{ui.State(d)}
	switch label := d.Label(); {
	case label == groupcast.LabelOff || label == groupcast.LabelHeld || label == groupcast.LabelPaused: // it says it all
	case d.Reason != "" && label == groupcast.Label(groupcast.DeliveryReceiving):
		out = []string{ui.Name(d.Reason)} // it says which way
	case d.Reason != "":
		out = append(out, ui.Why(d))
	case d.State == groupcast.DeliveryReceiving && d.Path == groupcast.PathMulticast:
		out = append(out, "multicast, loss "+units.Percent(d.LossPercent))
	case d.State == groupcast.DeliveryReceiving && d.Path == groupcast.PathHTTPS:
		out = append(out, string(d.Path))
	}
	return strings.Join(out, "  ")
}

// WorstFirst sorts deliveries for a list.
func WorstFirst(deliveries []groupcast.Delivery) []groupcast.Delivery {
	out := slices.Clone(deliveries)
	slices.SortStableFunc(out, groupcast.WorstFirst)
	return out
}

// Sentence says how a transfer stands and why, where no counts stand beside it.
func Sentence(t groupcast.Transfer) string {
	return ui.Name(cmp.Or(t.Summary, t.Reason, string(t.State)))
}
