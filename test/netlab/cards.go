package netlab

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// AddCard gives receiver i one more card on the switch, with the last byte of its address. A
// card of this name that was there before must be gone; the new one has another index.
func (l *Lab) AddCard(i int, card string, last int) error {
	n, b, mtu := strconv.Itoa(i), l.Namespace("b"), strconv.Itoa(l.cfg.MTU)
	host, port := l.Namespace("r"+n), "q"+n+card
	for _, argv := range [][]string{
		{"ip", "-n", b, "link", "add", port, "mtu", mtu, "type", "veth", "peer", "name", card, "netns", host, "mtu", mtu},
		{"ip", "-n", b, "link", "set", port, "master", "br0", "up"},
		{"ip", "-n", host, "link", "set", card, "up"},
		{"ip", "-n", host, "addr", "add", fmt.Sprintf("10.99.0.%d/24", last), "brd", "+", "dev", card},
		{"ip", "-n", host, "addr", "add", fmt.Sprintf("fd99::%x/64", last), "dev", card, "nodad"},
	} {
		if _, err := run(nil, argv[0], argv[1:]...); err != nil {
			return err
		}
	}
	for _, end := range [][2]string{{"r" + n, card}, {"b", port}} {
		for _, off := range []string{"tso", "gso", "tx-udp-segmentation", "tx-gso-list"} {
			_, _ = l.Run(end[0], "ethtool", "-K", end[1], off, "off") // not every kernel has all of them
		}
	}
	return nil
}

// RenewSender removes the sender's card and puts a new one of the same name in its place: with
// another index, and the last byte of its address.
func (l *Lab) RenewSender(last int) error {
	if _, err := l.Run("s", "ip", "link", "del", "eth0"); err != nil {
		return err
	}
	if err := l.connect("s", "ps", fmt.Sprintf("10.99.0.%d", last), fmt.Sprintf("fd99::%x", last)); err != nil {
		return err
	}
	return l.SetRate(l.cfg.Rate)
}

// Name says on a host which address a name has: what DNS does elsewhere.
func (l *Lab) Name(host, name, address string) error {
	dir := filepath.Join("/etc/netns", l.Namespace(host))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	hosts := filepath.Join(dir, "hosts") // written in place: the host's processes have it mounted
	f, err := os.OpenFile(hosts, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f, "127.0.0.1 localhost\n%s %s\n", address, name); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// forgetNames removes what Name wrote.
func (l *Lab) forgetNames(namespace string) {
	_ = os.RemoveAll(filepath.Join("/etc/netns", namespace)) // mostly there is none
}

// DropLarge drops packets to receiver i that are larger than so many bytes: a path that does
// not carry them and says nothing.
func (l *Lab) DropLarge(i, bytes int) error {
	return l.nft(fmt.Sprintf(`table bridge large%[1]d {
 chain ports { type filter hook forward priority 1; policy accept;
  oifname "p%[1]d" meta l4proto udp meta length > %[2]d counter drop
 }
}
`, i, bytes))
}
