package tui

import (
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

const buckets = 256 // of a delivery's bar, two bits each

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

// bucket is how much of a stretch of the file a device has.
func bucket(d groupcast.Delivery, i int) float64 {
	switch {
	case d.State.Delivered():
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

// coverage is how many of those who are here hold each stretch of the file.
func coverage(s ui.Snapshot, width int) string {
	var sum [buckets]float64
	n := 0.0
	for _, d := range s.Deliveries {
		if !ui.Here(d) {
			continue
		}
		n++
		for i := range sum {
			sum[i] += bucket(d, i)
		}
	}
	return strip(width, func(i int) float64 { return sum[i] / max(n, 1) })
}

// percent is a share of one, always as wide.
func percent(share float64) string { return fmt.Sprintf("%5s", ui.Percent(share)) }

// deviceBar draws what one device has.
func deviceBar(d groupcast.Delivery, t groupcast.Transfer, width int) string {
	if len(d.Bar) > 0 && !d.State.Delivered() {
		return strip(width, func(i int) float64 { return bucket(d, i) })
	}
	return ui.Bar(d.Share(t.Bytes), width)
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

// facts are the numbers of a transfer.
func facts(s ui.Snapshot) []string {
	t := s.Transfer
	var out []string
	if !t.Selection.All() {
		out = append(out, "for "+ui.ForWhom(t))
	}
	if t.RateLimit > 0 && t.State.Open() {
		out = append(out, "at most "+units.FormatRate(t.RateLimit))
	}
	if v := t.Session; v != nil {
		out = append(out, ui.SessionRate(*v), "loss "+units.Percent(v.LossPercent))
	}
	if t.WireBytes > 0 {
		out = append(out, ui.Size(t.WireBytes)+" by multicast")
	}
	if t.HTTPSBytes > 0 {
		out = append(out, ui.Size(t.HTTPSBytes)+" over HTTPS")
	}
	through := 0
	for _, d := range s.Deliveries {
		if d.State.Delivered() {
			through++
		}
	}
	if through > 1 && t.WireBytes > 0 {
		out = append(out, "instead of "+ui.Size(uint64(through)*t.Bytes))
	}
	return out
}
