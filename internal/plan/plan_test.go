package plan

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestHowADeviceStands(t *testing.T) {
	for _, c := range []struct {
		name  string
		r     groupcast.CheckResult
		bytes uint64
		want  string
	}{
		{"multicast", groupcast.CheckResult{Reach: groupcast.ReachMulticast, FreeBytes: 100}, 100, Ready},
		{"multicast with loss", groupcast.CheckResult{Reach: groupcast.ReachLossy}, 100, Ready},
		{"https", groupcast.CheckResult{Reach: groupcast.ReachHTTPS, FreeBytes: 1000}, 100, Ready},
		{"a byte too much", groupcast.CheckResult{Reach: groupcast.ReachMulticast, FreeBytes: 99}, 100, NoSpace},
		{"a disk that was not told of", groupcast.CheckResult{Reach: groupcast.ReachMulticast}, 1 << 40, Ready},
		{"off, and full", groupcast.CheckResult{Reach: groupcast.ReachOff, FreeBytes: 1}, 100, Away},
		{"never", groupcast.CheckResult{Reach: groupcast.ReachNever}, 100, Away},
		{"asleep", groupcast.CheckResult{Reach: groupcast.ReachSilent}, 100, Away},
		{"too old", groupcast.CheckResult{Reach: groupcast.ReachUnfit, Unfit: "too old"}, 100, Unfit},
		{"copied", groupcast.CheckResult{Reach: groupcast.ReachCopied, Machines: 2}, 100, Unfit},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Make(groupcast.Group{Name: "lab"}, []groupcast.CheckResult{c.r}, c.bytes, 0)
			d := p.Devices[0]
			if d.Stands != c.want || d.Why == "" || p.Count(c.want) != 1 || p.Count("other") != 0 {
				t.Errorf("%+v, want %s", d, c.want)
			}
		})
	}
}

func TestHowLong(t *testing.T) {
	for _, c := range []struct {
		bytes, rate uint64
		seconds     float64
		says        string
	}{
		{1_000_000_000, 100e6, 80, "at 100 Mbit/s"},
		{1000, 100e6, 0.00008, "less than a second at 100 Mbit/s"},
		{1_000_000_000, 0, 0, "at 1 Gbit/s; without --rate"},
	} {
		t.Run(c.says, func(t *testing.T) {
			p := Make(groupcast.Group{}, nil, c.bytes, c.rate)
			if p.Seconds != c.seconds || !strings.Contains(p.HowLong(), c.says) {
				t.Errorf("%v s, %q", p.Seconds, p.HowLong())
			}
		})
	}
}
