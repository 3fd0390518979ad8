package ui

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestWhenATransferBeginsInWords(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		s    groupcast.PlanStart
		want string
	}{
		{groupcast.PlanStart{Code: "now"}, "at once"},
		{
			groupcast.PlanStart{Code: "gathering", Wait: time.Minute},
			"when nobody new has come for a moment, within 1m",
		},
		{groupcast.PlanStart{Code: "behind", Behind: 7, Name: "a"}, "after transfer 7 (a), which is being sent"},
		{
			groupcast.PlanStart{Code: "behind", Behind: 7, Name: "a\n", Until: now.Add(90 * time.Second)},
			`after transfer 7 (a\u{a}), which is being sent, in about 1m30s`,
		},
		{groupcast.PlanStart{Code: "held"}, "when somebody sends it: it is held"},
		{groupcast.PlanStart{Code: "away"}, "when the first of its devices is back"},
		{groupcast.PlanStart{Code: "room"}, "when a device has room for it"},
		{groupcast.PlanStart{Code: "unfit"}, "when a device can take part"},
		{groupcast.PlanStart{Code: "nobody"}, "when the group has a member with a device"},
		{
			groupcast.PlanStart{Code: "unconfirmed"},
			"when an administrator has confirmed the memberships after the restore",
		},
		{groupcast.PlanStart{Code: "later\x1b"}, `later\u{1b}`},
	} {
		if got := PlanBegins(c.s, now); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestHowLongItTakesInWords(t *testing.T) {
	pace := groupcast.Pace{
		Transfer: 12, Group: "lab", Rate: 80e6, Devices: 27, At: time.Date(2026, 1, 2, 12, 0, 0, 0, time.Local),
	}
	with := func(change func(*groupcast.Pace)) *groupcast.Pace {
		p := pace
		change(&p)
		return &p
	}
	const as = "as quickly as transfer 12 to 27 devices of lab on 2026-01-02"
	for _, c := range []struct {
		t    groupcast.PlanTime
		want string
	}{
		{
			groupcast.PlanTime{Via: "multicast"},
			"not known: no transfer over multicast was measured here yet, and no limit is set",
		},
		{
			groupcast.PlanTime{Via: "https", Rate: 8e6, For: 90 * time.Second, AtLeast: true, Cap: 8e6, CapOf: "server"},
			"at least 1m30s at 8 Mbit/s, the limit of this server; no transfer over HTTPS was measured here yet",
		},
		{
			groupcast.PlanTime{Rate: 8e6, For: time.Minute, Limiter: "cap", CapOf: "transfer", Pace: &pace},
			"about 1m at 8 Mbit/s, the limit that was asked for",
		},
		{groupcast.PlanTime{Rate: 80e6, For: time.Minute, Pace: &pace}, "about 1m at 80 Mbit/s, " + as},
		{groupcast.PlanTime{Rate: 80e6, For: 1, Pace: &pace}, "less than a second at 80 Mbit/s, " + as},
		{
			groupcast.PlanTime{
				Rate: 80e6, For: time.Minute, Pace: with(func(p *groupcast.Pace) { p.Limiter = "receivers" }),
			},
			"about 1m at 80 Mbit/s, " + as + ", which was held by the receivers",
		},
		{
			groupcast.PlanTime{
				Rate: 80e6, For: time.Minute, Pace: with(func(p *groupcast.Pace) { p.Slowest = "ann/pc" }),
			},
			"about 1m at 80 Mbit/s, " + as + ", which waited for ann/pc",
		},
	} {
		if got := PlanTakes(c.t); got != c.want {
			t.Errorf("%q\nwant %q", got, c.want)
		}
	}
}

func TestADeviceOfAPlanInWords(t *testing.T) {
	for _, c := range []struct {
		d            groupcast.PlannedDevice
		stands, want string
	}{
		{groupcast.PlannedDevice{Stands: "ready"}, "ready", "connected"},
		{
			groupcast.PlannedDevice{Stands: "ready", Path: "https"},
			"ready",
			"connected; multicast did not reach it last time, so data comes over HTTPS",
		},
		{groupcast.PlannedDevice{Stands: "away"}, "away", "has never been connected: start its receiver"},
		{
			groupcast.PlannedDevice{Stands: "away", LastSeen: time.Now().Add(-25 * time.Minute), Lacks: 1e6},
			"away",
			"seen 25m ago: it gets it when it is back; then 1 MB must be freed there",
		},
		{
			groupcast.PlannedDevice{Stands: "no-space", Needs: 160e6, Free: 21e6, Lacks: 139e6},
			"no space",
			"needs 160 MB; 21 MB are free: free 139 MB there",
		},
		{
			groupcast.PlannedDevice{Stands: "no-space", Needs: 160e6, Free: 1100e6, Reserve: 1100e6, Lacks: 160e6},
			"no space",
			"needs 160 MB; 1.1 GB are free and 1.1 GB must stay free: free 160 MB there, or lower its reserve",
		},
		{
			groupcast.PlannedDevice{Stands: "unfit", Machines: 3},
			"cannot take it",
			"its login is used by 3 machines: log in again on the others",
		},
		{groupcast.PlannedDevice{Stands: "unfit", Unfit: "too\x1bold"}, "cannot take it", `too\u{1b}old`},
	} {
		if got := PlanStands(c.d); got != c.stands {
			t.Errorf("%q, want %q", got, c.stands)
		}
		if got := PlanWhy(c.d); got != c.want {
			t.Errorf("%q\nwant %q", got, c.want)
		}
	}
}
