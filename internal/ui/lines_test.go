package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestLeftOutInWords(t *testing.T) {
	seen := map[string]bool{}
	for _, why := range []groupcast.Why{
		groupcast.WhyName, groupcast.WhyTarget, groupcast.WhyPipe, groupcast.WhySocket, groupcast.WhyDevice, groupcast.WhySpecial,
		groupcast.WhyForbidden, groupcast.WhyUnreadable, groupcast.WhyHome, groupcast.WhyExcluded, groupcast.WhyChanged, groupcast.WhyGone,
	} {
		t.Run(string(why), func(t *testing.T) {
			text := LeftOut(groupcast.LeftOut{Why: why})
			if text == "" || seen[text] {
				t.Errorf("%s: %q is nothing, or said of two", why, text)
			}
			seen[text] = true
		})
	}
	if got := LeftOut(groupcast.LeftOut{Why: "newer\x1b", Detail: "a\nb"}); got != `newer\u{1b}: a\u{a}b` {
		t.Errorf("%q", got)
	}
	lines := LeftOutLines([]groupcast.LeftOut{{Path: "a", Why: groupcast.WhyPipe}, {Path: "b"}}, 5, 1)
	if !slices.Equal(lines, []string{"a: a named pipe, not a file", "and 4 more"}) {
		t.Errorf("%q", lines)
	}
	if Entries(1) != "1 entry" || Entries(2) != "2 entries" {
		t.Error(Entries(1), Entries(2))
	}
}

