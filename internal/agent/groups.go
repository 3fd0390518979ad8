package agent

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/groupcast/groupcast"
)

// twin gives the group whose folder a file system that drops dots at the end of a name takes
// for that of g. Of two such groups the one with fewer dots keeps it.
func twin(g groupcast.AgentGroup, groups []groupcast.AgentGroup) (other string, taken bool) {
	if !strings.HasSuffix(g.Name, ".") {
		return "", false
	}
	for _, o := range groups {
		if len(o.Name) < len(g.Name) && groupName.MatchString(o.Name) && strings.TrimRight(o.Name, ".") == strings.TrimRight(g.Name, ".") {
			return o.Name, true
		}
	}
	return "", false
}

// join hears a group's address.
func (a *Agent) join(g groupcast.AgentGroup) error {
	addr, err := netip.ParseAddrPort(g.Address)
	if err != nil {
		return err
	}
	if err := allowed(addr); err != nil {
		return err
	}
	if err := a.intake.Join(addr, netip.Addr{}); err != nil {
		return err
	}
	a.joined[g.ID] = addr
	for _, note := range a.intake.Notes() {
		a.cfg.Log.Warn(note)
	}
	return nil
}

// rejoin tries the groups again that could not be joined: a network card that was down may be
// up by now.
func (a *Agent) rejoin() {
	for id, g := range a.groups {
		if _, ok := a.joined[id]; ok {
			continue
		}
		if err := a.join(g); err != nil {
			a.cfg.Log.Debug("group not joined", "group", g.Name, "err", err)
			continue
		}
		a.say(Line{Kind: "group", Group: g.Name, Text: fmt.Sprintf("group %s: multicast works now", g.Name)})
	}
}

// allowed keeps a server from using agents as a weapon (security.md R5).
func allowed(addr netip.AddrPort) error {
	ip := addr.Addr().Unmap()
	local := netip.MustParsePrefix("224.0.0.0/24")
	if !ip.IsMulticast() || addr.Port() < 1024 || ip.Is6() && ip.IsLinkLocalMulticast() && ip.As16()[1]&0xF0 == 0 ||
		local.Contains(ip) && ip != netip.AddrFrom4([4]byte{224, 0, 0, 1}) {
		return fmt.Errorf("%s is no address for a group", addr)
	}
	return nil
}
