package ui

import (
	"fmt"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/units"
)

// Stall is how long active devices may do nothing before commands stop waiting for them.
const Stall = 15 * time.Second

// Snapshot is a transfer as it is watched.
type Snapshot struct {
	Transfer   groupcast.Transfer   `json:"transfer"`
	Deliveries []groupcast.Delivery `json:"deliveries,omitempty"`
}

// Settled says whether no active device waits for anything of the transfer.
func Settled(s Snapshot) bool {
	if !s.Transfer.State.Open() {
		return true
	}
	return !slices.ContainsFunc(s.Deliveries, groupcast.Delivery.Waited)
}

// Stillness notices when devices that are active and still owed do nothing any more: a machine that hangs
// keeps its connection, and a command should not wait for it for ever.
type Stillness struct {
	Since time.Time
	mark  string
}

// Longer says whether nothing has moved for so long that watching is of no use.
func (q *Stillness) Longer(s Snapshot) bool {
	mark := fmt.Sprint(s.Transfer.State, s.Transfer.WireBytes, s.Transfer.HTTPSBytes)
	if h := s.Transfer.Hashing; h != nil {
		mark += fmt.Sprint(h.Bytes)
	}
	for _, d := range s.Deliveries {
		mark += fmt.Sprint(d.State, d.Blocks, d.Active)
		if d.Work != nil {
			mark += d.Work.At.String() // it is at work, however slow
		}
	}
	if mark != q.mark || s.Transfer.State != groupcast.TransferSending {
		q.Since, q.mark = time.Now(), mark
	}
	return time.Since(q.Since) > Stall
}

// Summary is how a transfer ended, in one line.
func Summary(t groupcast.Transfer, took time.Duration) string {
	text := fmt.Sprintf("transfer %d: %d verified", t.No, t.Verified)
	switch {
	case t.Owed > 0 && t.Paused:
		text += fmt.Sprintf(", %d still owed (paused until: groupcast transfer resume %d)", t.Owed, t.No)
	case t.Owed > 0:
		text += fmt.Sprintf(", %d still owed (delivered when they are back: groupcast pending list %s)", t.Owed,
			Name(t.Group))
	}
	if t.Incomplete > 0 {
		text += fmt.Sprintf(", %d incomplete", t.Incomplete)
	}
	if t.Failed > 0 {
		text += fmt.Sprintf(", %d failed", t.Failed)
	}
	text += fmt.Sprintf("; %s in %s", Size(t.Bytes), units.FormatDuration(took))
	if t.WireBytes > 0 && t.Bytes > 0 {
		text += fmt.Sprintf("; %s by multicast (×%.2f)", Size(t.WireBytes), float64(t.WireBytes)/float64(t.Bytes))
	}
	if t.HTTPSBytes > 0 {
		text += fmt.Sprintf("; %s over HTTPS", Size(t.HTTPSBytes))
	}
	return text
}

// Note says what of a new transfer is not carried as it is.
func Note(n groupcast.Note) string {
	if n.Code != groupcast.NoteTimes {
		return fmt.Sprintf("%s: %d, the first of them %s", n.Code, n.Count, Name(n.Path))
	}
	whose := "the time of " + Name(n.Path) + " lies"
	if n.Count > 1 {
		whose = fmt.Sprintf("%d times (the first is that of %s) lie", n.Count, Name(n.Path))
	}
	return whose +
		" outside the years 1678 to 2261: seconds are kept, fractions are not, and a receiver whose disk cannot store such " +
		"a year sets the nearest"
}

// Headline is how a transfer stands, in one line.
func Headline(s Snapshot) string {
	t := s.Transfer
	done := Share(s)
	text := fmt.Sprintf("%3.0f %%  %s  %s", done*100, Size(t.Bytes), t.State)
	if v := t.Session; v != nil {
		text += fmt.Sprintf("  %s  loss %s", SessionRate(*v), units.Percent(v.LossPercent))
	}
	text += fmt.Sprintf("  %d of %d verified", t.Verified, len(s.Deliveries))
	if t.Incomplete > 0 {
		text += fmt.Sprintf(", %d incomplete", t.Incomplete)
	}
	return text
}

// Share is how much of what is owed has arrived, over all devices that take part.
func Share(s Snapshot) float64 {
	var have, want float64
	for _, d := range s.Deliveries {
		if Here(d) {
			have += d.Share(s.Transfer.Bytes)
			want++
		}
	}
	if want == 0 {
		return 0
	}
	return have / want
}

// DeviceLines shows the worst first.
func DeviceLines(s Snapshot, room int) []string {
	order := slices.Clone(s.Deliveries)
	slices.SortStableFunc(order, groupcast.WorstFirst)
	var lines []string
	for _, d := range order[:min(len(order), room)] {
		part := d.Share(s.Transfer.Bytes)
		c := DeliveryRow(d)
		lines = append(lines, fmt.Sprintf("  %s %3.0f %%  %-12s %-16s %-9s %-9s %s", Bar(part, 10), part*100, Name(c[0]),
			Name(c[1]), c[2], c[4], Why(d)))
	}
	if len(order) > room {
		lines = append(lines, fmt.Sprintf("  … and %d more", len(order)-room))
	}
	return lines
}
