package menu

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

const (
	buckets  = 256 // of a delivery's bar, two bits each
	maxNamed = 3   // devices named in a sentence
)

// shades are a quarter of nothing to all of it.
var shades = []string{"░", "▒", "▓", "█"}

// shade draws a share of one as one cell. What is not whole never looks whole.
func shade(share float64) string {
	switch {
	case share >= 0.999:
		return shades[3]
	case share >= 0.5:
		return shades[2]
	case share > 0.01:
		return shades[1]
	}
	return shades[0]
}

// has says whether a device has all of it.
func has(d groupcast.Delivery) bool {
	return d.State.Delivered()
}

// part is how much of a transfer a device has.
func part(d groupcast.Delivery, t groupcast.Transfer) float64 {
	if has(d) {
		return 1
	}
	if t.Bytes == 0 {
		return 0
	}
	return min(1, float64(d.Bytes)/float64(t.Bytes))
}

// bucket is how much of a stretch of the file a device has.
func bucket(d groupcast.Delivery, i int) float64 {
	switch {
	case has(d):
		return 1
	case i>>2 >= len(d.Bar):
		return 0
	}
	return float64(d.Bar[i>>2]>>((i&3)*2)&3) / 3
}

// strip draws the file from its start to its end: how much of each stretch is there.
func strip(width int, share func(bucket int) float64) string {
	var b strings.Builder
	for x := range width {
		from, to := x*buckets/width, max((x+1)*buckets/width, x*buckets/width+1)
		sum := 0.0
		for i := from; i < to; i++ {
			sum += share(i)
		}
		b.WriteString(shade(sum / float64(to-from)))
	}
	return b.String()
}

// promised says whether a device is owed its delivery, or was until it failed or had it.
func promised(d groupcast.Delivery) bool {
	return d.State != groupcast.DeliveryCancelled && d.State != groupcast.DeliveryExpired
}

// coverage is how many of those who are promised the file hold each stretch of it.
func coverage(s ui.Snapshot, width int) string {
	var sum [buckets]float64
	n := 0.0
	for _, d := range s.Deliveries {
		if !promised(d) {
			continue
		}
		n++
		for i := range sum {
			sum[i] += bucket(d, i)
		}
	}
	return strip(width, func(i int) float64 { return sum[i] / max(n, 1) })
}

// mean is how much of the file those who are promised it have on average.
func mean(s ui.Snapshot) float64 {
	sum, n := 0.0, 0.0
	for _, d := range s.Deliveries {
		if promised(d) {
			sum += part(d, s.Transfer)
			n++
		}
	}
	return sum / max(n, 1)
}

// percent never says 100 before it is all there.
func percent(share float64) string {
	if share < 1 {
		share = min(share, 0.99)
	}
	return fmt.Sprintf("%3.0f %%", share*100)
}

// deviceBar draws what one device has.
func deviceBar(d groupcast.Delivery, t groupcast.Transfer, width int) string {
	if len(d.Bar) > 0 && !has(d) {
		return strip(width, func(i int) float64 { return bucket(d, i) })
	}
	return ui.Bar(part(d, t), width)
}

// worstFirst sorts deliveries: failed and refused, those at work with the slowest first, those
// who are off, those who are through.
func worstFirst(deliveries []groupcast.Delivery) []groupcast.Delivery {
	out := slices.Clone(deliveries)
	slices.SortStableFunc(out, func(x, y groupcast.Delivery) int {
		return cmp.Or(rank(x)-rank(y), cmp.Compare(x.Bytes, y.Bytes), cmp.Compare(x.Device, y.Device), cmp.Compare(x.User, y.User))
	})
	return out
}

func rank(d groupcast.Delivery) int {
	switch {
	case d.State == groupcast.DeliveryFailed || d.State == groupcast.DeliveryRefused || d.State == groupcast.DeliveryIncomplete:
		return 0
	case d.State.Owed() && d.Active:
		return 1
	case d.State.Owed():
		return 2
	case has(d):
		return 4
	}
	return 3
}

// names calls devices by their names; where two have the same, by the user's, too.
func names(deliveries []groupcast.Delivery) func(groupcast.Delivery) string {
	count := map[string]int{}
	for _, d := range deliveries {
		count[d.Device]++
	}
	return func(d groupcast.Delivery) string {
		switch {
		case d.Device == "":
			return ui.Name(d.User) + " (no device)"
		case count[d.Device] > 1:
			return ui.Name(d.User + "/" + d.Device)
		}
		return ui.Name(d.Device)
	}
}

// sentence says how a transfer stands and why: the server's own words while it sends.
func sentence(s ui.Snapshot) string {
	t := s.Transfer
	if v := t.Session; v != nil && v.Verdict != "" {
		return ui.Name(v.Verdict)
	}
	through := 0
	var worst, off []string
	name := names(s.Deliveries)
	for _, d := range worstFirst(s.Deliveries) {
		switch {
		case has(d):
			through++
		case d.State.Owed() && !d.Active:
			off = append(off, name(d))
		case d.Reason != "" && d.Reason != t.Reason && t.State != groupcast.TransferHeld:
			worst = append(worst, name(d)+": "+ui.Name(d.Reason))
		}
	}
	out := []string{fmt.Sprintf("%d of %d done", through, len(s.Deliveries))}
	if t.State != groupcast.TransferSending && t.State != groupcast.TransferDone {
		state := string(t.State)
		if t.Reason != "" {
			state = reason(t)
		}
		out = append(out, state)
	}
	out = append(out, few(worst)...)
	if t.State.Open() && len(off) > 0 {
		out = append(out, strings.Join(few(off), ", ")+" off")
	}
	return strings.Join(out, "; ")
}

// reason is why a transfer waits; where to press for it is said elsewhere.
func reason(t groupcast.Transfer) string {
	if t.State == groupcast.TransferHeld {
		return "held until it is sent"
	}
	return ui.Name(t.Reason)
}

// few names the first and counts the rest.
func few(names []string) []string {
	if len(names) <= maxNamed {
		return names
	}
	return append(names[:maxNamed:maxNamed], fmt.Sprintf("%d more", len(names)-maxNamed))
}

// facts are the numbers of a transfer.
func facts(s ui.Snapshot) []string {
	t := s.Transfer
	var out []string
	if v := t.Session; v != nil {
		out = append(out, units.FormatRate(v.Rate)+", held by "+ui.Name(v.Limiter), fmt.Sprintf("loss %.1f %%", v.LossPercent))
		if v.Remaining > 0 {
			out = append(out, "half of them in about "+units.FormatDuration(v.Remaining))
		}
	}
	if t.WireBytes > 0 {
		out = append(out, ui.Size(t.WireBytes)+" by multicast")
	}
	if t.HTTPSBytes > 0 {
		out = append(out, ui.Size(t.HTTPSBytes)+" over HTTPS")
	}
	through := 0
	for _, d := range s.Deliveries {
		if has(d) {
			through++
		}
	}
	if through > 1 && t.WireBytes > 0 {
		out = append(out, "instead of "+ui.Size(uint64(through)*t.Bytes))
	}
	return out
}

// tally says how many devices are in which state: not all of them fit the screen.
func tally(deliveries []groupcast.Delivery) string {
	number, order := map[string]int{}, []string{}
	for _, d := range worstFirst(deliveries) {
		state := string(d.State)
		if d.State.Owed() && !d.Active {
			state = "off"
		}
		if number[state]++; number[state] == 1 {
			order = append(order, state)
		}
	}
	for i, state := range order {
		order[i] = fmt.Sprintf("%d %s", number[state], state)
	}
	return strings.Join(order, ", ")
}
