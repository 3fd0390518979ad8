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

// full lacks space, and says so in its own way.
func full(name string, s *groupcast.Space) groupcast.Delivery {
	d := of(name, groupcast.DeliveryRefused, true, "buy me a disk")
	d.Refusal, d.Space = groupcast.RefusedSpace, s
	return d
}

// summaries are transfers and how they are summed up.
var summaries = []struct {
	name string
	tr   groupcast.Transfer
	all  []groupcast.Delivery
	want string
}{
	{"everybody has it", groupcast.Transfer{State: groupcast.TransferDone, Verified: 2}, []groupcast.Delivery{
		of("a", groupcast.DeliveryVerified, true, ""), of("b", groupcast.DeliverySuperseded, false, ""),
	}, "everybody has it"},
	{"one is away", groupcast.Transfer{
		State: groupcast.TransferWaiting, Cause: groupcast.CauseAway, Reason: "1 receiver is off",
	}, []groupcast.Delivery{
		of("a", groupcast.DeliveryVerified, true, ""), of("pc-05", groupcast.DeliveryQueued, false, "not active"),
	}, "pc-05 gets it when it is back"},
	{
		"runs, and two are away",
		groupcast.Transfer{State: groupcast.TransferSending, Reason: "1 over HTTPS"},
		[]groupcast.Delivery{
			behind("a"), of("pc-6", groupcast.DeliveryQueued, false, "x"), of("pc-5", groupcast.DeliveryQueued, false, "x"),
		},
		"pc-5 and pc-6 get it when they are back",
	},
	{
		"a disk is full",
		groupcast.Transfer{State: groupcast.TransferWaiting, Cause: groupcast.CauseRefused, Reason: "x"},
		[]groupcast.Delivery{
			full("pc-full", &groupcast.Space{Needed: 160e6, Free: 121e6, Kept: 100e6}),
			of("b", groupcast.DeliveryVerified, true, ""),
		},
		"pc-full needs 160 MB and has room for 21 MB",
	},
	{
		"two are full, others are away",
		groupcast.Transfer{State: groupcast.TransferWaiting, Cause: groupcast.CauseRefused},
		[]groupcast.Delivery{
			full("a", nil), full("b", nil), full("c", nil), full("d", nil), of("e", groupcast.DeliveryQueued, false, ""),
			of("f", groupcast.DeliveryQueued, false, ""), of("g", groupcast.DeliveryQueued, false, ""),
		},
		"a has no room for it; b has no room for it; 2 more need you; 3 who are away get it when they are back",
	},
	{
		"held",
		groupcast.Transfer{State: groupcast.TransferHeld, Cause: groupcast.CauseHeld, Reason: Held},
		[]groupcast.Delivery{held("a"), held("b")},
		"held until it is sent",
	},
	{
		"held, without its deliveries",
		groupcast.Transfer{State: groupcast.TransferHeld, Cause: groupcast.CauseHeld, Reason: Held, Owed: 2},
		nil,
		"held until it is sent",
	},
	{
		"paused",
		groupcast.Transfer{State: groupcast.TransferWaiting, Cause: groupcast.CausePaused, Reason: Suspended},
		[]groupcast.Delivery{full("a", nil), of("b", groupcast.DeliveryQueued, false, "")},
		"paused until it is resumed",
	},
	{
		"replaced",
		groupcast.Transfer{State: groupcast.TransferCancelled, Reason: "replaced by transfer 2"},
		[]groupcast.Delivery{of("a", groupcast.DeliveryCancelled, true, "replaced by transfer 2")},
		"replaced by transfer 2",
	},
	{"gathers", groupcast.Transfer{
		State: groupcast.TransferGathering, Cause: groupcast.CauseGathering, Reason: "waits 8s for others that may come",
	}, []groupcast.Delivery{of("a", groupcast.DeliveryQueued, true, "")}, "waits 8s for others that may come"},
	{"runs", groupcast.Transfer{State: groupcast.TransferSending}, []groupcast.Delivery{behind("a"), behind("b")}, ""},
	{
		"silent and put off",
		groupcast.Transfer{State: groupcast.TransferWaiting, Cause: groupcast.CauseSilent, Reason: "x"},
		[]groupcast.Delivery{
			keptBy(of("a", groupcast.DeliveryQueued, true, ""), groupcast.CauseSilent),
			keptBy(of("b", groupcast.DeliveryQueued, true, ""), groupcast.CauseLater),
			{User: "new", State: groupcast.DeliveryQueued},
		},
		"b was put off; a does not answer",
	},
	{
		"incomplete, and one taken back",
		groupcast.Transfer{State: groupcast.TransferDone, Incomplete: 1},
		[]groupcast.Delivery{
			lacking(), of("b", groupcast.DeliveryVerified, true, ""), of("c", groupcast.DeliveryCancelled, true, ""),
		},
		"d lacks 2 of 7",
	},
	{
		"the source is gone",
		groupcast.Transfer{State: groupcast.TransferFailed, Reason: "the file is gone"},
		[]groupcast.Delivery{
			of("a", groupcast.DeliveryFailed, true, "the file is gone"), of("b", groupcast.DeliveryVerified, true, ""),
		},
		"the file is gone",
	},
	{
		"expired",
		groupcast.Transfer{State: groupcast.TransferExpired, Reason: "nobody fetched it in time"},
		[]groupcast.Delivery{of("a", groupcast.DeliveryExpired, false, "nobody fetched it in time")},
		"nobody fetched it in time",
	},
	{
		"two with one name",
		groupcast.Transfer{State: groupcast.TransferWaiting, Cause: groupcast.CauseAway},
		[]groupcast.Delivery{pc("ann"), pc("bob")},
		"ann/pc and bob/pc get it when they are back",
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

// How far the files are read is said while a transfer is sent, and not of one that waits for something else.
func TestHashingIsPartOfTheSummary(t *testing.T) {
	tr := groupcast.Transfer{State: groupcast.TransferSending, Bytes: 400, Hashing: &groupcast.Hashing{Bytes: 100}}
	if got := Of(tr, nil); got != "the server has read 25.0 % of the files so far" {
		t.Errorf("%q", got)
	}
	tr.Hashing.Bytes, tr.Bytes = 99_999_999, 100_000_000
	if got := Of(tr, nil); got != "the server has read 99.9 % of the files so far" {
		t.Errorf("%q", got)
	}
	tr.Cause, tr.Reason = groupcast.CauseHeld, "held"
	if got := Of(tr, nil); got != "held" {
		t.Errorf("%q", got)
	}
}
