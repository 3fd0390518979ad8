package presence

import (
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestDescribe(t *testing.T) {
	f := newFixture(t)
	f.attach(device("ann", 1), groupcast.Attach{})
	f.now = f.now.Add(time.Hour)
	for _, c := range []struct {
		name   string
		device groupcast.Device
		want   groupcast.Device
	}{
		{
			"attached",
			groupcast.Device{ID: protocol.DeviceID{1}, Address: "192.0.2.7", LastSeen: noon},
			groupcast.Device{Active: true, Address: "192.0.2.1", LastSeen: noon.Add(time.Hour)},
		},
		{
			"not attached",
			groupcast.Device{ID: protocol.DeviceID{2}, Address: "192.0.2.7", LastSeen: noon},
			groupcast.Device{Address: "192.0.2.7", LastSeen: noon},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := c.device
			f.Describe(&d)
			if d.Active != c.want.Active || d.Address != c.want.Address || !d.LastSeen.Equal(c.want.LastSeen) {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestUnfit(t *testing.T) {
	speaks := func(program string, least, most int) groupcast.Speaks {
		v := groupcast.Versions{Least: least, Most: most}
		return groupcast.Speaks{Program: program, Control: v, Wire: v}
	}
	for _, c := range []struct {
		name   string
		speaks groupcast.Speaks
		want   string // begins with it; "": fits
	}{
		{"the same", speaks("3.0.0", 2, 3), ""},
		{"one version in common, below", speaks("2.0.0", 1, 2), ""},
		{"one version in common, above", speaks("4.0.0", 3, 4), ""},
		{"too old", speaks("1.0.0", 1, 1), "too old: its receiver is groupcast 1.0.0; install groupcast 3.0.0 there"},
		{"says nothing", groupcast.Speaks{}, "too old: its receiver is groupcast of an earlier release"},
		{"too new", speaks("9.0.0", 4, 5), "too new: its receiver is groupcast 9.0.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.cfg.Speaks = speaks("3.0.0", 2, 3)
			st := f.attach(device("ann", 1), groupcast.Attach{Speaks: c.speaks})
			got := f.Unfit(protocol.DeviceID{1})
			if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("%q, want %q", got, c.want)
			}
			if st.Close(); f.Unfit(protocol.DeviceID{1}) != "" {
				t.Error("a device that is not attached is unfit")
			}
		})
	}
}

func TestWhatSpeaksTheWire(t *testing.T) {
	f := newFixture(t)
	f.cfg.Speaks.Program = "3.0.0"
	is := func(wire int, attached bool, tooOld string) {
		t.Helper()
		most, here := f.Wire(protocol.DeviceID{1})
		if why := f.TooOldFor(protocol.DeviceID{1}, 2); most != wire || here != attached || why != tooOld {
			t.Errorf("%d, attached %v, %q; want %d, %v, %q", most, here, why, wire, attached, tooOld)
		}
	}
	is(0, false, "")
	f.attach(device("ann", 1), groupcast.Attach{}).Close()
	old := groupcast.Speaks{Program: "1.0.0", Wire: groupcast.Versions{Least: 1, Most: 1}}
	st := f.attach(device("ann", 1), groupcast.Attach{Speaks: old})
	is(1, true, "too old for this transfer: its receiver is groupcast 1.0.0; install groupcast 3.0.0 there")
	st.Close()
	st = f.attach(device("ann", 1), groupcast.Attach{})
	is(1, true, "too old for this transfer: its receiver is groupcast of an earlier release; "+
		"install groupcast 3.0.0 there")
	st.Close()
	old.Wire.Most = 2
	f.attach(device("ann", 1), groupcast.Attach{Speaks: old})
	is(2, true, "")
}

func TestSymbolFor(t *testing.T) {
	small := protocol.PacketBytes(protocol.TunnelSymbol, true)
	for _, c := range []struct {
		name string
		mtus map[byte]int
		six  bool
		want int
	}{
		{"nothing is known", nil, false, protocol.SymbolFor(0, false)},
		{"usual cards", map[byte]int{1: 1500, 2: 1500}, false, protocol.SymbolFor(1500, false)},
		{"one is small", map[byte]int{1: 1500, 2: 1280}, false, protocol.TunnelSymbol},
		{"one is too small for any", map[byte]int{1: 1500, 2: 576}, false, protocol.SymbolFor(1500, false)},
		{"just large enough", map[byte]int{1: 1500, 2: small}, true, protocol.TunnelSymbol},
		{"just too small", map[byte]int{1: 1500, 2: small - 1}, true, protocol.SymbolFor(1500, true)},
		{"nonsense counts for nothing", map[byte]int{1: 1500, 2: -5, 3: 0}, false, protocol.SymbolFor(1500, false)},
		{"another device's card", map[byte]int{1: 1500, 9: 1280}, false, protocol.SymbolFor(1500, false)},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			for n, mtu := range c.mtus {
				f.NoteMTU(protocol.DeviceID{n}, mtu)
			}
			devices := []protocol.DeviceID{{1}, {2}, {3}}
			if got := f.SymbolFor(devices, c.six); int(got) != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
	t.Run("the last word counts", func(t *testing.T) {
		f := newFixture(t)
		for _, mtu := range []int{1280, 1500, 0} {
			f.NoteMTU(protocol.DeviceID{1}, mtu)
		}
		if got := f.SymbolFor([]protocol.DeviceID{{1}}, false); int(got) != protocol.SymbolFor(1500, false) {
			t.Errorf("%d", got)
		}
	})
}
