// Package netlab builds a small network out of network namespaces: one sender, N receivers
// and a bridge ("the switch") in a namespace of its own, joined by veth pairs. Loss is drawn
// per datagram and receiver by nftables on the switch's ports, the rate of the sender's wire
// is a token bucket. Nothing leaves the lab. It needs root, iproute2, nftables and ethtool;
// it is for tests and benchmarks and no part of the product.
package netlab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// Config says what the lab looks like.
type Config struct {
	Name      string  // of the lab; several can be up at once
	Receivers int     // hosts r1 … rN
	Rate      string  // of the sender's wire, as tc writes it: 100mbit; empty: no limit
	Loss      float64 // percent, each datagram to each receiver, independently
	NoIPv4    bool    // no host has an IPv4 address, not even loopback
	Snooping  bool    // IGMP snooping with a querier; default: the switch floods
	GRO       bool    // in the receivers, so that UDP_GRO merges
	MTU       int     // 0: 1500

	LossAt    map[int]float64 // percent for single receivers, in place of Loss
	Burst     [2]int          // {B, X}: of every X datagrams to a receiver B in a row are lost
	LoseTCP   bool            // TCP segments are lost as UDP datagrams are
	PortRate  string          // of every receiver's switch port, which has a short queue and drops its tail
	SlowPort  map[int]string  // the same for single receivers
	PortQueue int             // KiB that such a port holds; 0: 256
	// host x is between sender and switch; nothing passes before a program carries its frames from card left to card
	// right
	Relay bool
	// Uplinks limits each receiver's own wire towards the switch, as Rate limits the sender's.
	Uplinks string
	// Segmentation leaves large packets whole from the sender's card through the switch to the receivers', as
	// physical cards spare the processors the cutting. What is lost then is a whole train.
	Segmentation bool
}

// Lab is a network that is up.
type Lab struct {
	cfg Config
}

// SenderIP is the sender's address; ReceiverIP(i) is receiver i's.
const SenderIP = "10.99.0.1"

// ReceiverIP is the address of receiver i, 1 … N.
func ReceiverIP(i int) string { return "10.99.0." + strconv.Itoa(10+i) }

// Missing names what this machine lacks to build a lab; empty when it can.
func Missing() string {
	if os.Geteuid() != 0 {
		return "root (network namespaces need it)"
	}
	for _, tool := range []string{"ip", "tc", "nft", "ethtool"} {
		if _, err := exec.LookPath(tool); err != nil {
			return tool + " (run test/netlab/install.sh)"
		}
	}
	if err := exec.Command("ip", "netns", "add", "gcprobe").Run(); err != nil {
		return "the right to create network namespaces"
	}
	_ = exec.Command("ip", "netns", "del", "gcprobe").Run()
	return ""
}

// Up builds the lab, removing one of the same name first.
func Up(cfg Config) (*Lab, error) {
	if cfg.MTU == 0 {
		cfg.MTU = 1500
	}
	l := &Lab{cfg: cfg}
	l.Down()
	raiseBacklog()
	if err := l.build(); err != nil {
		l.Down()
		return nil, err
	}
	return l, nil
}

// Down removes every namespace of the lab.
func (l *Lab) Down() {
	out, err := exec.Command("ip", "netns", "list").Output()
	if err != nil {
		return
	}
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(name, l.cfg.Name+"-") {
			_ = exec.Command("ip", "netns", "del", name).Run()
			l.forgetNames(name)
		}
	}
}

// Namespace is the name of a host's namespace: "s" the sender, "b" the switch, "r1" ….
func (l *Lab) Namespace(host string) string { return l.cfg.Name + "-" + host }

// Command makes a command that runs on a host.
func (l *Lab) Command(ctx context.Context, host string, argv ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", l.Namespace(host)}, argv...)...)
}

// Run runs a command on a host to its end.
func (l *Lab) Run(host string, argv ...string) (string, error) {
	return run(nil, "ip", append([]string{"netns", "exec", l.Namespace(host)}, argv...)...)
}

func (l *Lab) build() error {
	hosts := []string{"b", "s"}
	for i := 1; i <= l.cfg.Receivers; i++ {
		hosts = append(hosts, "r"+strconv.Itoa(i))
	}
	for _, h := range hosts {
		if err := l.addHost(h); err != nil {
			return err
		}
	}
	if err := l.addSwitch(); err != nil {
		return err
	}
	if err := l.connect("s", "ps", SenderIP, "fd99::1"); err != nil {
		return err
	}
	if l.cfg.Relay {
		if err := l.putBetween(); err != nil {
			return err
		}
	}
	for i := 1; i <= l.cfg.Receivers; i++ {
		n := strconv.Itoa(i)
		if err := l.connect("r"+n, "p"+n, ReceiverIP(i), fmt.Sprintf("fd99::%x", 0x10+i)); err != nil {
			return err
		}
	}
	if err := l.SetRate(l.cfg.Rate); err != nil {
		return err
	}
	if err := l.limitUplinks(); err != nil {
		return err
	}
	if err := l.setPorts(); err != nil {
		return err
	}
	return l.SetLoss(l.cfg.Loss)
}

