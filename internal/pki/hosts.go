package pki

import (
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// maxNames bounds what a certificate lists of each sort.
const maxNames = 64

// Hosts are the names and addresses under which browsers may reach the server.
type Hosts struct {
	Names []string
	Addrs []netip.Addr
}

// LocalHosts lists this machine's name and addresses, and whatever else is given: names or
// addresses that clients use.
func LocalHosts(more ...string) Hosts {
	var h Hosts
	if name, err := os.Hostname(); err == nil {
		h.add(name)
	}
	if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				h.addAddr(p.Addr())
			}
		}
	}
	for _, m := range more {
		h.add(m)
	}
	return h
}

func (h *Hosts) add(s string) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		h.addAddr(a)
		return
	}
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if validName(s) && len(h.Names) < maxNames && !slices.Contains(h.Names, s) {
		h.Names = append(h.Names, s)
	}
}

func (h *Hosts) addAddr(a netip.Addr) {
	a = a.Unmap().WithZone("")
	if a.IsUnspecified() || a.IsMulticast() || len(h.Addrs) >= maxNames || slices.Contains(h.Addrs, a) {
		return
	}
	h.Addrs = append(h.Addrs, a)
}

// validName says whether a certificate can carry the name: letters, digits, hyphens in labels.
func validName(s string) bool {
	if s == "" || len(s) > 253 || s == "localhost" || strings.HasSuffix(s, internalDomain) {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// within keeps what the CA may vouch for: a leaf with one name outside its constraints is
// refused whole. The rest is left to a certificate of the site (--cert).
func (h Hosts) within(ca *x509.Certificate) Hosts {
	var out Hosts
	for _, n := range h.Names {
		if slices.ContainsFunc(ca.PermittedDNSDomains, func(d string) bool { return n == d || strings.HasSuffix(n, "."+d) }) {
			out.Names = append(out.Names, n)
		}
	}
	for _, a := range h.Addrs {
		if slices.ContainsFunc(ca.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(a.AsSlice()) }) {
			out.Addrs = append(out.Addrs, a)
		}
	}
	return out
}

// covers says whether a leaf lists all of h.
func (h Hosts) covers(leaf *x509.Certificate) bool {
	for _, n := range h.Names {
		if !slices.Contains(leaf.DNSNames, n) {
			return false
		}
	}
	for _, a := range h.Addrs {
		if !slices.ContainsFunc(leaf.IPAddresses, func(ip net.IP) bool { return ip.Equal(a.AsSlice()) }) {
			return false
		}
	}
	return true
}
