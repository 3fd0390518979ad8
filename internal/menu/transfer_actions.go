package menu

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// deed is something that can be done to a transfer, or to what one device is owed of it.
type deed struct {
	key, name, note string
	ask             string // before it is done; empty: nothing can be lost by it
	fits            func(s ui.Snapshot) bool
	do              func(ctx context.Context, d *Desk, no protocol.TransferNo) (groupcast.Transfer, error)
	done            string
	action          groupcast.DeliveryAction // of one device; empty in the deeds of a transfer
}

// each says whether the deed can be done to a device.
func (e deed) each(t groupcast.Transfer, d groupcast.Delivery) bool {
	return t.State.Open() && slices.Contains(d.Actions(), e.action)
}

var deviceDeeds = []deed{
	{key: "n", name: "catch up now", note: "one receiver leaves multicast and fetches over HTTPS at once", action: groupcast.CatchUp},
	{key: "l", name: "later", note: "one receiver is left out for now; it stays owed", action: groupcast.PutOff},
	{key: "d", name: "drop", note: "one receiver is not owed it any more", ask: "not owed to this receiver any more?", action: groupcast.Drop},
}

// receiver names who is owed a delivery.
func receiver(d groupcast.Delivery) string {
	if d.Device == "" {
		return d.User
	}
	return d.User + "/" + d.Device
}

// fittingEach are the deeds that make sense for a device.
func fittingEach(t groupcast.Transfer, d groupcast.Delivery) []deed {
	return slices.DeleteFunc(slices.Clone(deviceDeeds), func(e deed) bool { return t.No == 0 || !e.each(t, d) })
}

// performOn does something about what one device is owed, and says what becomes of it.
func (e deed) performOn(ctx context.Context, d *Desk, who groupcast.Delivery) (string, error) {
	if who.Device == "" {
		_, err := d.Admin.DropMember(ctx, who.Transfer, who.User)
		return ui.Name(who.User) + ": it is not owed any more", err
	}
	now, err := d.Admin.ActOnDelivery(ctx, who.Transfer, who.DeviceID, e.action)
	if err != nil {
		return "", err
	}
	what := cmp.Or(now.Reason, string(now.State))
	if e.action == groupcast.Drop {
		what = "it is not owed any more"
	}
	return ui.Name(receiver(who)) + ": " + ui.Name(what), nil
}

var deeds = []deed{
	{key: "s", name: "send now", note: "without waiting for more receivers", done: "is sent now",
		fits: func(s ui.Snapshot) bool {
			return s.Transfer.Sendable()
		},
		do: func(ctx context.Context, d *Desk, no protocol.TransferNo) (groupcast.Transfer, error) {
			return d.Admin.SendTransfer(ctx, no)
		}},
	{key: "c", name: "cancel", note: "what is still owed is taken back; what is delivered stays", ask: "take back what it still owes?", done: "is cancelled",
		fits: func(s ui.Snapshot) bool { return s.Transfer.State.Open() },
		do: func(ctx context.Context, d *Desk, no protocol.TransferNo) (groupcast.Transfer, error) {
			return d.Admin.CancelTransfer(ctx, no)
		}},
	{key: "r", name: "retry", note: "owed again to those with entries missing, to whom it failed for, who refused, or from whom it was taken back", done: "is owed again",
		fits: func(s ui.Snapshot) bool {
			return s.Transfer.Retryable() || slices.ContainsFunc(s.Deliveries, func(d groupcast.Delivery) bool { return d.State.Retryable() })
		},
		do: func(ctx context.Context, d *Desk, no protocol.TransferNo) (groupcast.Transfer, error) {
			return d.Admin.RetryTransfer(ctx, no)
		}},
}

// fitting are the deeds that make sense for a transfer.
func fitting(s ui.Snapshot) []deed {
	return slices.DeleteFunc(slices.Clone(deeds), func(e deed) bool { return s.Transfer.No == 0 || !e.fits(s) })
}

