package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
)

const (
	leastMeasured = 1_000_000       // bytes: of less, opening a session is most of the time
	together      = 5 * time.Second // beyond twice the time of the one before it: who is done so soon took part
	sentShare     = 10              // at most one part in so many was at the devices already
	holdsBack     = 8               // tenths of a limit: a transfer that came so near was held by it
	middleOf      = 5               // the last transfers that a pace is the middle of
	longest       = 100 * 365 * 24 * time.Hour
	farBehind     = 2 // times what the middle one took: the last is the slowest by far
)

// Measure says how quickly a transfer went to those who took part from its beginning; false if that cannot be
// said: it was too small, went to nobody yet, or much of it was there already. points are its course; they may be
// missing.
func Measure(
	t groupcast.Transfer, deliveries []groupcast.Delivery, points []groupcast.Point,
) (p groupcast.Pace, known bool) {
	if t.Bytes < leastMeasured || t.StartedAt.IsZero() {
		return p, false
	}
	took := firstOnes(t, deliveries)
	if len(took) == 0 {
		return p, false
	}
	last := took[len(took)-1]
	p = groupcast.Pace{
		Transfer: t.No, Group: t.Group, At: t.StartedAt, Bytes: t.Bytes, Took: last.took, Devices: len(took),
		Via: wayOf(took), Limit: t.RateLimit, Of: 1,
	}
	sent, wanted := t.WireBytes, t.Bytes
	if p.Via == groupcast.ViaHTTPS {
		sent, wanted = t.HTTPSBytes, t.Bytes*uint64(len(took))
	}
	if sent < wanted-wanted/sentShare {
		return p, false
	}
	p.Rate = uint64(float64(t.Bytes) * 8 / p.Took.Seconds())
	p.Limiter = holder(points)
	if middle := took[len(took)/2].took; len(took) > 2 && last.took > farBehind*middle {
		p.Slowest = last.User + "/" + last.Device
	}
	return p, true
}

// finish is a delivery and how long it took from the beginning of its transfer.
type finish struct {
	groupcast.Delivery
	took time.Duration
}

// firstOnes are those who verified a transfer in one go, the quickest first: who came later did not take part.
func firstOnes(t groupcast.Transfer, deliveries []groupcast.Delivery) (out []finish) {
	for _, d := range deliveries {
		if d.State == groupcast.DeliveryVerified && d.UpdatedAt.After(t.StartedAt) {
			out = append(out, finish{d, d.UpdatedAt.Sub(t.StartedAt)})
		}
	}
	slices.SortFunc(out, func(a, b finish) int { return cmp.Compare(a.took, b.took) })
	for i := 1; i < len(out); i++ {
		if out[i].took > 2*out[i-1].took+together {
			return out[:i]
		}
	}
	return out
}

func wayOf(took []finish) groupcast.Via {
	for _, d := range took {
		if d.Path == groupcast.PathMulticast {
			return groupcast.ViaMulticast
		}
	}
	return groupcast.ViaHTTPS
}

// holder is what held the rate of a transfer for most of its course.
func holder(points []groupcast.Point) (most string) {
	times := map[string]int{}
	for _, p := range points {
		if p.Limiter == "" || p.Limiter == "start" || p.Sent == 0 {
			continue
		}
		if times[p.Limiter]++; times[p.Limiter] > times[most] {
			most = p.Limiter
		}
	}
	return most
}

// Choose gives the pace that a transfer goes by: the middle one of the last that went the same way and were not
// held by a lower limit than this one has. paces are in order, the newest first; a limit of 0 is none.
func Choose(paces []groupcast.Pace, via groupcast.Via, limit uint64) *groupcast.Pace {
	var fit []groupcast.Pace
	for _, p := range paces {
		if p.Via == via && !heldBack(p, limit) && len(fit) < middleOf {
			fit = append(fit, p)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	n := len(fit)
	slices.SortStableFunc(fit, func(a, b groupcast.Pace) int { return cmp.Compare(a.Rate, b.Rate) })
	p := fit[(n-1)/2]
	p.Of = n
	return &p
}

// heldBack says that a transfer had a limit which kept it from showing what another limit allows.
func heldBack(p groupcast.Pace, limit uint64) bool {
	higher := limit == 0 || limit > p.Limit
	return p.Limit > 0 && higher && float64(p.Rate)*10 >= float64(p.Limit)*holdsBack
}

// Limits are what was set for a transfer, in bits a second; 0: none.
type Limits struct{ Transfer, Server uint64 }

// Lowest is the limit in force.
func (l Limits) Lowest() (bits uint64, of groupcast.CapOf) {
	switch {
	case l.Transfer > 0 && (l.Server == 0 || l.Transfer <= l.Server):
		return l.Transfer, groupcast.CapOfTransfer
	case l.Server > 0:
		return l.Server, groupcast.CapOfServer
	}
	return 0, ""
}

// Takes says how long so many bytes take to so many devices: by a pace, or, with nothing measured, at least as
// long as the limit in force makes it.
func Takes(bytes uint64, devices int, via groupcast.Via, l Limits, pace *groupcast.Pace) groupcast.PlanTime {
	t := groupcast.PlanTime{Via: via, Pace: pace}
	t.Cap, t.CapOf = l.Lowest()
	copies := 1.0
	if via == groupcast.ViaHTTPS { // each device gets a copy of its own
		copies = float64(max(devices, 1))
	}
	switch {
	case pace != nil && (t.Cap == 0 || float64(pace.Rate) < float64(t.Cap)/copies):
		t.Rate, t.Limiter = pace.Rate, pace.Limiter
		if via == groupcast.ViaHTTPS && devices > pace.Devices {
			t.Rate = uint64(float64(pace.Rate) * float64(pace.Devices) / copies)
		}
	case t.Cap > 0:
		t.Rate, t.Limiter, t.AtLeast = uint64(float64(t.Cap)/copies), "cap", pace == nil
	}
	if t.Rate > 0 {
		t.For = time.Duration(min(float64(bytes)*8/float64(t.Rate), longest.Seconds()) * float64(time.Second))
	}
	return t
}

// Way is how a transfer goes to those who are ready: multicast for two or more, unless it was asked for otherwise.
func Way(asked groupcast.Via, ready int) groupcast.Via {
	switch {
	case asked == groupcast.ViaMulticast || asked == groupcast.ViaHTTPS:
		return asked
	case ready == 1:
		return groupcast.ViaHTTPS
	}
	return groupcast.ViaMulticast
}
