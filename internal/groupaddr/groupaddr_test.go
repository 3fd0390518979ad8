package groupaddr

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestAddressesAreJudgedInWords(t *testing.T) {
	for _, c := range []struct {
		give, addr string
		warning    groupcast.AddressWarning
		refusal    string
	}{
		{"239.192.7.1", "239.192.7.1:7441", "", ""},
		{"239.192.7.1:9000", "239.192.7.1:9000", "", ""},
		{"224.0.0.1", "224.0.0.1:7441", groupcast.AddressAllHosts, ""},
		{"239.128.0.9", "239.128.0.9:7441", groupcast.AddressFlooded, ""},
		{"225.1.2.3", "225.1.2.3:7441", groupcast.AddressNotPrivate, ""},
		{"232.1.1.1", "232.1.1.1:7441", groupcast.AddressSourceSpecific, ""},
		{"[ff15::7:1]:7500", "[ff15::7:1]:7500", "", ""},
		{"ff11::1", "[ff11::1]:7441", groupcast.AddressThisMachine, ""},
		{"224.0.0.251", "", "", "224.0.0.0/24"},
		{"224.0.0.2", "", "", "224.0.0.0/24"},
		{"192.168.1.1", "", "", "not a multicast address"},
		{"ff02::fb", "", "", "well-known"},
		{"2001:db8::1", "", "", "not a multicast address"},
		{"239.192.7.1:80", "", "", "reserved for system services"},
		{"everyone", "", "", "not an IP address"},
		{"", "", "", "not an IP address"},
	} {
		t.Run(fmt.Sprint(c.give, " ", c.addr, " ", c.warning), func(t *testing.T) {
			addr, warning, err := Parse(c.give)
			if c.refusal != "" {
				if groupcast.ErrorCode(err) != groupcast.EInvalid || !strings.Contains(err.Error(), c.refusal) {
					t.Errorf("%q: %v, want %q", c.give, err, c.refusal)
				}
				return
			}
			if err != nil || addr.String() != c.addr || warning != c.warning {
				t.Errorf("%q: %v, %q, %v", c.give, addr, warning, err)
			}
		})
	}
}

func TestPickedAddressesAreGood(t *testing.T) {
	for name, six := range map[string]bool{"IPv4": false, "IPv6": true} {
		t.Run(name, func(t *testing.T) {
			used := map[netip.Addr]bool{}
			for range 2000 {
				addr, err := Pick(six, func(a netip.Addr) bool { return used[a] })
				if err != nil {
					t.Fatal(err)
				}
				_, warning, err := Parse(addr.String())
				if err != nil || warning != "" || addr.Addr().Is6() != six || !six && !pickFrom.Contains(addr.Addr()) {
					t.Fatalf("picked %v: %q, %v", addr, warning, err)
				}
				if used[addr.Addr()] {
					t.Fatalf("%v is in use", addr)
				}
				used[addr.Addr()] = true
			}
		})
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"239.192.7.1", "224.0.0.1:7441", "[ff15::1]:9000", "ff02::1%eth0", "::ffff:239.1.1.1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		addr, _, err := Parse(s)
		if err != nil {
			return
		}
		if !addr.IsValid() || !addr.Addr().IsMulticast() || addr.Port() < 1024 || addr.Addr().Zone() != "" {
			t.Fatalf("%q was accepted as %v", s, addr)
		}
	})
}

// What is picked reaches the members only: no switch floods it.
func TestAddressesThatSwitchesFlood(t *testing.T) {
	for give, want := range map[string]bool{
		"224.0.0.1": true, "239.0.0.7": true, "239.128.0.7": true, "225.128.0.255": true,
		"239.192.0.7": false, "239.0.1.7": false, "239.192.7.1": false,
	} {
		t.Run(give, func(t *testing.T) {
			if got := clashesWithLinkLocal(netip.MustParseAddr(give)); got != want {
				t.Errorf("%s: %v", give, got)
			}
		})
	}
}

func TestNoAddressIsFree(t *testing.T) {
	for name, six := range map[string]bool{"IPv4": false, "IPv6": true} {
		asked := 0
		_, err := Pick(six, func(netip.Addr) bool { asked++; return true })
		if groupcast.ErrorCode(err) != groupcast.EExhausted || asked == 0 || asked > maxPicks {
			t.Errorf("%s: %v after %d", name, err, asked)
		}
	}
}

// An address is written with and without its port, and with what a person puts around it.
func TestHowAddressesAreWritten(t *testing.T) {
	for give, want := range map[string]string{
		" 239.192.7.1 ": "239.192.7.1:7441", "::ffff:239.192.7.1": "239.192.7.1:7441", "[ff15::7:1]": "[ff15::7:1]:7441",
		"ff15::7:1%eth0": "[ff15::7:1]:7441", "[ff15::7:1%eth0]:9000": "[ff15::7:1]:9000",
	} {
		t.Run(give, func(t *testing.T) {
			if addr, _, err := Parse(give); err != nil || addr.String() != want {
				t.Errorf("%q: %v, %v; want %s", give, addr, err, want)
			}
		})
	}
}

func TestAddressesOfIPv6AreJudged(t *testing.T) {
	for give, want := range map[string]string{
		"ff12::7:1": "", "ff15::7:1": "", "ff18::7:1": "",
		"ff11::7:1": string(groupcast.AddressThisMachine),
		"ff10::7:1": "reserved scope 0", "ff1f::7:1": "reserved scope f",
		"ff02::1": "well-known", "ff05::2": "well-known", "ff05::1:3": "well-known",
	} {
		t.Run(give, func(t *testing.T) {
			_, warning, err := Parse(give)
			got := string(warning)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, want) || (want == "") != (got == "") {
				t.Errorf("%s: %q, want %q", give, got, want)
			}
		})
	}
}

// A port in brackets' company is never taken for a part of the address.
func TestPortsAreNotLost(t *testing.T) {
	for _, give := range []string{"[ff15::7:1%a]:80", "ff15::7:1%a]:9000", "[ff15::7:1", "239.192.7.1:", "239.192.7.1:x"} {
		t.Run(give, func(t *testing.T) {
			if addr, _, err := Parse(give); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%q is read as %v, %v", give, addr, err)
			}
		})
	}
}