func (e deed) perform(ctx context.Context, d *Desk, no protocol.TransferNo) (string, error) {
	if _, err := e.do(ctx, d, no); err != nil {
		return "", err
	}
	return fmt.Sprintf("Transfer %d %s.", no, e.done), nil
}

// transferField asks for a transfer: an open one, or one of the last that are closed.
func (d *Desk) transferField() Field {
	return Field{Key: "transfer", Ask: "Transfer", Closed: true, Prepare: func(ctx context.Context, _ Answers) (Choices, error) {
		all, err := d.newWatcher("", newGaze(), nil).list(ctx)
		c := Choices{Empty: "There is no transfer yet: `Add file to pending` promises files to a group."}
		for _, t := range all {
			c.Options = append(c.Options, Option{fmt.Sprint(t.No), fmt.Sprintf("%s for %s: %s, %d verified, %d owed", t.Name, t.Group, t.State, t.Verified, t.Owed)})
		}
		return c, err
	}}
}

// deedField asks what to do to the transfer that was answered.
func (d *Desk) deedField() Field {
	return Field{Key: "deed", Ask: "What to do", Closed: true, Prepare: func(ctx context.Context, a Answers) (Choices, error) {
		t, err := d.answered(ctx, a)
		if err != nil {
			return Choices{}, err
		}
		s := ui.Snapshot{Transfer: t}
		s.Deliveries, err = d.Admin.Deliveries(ctx, t.No)
		c := Choices{Empty: "Nothing can be done to it any more."}
		for _, e := range fitting(s) {
			c.Options = append(c.Options, Option{e.name, e.note})
		}
		for _, e := range deviceDeeds {
			if slices.ContainsFunc(s.Deliveries, func(d groupcast.Delivery) bool { return e.each(t, d) }) {
				c.Options = append(c.Options, Option{e.name, e.note})
			}
		}
		return c, err
	}}
}

// deviceField asks for the receiver of a deed that is about one.
func (d *Desk) deviceField() Field {
	return Field{Key: "device", Ask: "Receiver", Closed: true, Prepare: func(ctx context.Context, a Answers) (Choices, error) {
		i := slices.IndexFunc(deviceDeeds, func(e deed) bool { return e.name == a["deed"] })
		if i < 0 {
			return Choices{Skip: true}, nil
		}
		t, err := d.answered(ctx, a)
		if err != nil {
			return Choices{}, err
		}
		all, err := d.Admin.Deliveries(ctx, t.No)
		c := Choices{Empty: "There is no receiver that it could be done to."}
		for _, one := range worstFirst(all) {
			if deviceDeeds[i].each(t, one) {
				c.Options = append(c.Options, Option{receiver(one), percent(one.Share(t.Bytes)) + "  " + deviceTail(one)})
			}
		}
		return c, err
	}}
}

func (d *Desk) answered(ctx context.Context, a Answers) (groupcast.Transfer, error) {
	no, err := strconv.ParseUint(a["transfer"], 10, 64)
	if err != nil {
		return groupcast.Transfer{}, groupcast.Errorf(groupcast.EInvalid, "%s is not the number of a transfer", ui.Name(a["transfer"]))
	}
	return d.Admin.Transfer(ctx, protocol.TransferNo(no))
}

// change does what was answered to a transfer.
func (d *Desk) change(ctx context.Context, a Answers, _ show) (Page, error) {
	t, err := d.answered(ctx, a)
	if err != nil {
		return Page{}, err
	}
	for _, e := range deeds {
		if e.name == a["deed"] {
			text, err := e.perform(ctx, d, t.No)
			return say(text), err
		}
	}
	all, err := d.Admin.Deliveries(ctx, t.No)
	if err != nil {
		return Page{}, err
	}
	for _, e := range deviceDeeds {
		for _, one := range all {
			if e.name == a["deed"] && receiver(one) == a["device"] {
				text, err := e.performOn(ctx, d, one)
				return say(text), err
			}
		}
	}
	return Page{}, groupcast.Errorf(groupcast.EConflict, "that cannot be done to transfer %d any more", t.No)
}
