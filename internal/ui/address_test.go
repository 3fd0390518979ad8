package ui

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestAddressWarningsInWords(t *testing.T) {
	for warning, c := range map[groupcast.AddressWarning]struct{ address, want string }{
		"":                              {"239.192.7.1:7441", ""},
		groupcast.AddressAllHosts:       {"224.0.0.1:7441", `224.0.0.1 is "all hosts": switches flood it to every port`},
		groupcast.AddressFlooded:        {"239.128.0.9:7441", "239.128.0.9 shares its Ethernet address with 224.0.0.9, "},
		groupcast.AddressSourceSpecific: {"232.1.1.1:7441", "232.1.1.1 is of the source-specific range"},
		groupcast.AddressNotPrivate:     {"225.1.2.3:7441", "225.1.2.3 is not of the private range"},
		groupcast.AddressThisMachine:    {"[ff11::1]:7441", "ff11::1 never leaves the machine"},
		"of another year":               {"239.192.7.1:7441", "of another year"},
	} {
		got := AddressWarning(groupcast.Group{Address: netip.MustParseAddrPort(c.address), Warning: warning})
		if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", warning, got, c.want)
		}
	}
	if evil := (groupcast.Group{Warning: "\x1b[2J"}); strings.Contains(AddressWarning(evil), "\x1b") {
		t.Error("what a server says reaches the terminal")
	}
}
