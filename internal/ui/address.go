package ui

import (
	"strings"

	"github.com/groupcast/groupcast"
)

// AddressWarning says in words why a group's address is a poor choice; nothing if it is not.
func AddressWarning(g groupcast.Group) string {
	ip := g.Address.Addr().String()
	switch g.Warning {
	case "":
		return ""
	case groupcast.AddressAllHosts:
		return ip + " is \"all hosts\": switches flood it to every port and every machine's network card takes it in, " +
			"member or not; it never leaves this network. An address of 239.192.0.0/14 (given none, the server picks " +
			"one) reaches members only"
	case groupcast.AddressFlooded:
		return ip + " shares its Ethernet address with 224.0.0." + ip[strings.LastIndexByte(ip, '.')+1:] +
			", so switches flood it to every port; another third number would not"
	case groupcast.AddressSourceSpecific:
		return ip + " is of the source-specific range: routers forward it only to receivers that name the server's " +
			"address, as groupcast's do where the network supports IGMPv3"
	case groupcast.AddressNotPrivate:
		return ip + " is not of the private range 239.0.0.0/8: another network's traffic may use it too"
	case groupcast.AddressThisMachine:
		return ip + " never leaves the machine: only receivers on the server itself hear it"
	}
	return Name(string(g.Warning)) // a newer server's
}
