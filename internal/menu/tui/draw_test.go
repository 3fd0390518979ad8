package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu"
	"github.com/groupcast/groupcast/internal/ui"
)

func TestShades(t *testing.T) {
	for share, want := range map[float64]string{
		0: "░", 0.005: "░", 0.02: "▒", 0.49: "▒", 0.5: "▓", 0.99: "▓",
		0.9995: "█", 1: "█",
	} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			if got := shade(share); got != want {
				t.Errorf("%v: %s, not %s", share, got, want)
			}
		})
	}
}

func TestBucketsOfADevice(t *testing.T) {
	half := groupcast.Delivery{State: groupcast.DeliveryReceiving, Bar: []byte{0b00_01_10_11}}
	for i, want := range []float64{1, 2.0 / 3, 1.0 / 3, 0, 0} {
		t.Run(fmt.Sprint(want), func(t *testing.T) { // the first two bits are the first stretch
			if got := bucket(half, i); got != want {
				t.Errorf("stretch %d: %v, not %v", i, got, want)
			}
		})
	}
	if got := bucket(groupcast.Delivery{State: groupcast.DeliveryVerified}, 200); got != 1 {
		t.Errorf("who has it has every stretch: %v", got)
	}
}

func TestTheFileFromStartToEnd(t *testing.T) {
	full := func(n int) []byte { // the first n of 64 bytes
		return append([]byte(strings.Repeat("\xff", n)), make([]byte, 64-n)...)
	}
	of := func(active bool, bar []byte) groupcast.Delivery {
		return groupcast.Delivery{Device: "pc", State: groupcast.DeliveryReceiving, Active: active, Bar: bar}
	}
	verified := groupcast.Delivery{Device: "pc", State: groupcast.DeliveryVerified}
	for want, all := range map[string][]groupcast.Delivery{
		"░░░░░░░░": nil,
		"████░░░░": {of(true, full(32))},
		"████▓▓▓▓": {of(true, full(32)), verified},
		"████████": {of(false, full(0)), verified}, // who is away does not count
		"██▓▓░░░░": {of(true, full(16)), of(true, full(32))},
	} {
		t.Run(want, func(t *testing.T) {
			if got := coverage(ui.Snapshot{Deliveries: all}, 8); got != want {
				t.Errorf("%s, not %s", got, want)
			}
		})
	}
	tr := groupcast.Transfer{Bytes: 100}
	if got := deviceBar(of(true, full(16)), tr, 8); got != "██░░░░░░" {
		t.Errorf("by stretches: %s", got)
	}
	if got := deviceBar(groupcast.Delivery{State: groupcast.DeliveryReceiving, Bytes: 50}, tr, 8); got != "████░░░░" {
		t.Errorf("by bytes: %s", got)
	}
}

func TestNamesOfDevices(t *testing.T) {
	all := []groupcast.Delivery{{User: "ann", Device: "pc"}, {User: "bob", Device: "pc"}, {
		User:   "cleo",
		Device: "mac\x1b",
	}, {User: "dan"}}
	name := names(all)
	for i, want := range []string{"ann/pc", "bob/pc", `mac\u{1b}`, "dan (no device)"} {
		t.Run(want, func(t *testing.T) {
			if got := name(all[i]); got != want {
				t.Errorf("%q, not %q", got, want)
			}
		})
	}
}

func TestFacts(t *testing.T) {
	s := ui.Snapshot{Transfer: groupcast.Transfer{
		Bytes: 1000, WireBytes: 1500, HTTPSBytes: 20,
		Session: &groupcast.SessionStatus{Rate: 8e6, Limiter: "cap", LossPercent: 1.5},
	}}
	s.Deliveries = []groupcast.Delivery{{State: groupcast.DeliveryVerified}, {State: groupcast.DeliveryVerified}}
	want := "8 Mbit/s, held by the rate that is allowed|loss 1.5 %|" +
		"1.5 kB by multicast|20 B over HTTPS|instead of 2 kB"
	if got := strings.Join(facts(s), "|"); got != want {
		t.Errorf("%q", got)
	}
	if got := facts(ui.Snapshot{}); len(got) != 0 {
		t.Errorf("of nothing: %q", got)
	}
}

func TestLinesAreFilled(t *testing.T) {
	if got := strings.Join(flow([]string{"one", "two", "three", "a long item"}, 12),
		"|"); got != "one · two|three|a long item" {
		t.Errorf("%q", got)
	}
	if got := strings.Join(clipped([]string{"a", "b", "c"}, 2), "|"); got != "a|b …" {
		t.Errorf("%q", got)
	}
	if got := strings.Join(clipped([]string{"a", "b"}, 2), "|"); got != "a|b" {
		t.Errorf("%q", got)
	}
	if got := fit("ünïcode", 4); got != "ünï…" {
		t.Errorf("%q", got)
	}
	if got := fit("a", 3); got != "a  " {
		t.Errorf("%q", got)
	}
	if got := fitKeys("a b   Tab complete   ↑ ↓ choose   Esc", 20); got != "a b   Esc" {
		t.Errorf("%q", got)
	}
	if got := fitKeys("a b   c d   e f", 13); got != "a b  c d  e f" {
		t.Errorf("%q", got)
	}
	if got := wrapped("", 10, 2, strong); got != nil {
		t.Errorf("%q", got)
	}
}

