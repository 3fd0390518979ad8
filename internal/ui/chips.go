package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/units"
)

// Chip is a label, and how many devices of a transfer have it.
type Chip struct {
	Count int
	Text  string
	Bad   bool // they do not get it by themselves
}

func (c Chip) String() string { return fmt.Sprintf("%d %s", c.Count, c.Text) }

// chipOrder is the order of chips: devices that have it, get it now, get it later; then problems.
var chipOrder = []string{
	"verified", "receiving", "waiting", "over HTTPS", "held", "away", "without a device",
	"taken back",
}

// Chips say how the devices of a transfer stand: by its deliveries, or without them by its counts.
func Chips(s Snapshot) []Chip {
	var out []Chip
	add := func(n int, text string, bad bool) {
		if i := slices.IndexFunc(out, func(c Chip) bool { return c.Text == text }); i >= 0 {
			out[i].Count += n
		} else if n > 0 {
			out = append(out, Chip{n, text, bad})
		}
	}
	for _, d := range s.Deliveries {
		add(1, chipText(d), d.NeedsAttention())
	}
	if t := s.Transfer; s.Deliveries == nil {
		add(t.Verified, "verified", false)
		add(t.Owed, "to come", false)
		add(t.Incomplete, "incomplete", true)
		add(t.Failed, "failed", true)
	}
	place := func(c Chip) int {
		if i := slices.Index(chipOrder, c.Text); i >= 0 {
			return i
		}
		return len(chipOrder)
	}
	slices.SortStableFunc(out, func(x, y Chip) int { return place(x) - place(y) })
	return out
}

// Counts are the chips of a transfer in one line: "3 verified · 1 away".
func Counts(s Snapshot) string {
	var texts []string
	for _, c := range Chips(s) {
		texts = append(texts, c.String())
	}
	return strings.Join(texts, " · ")
}

func chipText(d groupcast.Delivery) string {
	switch label := d.Label(); {
	case d.State.Delivered():
		return "verified"
	case label == groupcast.LabelOff:
		return "away"
	case label == groupcast.LabelNoDevice:
		return "without a device"
	case label == groupcast.LabelBehind:
		return "over HTTPS"
	case d.State == groupcast.DeliveryRefused && d.Refusal == groupcast.RefusedSpace:
		return "no space"
	case d.State == groupcast.DeliveryRefused && d.Refusal == groupcast.RefusedFolder:
		return "no folder"
	case label == groupcast.LabelReplaced:
		return "replaced"
	case d.State == groupcast.DeliveryCancelled:
		return "taken back"
	case label == groupcast.Label(groupcast.DeliveryQueued):
		return "waiting"
	default:
		return Label(label)
	}
}

// Here says whether a device counts for how far a transfer is: it has it, or what it could store of it, or is connected and
// gets it by itself.
func Here(d groupcast.Delivery) bool {
	return d.State.Delivered() || d.State == groupcast.DeliveryIncomplete ||
		d.Active && d.State.Owed() && !d.NeedsAttention()
}

// Estimate says when those who are here will have it; empty if nobody knows. Who is away is said by its summary.
func Estimate(s Snapshot, now time.Time) string {
	here := 0
	for _, d := range s.Deliveries {
		if Here(d) {
			here++
		}
	}
	return soon(s.Transfer, here, now)
}

// Line says in one line what the counts of a transfer's devices do not say: when it will be done, what it waits for,
// who needs help; empty if there is no more to say.
func Line(s Snapshot, now time.Time) string {
	return joined("; ", Estimate(s, now), Name(s.Transfer.Summary))
}

// soon says when most of the devices that are connected will have a transfer: the last of its estimates
// that is known.
func soon(t groupcast.Transfer, here int, now time.Time) string {
	for _, e := range slices.Backward(t.Estimates) {
		if e.Done || e.At.IsZero() {
			continue
		}
		who := fmt.Sprintf("%d of the %d who are here", e.Devices, here)
		if e.Devices >= here {
			who = "all who are here"
		}
		if left := e.At.Sub(now).Round(time.Second); left > 0 {
			return who + " in about " + units.FormatDuration(left)
		}
		return who + " any moment"
	}
	return ""
}

// SessionRate is how fast a session sends, and what holds it there.
func SessionRate(s groupcast.SessionStatus) string {
	text := units.FormatRate(s.Rate)
	switch s.Limiter {
	case "":
		return text
	case "start":
		return text + ", still being found out"
	}
	return text + ", held by " + Limiter(s.Limiter)
}

// Limiter says what holds the rate of a session.
func Limiter(name string) string {
	switch name {
	case "cap":
		return "the rate that is allowed"
	case "wire":
		return "the network"
	case "network loss":
		return "loss in the network"
	case "receivers":
		return "the receivers"
	case "sender":
		return "the server's own speed"
	case "start":
		return "nothing yet: it is found out"
	}
	return Name(name)
}

// Standing is how a transfer stands, in a word or two, and whether an administrator has to do something.
// Devices that are away need no help: they get it when they are back.
func Standing(t groupcast.Transfer) (text string, needsYou bool) {
	switch label := t.Label(); {
	case t.State == groupcast.TransferCancelled && t.ReplacedBy != 0:
		return fmt.Sprintf("replaced by %d", t.ReplacedBy), false
	case label == groupcast.LabelNeedsYou:
		return "needs you", true
	case t.State == groupcast.TransferGathering:
		return "starting", false
	default:
		return string(label), false
	}
}
