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
)

// TransferAction is something that can be done to a transfer, or to what one device is owed of it.
type TransferAction struct {
	Key, Name, note string
	Ask             string // before it is done; empty: nothing can be lost by it
	fits            func(s ui.Snapshot) bool
	do              func(ctx context.Context, m *Menu, no protocol.TransferNo) (groupcast.Transfer, error)
	done            string
	Each            groupcast.DeliveryAction // of one device; empty in the actions of a transfer
}

// fitsDevice says whether it can be done to a device.
func (e TransferAction) fitsDevice(t groupcast.Transfer, d groupcast.Delivery) bool {
	return t.State.Open() && slices.Contains(d.Actions(), e.Each)
}

var deviceActions = []TransferAction{
	{Key: "n", Name: "catch up now", note: "one receiver leaves multicast and fetches over HTTPS at once", Each: groupcast.CatchUp},
	{Key: "l", Name: "later", note: "one receiver is left out for now; it stays owed", Each: groupcast.PutOff},
	{Key: "d", Name: "drop", note: "one receiver is not owed it any more", Ask: "not owed to this receiver any more?", Each: groupcast.Drop},
}

// ReceiverName is who is owed a delivery.
func ReceiverName(d groupcast.Delivery) string {
	if d.Device == "" {
		return d.User
	}
	return d.User + "/" + d.Device
}