func TestRows(t *testing.T) {
	at := time.Now().Add(-time.Hour)
	for name, c := range map[string]struct {
		got  []string
		want string
	}{
		"login": {
			LoginRow(groupcast.SignIn{
				ID: "1", Scope: groupcast.ScopeCLI, Device: "pc", Address: "10.0.0.1", LastUsed: at, CreatedAt: at,
				Current: true,
			}),
			"1|command line|pc|10.0.0.1|1h ago|1h ago|this one",
		},
		"entry": {EntryRow(groupcast.DeliveryEntry{
			Path: "a", Kind: "file", Result: groupcast.EntryMissing,
			Reason: "disk",
		}), "a|file|missing|disk"},
		"beside": {
			EntryRow(groupcast.DeliveryEntry{Path: "a", Kind: "file", Result: groupcast.EntryBeside, Name: "a (2)"}),
			"a|file|lies beside as a (2)|",
		},
		"offer": {
			OfferRow(groupcast.GroupOnOffer{Name: "lab", Membership: groupcast.MembershipAsked, Since: at})[:3],
			"lab|asked|1h ago",
		},
		"audit": {AuditRow(groupcast.AuditEntry{Actor: "ann", Action: "user.add", Object: "bob"})[1:4], "ann|user.add|bob"},
		"key":   {KeyRow(groupcast.KeyHolder{User: "ann", Device: "pc", Version: 7})[1:4], "ann|pc|7"},
		"checked": {CheckRow(groupcast.CheckResult{
			User: "ann", Device: "pc", Active: true, RoundTrip: 1234567,
			FreeBytes: 2e9, Multicast: []groupcast.ProbeResult{{
				Group: "lab", Heard: 2,
				Sent: 3,
			}}, Reach: groupcast.ReachNoGroup,
		}), "ann|pc|active|1.23ms|lab 2/3|2 GB|is in no group: add its user with `groupcast member add`"},
		"away": {CheckRow(groupcast.CheckResult{LastSeen: at})[2:3], "seen 1h ago"},
		"delivery": {
			DeliveryRow(groupcast.Delivery{
				User: "ann", Device: "pc", Active: true, State: groupcast.DeliveryReceiving,
				Path: groupcast.PathMulticast, Bytes: 1000, LossPercent: 1.25,
			}),
			"ann|pc|receiving|1 kB|multicast|1.2 %|",
		},
		"nobody": {
			DeliveryRow(groupcast.Delivery{User: "ann", State: groupcast.DeliveryQueued, Path: groupcast.PathUnknown}),
			"ann|(no device yet)|no device|0 B|||",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(c.got, "|"); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestRequestsInWords(t *testing.T) {
	for want, r := range map[string]groupcast.JoinRequest{
		"a new device of a member, seen from 10.0.0.1": {Device: "pc", Address: "10.0.0.1"},
		"a new device of a member":                     {Device: "pc"},
		"comes with 2 devices":                         {State: groupcast.RequestOpen, Devices: 2},
		"hi (comes with 2 devices)":                    {State: groupcast.RequestOpen, Devices: 2, Text: "hi"},
		"hi":                                           {State: groupcast.RequestOpen, Devices: 1, Text: "hi"},
	} {
		t.Run(want, func(t *testing.T) {
			if got := Asks(r); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

func TestWhatBecomesOfANewTransfer(t *testing.T) {
	for want, tr := range map[string]groupcast.Transfer{
		"held until it is sent: groupcast pending send lab": {
			Group: "lab", State: groupcast.TransferHeld,
			Cause: groupcast.CauseHeld, Reason: "held until it is sent",
		},
		"nobody lacks it": {State: groupcast.TransferDone},
		"1 put off: groupcast transfer send 7": {
			No: 7, State: groupcast.TransferWaiting,
			Cause: groupcast.CauseLater, Reason: "1 put off",
		},
		"restored: groupcast restore --confirm": {
			State: groupcast.TransferWaiting,
			Cause: groupcast.CauseUnconfirmed, Reason: "restored",
		},
		"waits 5s for others that may come": {
			State: groupcast.TransferGathering,
			Cause: groupcast.CauseGathering, Reason: "waits 5s for others that may come",
		},
		"it goes out as soon as a device that lacks it is active": {State: groupcast.TransferSending},
	} {
		t.Run(want, func(t *testing.T) {
			if got := WhatNow(tr); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
	if got := NextStep(groupcast.Transfer{State: groupcast.TransferCancelled, Cause: groupcast.CauseHeld}); got != "" {
		t.Errorf("a next step of what is closed: %q", got)
	}
}

func TestAWatchedTransferInLines(t *testing.T) {
	s := Snapshot{
		Transfer: groupcast.Transfer{
			No: 3, Group: "lab", Bytes: 1000, State: groupcast.TransferSending, Verified: 1, Owed: 1, Incomplete: 1, Failed: 1,
			WireBytes: 1500, HTTPSBytes: 500, Session: &groupcast.SessionStatus{Rate: 8e6, Limiter: "cap", LossPercent: 2},
		},
		Deliveries: []groupcast.Delivery{
			{User: "ann", Device: "had", State: groupcast.DeliveryAlreadyHad},
			{
				User: "bob", Device: "half", State: groupcast.DeliveryReceiving, Active: true, Bytes: 500,
				Path: groupcast.PathMulticast,
			},
			{User: "cleo", Device: "bad", State: groupcast.DeliveryFailed, Reason: "disk"},
		},
	}
	want := " 75 %  1 kB  sending  8 Mbit/s, held by the rate that is allowed  loss 2.0 %  1 of 3 verified, 1 incomplete"
	if got := Headline(s); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	lines := DeviceLines(s, 2)
	if len(lines) != 3 || !strings.Contains(lines[0], "bad") || !strings.Contains(lines[1], "50 %  bob") ||
		lines[2] != "  … and 1 more" {
		t.Errorf("%q", lines)
	}
	if all := DeviceLines(s, 9); !strings.Contains(all[2], "██████████ 100 %  ann") {
		t.Errorf("who had it before has all of it: %q", all)
	}
	for _, part := range []string{
		"1 verified, 1 still owed", "1 incomplete, 1 failed; 1 kB in 1m",
		"1.5 kB by multicast (×1.50)", "500 B over HTTPS",
	} {
		if got := Summary(s.Transfer, time.Minute); !strings.Contains(got, part) {
			t.Errorf("%q lacks %q", got, part)
		}
	}
	s.Transfer.State = groupcast.TransferDone
	if !Settled(s) {
		t.Error("what is closed is waited for")
	}
}

func TestNotes(t *testing.T) {
	for want, n := range map[string]groupcast.Note{
		"odd: 3, the first of them a": {Code: "odd", Count: 3, Path: "a"},
		"the time of a lies outside":  {Code: groupcast.NoteTimes, Count: 1, Path: "a"},
		"2 times (the first is that":  {Code: groupcast.NoteTimes, Count: 2, Path: "a"},
	} {
		t.Run(want, func(t *testing.T) {
			if got := Note(n); !strings.HasPrefix(got, want) {
				t.Errorf("%q does not begin with %q", got, want)
			}
		})
	}
}

func TestTextForATerminal(t *testing.T) {
	if got := Clean("a\x1b[2J\u202eb\n"); got != `a\u{1b}[2J\u{202e}b`+"\n" {
		t.Errorf("%q", got)
	}
	if got := Cut("abcdef", 5); got != "abc…" {
		t.Errorf("%q", got)
	}
	if got := Cut("abc", 5); got != "abc" {
		t.Errorf("%q", got)
	}
	if got := Bar(0.5, 4); got != "██░░" {
		t.Errorf("%q", got)
	}
	if got := Table("A|B", [][]string{{"x\ty", "1"}}); len(got) != 2 || got[1] != `x\u{9}y  1` {
		t.Errorf("%q", got)
	}
	if got := Ago(time.Time{}); got != "never" {
		t.Error(got)
	}
	old := time.Now().Add(-90 * 24 * time.Hour)
	if got := Ago(old); got != old.Local().Format("2006-01-02 15:04") || !strings.HasPrefix(got, Day(old)) {
		t.Error(got)
	}
	if got := Signed(groupcast.SignedCounts) + Signed(groupcast.SignedAll) + Signed(groupcast.SignedOutcome) +
		Signed(""); got != "all but the namesall of itthe outcome only-" {
		t.Error(got)
	}
	if Label(groupcast.LabelPutOff) != "put off" || Label(groupcast.LabelSilent) != "no answer" {
		t.Error("labels")
	}
}
