package netlab

import (
	"bytes"
	"fmt"
	"strconv"
)

// SetLoss sets the percentage of datagrams that each receiver loses, independently; bursts
// and receivers with a loss of their own stay as the lab was built with.
func (l *Lab) SetLoss(percent float64) error {
	l.cfg.Loss = percent
	return l.nft(l.cfg.lossRules())
}

// lossRules is the switch's table of losses.
func (cfg Config) lossRules() string {
	var rules bytes.Buffer
	fmt.Fprintln(&rules, "table bridge loss {}\ndelete table bridge loss\ntable bridge loss {")
	fmt.Fprintln(&rules, " chain ports { type filter hook forward priority 0; policy accept;")
	kind := "meta l4proto udp"
	if cfg.LoseTCP {
		kind = "meta l4proto { tcp, udp }"
	}
	for i := 1; i <= cfg.Receivers; i++ {
		percent, own := cfg.LossAt[i]
		if !own {
			percent = cfg.Loss
		}
		if percent > 0 {
			fmt.Fprintf(&rules, "  oifname \"p%d\" %s numgen random mod 100000 < %d counter drop\n", i, kind, int(percent*1000))
		}
		if lose, of := cfg.Burst[0], cfg.Burst[1]; lose > 0 {
			// Each receiver's bursts begin elsewhere, so that they are not lost by all at once; none
			// begins with the first packet: logging in would need as many tries as a burst is long.
			fmt.Fprintf(&rules, "  oifname \"p%d\" %s numgen inc mod %d >= %d counter drop\n", i, kind, of+7*i, of+7*i-lose)
		}
	}
	fmt.Fprintln(&rules, " }\n}")
	return rules.String()
}

// setPorts limits the switch's ports to receivers: what such a port cannot hold it drops.
func (l *Lab) setPorts() error {
	queue := l.cfg.PortQueue
	if queue == 0 {
		queue = 256
	}
	for i := 1; i <= l.cfg.Receivers; i++ {
		rate := l.cfg.PortRate
		if own, ok := l.cfg.SlowPort[i]; ok {
			rate = own
		}
		if rate == "" {
			continue
		}
		if _, err := l.Run("b", "tc", "qdisc", "add", "dev", "p"+strconv.Itoa(i), "root", "tbf", "rate", rate,
			"burst", "20kb", "limit", strconv.Itoa(queue<<10), "overhead", "24", "linklayer", "ethernet"); err != nil {
			return err
		}
	}
	return nil
}

// putBetween moves the sender's port from the switch to host x, as its card left, and joins
// x's card right to the switch in its place.
func (l *Lab) putBetween() error {
	if err := l.addHost("x"); err != nil {
		return err
	}
	b, x, mtu := l.Namespace("b"), l.Namespace("x"), strconv.Itoa(l.cfg.MTU)
	for _, argv := range [][]string{
		{"ip", "-n", b, "link", "set", "ps", "nomaster"},
		{"ip", "-n", b, "link", "set", "ps", "netns", x, "name", "left"},
		{"ip", "-n", b, "link", "add", "ps", "mtu", mtu, "type", "veth", "peer", "name", "right", "netns", x, "mtu", mtu},
		{"ip", "-n", b, "link", "set", "ps", "master", "br0", "up"},
		{"ip", "netns", "exec", x, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"},
		{"ip", "-n", x, "link", "set", "left", "promisc", "on", "up"},
		{"ip", "-n", x, "link", "set", "right", "promisc", "on", "up"},
	} {
		if _, err := run(nil, argv[0], argv[1:]...); err != nil {
			return err
		}
	}
	for _, end := range [][2]string{{"x", "left"}, {"x", "right"}, {"b", "ps"}} {
		for _, off := range []string{"tso", "gso", "gro", "tx-udp-segmentation", "tx-gso-list"} {
			_, _ = l.Run(end[0], "ethtool", "-K", end[1], off, "off") // not every kernel has all of them
		}
	}
	return nil
}

// MarkAbove has the switch mark multicast packets that come faster than so many bytes a second, as
// a queue with active management does that is filling up (RFC 3168). Nothing is dropped, and a
// second's worth passes unmarked.
func (l *Lab) MarkAbove(bytesPerSec int) error {
	return l.nft(fmt.Sprintf(`table bridge marks {
 chain in { type filter hook prerouting priority 0; policy accept;
  iifname "ps" ip daddr 224.0.0.0/4 meta l4proto udp ip ecn ect0 limit rate over %d bytes/second counter ip ecn set ce
 }
}
`, bytesPerSec))
}