func TestHowATransferStandsInALine(t *testing.T) {
	session := &groupcast.SessionStatus{Rate: 8e6}
	away := groupcast.Delivery{Device: "b", State: groupcast.DeliveryQueued}
	has := groupcast.Delivery{Device: "a", State: groupcast.DeliveryVerified, Active: true}
	full := groupcast.Delivery{
		Device: "c", State: groupcast.DeliveryRefused, Refusal: groupcast.RefusedSpace, Active: true,
	}
	type tr = groupcast.Transfer
	for want, s := range map[string]ui.Snapshot{
		"held":      {Transfer: tr{State: groupcast.TransferHeld, Owed: 3}},
		"delivered": {Transfer: tr{State: groupcast.TransferDone, Verified: 3}},
		"delivered · 1 away": {
			Transfer:   tr{State: groupcast.TransferWaiting, Verified: 1, Owed: 1, Away: 1},
			Deliveries: []groupcast.Delivery{has, away},
		},
		"sending · 1 of 2 · 1 away · 8 Mbit/s": {
			Transfer:   tr{State: groupcast.TransferSending, Verified: 1, Owed: 1, Session: session},
			Deliveries: []groupcast.Delivery{has, away},
		},
		"needs you · 1 no space · 1 of 3 · 1 away": {
			Transfer: tr{State: groupcast.TransferWaiting, Verified: 1, Owed: 2, Away: 1, Stuck: 1},
			Deliveries: []groupcast.Delivery{
				has, away,
				full,
			},
		},
		"needs you · 3 failed · 27 of 30": {Transfer: tr{State: groupcast.TransferFailed, Verified: 27, Failed: 3}},
	} {
		t.Run(want, func(t *testing.T) {
			if got := plainText(state(s, 80)); got != want {
				t.Errorf("%q", got)
			}
		})
	}
}

// live opens the view of transfers with this one.
func (b *bench) live(s ui.Snapshot, more ...groupcast.Transfer) {
	b.openTransfers(menu.Transfers{Read: true, Chosen: s, All: append([]groupcast.Transfer{s.Transfer}, more...)})
}

func TestATransferThatNeedsSomebody(t *testing.T) {
	b := newBench(t, both())
	d := groupcast.Delivery{
		User: "bob", Device: "pc-04", State: groupcast.DeliveryRefused,
		Refusal: groupcast.RefusedSpace, Active: true,
	}
	d.Reason, d.Space = "I am full", &groupcast.Space{Needed: 160e6, Free: 21e6}
	tr := groupcast.Transfer{
		No: 4, Name: "x", Group: "lab", State: groupcast.TransferWaiting, Owed: 1, Stuck: 1, Bytes: 100,
	}
	b.live(ui.Snapshot{Transfer: tr, Deliveries: []groupcast.Delivery{d}})
	b.says("needs you · 1 no space", "Next: free space on bob/pc-04", "refused  needs 160 MB; 21 MB are free")
}

func TestWhoIsAwayIsNoProblem(t *testing.T) {
	b := newBench(t, both())
	tr := groupcast.Transfer{
		No: 4, Name: "x", Group: "lab", State: groupcast.TransferWaiting, Owed: 1, Away: 1, Verified: 1,
		Bytes: 100,
	}
	tr.Reason, tr.Cause = "1 receiver is off and gets it when it is back", groupcast.CauseAway
	tr.Summary = "pc-05 gets it when it is back"
	b.live(ui.Snapshot{Transfer: tr, Deliveries: []groupcast.Delivery{
		{User: "ann", Device: "pc-01", State: groupcast.DeliveryVerified, Active: true}, {
			User: "bob", Device: "pc-05",
			State: groupcast.DeliveryQueued,
		},
	}})
	b.says("100 %  delivered · 1 away", "1 verified · 1 away", "pc-05 gets it when it is back")
	b.saysNot("Next:", "needs you", "1 receiver is off")
}

func TestAnEstimateInWords(t *testing.T) {
	b := newBench(t, both())
	s := transfer()
	s.Transfer.Estimates = []groupcast.Estimate{{Share: 100, Devices: 30, At: b.at.Add(124 * time.Second)}}
	b.live(s)
	b.says("all who are here in about 2m4s; pc-05 has no room for it; pc-03 gets it")
}

func TestForgedPacketsAreSaid(t *testing.T) {
	b := newBench(t, both())
	s := transfer()
	s.Transfer.Forging = &groupcast.Forging{Code: groupcast.MemberForges, Devices: 2, Blocks: 3}
	b.m.Update(tea.WindowSizeMsg{Width: 100, Height: 30})
	b.live(s)
	b.says("a member of the group forges packets: 2 devices reported it, 3 blocks")
}