func (l *Lab) addHost(h string) error {
	if _, err := run(nil, "ip", "netns", "add", l.Namespace(h)); err != nil {
		return err
	}
	for _, argv := range [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0"},
		{"sysctl", "-qw", "net.ipv4.conf.default.rp_filter=0"},
		{"sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"},
	} {
		if _, err := l.Run(h, argv...); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) addSwitch() error {
	snooping := []string{"mcast_snooping", "0"}
	if l.cfg.Snooping {
		snooping = []string{
			"mcast_snooping", "1", "mcast_querier", "1", "mcast_query_interval", "1000", "mcast_startup_query_interval", "100",
		}
	}
	argv := append([]string{
		"ip", "link", "add", "br0", "mtu", strconv.Itoa(l.cfg.MTU), "type", "bridge", "stp_state", "0", "forward_delay", "0",
	}, snooping...)
	if _, err := l.Run("b", argv...); err != nil {
		return err
	}
	_, err := l.Run("b", "ip", "link", "set", "br0", "up")
	return err
}

// connect joins a host to the switch. Segmentation offloads are off on both ends, so that
// loss hits frames of wire size and never superpackets.
func (l *Lab) connect(host, port, v4, v6 string) error {
	mtu := strconv.Itoa(l.cfg.MTU)
	steps := [][]string{
		{
			"ip", "-n", l.Namespace("b"), "link", "add", port, "mtu", mtu, "type", "veth", "peer", "name", "eth0", "netns",
			l.Namespace(host), "mtu", mtu,
		},
		{"ip", "-n", l.Namespace("b"), "link", "set", port, "master", "br0"},
		{"ip", "-n", l.Namespace("b"), "link", "set", port, "up"},
		{"ip", "-n", l.Namespace(host), "link", "set", "eth0", "txqueuelen", "1000", "up"},
		{"ip", "-n", l.Namespace(host), "addr", "add", v4 + "/24", "brd", "+", "dev", "eth0"},
		{"ip", "-n", l.Namespace(host), "addr", "add", v6 + "/64", "dev", "eth0", "nodad"},
		{"ip", "-n", l.Namespace(host), "route", "add", "224.0.0.0/4", "dev", "eth0"},
	}
	if l.cfg.NoIPv4 {
		steps = slices.Delete(steps, 4, 5)
		steps = append(steps[:len(steps)-1],
			[]string{"ip", "-n", l.Namespace(host), "addr", "flush", "dev", "lo", "scope", "host"},
			[]string{"ip", "-n", l.Namespace(host), "-6", "addr", "replace", "::1/128", "dev", "lo"})
	}
	for _, argv := range steps {
		if _, err := run(nil, argv[0], argv[1:]...); err != nil {
			return err
		}
	}
	for _, end := range [][2]string{{host, "eth0"}, {"b", port}} {
		if l.cfg.Segmentation {
			break
		}
		for _, off := range []string{"tso", "gso", "tx-udp-segmentation", "tx-gso-list"} {
			_, _ = l.Run(end[0], "ethtool", "-K", end[1], off, "off") // not every kernel has all of them
		}
	}
	if l.cfg.GRO && host != "s" {
		_, err := l.Run(host, "ethtool", "-K", "eth0", "gro", "on")
		return err
	}
	return nil
}

// SetRate limits the sender's wire: preamble, checksum and gap (24 bytes a frame) count, so
// that 100mbit carries what a real link of that name does. Empty: no limit.
func (l *Lab) SetRate(rate string) error {
	_, _ = l.Run("s", "tc", "qdisc", "del", "dev", "eth0", "root") // there may be none
	if rate == "" {
		return nil
	}
	return l.limit("s", rate)
}

// limit puts a token bucket before a host's card. It holds a large packet where those stay whole.
func (l *Lab) limit(host, rate string) error {
	burst := "20kb"
	if l.cfg.Segmentation {
		burst = "70kb"
	}
	_, err := l.Run(host, "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate,
		"burst", burst, "limit", strconv.Itoa(16<<20), "overhead", "24", "linklayer", "ethernet")
	return err
}

func (l *Lab) limitUplinks() error {
	for i := 1; i <= l.cfg.Receivers && l.cfg.Uplinks != ""; i++ {
		if err := l.limit("r"+strconv.Itoa(i), l.cfg.Uplinks); err != nil {
			return err
		}
	}
	return nil
}

// Block drops all multicast UDP to receiver i: what a switch without a querier does.
func (l *Lab) Block(i int) error {
	return l.nft(fmt.Sprintf(`table bridge block%[1]d {
 chain ports { type filter hook forward priority 1; policy accept;
  oifname "p%[1]d" ip daddr 224.0.0.0/4 meta l4proto udp counter drop
 }
}
`, i))
}

// Unplug takes receiver i off the switch; Plug puts it back.
func (l *Lab) Unplug(i int) error {
	_, err := l.Run("b", "ip", "link", "set", "p"+strconv.Itoa(i), "down")
	return err
}

// Plug puts receiver i back on the switch.
func (l *Lab) Plug(i int) error {
	_, err := l.Run("b", "ip", "link", "set", "p"+strconv.Itoa(i), "up")
	return err
}

// SentBytes counts the bytes that the sender's wire carried so far, Ethernet headers in.
func (l *Lab) SentBytes() (uint64, error) {
	out, err := l.Run("s", "cat", "/sys/class/net/eth0/statistics/tx_bytes")
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(out), 10, 64)
}

func (l *Lab) nft(rules string) error {
	_, err := run(strings.NewReader(rules), "ip", "netns", "exec", l.Namespace("b"), "nft", "-f", "-")
	return err
}

func run(stdin *strings.Reader, name string, argv ...string) (string, error) {
	cmd := exec.Command(name, argv...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(argv, " "), err, bytes.TrimSpace(out))
	}
	return string(out), nil
}

// raiseBacklog makes room for N copies of a burst, so that no frame is lost inside the lab
// itself. The setting is the machine's and only ever raised.
func raiseBacklog() {
	const path, want = "/proc/sys/net/core/netdev_max_backlog", 20000
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	if have, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && have < want {
		_ = os.WriteFile(path, []byte(strconv.Itoa(want)), 0o644) // without it the lab only loses more
	}
}
