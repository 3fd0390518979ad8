package server

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestAddressesAreJudgedInWords(t *testing.T) {
	for _, c := range []struct{ give, addr, warning, refusal string }{
		{"239.192.7.1", "239.192.7.1:7441", "", ""},
		{"239.192.7.1:9000", "239.192.7.1:9000", "", ""},
		{"224.0.0.1", "224.0.0.1:7441", "flood it to every port", ""},
		{"239.128.0.9", "239.128.0.9:7441", "shares its Ethernet address with 224.0.0.9", ""},
		{"225.1.2.3", "225.1.2.3:7441", "not of the private range", ""},
		{"232.1.1.1", "232.1.1.1:7441", "source-specific", ""},
		{"[ff15::7:1]:7500", "[ff15::7:1]:7500", "", ""},
		{"ff11::1", "[ff11::1]:7441", "never leaves the machine", ""},
		{"224.0.0.251", "", "", "224.0.0.0/24"},
		{"224.0.0.2", "", "", "224.0.0.0/24"},
		{"192.168.1.1", "", "", "not a multicast address"},
		{"ff02::fb", "", "", "well-known"},
		{"2001:db8::1", "", "", "not a multicast address"},
		{"239.192.7.1:80", "", "", "reserved for system services"},
		{"everyone", "", "", "not an IP address"},
		{"", "", "", "not an IP address"},
	} {
		addr, warning, err := parseAddress(c.give)
		if c.refusal != "" {
			if groupcast.ErrorCode(err) != groupcast.EInvalid || !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("%q: %v, want %q", c.give, err, c.refusal)
			}
			continue
		}
		if err != nil || addr.String() != c.addr || !strings.Contains(warning, c.warning) || (c.warning == "") != (warning == "") {
			t.Errorf("%q: %v, %q, %v", c.give, addr, warning, err)
		}
	}
}

func TestPickedAddressesAreGood(t *testing.T) {
	used := map[netip.Addr]bool{}
	for range 2000 {
		addr, err := pickAddress(used)
		if err != nil {
			t.Fatal(err)
		}
		if _, warning, err := parseAddress(addr.String()); err != nil || warning != "" || !pickFrom.Contains(addr.Addr()) {
			t.Fatalf("picked %v: %q, %v", addr, warning, err)
		}
		if used[addr.Addr()] {
			t.Fatalf("%v is in use", addr)
		}
		used[addr.Addr()] = true
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"239.192.7.1", "224.0.0.1:7441", "[ff15::1]:9000", "ff02::1%eth0", "::ffff:239.1.1.1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		addr, _, err := parseAddress(s)
		if err == nil && (!addr.IsValid() || !addr.Addr().IsMulticast() || addr.Port() < 1024 || addr.Addr().Zone() != "") {
			t.Fatalf("%q was accepted as %v", s, addr)
		}
	})
}

// A group's name becomes a folder at every receiver, on Windows and on FAT, too.
func TestGroupNamesAreFolders(t *testing.T) {
	for name, ok := range map[string]bool{
		"lab": true, "lab.a": true, "lab-a_1": true, "lab.": false, "lab..": false, "a-.": false, "con": false, "nul.x": false, "com1": false, "Lab": false, "lab ": false, "console": true,
	} {
		if err := checkGroupName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPickedAddressesOfIPv6AreGood(t *testing.T) {
	used := map[netip.Addr]bool{}
	for range 2000 {
		addr, err := pickAddress6(used)
		if err != nil {
			t.Fatal(err)
		}
		if _, warning, err := parseAddress(addr.String()); err != nil || warning != "" || used[addr.Addr()] {
			t.Fatalf("picked %v: %q, %v", addr, warning, err)
		}
		used[addr.Addr()] = true
	}
}
