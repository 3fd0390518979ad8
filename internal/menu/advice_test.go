package menu

import (
	"fmt"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

func TestAdvice(t *testing.T) {
	owed := func(state groupcast.DeliveryState, change func(*groupcast.Delivery)) ui.Snapshot {
		d := groupcast.Delivery{User: "bob", Device: "pc-04", State: state, Active: true}
		change(&d)
		return ui.Snapshot{Transfer: groupcast.Transfer{State: groupcast.TransferWaiting}, Deliveries: []groupcast.Delivery{
			{User: "ann", Device: "pc-01", State: groupcast.DeliveryQueued}, d, // who is away needs nobody
		}}
	}
	refused := func(r groupcast.Refusal) ui.Snapshot {
		return owed(groupcast.DeliveryRefused, func(d *groupcast.Delivery) { d.Refusal = r })
	}
	cause := func(c groupcast.Cause) ui.Snapshot {
		return owed(groupcast.DeliveryQueued, func(d *groupcast.Delivery) { d.Cause = c })
	}
	again := "Next: r sends it again to those who lack it."
	for _, c := range []struct {
		s    ui.Snapshot
		want string
	}{
		{
			refused(groupcast.RefusedSpace),
			"Next: free space on bob/pc-04, or let it keep less free; it looks again by itself.",
		},
		{
			refused(groupcast.RefusedFolder),
			"Next: see to the folder for received files on bob/pc-04; it looks again by itself.",
		},
		{refused(groupcast.RefusedSize), "Next: raise what bob/pc-04 takes at most, or drop it there (Tab, then d)."},
		{refused(groupcast.RefusedVersion), "Next: update groupcast on bob/pc-04 and on the server to the same version."},
		{refused(groupcast.RefusedNames), "Next: rename what bob/pc-04 cannot hold and send it again."},
		{refused("manifest-order"), "Next: see to it on bob/pc-04; r asks it again."},
		{
			cause(groupcast.CauseSilent),
			"Next: look at bob/pc-04, which is connected and does not answer; or leave it out (Tab, then l).",
		},
		{cause(groupcast.CauseLater), "Next: let bob/pc-04 catch up (Tab, then n)."},
		{cause(""), ""},
		{owed(groupcast.DeliveryFailed, func(*groupcast.Delivery) {}), again},
		{owed(groupcast.DeliveryIncomplete, func(*groupcast.Delivery) {}), again},
		{ui.Snapshot{Transfer: groupcast.Transfer{State: groupcast.TransferDone, Failed: 1}}, again},
		{ui.Snapshot{Transfer: groupcast.Transfer{State: groupcast.TransferDone}}, ""},
		{
			ui.Snapshot{Transfer: groupcast.Transfer{Cause: groupcast.CauseUnconfirmed}},
			"Next: look at the memberships and confirm them, under Records in the menu.",
		},
	} {
		t.Run(c.want, func(t *testing.T) {
			if got := Advice(c.s); got != c.want {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestSentence(t *testing.T) {
	for want, tr := range map[string]groupcast.Transfer{
		"waiting":                     {State: groupcast.TransferWaiting},
		"the source is gone":          {State: groupcast.TransferWaiting, Reason: "the source is gone"},
		"pc gets it when it is back":  {Summary: "pc gets it when it is back", Reason: "1 receiver is off"},
		"a\\u{1b}b gets it some time": {Summary: "a\x1bb gets it some time"},
	} {
		t.Run(want, func(t *testing.T) {
			if got := Sentence(tr); got != want {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestHowADeviceReceives(t *testing.T) {
	receiving := groupcast.Delivery{Device: "pc", State: groupcast.DeliveryReceiving, Active: true}
	with := func(change func(*groupcast.Delivery)) groupcast.Delivery {
		d := receiving
		change(&d)
		return d
	}
	for want, d := range map[string]groupcast.Delivery{
		"receiving": receiving,
		"receiving  multicast, loss 1.5 %": with(func(d *groupcast.Delivery) {
			d.Path, d.LossPercent = groupcast.PathMulticast, 1.5
		}),
		"receiving  https":    with(func(d *groupcast.Delivery) { d.Path = groupcast.PathHTTPS }),
		"receives over HTTPS": with(func(d *groupcast.Delivery) { d.Reason = "receives over HTTPS" }),
		"off":                 with(func(d *groupcast.Delivery) { d.Active, d.Reason = false, "off since noon" }),
		"behind  a slow disk": with(func(d *groupcast.Delivery) {
			d.Cause, d.Reason = groupcast.CauseBehind,
				"a slow disk"
		}),
		"failed  the disk": with(func(d *groupcast.Delivery) {
			d.State, d.Reason = groupcast.DeliveryFailed,
				"the disk"
		}),
		`failed  the \u{1b}[m`: with(func(d *groupcast.Delivery) {
			d.State, d.Reason = groupcast.DeliveryFailed,
				"the \x1b[m"
		}),
	} {
		t.Run(want, func(t *testing.T) {
			if got := DeviceTail(d); got != want {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestWhatCanBeDone(t *testing.T) {
	names := func(actions []TransferAction) (out string) {
		for _, e := range actions {
			out += e.Key
		}
		return out
	}
	with := func(s groupcast.TransferState) groupcast.Transfer {
		return groupcast.Transfer{No: 1, State: s}
	}
	lacks := []groupcast.Delivery{{State: groupcast.DeliveryCancelled}}
	for _, c := range []struct {
		s    ui.Snapshot
		want string
	}{
		{ui.Snapshot{}, ""},
		{ui.Snapshot{Transfer: with(groupcast.TransferHeld)}, "scm"},
		{ui.Snapshot{Transfer: with(groupcast.TransferSending)}, "cpm"},
		{ui.Snapshot{Transfer: groupcast.Transfer{No: 1, State: groupcast.TransferWaiting, Paused: true}}, "cpm"},
		{ui.Snapshot{Transfer: with(groupcast.TransferDone)}, ""},
		{ui.Snapshot{Transfer: with(groupcast.TransferDone), Deliveries: lacks}, "r"},
		{ui.Snapshot{Transfer: with(groupcast.TransferCancelled)}, "r"},
	} {
		t.Run(fmt.Sprint(c.want), func(t *testing.T) {
			if got := names(ActionsOn(c.s)); got != c.want {
				t.Errorf("%s: %q, not %q", c.s.Transfer.State, got, c.want)
			}
		})
	}
	here := groupcast.Delivery{Device: "pc", State: groupcast.DeliveryQueued, Active: true}
	away := groupcast.Delivery{Device: "pc", State: groupcast.DeliveryQueued}
	if got := names(DeviceActionsOn(with(groupcast.TransferWaiting), here)); got != "nld" {
		t.Errorf("of a device that is here: %q", got)
	}
	if got := names(DeviceActionsOn(with(groupcast.TransferWaiting), away)); got != "d" {
		t.Errorf("of a device that is away: %q", got)
	}
	if got := names(DeviceActionsOn(with(groupcast.TransferDone), here)); got != "" {
		t.Errorf("of what is closed: %q", got)
	}
}

func TestAMemberWithoutADeviceCanBeDropped(t *testing.T) {
	if got := ReceiverName(groupcast.Delivery{User: "dave"}); got != "dave" {
		t.Errorf("%q", got)
	}
	e := deviceActions[2]
	s := ui.Snapshot{Transfer: groupcast.Transfer{No: 4, Name: "a", Group: "lab"}}
	want := "Drop transfer 4 (a) to lab for dave: it will not get what it still lacks."
	if got := e.Plan(s, groupcast.Delivery{User: "dave"}); got[0] != want {
		t.Errorf("%q", got)
	}
}
