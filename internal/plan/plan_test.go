package plan

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestHowADeviceStands(t *testing.T) {
	seen := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	here := func(free, disk, reserve uint64) groupcast.Device {
		return groupcast.Device{Active: true, FreeBytes: free, DiskBytes: disk, ReserveBytes: reserve, LastSeen: seen}
	}
	off := groupcast.Device{LastSeen: seen, FreeBytes: 50, DiskBytes: 1000}
	copied := here(1000, 1000, 0)
	copied.Machines = 2
	for _, c := range []struct {
		name   string
		d      groupcast.Device
		unfit  string
		groups int
		bytes  uint64
		want   groupcast.PlanStanding
		lacks  uint64
	}{
		{"just enough", here(100, 1000, 0), "", 1, 100, groupcast.PlanReady, 0},
		{"a byte too much", here(100, 1000, 0), "", 1, 101, groupcast.PlanNoSpace, 1},
		{"beside its reserve", here(150, 1000, 50), "", 1, 100, groupcast.PlanReady, 0},
		{"its reserve would be eaten", here(149, 1000, 50), "", 1, 100, groupcast.PlanNoSpace, 1},
		{"less free than its reserve", here(10, 1000, 50), "", 1, 1, groupcast.PlanNoSpace, 41},
		{"in two groups it gets two copies", here(150, 1000, 0), "", 2, 100, groupcast.PlanNoSpace, 50},
		{"a full disk", here(0, 1000, 0), "", 1, 1, groupcast.PlanNoSpace, 1},
		{"a disk that was not told of", here(0, 0, 0), "", 1, 1 << 40, groupcast.PlanReady, 0},
		{"an older receiver tells no reserve", here(100, 0, 0), "", 1, 100, groupcast.PlanReady, 0},
		{"nothing is sent", here(0, 1000, 50), "", 1, 0, groupcast.PlanReady, 0},
		{"away", off, "", 1, 40, groupcast.PlanAway, 0},
		{"away, and full", off, "", 1, 60, groupcast.PlanAway, 10},
		{"two machines use its login", copied, "", 1, 10, groupcast.PlanUnfit, 0},
		{"too old", here(100, 1000, 0), "it is too old", 1, 1000, groupcast.PlanUnfit, 900},
	} {
		t.Run(c.name, func(t *testing.T) {
			groups := []string{"a", "b"}[:c.groups]
			d := Judge(c.d, c.unfit, groups, c.bytes)
			if d.Stands != c.want || d.Lacks != c.lacks || d.Needs != c.bytes*uint64(c.groups) {
				t.Errorf("%+v, want %s and %d", d, c.want, c.lacks)
			}
			if (d.Stands == groupcast.PlanAway) != d.LastSeen.Equal(seen) {
				t.Errorf("last seen %v", d.LastSeen)
			}
			if n := Count([]groupcast.PlannedDevice{d}); n.Total != 1 || n.Ready+n.Away+n.NoSpace+n.Unfit != 1 {
				t.Errorf("counted %+v", n)
			}
		})
	}
}

func TestWhoIsNotReadyComesFirst(t *testing.T) {
	all := []groupcast.PlannedDevice{
		{Device: "d", Stands: groupcast.PlanReady},
		{Device: "c", Stands: groupcast.PlanAway},
		{Device: "b", Stands: groupcast.PlanUnfit},
		{Device: "a", Stands: groupcast.PlanNoSpace, Groups: []string{"g"}},
	}
	Sort(all)
	for i, want := range []string{"a", "b", "c", "d"} {
		if all[i].Device != want {
			t.Errorf("%d: %s", i, all[i].Device)
		}
	}
	if in := In(all, "g"); len(in) != 1 || in[0].Device != "a" {
		t.Errorf("in g: %+v", in)
	}
}

func TestWhenItBegins(t *testing.T) {
	c := groupcast.PlanCounts{Total: 3, Ready: 2, Away: 1}
	for _, x := range []struct {
		counts          groupcast.PlanCounts
		held, now, full bool
		want            groupcast.PlanStartCode
	}{
		{c, true, false, false, groupcast.StartsHeld},
		{c, false, true, false, groupcast.StartsNow},
		{c, false, false, true, groupcast.StartsNow},
		{c, false, false, false, groupcast.StartsGathering},
		{groupcast.PlanCounts{}, false, true, false, groupcast.StartsMembers},
		{groupcast.PlanCounts{Total: 2, Away: 1, NoSpace: 1}, false, true, false, groupcast.StartsBack},
		{groupcast.PlanCounts{Total: 1, NoSpace: 1}, false, true, false, groupcast.StartsRoom},
		{groupcast.PlanCounts{Total: 1, Unfit: 1}, false, true, false, groupcast.StartsFit},
	} {
		if got := Begins(x.counts, x.held, x.now, x.full); got != x.want {
			t.Errorf("%+v: %s, want %s", x, got, x.want)
		}
	}
}

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// verified is a delivery that was through so long after the start.
func verified(device string, after time.Duration, path groupcast.Path) groupcast.Delivery {
	return groupcast.Delivery{
		User: "u", Device: device, State: groupcast.DeliveryVerified, Path: path, UpdatedAt: start.Add(after),
	}
}

