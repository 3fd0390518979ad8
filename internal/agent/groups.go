package agent

import (
	"fmt"
	"net/netip"

	"github.com/groupcast/groupcast"
)

// join hears a group's address.
func (a *Agent) join(g groupcast.AgentGroup) {
	addr, err := netip.ParseAddrPort(g.Address)
	if err == nil {
		err = allowed(addr)
	}
	if err == nil {
		err = a.endpoint.Join(addr, netip.Addr{})
	}
	if err != nil {
		a.cfg.Log.Debug("group not joined", "group", g.Name, "err", err)
		a.loop.JoinFailed(g.ID, err)
		return
	}
	a.joined[g.ID] = addr
	for _, note := range a.endpoint.Notes() {
		a.cfg.Log.Warn(note)
	}
	a.loop.Joined(g.ID)
}

// allowed keeps a server from using agents as a weapon (rule R5).
func allowed(addr netip.AddrPort) error {
	ip := addr.Addr().Unmap()
	local := netip.MustParsePrefix("224.0.0.0/24")
	if !ip.IsMulticast() || addr.Port() < 1024 || ip.Is6() && ip.IsLinkLocalMulticast() && ip.As16()[1]&0xF0 == 0 ||
		local.Contains(ip) && ip != netip.AddrFrom4([4]byte{224, 0, 0, 1}) {
		return fmt.Errorf("%s is no address for a group", addr)
	}
	return nil
}
