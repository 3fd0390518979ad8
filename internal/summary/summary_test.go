package summary

import (
	"testing"

	"github.com/groupcast/groupcast"
)

// pc is the device that two users call alike.
func pc(user string) groupcast.Delivery {
	return groupcast.Delivery{User: user, Device: "pc", State: groupcast.DeliveryQueued}
}

func TestSummaries(t *testing.T) {
	type tr = groupcast.Transfer
	type all = []groupcast.Delivery
	device := func(name string, state groupcast.DeliveryState, active bool, why string) groupcast.Delivery {
		return groupcast.Delivery{User: "u", Device: name, State: state, Active: active, Reason: why}
	}
	because := func(d groupcast.Delivery, cause groupcast.Cause) groupcast.Delivery {
		d.Cause = cause
		return d
	}
	held := func(name string) groupcast.Delivery {
		return because(device(name, groupcast.DeliveryQueued, true, Held), groupcast.CauseHeld)
	}
	behind := func(name string) groupcast.Delivery {
		return because(device(name, groupcast.DeliveryReceiving, true, "receives over HTTPS: slow"), groupcast.CauseBehind)
	}
	short := device("d", groupcast.DeliveryIncomplete, true, "")
	short.Entries, short.Missing = 7, 2
	for _, c := range []struct {
		name string
		tr   tr
		all  all
		want string
	}{
		{"waits", tr{State: groupcast.TransferWaiting, Reason: "waits for 7"}, all{
			device("pc-1", groupcast.DeliveryVerified, true, ""), device("pc-2", groupcast.DeliveryQueued, false, "not active"),
			device("pc-3", groupcast.DeliveryRefused, true, "no space"),
		}, "1 of 3 done; waits for 7; pc-3 refused: no space; pc-2 off"},
		{"done", tr{State: groupcast.TransferDone}, all{
			device("a", groupcast.DeliveryVerified, true, ""), device("b", groupcast.DeliverySuperseded, false, ""),
		}, "2 of 2 done"},
		{"held", tr{State: groupcast.TransferHeld, Reason: Held}, all{held("a"), held("b")},
			"0 of 2 done; held until it is sent"},
		{"held, without its deliveries", tr{State: groupcast.TransferHeld, Reason: Held, Owed: 2}, nil,
			"0 of 2 done; held until it is sent"},
		{"behind", tr{State: groupcast.TransferSending}, all{behind("a"), behind("b"), behind("c"), behind("d"), behind("e")},
			"0 of 5 done; a behind: slow, by HTTPS; b behind: slow, by HTTPS; c behind: slow, by HTTPS; 2 more"},
		{"silent and put off", tr{State: groupcast.TransferWaiting, Reason: "x"}, all{
			because(device("a", groupcast.DeliveryQueued, true, ""), groupcast.CauseSilent),
			because(device("b", groupcast.DeliveryQueued, true, ""), groupcast.CauseLater),
			{User: "new", State: groupcast.DeliveryQueued},
		}, "0 of 3 done; x; a does not answer; b put off; new without a device"},
		{"incomplete, and one taken back", tr{State: groupcast.TransferDone}, all{
			short, device("b", groupcast.DeliveryVerified, true, ""), device("c", groupcast.DeliveryCancelled, true, ""),
		}, "1 of 2 done; d lacks 2 of 7; c taken back"},
		{"the source is gone", tr{State: groupcast.TransferFailed, Reason: "the file is gone"}, all{
			device("a", groupcast.DeliveryFailed, true, "the file is gone"), device("b", groupcast.DeliveryVerified, true, ""),
		}, "1 of 2 done; the file is gone"},
		{"expired", tr{State: groupcast.TransferExpired}, all{device("a", groupcast.DeliveryExpired, false, "")},
			"0 of 1 done; expired; a expired"},
		{"two with one name", tr{State: groupcast.TransferWaiting}, all{pc("ann"), pc("bob")},
			"0 of 2 done; waiting; ann/pc, bob/pc off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Of(c.tr, c.all); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