const (
	multicast = groupcast.PathMulticast
	https     = groupcast.PathHTTPS
)

func TestWhatATransferTellsOfThePace(t *testing.T) {
	ten := groupcast.Transfer{No: 3, Group: "g", Bytes: 10e6, StartedAt: start, WireBytes: 11e6}
	change := func(f func(*groupcast.Transfer)) groupcast.Transfer {
		out := ten
		f(&out)
		return out
	}
	three := []groupcast.Delivery{
		verified("c", 4*time.Second, multicast), verified("a", 3*time.Second, multicast),
		verified("b", 3500*time.Millisecond, https),
	}
	for _, c := range []struct {
		name    string
		tr      groupcast.Transfer
		of      []groupcast.Delivery
		rate    uint64 // 0: nothing is known
		devices int
		slowest string
	}{
		{"the last of those who took part", ten, three, 20e6, 3, ""},
		{"who was away and came later did not", ten, append(three[:3:3], verified("d", time.Hour, multicast)), 20e6, 3, ""},
		{"one is far behind", ten, append(three[:2:2], verified("s", 10*time.Second, multicast)), 8e6, 3, "u/s"},
		{"nobody has it", ten, []groupcast.Delivery{{State: groupcast.DeliveryQueued}}, 0, 0, ""},
		{"too small to tell", change(func(t *groupcast.Transfer) { t.Bytes = 1000 }), three, 0, 0, ""},
		{"never sent", change(func(t *groupcast.Transfer) { t.StartedAt = time.Time{} }), three, 0, 0, ""},
		{"most was there already", change(func(t *groupcast.Transfer) { t.WireBytes = 1e6 }), three, 0, 0, ""},
		{
			"over HTTPS, each a copy", change(func(t *groupcast.Transfer) { t.WireBytes, t.HTTPSBytes = 0, 20e6 }),
			[]groupcast.Delivery{verified("a", time.Second, https), verified("b", 2*time.Second, https)},
			40e6, 2, "",
		},
		{
			"over HTTPS, mostly there", change(func(t *groupcast.Transfer) { t.WireBytes, t.HTTPSBytes = 0, 10e6 }),
			[]groupcast.Delivery{verified("a", time.Second, https), verified("b", 2*time.Second, https)},
			0, 0, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			points := []groupcast.Point{
				{Sent: 1, Limiter: "start"},
				{Sent: 1, Limiter: "start"},
				{Sent: 1, Limiter: "receivers"},
				{Limiter: "cap"},
				{Limiter: "cap"},
			}
			p, known := Measure(c.tr, c.of, points)
			if known != (c.rate > 0) {
				t.Fatalf("known %v: %+v", known, p)
			}
			if known && (p.Rate != c.rate || p.Devices != c.devices || p.Slowest != c.slowest || p.Limiter != "receivers") {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestWhichPaceATransferGoesBy(t *testing.T) {
	m := func(no protocol.TransferNo, rate, limit uint64) groupcast.Pace {
		return groupcast.Pace{Transfer: no, Rate: rate, Limit: limit, Via: groupcast.ViaMulticast}
	}
	other := groupcast.Pace{Transfer: 9, Rate: 1, Via: groupcast.ViaHTTPS}
	for _, c := range []struct {
		name  string
		paces []groupcast.Pace
		limit uint64
		want  protocol.TransferNo // 0: none
		of    int
	}{
		{"none", nil, 0, 0, 0},
		{"the only one", []groupcast.Pace{m(1, 100, 0)}, 0, 1, 1},
		{"the middle one", []groupcast.Pace{m(1, 300, 0), m(2, 100, 0), m(3, 200, 0)}, 0, 3, 3},
		{"the slower of two", []groupcast.Pace{m(1, 300, 0), m(2, 100, 0)}, 0, 2, 2},
		{"not another way", []groupcast.Pace{other}, 0, 0, 0},
		{"not one that was held by a limit", []groupcast.Pace{m(1, 90, 100)}, 0, 0, 0},
		{"nor by a lower one", []groupcast.Pace{m(1, 90, 100)}, 200, 0, 0},
		{"but by a higher one", []groupcast.Pace{m(1, 90, 100)}, 100, 1, 1},
		{"and one that its limit did not hold", []groupcast.Pace{m(1, 50, 100)}, 0, 1, 1},
		{"the last five", []groupcast.Pace{
			m(1, 1, 0), m(2, 2, 0), m(3, 3, 0), m(4, 4, 0), m(5, 5, 0), m(6, 600, 0), m(7, 700, 0),
		}, 0, 3, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Choose(c.paces, groupcast.ViaMulticast, c.limit)
			if (p != nil) != (c.want > 0) || p != nil && (p.Transfer != c.want || p.Of != c.of) {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestHowLongItTakes(t *testing.T) {
	for _, c := range timeCases {
		t.Run(c.name, func(t *testing.T) {
			c.want.Via, c.want.Pace = c.via, c.pace
			if got := Takes(100e6, c.devices, c.via, c.l, c.pace); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

var pace = &groupcast.Pace{Rate: 80e6, Devices: 2, Limiter: "receivers"}

// timeCases are how long 100 MB take.
var timeCases = []struct {
	name    string
	devices int
	via     groupcast.Via
	l       Limits
	pace    *groupcast.Pace
	want    groupcast.PlanTime
}{
	{"nothing is known", 3, groupcast.ViaMulticast, Limits{}, nil, groupcast.PlanTime{}},
	{
		"as was measured", 3, groupcast.ViaMulticast,
		Limits{},
		pace,
		groupcast.PlanTime{Rate: 80e6, For: 10 * time.Second, Limiter: "receivers"},
	},
	{
		"its own limit is lower", 3, groupcast.ViaMulticast,
		Limits{Transfer: 40e6, Server: 60e6},
		pace,
		groupcast.PlanTime{Rate: 40e6, For: 20 * time.Second, Limiter: "cap", Cap: 40e6, CapOf: groupcast.CapOfTransfer},
	},
	{
		"the server's limit is lower", 3, groupcast.ViaMulticast,
		Limits{Transfer: 40e6, Server: 20e6},
		pace,
		groupcast.PlanTime{Rate: 20e6, For: 40 * time.Second, Limiter: "cap", Cap: 20e6, CapOf: groupcast.CapOfServer},
	},
	{
		"a limit that is never reached", 3, groupcast.ViaMulticast,
		Limits{Transfer: 1e9},
		pace,
		groupcast.PlanTime{Rate: 80e6, For: 10 * time.Second, Limiter: "receivers", Cap: 1e9, CapOf: groupcast.CapOfTransfer},
	},
	{
		"at least what a limit allows", 3, groupcast.ViaMulticast,
		Limits{Transfer: 8e6},
		nil,
		groupcast.PlanTime{
			Rate: 8e6, For: 100 * time.Second, Limiter: "cap", AtLeast: true, Cap: 8e6, CapOf: groupcast.CapOfTransfer,
		},
	},
	{
		"over HTTPS each device gets a copy", 4, groupcast.ViaHTTPS,
		Limits{},
		pace,
		groupcast.PlanTime{Rate: 40e6, For: 20 * time.Second, Limiter: "receivers"},
	},
	{
		"and shares the limit", 4, groupcast.ViaHTTPS,
		Limits{Server: 80e6},
		nil,
		groupcast.PlanTime{
			Rate: 20e6, For: 40 * time.Second, Limiter: "cap", AtLeast: true, Cap: 80e6, CapOf: groupcast.CapOfServer,
		},
	},
}

func TestAVeryLongTimeHasAnEnd(t *testing.T) {
	if got := Takes(1<<53, 1, groupcast.ViaMulticast, Limits{Transfer: 1}, nil); got.For != longest {
		t.Errorf("a very long time: %v", got.For)
	}
}

func TestTheWay(t *testing.T) {
	for _, c := range []struct {
		asked groupcast.Via
		ready int
		want  groupcast.Via
	}{
		{groupcast.ViaAuto, 1, groupcast.ViaHTTPS},
		{groupcast.ViaAuto, 2, groupcast.ViaMulticast},
		{groupcast.ViaAuto, 0, groupcast.ViaMulticast},
		{groupcast.ViaMulticast, 1, groupcast.ViaMulticast},
		{groupcast.ViaHTTPS, 5, groupcast.ViaHTTPS},
	} {
		if got := Way(c.asked, c.ready); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestATransferIsReadOnceUntilMoreHaveIt(t *testing.T) {
	reads := 0
	paces := NewPaces(func(_ context.Context, no protocol.TransferNo) (
		[]groupcast.Delivery, []groupcast.Point, error,
	) {
		if reads++; no == 5 {
			return nil, nil, errors.New("broken")
		}
		return []groupcast.Delivery{verified("a", time.Second, multicast)}, nil, nil
	})
	list := []groupcast.Transfer{
		{No: 4, Bytes: 10e6}, // never sent: not read
		{No: 3, Bytes: 10e6, StartedAt: start, WireBytes: 10e6, Verified: 1},
	}
	find := func() *groupcast.Pace {
		p, err := paces.Find(context.Background(), list, groupcast.ViaMulticast, 0)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for range 3 {
		if p := find(); p == nil || p.Transfer != 3 || p.Rate != 80e6 {
			t.Fatalf("%+v", p)
		}
	}
	if reads != 1 {
		t.Errorf("read %d times", reads)
	}
	list[1].Verified = 2
	if find(); reads != 2 {
		t.Errorf("not read again though more have it")
	}
	list = append(list, groupcast.Transfer{No: 5, Bytes: 10e6, StartedAt: start, Verified: 1})
	if _, err := paces.Find(context.Background(), list, groupcast.ViaMulticast, 0); err == nil {
		t.Error("what cannot be read is silent")
	}
}
