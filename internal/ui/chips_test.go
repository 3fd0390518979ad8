package ui

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func here(state groupcast.DeliveryState) groupcast.Delivery {
	return groupcast.Delivery{Device: "pc", State: state, Active: true}
}

func away(name string) groupcast.Delivery {
	return groupcast.Delivery{Device: name, State: groupcast.DeliveryQueued}
}

func refused(r groupcast.Refusal) groupcast.Delivery {
	d := here(groupcast.DeliveryRefused)
	d.Refusal = r
	return d
}

func chips(s Snapshot) string {
	var out []string
	for _, c := range Chips(s) {
		text := c.String()
		if c.Bad {
			text += "!"
		}
		out = append(out, text)
	}
	return strings.Join(out, " · ")
}

func TestChips(t *testing.T) {
	behind, silent, later := here(groupcast.DeliveryReceiving), here(groupcast.DeliveryQueued), here(groupcast.DeliveryQueued)
	behind.Cause, silent.Cause, later.Cause = groupcast.CauseBehind, groupcast.CauseSilent, groupcast.CauseLater
	for want, all := range map[string][]groupcast.Delivery{
		"3 verified · 1 away · 1 no space!": {
			refused(groupcast.RefusedSpace), here(groupcast.DeliveryVerified), away("pc-05"), here(groupcast.DeliveryAlreadyHad),
			here(groupcast.DeliverySuperseded),
		},
		"1 receiving · 1 waiting · 1 over HTTPS": {here(groupcast.DeliveryQueued), behind, here(groupcast.DeliveryReceiving)},
		"1 no answer! · 1 put off!":              {silent, later},
		"1 without a device · 1 taken back":      {here(groupcast.DeliveryCancelled), {State: groupcast.DeliveryQueued}},
		"1 refused! · 1 no folder! · 1 failed! · 1 incomplete! · 1 expired!": {
			refused(groupcast.RefusedNames), refused(groupcast.RefusedFolder), here(groupcast.DeliveryFailed),
			here(groupcast.DeliveryIncomplete), here(groupcast.DeliveryExpired),
		},
	} {
		t.Run(want, func(t *testing.T) {
			if got := chips(Snapshot{Deliveries: all}); got != want {
				t.Errorf("%q", got)
			}
		})
	}
	counted := groupcast.Transfer{Verified: 2, Owed: 1, Failed: 1}
	if got := chips(Snapshot{Transfer: counted}); got != "2 verified · 1 to come · 1 failed!" {
		t.Errorf("by counts: %q", got)
	}
}

// What stands beside the counts of a transfer's devices: the web interface's tests read the same table.
func TestTheLineBesideTheCounts(t *testing.T) {
	text, err := os.ReadFile("testdata/lines.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Name, Summary, Out string
		Here               int
		Estimates          []struct {
			Share, Devices int
			Done           bool
			In             *int // seconds from now; left out: unknown
		}
	}
	if err := json.Unmarshal(text, &rows); err != nil || len(rows) < 5 {
		t.Fatal(len(rows), err)
	}
	now := time.Unix(1_800_000_000, 0)
	for _, r := range rows {
		t.Run(r.Name, func(t *testing.T) {
			s := Snapshot{Transfer: groupcast.Transfer{Summary: r.Summary}}
			s.Deliveries = append(slices.Repeat([]groupcast.Delivery{here(groupcast.DeliveryReceiving)}, r.Here), away("x"))
			for _, e := range r.Estimates {
				one := groupcast.Estimate{Share: e.Share, Devices: e.Devices, Done: e.Done}
				if e.In != nil {
					one.At = now.Add(time.Duration(*e.In) * time.Second)
				}
				s.Transfer.Estimates = append(s.Transfer.Estimates, one)
			}
			if got := Line(s, now); got != r.Out {
				t.Errorf("%q, want %q", got, r.Out)
			}
		})
	}
}

func TestStanding(t *testing.T) {
	type s = groupcast.Transfer
	for _, c := range []struct {
		transfer groupcast.Transfer
		want     string
		needsYou bool
	}{
		{s{State: groupcast.TransferHeld}, "held", false},
		{s{State: groupcast.TransferGathering}, "starting", false},
		{s{State: groupcast.TransferSending, Owed: 2, Away: 1}, "sending", false},
		{s{State: groupcast.TransferWaiting, Verified: 1, Owed: 1, Away: 1}, "delivered", false},
		{s{State: groupcast.TransferWaiting, Owed: 1, Away: 1}, "waiting", false},
		{s{State: groupcast.TransferDone, Verified: 1}, "delivered", false},
		{s{State: groupcast.TransferWaiting, Owed: 1, Stuck: 1}, "needs you", true},
		{s{State: groupcast.TransferWaiting, Cause: groupcast.CauseUnconfirmed}, "needs you", true},
		{s{State: groupcast.TransferDone, Failed: 1}, "needs you", true},
		{s{State: groupcast.TransferCancelled, Failed: 1}, "cancelled", false},
	} {
		t.Run(c.want, func(t *testing.T) {
			if got, bad := Standing(c.transfer); got != c.want || bad != c.needsYou {
				t.Errorf("%q, %v", got, bad)
			}
		})
	}
}

func TestARateIsShownWithWhatHoldsIt(t *testing.T) {
	for limiter, want := range map[string]string{
		"":             "18 Mbit/s",
		"start":        "18 Mbit/s, still being found out",
		"cap":          "18 Mbit/s, held by the rate that is allowed",
		"wire":         "18 Mbit/s, held by the network",
		"network loss": "18 Mbit/s, held by loss in the network",
		"receivers":    "18 Mbit/s, held by the receivers",
		"sender":       "18 Mbit/s, held by the server's own speed",
		"no\x1bne":     `18 Mbit/s, held by no\u{1b}ne`,
	} {
		if got := SessionRate(groupcast.SessionStatus{Rate: 18e6, Limiter: limiter}); got != want {
			t.Errorf("%q: %q, want %q", limiter, got, want)
		}
	}
}
