package summary

import (
	"testing"

	"github.com/groupcast/groupcast"
)

// pc is the device that two users call alike.
func pc(user string) groupcast.Delivery {
	return groupcast.Delivery{User: user, Device: "pc", State: groupcast.DeliveryQueued}
}

func of(name string, state groupcast.DeliveryState, active bool, why string) groupcast.Delivery {
	return groupcast.Delivery{User: "u", Device: name, State: state, Active: active, Reason: why}
}

func keptBy(d groupcast.Delivery, cause groupcast.Cause) groupcast.Delivery {
	d.Cause = cause
	return d
}

func held(name string) groupcast.Delivery {
	return keptBy(of(name, groupcast.DeliveryQueued, true, Held), groupcast.CauseHeld)
}

func behind(name string) groupcast.Delivery {
	return keptBy(of(name, groupcast.DeliveryReceiving, true, "receives over HTTPS: slow"), groupcast.CauseBehind)
}

// lacking has come, but for two entries.
func lacking() groupcast.Delivery {
	d := of("d", groupcast.DeliveryIncomplete, true, "")
	d.Entries, d.Missing = 7, 2
	return d
}

// summaries are transfers and how they are summed up.
var summaries = []struct {
	name string
	tr   groupcast.Transfer
	all  []groupcast.Delivery
	want string
}{
	{"waits", groupcast.Transfer{State: groupcast.TransferWaiting, Reason: "waits for 7"}, []groupcast.Delivery{
		of("pc-1", groupcast.DeliveryVerified, true, ""), of("pc-2", groupcast.DeliveryQueued, false, "not active"),
		of("pc-3", groupcast.DeliveryRefused, true, "no space"),
	}, "1 of 3 done; waits for 7; pc-3 refused: no space; pc-2 off"},
	{"done", groupcast.Transfer{State: groupcast.TransferDone}, []groupcast.Delivery{
		of("a", groupcast.DeliveryVerified, true, ""), of("b", groupcast.DeliverySuperseded, false, ""),
	}, "2 of 2 done"},
	{
		"held",
		groupcast.Transfer{State: groupcast.TransferHeld, Reason: Held},
		[]groupcast.Delivery{held("a"), held("b")},
		"0 of 2 done; held until it is sent",
	},
	{
		"held, without its deliveries",
		groupcast.Transfer{State: groupcast.TransferHeld, Reason: Held, Owed: 2},
		nil,
		"0 of 2 done; held until it is sent",
	},
	{
		"behind",
		groupcast.Transfer{State: groupcast.TransferSending},
		[]groupcast.Delivery{behind("a"), behind("b"), behind("c"), behind("d"), behind("e")},
		"0 of 5 done; a behind: slow, by HTTPS; b behind: slow, by HTTPS; c behind: slow, by HTTPS; 2 more",
	},
	{"silent and put off", groupcast.Transfer{State: groupcast.TransferWaiting, Reason: "x"}, []groupcast.Delivery{
		keptBy(of("a", groupcast.DeliveryQueued, true, ""), groupcast.CauseSilent),
		keptBy(of("b", groupcast.DeliveryQueued, true, ""), groupcast.CauseLater),
		{User: "new", State: groupcast.DeliveryQueued},
	}, "0 of 3 done; x; a does not answer; b put off; new without a device"},
	{"incomplete, and one taken back", groupcast.Transfer{State: groupcast.TransferDone}, []groupcast.Delivery{
		lacking(), of("b", groupcast.DeliveryVerified, true, ""), of("c", groupcast.DeliveryCancelled, true, ""),
	}, "1 of 2 done; d lacks 2 of 7; c taken back"},
	{"the source is gone", groupcast.Transfer{State: groupcast.TransferFailed, Reason: "the file is gone"}, []groupcast.Delivery{
		of("a", groupcast.DeliveryFailed, true, "the file is gone"), of("b", groupcast.DeliveryVerified, true, ""),
	}, "1 of 2 done; the file is gone"},
	{
		"expired",
		groupcast.Transfer{State: groupcast.TransferExpired},
		[]groupcast.Delivery{of("a", groupcast.DeliveryExpired, false, "")},
		"0 of 1 done; expired; a expired",
	},
	{
		"two with one name",
		groupcast.Transfer{State: groupcast.TransferWaiting},
		[]groupcast.Delivery{pc("ann"), pc("bob")},
		"0 of 2 done; waiting; ann/pc, bob/pc off",
	},
}

func TestSummaries(t *testing.T) {
	for _, c := range summaries {
		t.Run(c.name, func(t *testing.T) {
			if got := Of(c.tr, c.all); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
