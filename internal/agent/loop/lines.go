package loop

import (
	"fmt"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/units"
)

// Line is something a human should know. Its kind is one of connected, lost, network, group, receiving,
// progress, done, incomplete, refused, failed, forged, warning.
type Line struct {
	At       time.Time               `json:"at"`
	Kind     string                  `json:"kind"`
	Group    string                  `json:"group,omitempty"`
	Transfer protocol.TransferNo     `json:"transfer,omitempty"`
	Bytes    uint64                  `json:"bytes,omitempty"`
	Of       uint64                  `json:"of,omitempty"`
	Files    int                     `json:"files,omitempty"`
	Path     groupcast.Path          `json:"path,omitempty"`
	Took     time.Duration           `json:"took_ns,omitempty"`
	Outcome  groupcast.DeliveryState `json:"outcome,omitempty"`
	Forging  *groupcast.Forging      `json:"forging,omitempty"` // of forged, and of what ends a transfer
	Text     string                  `json:"text"`
}

// Outcome is what became of the work on a transfer.
type Outcome struct {
	State  groupcast.DeliveryState // empty: not through, the server knows what is still owed
	Reason string
	Kind   groupcast.Refusal // of a refusal
	Need   uint64            // of a refusal: the bytes that it still takes
	Space  *groupcast.Space  // of a refusal for want of space
	Away   bool              // of a refusal: the folder for received files is not there
	Failed string            // with an empty State: what went wrong, if anything did

	What    string // the file's path, or how many files
	Files   int
	Bytes   uint64 // that lie here
	Path    groupcast.Path
	Devices int // that took part in the multicast session
	Forged  int // blocks of it that came with a wrong digest
	Tally   groupcast.Tally
	Root    protocol.Digest           // of a paged transfer: of its final page, if that is here
	Astray  []groupcast.DeliveryEntry // what does not lie under its name, the missing first
	Void    []string                  // the first files that the server could not deliver, with the reasons
}

// Forging is what this device knows of forged packets: blocks that came with a wrong digest.
func Forging(blocks int) *groupcast.Forging {
	if blocks == 0 {
		return nil
	}
	return &groupcast.Forging{Code: groupcast.MemberForges, Devices: 1, Blocks: blocks}
}

// stands is how a transfer stands on this device. That the server could not deliver some of it is no fault of the
// device, whose receipt says that it has all that came; to whoever waits for the files it is incomplete.
func (o *Outcome) stands() groupcast.DeliveryState {
	if o.State.Delivered() && o.Tally.Void > 0 {
		return groupcast.DeliveryIncomplete
	}
	return o.State
}

// void says which files the server could not deliver.
func (o *Outcome) void() string {
	if o.Tally.Void == 0 {
		return ""
	}
	text := "; not delivered: " + strings.Join(o.Void, ", ")
	if more := o.Tally.Void - len(o.Void); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// line puts into words what became of a transfer.
func (t *transfer) line(now time.Time, out Outcome) Line {
	l := Line{
		Kind: "done", Group: t.group.Name, Transfer: t.offer.Transfer, Outcome: out.stands(), Path: out.Path,
		Files: out.Files, Bytes: out.Bytes, Of: t.offer.Bytes, Took: now.Sub(t.started),
	}
	switch l.Outcome {
	case groupcast.DeliveryRefused:
		l.Kind = "refused"
		l.Text = fmt.Sprintf("%s: refused: %s", t.group.Name, out.Reason)
		if !lasting(out.Kind) {
			l.Text += "; it is looked at again by itself"
		}
	case groupcast.DeliveryIncomplete:
		l.Kind = "incomplete"
		l.Text = fmt.Sprintf("%s: %s incomplete: %d of %d are here",
			t.group.Name, out.What, out.Tally.Entries-out.Tally.Missing-out.Tally.Void, out.Tally.Entries)
	case groupcast.DeliveryVerified:
		l.Text = fmt.Sprintf("%s: %s %s verified in %s (%s)",
			t.group.Name, out.What, units.FormatSize(out.Bytes), l.Took.Round(10*time.Millisecond), out.Path)
	default:
		l.Text = fmt.Sprintf("%s: %s: %s", t.group.Name, out.What, out.State)
	}
	if out.State != groupcast.DeliveryRefused && out.Reason != "" {
		l.Text += "; " + out.Reason
	}
	l.Text += out.void()
	if l.Forging = Forging(out.Forged); l.Forging != nil {
		l.Text += fmt.Sprintf("; a member of the group forged packets: %s came wrong and right again",
			Plural(out.Forged, "block"))
	}
	return l
}

// Plural writes a number of things.
func Plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