// DeviceActionsOn are the actions that make sense for a device.
func DeviceActionsOn(t groupcast.Transfer, d groupcast.Delivery) []TransferAction {
	return slices.DeleteFunc(slices.Clone(deviceActions), func(e TransferAction) bool { return t.No == 0 || !e.fitsDevice(t, d) })
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

var transferActions = []TransferAction{
	{Key: "s", Name: "send now", note: "without waiting for more receivers", done: "is sent now",
		fits: func(s ui.Snapshot) bool {
			return s.Transfer.Sendable()
		},
		do: func(ctx context.Context, m *Menu, no protocol.TransferNo) (groupcast.Transfer, error) {
			return m.Admin.SendTransfer(ctx, no)
		}},
	{Key: "c", Name: "cancel", note: "what is still owed is taken back; what is delivered stays", Ask: "take back what it still owes?", done: "is cancelled",
		fits: func(s ui.Snapshot) bool { return s.Transfer.State.Open() },
		do: func(ctx context.Context, m *Menu, no protocol.TransferNo) (groupcast.Transfer, error) {
			return m.Admin.CancelTransfer(ctx, no)
		}},
	{Key: "r", Name: "retry", note: "owed again to those with entries missing, to whom it failed for, who refused, or from whom it was taken back", done: "is owed again",
		fits: func(s ui.Snapshot) bool {
			return s.Transfer.Retryable() || slices.ContainsFunc(s.Deliveries, func(d groupcast.Delivery) bool { return d.State.Retryable() })
		},
		do: func(ctx context.Context, m *Menu, no protocol.TransferNo) (groupcast.Transfer, error) {
			return m.Admin.RetryTransfer(ctx, no)
		}},
}

// ActionsOn are the actions that make sense for a transfer.
func ActionsOn(s ui.Snapshot) []TransferAction {
	return slices.DeleteFunc(slices.Clone(transferActions), func(e TransferAction) bool { return s.Transfer.No == 0 || !e.fits(s) })
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
	return Field{Key: "transfer", Ask: "Transfer", Closed: true, Prepare: func(ctx context.Context, _ Answers) (Choices, error) {
		all, err := m.watchTransfers("", NewSelection(), nil).list(ctx)
		c := Choices{Empty: "There is no transfer yet: `Add file to pending` promises files to a group."}
		for _, t := range all {
			c.Options = append(c.Options, Option{fmt.Sprint(t.No), fmt.Sprintf("%s for %s: %s, %d verified, %d owed", t.Name, t.Group, t.State, t.Verified, t.Owed)})
		}
		return c, err
	}}
}

// actionField asks what to do to the transfer that was answered.
func (m *Menu) actionField() Field {
	return Field{Key: "action", Ask: "What to do", Closed: true, Prepare: func(ctx context.Context, a Answers) (Choices, error) {
		t, err := m.answered(ctx, a)
		if err != nil {
			return Choices{}, err
		}
		s := ui.Snapshot{Transfer: t}
		s.Deliveries, err = m.Admin.Deliveries(ctx, t.No)
		c := Choices{Empty: "Nothing can be done to it any more."}
		for _, e := range ActionsOn(s) {
			c.Options = append(c.Options, Option{e.Name, e.note})
		}
		for _, e := range deviceActions {
			if slices.ContainsFunc(s.Deliveries, func(d groupcast.Delivery) bool { return e.fitsDevice(t, d) }) {
				c.Options = append(c.Options, Option{e.Name, e.note})
			}
		}
		return c, err
	}}
}

// deviceField asks for the receiver of an action that is about one.
func (m *Menu) deviceField() Field {
	return Field{Key: "device", Ask: "Receiver", Closed: true, Prepare: func(ctx context.Context, a Answers) (Choices, error) {
		i := slices.IndexFunc(deviceActions, func(e TransferAction) bool { return e.Name == a["action"] })
		if i < 0 {
			return Choices{Skip: true}, nil
		}
		t, err := m.answered(ctx, a)
		if err != nil {
			return Choices{}, err
		}
		all, err := m.Admin.Deliveries(ctx, t.No)
		c := Choices{Empty: "There is no receiver that it could be done to."}
		for _, one := range WorstFirst(all) {
			if deviceActions[i].fitsDevice(t, one) {
				c.Options = append(c.Options, Option{ReceiverName(one), ui.Percent(one.Share(t.Bytes)) + "  " + DeviceTail(one)})
			}
		}
		return c, err
	}}
}

func (m *Menu) answered(ctx context.Context, a Answers) (groupcast.Transfer, error) {
	no, err := strconv.ParseUint(a["transfer"], 10, 64)
	if err != nil {
		return groupcast.Transfer{}, groupcast.Errorf(groupcast.EInvalid, "%s is not the number of a transfer", ui.Name(a["transfer"]))
	}
	return m.Admin.Transfer(ctx, protocol.TransferNo(no))
}

// change does what was answered to a transfer.
func (m *Menu) change(ctx context.Context, a Answers, _ show) (Page, error) {
	t, err := m.answered(ctx, a)
	if err != nil {
		return Page{}, err
	}
	for _, e := range transferActions {
		if e.Name == a["action"] {
			text, err := e.Do(ctx, m, t.No)
			return say(text), err
		}
	}
	all, err := m.Admin.Deliveries(ctx, t.No)
	if err != nil {
		return Page{}, err
	}
	for _, e := range deviceActions {
		for _, one := range all {
			if e.Name == a["action"] && ReceiverName(one) == a["device"] {
				text, err := e.DoOn(ctx, m, one)
				return say(text), err
			}
		}
	}
	return Page{}, groupcast.Errorf(groupcast.EConflict, "that cannot be done to transfer %d any more", t.No)
}

// DeviceTail says of a device how it receives, or why not.
func DeviceTail(d groupcast.Delivery) string {
	out := []string{ui.State(d)}
	switch label := d.Label(); {
	case label == groupcast.LabelOff || label == groupcast.LabelHeld: // the label says it all
	case d.Reason != "": // why it is slow says which way, too
		out = append(out, ui.Name(d.Reason))
	case d.State == groupcast.DeliveryReceiving && d.Path == groupcast.PathMulticast:
		out = append(out, fmt.Sprintf("multicast, loss %.1f %%", d.LossPercent))
	case d.State == groupcast.DeliveryReceiving && d.Path != groupcast.PathUnknown:
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

// Sentence says how a transfer stands and why, in the server's own words.
func Sentence(t groupcast.Transfer) string {
	if t.Summary == "" { // it was not asked for yet
		return ui.Name(cmp.Or(t.Reason, string(t.State)))
	}
	return ui.Name(t.Summary)
}
