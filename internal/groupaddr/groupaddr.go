// Package groupaddr picks multicast addresses for groups and judges those that people give.
package groupaddr

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Addresses groups are picked from: organization-local scope, RFC 2365.
var pickFrom = netip.MustParsePrefix("239.192.0.0/14")

const maxPicks = 1000

// Pick returns a random group address that is not in use and does not share its Ethernet address with a
// link-local group; an IPv6 one for a host without IPv4.
func Pick(six bool, used func(netip.Addr) bool) (netip.AddrPort, error) {
	draw := draw4
	if six {
		draw = draw6
	}
	for range maxPicks {
		if addr := draw(); !clashesWithLinkLocal(addr) && !used(addr) {
			return netip.AddrPortFrom(addr, protocol.DataPort), nil
		}
	}
	return netip.AddrPort{}, groupcast.Errorf(groupcast.EExhausted, "no free multicast address was found").
		WithHint("choose an address yourself").WithNext(groupcast.Next{Step: groupcast.StepAddress})
}

func draw4() netip.Addr {
	var b [4]byte
	rand.Read(b[:])
	base := pickFrom.Addr().As4()
	n := binary.BigEndian.Uint32(base[:]) | binary.BigEndian.Uint32(b[:])>>14
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// draw6 returns a transient group of site scope. Its last four bytes, which make the Ethernet address, are
// of the range for dynamic assignment (RFC 3307).
func draw6() netip.Addr {
	b := [16]byte{0: 0xff, 1: 0x15}
	rand.Read(b[12:])
	b[12] = 0x80 | b[12]&0x3f
	return netip.AddrFrom16(b)
}

// clashesWithLinkLocal says that an IPv4 group maps to the Ethernet address of one of
// 224.0.0.0/24: only 23 bits go into it, and switches flood those to every port.
func clashesWithLinkLocal(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	b := a.As4()
	return b[1]&0x7f == 0 && b[2] == 0
}

// Parse reads IP or IP:port of a group and says in words what is wrong with it, or in a word what is poor.
func Parse(s string) (addr netip.AddrPort, warning groupcast.AddressWarning, err error) {
	addr, err = split(s)
	if err != nil {
		return addr, "", err
	}
	ip := addr.Addr()
	if !ip.IsMulticast() {
		return addr, "", groupcast.Errorf(groupcast.EInvalid, "%s is not a multicast address", ip).
			WithHint("use one of 224.0.0.0 to 239.255.255.255 or ff00::/8, best of 239.192.0.0/14; or give none and one " +
				"is picked").
			WithNext(groupcast.Next{Step: groupcast.StepAnyAddress})
	}
	if addr.Port() < 1024 {
		return addr, "", groupcast.Errorf(groupcast.EInvalid, "port %d is reserved for system services", addr.Port()).
			WithHint("use a port from 1024 on, or leave it out for %d", protocol.DataPort)
	}
	if ip.Is4() {
		warning, err = judge4(ip)
	} else {
		warning, err = judge6(ip)
	}
	return addr, warning, err
}

func split(s string) (netip.AddrPort, error) {
	s = strings.TrimSpace(s)
	alone := s
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
		alone = strings.TrimSuffix(inner, "]")
	}
	// A zone can hold anything: what follows a bracket is a port, not part of one.
	if ip, err := netip.ParseAddr(alone); err == nil && !strings.Contains(alone, "]") {
		return netip.AddrPortFrom(ip.Unmap().WithZone(""), protocol.DataPort), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return ap, groupcast.Errorf(groupcast.EInvalid, "%q is not an IP address", s).
			WithHint("write IP or IP:port, such as 239.192.7.1 or [ff15::7:1]:7441").Wrap(err)
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port()), nil
}

var (
	allHosts  = netip.MustParseAddr("224.0.0.1")
	linkLocal = netip.MustParsePrefix("224.0.0.0/24")
	sourceSSM = netip.MustParsePrefix("232.0.0.0/8")
	adminOnly = netip.MustParsePrefix("239.0.0.0/8")
)

func judge4(ip netip.Addr) (groupcast.AddressWarning, error) {
	switch {
	case ip == allHosts:
		return groupcast.AddressAllHosts, nil
	case linkLocal.Contains(ip):
		return "", groupcast.Errorf(groupcast.EInvalid,
			"%s belongs to 224.0.0.0/24, which routing protocols and name services use; receivers refuse it", ip).
			WithHint("give none and one is picked").WithNext(groupcast.Next{Step: groupcast.StepAnyAddress})
	case clashesWithLinkLocal(ip):
		return groupcast.AddressFlooded, nil
	case sourceSSM.Contains(ip):
		return groupcast.AddressSourceSpecific, nil
	case !adminOnly.Contains(ip):
		return groupcast.AddressNotPrivate, nil
	}
	return "", nil
}

func judge6(ip netip.Addr) (groupcast.AddressWarning, error) {
	b := ip.As16()
	switch flags, scope := b[1]>>4, b[1]&0xf; {
	case scope == 0 || scope == 0xf:
		return "", groupcast.Errorf(groupcast.EInvalid, "%s has the reserved scope %x", ip, scope).
			WithHint("use ff12:: (this link), ff15:: (site) or ff18:: (organization)")
	case flags&1 == 0:
		return "", groupcast.Errorf(groupcast.EInvalid,
			"%s is a well-known IPv6 group, which network protocols use; receivers refuse it", ip).
			WithHint("use a transient one such as ff15::7:1")
	case scope == 1:
		return groupcast.AddressThisMachine, nil
	}
	return "", nil
}
