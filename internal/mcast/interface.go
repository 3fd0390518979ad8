package mcast

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// Interface is a network interface as the data plane needs it.
type Interface struct {
	Index    int
	Name     string
	MTU      int
	Addr4    netip.Addr // the address that packets of this family come from; zero: none
	Addr6    netip.Addr
	Loopback bool
	Running  bool // up and with a link, as far as the system tells
}

// ErrNoInterface says that no interface fits.
var ErrNoInterface = errors.New("no usable network interface")

// Source is the interface's address of the family of group.
func (i Interface) Source(group netip.Addr) netip.Addr {
	if group.Unmap().Is4() {
		return i.Addr4
	}
	return i.Addr6
}

func (i Interface) net() *net.Interface { return &net.Interface{Index: i.Index, Name: i.Name} }

// InterfaceByName finds an interface by name or by one of its addresses.
func InterfaceByName(name string) (Interface, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return interfaceWith(a)
	}
	n, err := net.InterfaceByName(name)
	if err != nil {
		return Interface{}, fmt.Errorf("interface %q: %w", name, err)
	}
	return describe(*n)
}

// InterfaceFor gives the interface that routes to addr: a server's address for an agent, a
// group for a server. An address of this machine gives the interface that has it.
func InterfaceFor(addr netip.Addr) (Interface, error) {
	i, err := RouteTo(addr)
	if err != nil {
		return firstMulticast(addr.Unmap())
	}
	return i, nil
}

// RouteTo is InterfaceFor without a guess: an error says that no route leads there now.
func RouteTo(addr netip.Addr) (Interface, error) {
	addr = addr.Unmap()
	if i, err := interfaceWith(addr); err == nil {
		return i, nil
	}
	if addr.IsLoopback() {
		return loopback()
	}
	// Connecting a UDP socket sends nothing; it makes the kernel choose the route.
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 9)))
	if err != nil {
		return Interface{}, fmt.Errorf("no route to %s: %w", addr, err)
	}
	defer c.Close()
	return interfaceWith(c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap())
}

// Interfaces lists those that are up and have an address.
func Interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list of interfaces: %w", err)
	}
	var out []Interface
	for _, n := range all {
		if n.Flags&net.FlagUp == 0 {
			continue
		}
		if n.Flags&(net.FlagMulticast|net.FlagLoopback) == 0 {
			continue
		}
		if i, err := describe(n); err == nil {
			out = append(out, i)
		}
	}
	return out, nil
}

func interfaceWith(addr netip.Addr) (Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return Interface{}, fmt.Errorf("list of interfaces: %w", err)
	}
	var found []Interface
	for _, n := range all {
		if zone := addr.Zone(); zone != "" && zone != n.Name && zone != strconv.Itoa(n.Index) {
			continue
		}
		for _, a := range addrs(n) {
			if a == addr.WithZone("") {
				i, err := describe(n)
				if err != nil {
					return i, err
				}
				i.prefer(a)
				found = append(found, i)
			}
		}
	}
	if len(found) == 0 {
		return Interface{}, fmt.Errorf("%w has the address %s", ErrNoInterface, addr)
	}
	// An address that moved from one card to another may still stand on the first, which is down.
	if k := slices.IndexFunc(found, func(i Interface) bool { return i.Running }); k > 0 {
		return found[k], nil
	}
	return found[0], nil
}

// prefer makes a the source of its family.
func (i *Interface) prefer(a netip.Addr) {
	if a.Is4() {
		i.Addr4 = a
	} else {
		i.Addr6 = a
	}
}

func loopback() (Interface, error) {
	all, err := Interfaces()
	for _, i := range all {
		if i.Loopback {
			return i, nil
		}
	}
	return Interface{}, errors.Join(ErrNoInterface, err)
}

// firstMulticast is the choice when no route leads anywhere: a machine on a LAN without a
// gateway, or one with nothing but loopback.
func firstMulticast(addr netip.Addr) (Interface, error) {
	all, err := Interfaces()
	for _, i := range all {
		if !i.Loopback && i.Source(addr).IsValid() {
			return i, nil
		}
	}
	for _, i := range all {
		if i.Loopback {
			return i, nil
		}
	}
	return Interface{}, errors.Join(ErrNoInterface, err)
}

func addrs(n net.Interface) []netip.Addr {
	list, err := n.Addrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range list {
		if p, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(p.IP); ok {
				out = append(out, ip.Unmap())
			}
		}
	}
	return out
}

func describe(n net.Interface) (Interface, error) {
	i := Interface{
		Index: n.Index, Name: n.Name, MTU: n.MTU, Loopback: n.Flags&net.FlagLoopback != 0,
		Running: n.Flags&net.FlagRunning != 0,
	}
	for _, a := range addrs(n) {
		switch {
		case a.Is4() && !i.Addr4.IsValid():
			i.Addr4 = a
		case a.Is6() && (!i.Addr6.IsValid() || i.Addr6.IsLinkLocalUnicast() && !a.IsLinkLocalUnicast()):
			i.Addr6 = a
		}
	}
	if !i.Addr4.IsValid() && !i.Addr6.IsValid() {
		return i, fmt.Errorf("%w: %s has no address", ErrNoInterface, n.Name)
	}
	return i, nil
}
