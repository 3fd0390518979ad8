package doctor

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// wantBuffer is the receive buffer that a gigabit sender asks for on a busy machine.
const wantBuffer = 32 << 20

// aGroup stands for all groups where only a route or a join is looked at.
var aGroup = netip.MustParseAddr("239.192.1.1")

// serverAddr is the server's IP address, invalid if its name is not known here.
func serverAddr(address string) netip.Addr {
	u, err := url.Parse(address)
	if err != nil {
		return netip.Addr{}
	}
	ips, err := net.LookupIP(u.Hostname())
	if err != nil || len(ips) == 0 {
		return netip.Addr{}
	}
	ip, _ := netip.AddrFromSlice(ips[0])
	return ip.Unmap()
}

func chooseCard(name string, server netip.Addr) (card mcast.Interface, f Finding) {
	var err error
	why := "it routes to the server"
	switch {
	case name != "":
		card, err = mcast.InterfaceByName(name)
		why = "named with --interface"
	case server.IsValid():
		card, err = mcast.InterfaceFor(server)
	default:
		card, err = mcast.InterfaceFor(aGroup)
		why = "it routes to multicast groups"
	}
	if err != nil {
		return card, Finding{"network card", false, err.Error(), "name one that is up: --interface NAME; here are " + cards()}
	}
	said := fmt.Sprintf("%s, MTU %d, %s: %s; all: %s", card.Name, card.MTU, addressesOf(card), why, cards())
	return card, Finding{"network card", true, said, ""}
}

func addressesOf(card mcast.Interface) string {
	var all []string
	for _, ip := range []netip.Addr{card.Addr4, card.Addr6} {
		if ip.IsValid() {
			all = append(all, ip.String())
		}
	}
	return strings.Join(all, " and ")
}

func cards() string {
	all, err := mcast.Interfaces()
	if err != nil {
		return err.Error()
	}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

func multicastFlag(card mcast.Interface) Finding {
	const what = "multicast flag"
	n, err := net.InterfaceByIndex(card.Index)
	switch {
	case err != nil:
		return Finding{what, false, err.Error(), "is the card still there?"}
	case n.Flags&net.FlagLoopback != 0:
		return Finding{what, true, card.Name + " is the loopback: it reaches this machine only", ""}
	case n.Flags&net.FlagMulticast == 0:
		return Finding{
			what, false, card.Name + " does not do multicast",
			fmt.Sprintf("ip link set dev %s multicast on; tunnels often cannot: choose another card with --interface",
				card.Name),
		}
	case n.Flags&net.FlagRunning == 0:
		return Finding{what, false, card.Name + " has no link", "is the cable in?"}
	}
	return Finding{what, true, card.Name + " does multicast and has a link", ""}
}

// groupRoute compares where the system would send multicast with the card that groupcast
// uses: it names its card at every join, so a difference is worth knowing, not a fault.
func groupRoute(card mcast.Interface) Finding {
	const what = "route to groups"
	other, err := mcast.InterfaceFor(aGroup)
	switch {
	case err != nil:
		return Finding{what, true, fmt.Sprintf("none; groupcast needs none, it uses %s by name", card.Name), ""}
	case other.Name != card.Name:
		return Finding{
			what, true,
			fmt.Sprintf("the system would use %s for %s; groupcast uses %s all the same", other.Name, aGroup, card.Name), "",
		}
	}
	return Finding{what, true, fmt.Sprintf("%s leaves by %s", aGroup, card.Name), ""}
}

// receiveBuffers looks at what the kernel grants a receiver that is not root.
func receiveBuffers() Finding {
	const what, path = "receive buffer", "/proc/sys/net/core/rmem_max"
	text, err := os.ReadFile(path)
	if err != nil {
		return Finding{what, true, "not limited in a way that can be looked up on " + runtime.GOOS, ""}
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 63)
	if err != nil {
		return Finding{what, true, path + " is not a number", ""}
	}
	if n >= wantBuffer {
		return Finding{what, true, fmt.Sprintf("net.core.rmem_max is %s", ui.Size(n)), ""}
	}
	fix := fmt.Sprintf("sysctl -w net.core.rmem_max=%d   (to keep it: echo net.core.rmem_max=%d > "+
		"/etc/sysctl.d/90-groupcast.conf)", wantBuffer, wantBuffer)
	if os.Geteuid() == 0 {
		return Finding{
			what, true, fmt.Sprintf("net.core.rmem_max is %s; root does not need more, others do: %s", ui.Size(n), fix), "",
		}
	}
	return Finding{
		what, false,
		fmt.Sprintf("net.core.rmem_max is %s: bursts of a fast sender may be lost; it works, only slower", ui.Size(n)), fix,
	}
}

// firewallHint says what has to be let in; whether a firewall does, only `groupcast check` at
// the server shows.
func firewallHint() Finding {
	return Finding{
		"firewall", true,
		fmt.Sprintf("what this cannot see: let in UDP %d to the groups' addresses, e.g. `nft add rule inet filter input ip "+
			"daddr 239.192.0.0/14 udp dport %d accept`; `groupcast check` on the server proves it", protocol.DataPort,
			protocol.DataPort), "",
	}
}