func TestAServerThatIsAwayIsSaidInTheView(t *testing.T) {
	b := newBench(t, both())
	s := transfer()
	b.openTransfers(menu.Transfers{
		Read: true, Chosen: s, All: []groupcast.Transfer{s.Transfer},
		Lost: time.Now().Add(-65 * time.Second),
	})
	b.says("the server has not answered for 1m5s")
	b.m.Update(transfersMsg{b.m.job, menu.Transfers{
		Read: true, Chosen: s, All: []groupcast.Transfer{s.Transfer}, Unreadable: groupcast.Errorf(groupcast.EForbidden,
			"no longer allowed"),
	}})
	b.says("no longer allowed")
	b.m.Update(transfersMsg{b.m.job, menu.Transfers{}})
	b.says("asking the server …")
	b.m.Update(transfersMsg{b.m.job, menu.Transfers{Read: true}})
	b.says("Nothing is owed to anybody.")
	for _, key := range []string{"up", "down", "tab", "pgdown", "end", "home", "c", "s", "r", "n", "d"} {
		b.press(key) // there is nothing to move through, nor to do
	}
	if b.m.live.asking != nil || b.m.live.onDevices {
		t.Error("something can be done about nothing")
	}
}

func TestALongListKeepsTheChosenOneInSight(t *testing.T) {
	b := newBench(t, both())
	s := transfer()
	b.live(s, many(40)...)
	b.says("1 to 5 of 41", "1 sending, 40 held")
	for range 20 {
		b.press("down")
	}
	b.says("›119  held-19", "of 41")
	for range 40 {
		b.press("j")
	}
	b.says("›139  held-39", "37 to 41 of 41")
	b.press("k", "up")
	b.says("›137  held-37")
}

func many(n int) []groupcast.Transfer {
	var out []groupcast.Transfer
	for i := range n {
		out = append(out, groupcast.Transfer{
			No: transferNo(100 +
				i), Name: "held-" + ui.Size(uint64(i))[:len(ui.Size(uint64(i)))-2], Group: "lab", State: groupcast.TransferHeld,
		})
	}
	return out
}

func TestReceiversScroll(t *testing.T) {
	b := newBench(t, both())
	b.live(transfer())
	b.press("tab")
	b.says("Tab transfers")
	first := b.m.live.receiver().Device
	b.press("end")
	last := b.m.live.receiver().Device
	b.press("home", "pgdown", "pgup", "down", "up")
	if first != "pc-05" || last != "pc-04" || b.m.live.receiver().Device != first {
		t.Errorf("first %s, last %s, then %s", first, last, b.m.live.receiver().Device)
	}
	b.says("user05/pc-05: no space: 12 GB are needed and 3 GB are free") // in full, above the keys
	b.press("esc")
	b.says("Tab receivers")
	b.press("q")
	if b.m.screen != onMenu {
		t.Error("q leaves the view")
	}
}

func TestWhatDidNotArriveLeadsToTheRecords(t *testing.T) {
	b := newBench(t, both())
	s := transfer()
	s.Deliveries[0].State, s.Deliveries[0].Reason = groupcast.DeliveryIncomplete, "a bad sector"
	s.Deliveries[0].Entries, s.Deliveries[0].Missing, s.Deliveries[0].Beside = 9, 2, 1
	b.live(s)
	b.press("tab")
	for b.m.live.receiver().State != groupcast.DeliveryIncomplete {
		b.press("down")
	}
	b.says("user00/pc-00: a bad sector (all 3: Records, missing)", "incomplete (7 of 9)")
}

// Every line of the view is there at 80×24, and the question stays in sight on a small terminal.
func TestTheLiveViewOnSmallTerminals(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {60, 16}, {40, 12}, {20, 8}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			b := newBench(t, both())
			b.m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			b.live(transfer(), many(30)...)
			b.fits(size[0], size[1])
			b.press("c")
			b.fits(size[0], size[1])
			b.says("Type yes", "Cancel transfer")
			b.types("yes")
			if len(b.jobs) > 0 {
				t.Errorf("%v: done before Enter", size)
			}
			b.press("enter")
			if len(b.jobs) != 1 {
				t.Errorf("%v: %d jobs", size, len(b.jobs))
			}
			b.says("One moment …")
		})
	}
}

func TestTypedAhead(t *testing.T) {
	at := time.Unix(0, 0)
	for name, c := range map[string]struct {
		keys []time.Duration // after the question is there
		want string          // which are taken
		left bool            // it is said that some were not
	}{
		"in time":             {[]time.Duration{seen, seen + 1}, "++", false},
		"too soon":            {[]time.Duration{0, 1, 2}, "---", true},
		"too soon, then more": {[]time.Duration{1, seen, seen + 2}, "---", true}, // it was never quiet
		"a pause after that":  {[]time.Duration{1, seen + 1, 3 * seen}, "-++", false},
	} {
		t.Run(name, func(t *testing.T) {
			var ahead typedAhead
			ahead.begin(at)
			got := ""
			for _, after := range c.keys {
				if ahead.takes(at.Add(after)) {
					got += "+"
				} else {
					got += "-"
				}
			}
			if got != c.want || (ahead.note() != "") != c.left {
				t.Errorf("%s, left out %v", got, ahead.left)
			}
		})
	}
}
