package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/netlab"
)

// binary is the program under test.
func binary() string {
	if bin := os.Getenv("GROUPCAST_BIN"); bin != "" {
		return bin
	}
	bin, _ := filepath.Abs("bin/groupcast")
	return bin
}

// ours: server and agents are up and logged in before the clock runs, which starts with the
// command `groupcast send` of content the server has never seen, hashing included, and stops
// when the last agent's verified file stands under its name.
func ours(b *bed, rate string, r *result) error {
	server, agents, err := b.site()
	if err != nil {
		return err
	}
	here := func(i int) bool { return b.load.here(filepath.Join(b.out(i), "lab"), b.cell.each()) }
	if b.cell.Delta != nil {
		if err := b.seedOurs(); err != nil {
			return err
		}
		if err := b.placeNew(); err != nil {
			return err
		}
		here = b.replaced()
	}
	tcp, err := b.competitor()
	if err != nil {
		return err
	}
	c, err := b.clock()
	if err != nil {
		return err
	}
	args := append([]string{binary(), "send", "lab"}, b.load.paths...)
	send, log, err := b.start("s", append(args, "--via", "multicast", "--rate", rate)...)
	if err != nil {
		return err
	}
	if err := b.finish(r, c, agents, here); err != nil {
		have, _ := os.ReadFile(log)
		return fmt.Errorf("%w: %s", err, tail(have))
	}
	if tcp != "" {
		if r.TCP, err = flowRate(tcp, c.start, c.start.Add(time.Duration(r.Seconds*float64(time.Second)))); err != nil {
			return err
		}
		r.Wire = 0 // the flow's bytes are among them
	}
	stop(send) // it may still watch; the files say better than its exit code who has them
	r.PeakTx = peak(server)
	for _, a := range agents {
		r.PeakRx = max(r.PeakRx, peak(a))
	}
	return b.compare("lab")
}

// competitor starts the TCP flow that shares the first receiver's port, if the cell has one;
// it has the port for itself first.
func (b *bed) competitor() (log string, err error) {
	if !b.cell.Rival {
		return "", nil
	}
	address := netlab.ReceiverIP(1) + ":5201"
	if _, log, err = b.start("r1", self(), "flow", "-listen", address); err != nil {
		return "", err
	}
	if err := b.await(log, "ready"); err != nil {
		return "", err
	}
	if _, _, err := b.start("s", self(), "flow", "-to", address); err != nil {
		return "", err
	}
	time.Sleep(2 * time.Second)
	return log, nil
}

// flowRate reads from the sink's log how many Mbit/s it got between two moments.
func flowRate(log string, from, to time.Time) (float64, error) {
	text, err := os.ReadFile(log)
	if err != nil {
		return 0, err
	}
	return parseFlow(string(text), from.UnixNano(), to.UnixNano())
}

func parseFlow(text string, from, to int64) (float64, error) {
	var first, last [2]int64
	for line := range strings.Lines(text) {
		var at, bytes int64
		if n, _ := fmt.Sscan(line, &at, &bytes); n != 2 || at < from || at > to {
			continue
		}
		if first[0] == 0 {
			first = [2]int64{at, bytes}
		}
		last = [2]int64{at, bytes}
	}
	if last[0] <= first[0] {
		return 0, fmt.Errorf("the TCP flow told nothing while the clock ran")
	}
	return float64(last[1]-first[1]) * 8 / 1e6 / (float64(last[0]-first[0]) / 1e9), nil
}

var pinned = regexp.MustCompile(`Fingerprint: ([0-9a-f]{64})`)

// site starts a server and N agents that are members of the group lab.
func (b *bed) site() (server *exec.Cmd, agents []*exec.Cmd, err error) {
	server, log, err := b.start("s", binary(), "serve", "--listen", netlab.SenderIP+":7440", "--interface", "eth0")
	if err != nil {
		return nil, nil, err
	}
	if err := b.await(log, "Fingerprint: "); err != nil {
		return nil, nil, err
	}
	text, _ := os.ReadFile(log)
	pin := pinned.FindStringSubmatch(string(text))
	if pin == nil {
		return nil, nil, fmt.Errorf("no fingerprint in %s", tail(text))
	}
	if _, err := b.do("s", "", "group", "create", "lab"); err != nil {
		return nil, nil, err
	}
	for i := 1; i <= b.cell.N; i++ {
		agent, err := b.agent(i, pin[1])
		if err != nil {
			return nil, nil, err
		}
		agents = append(agents, agent)
	}
	return server, agents, nil
}

func (b *bed) agent(i int, pin string) (*exec.Cmd, error) {
	host, user := "r"+strconv.Itoa(i), "u"+strconv.Itoa(i)
	if _, err := b.do("s", "bench password\n", "user", "add", user, "--password-stdin"); err != nil {
		return nil, err
	}
	if _, err := b.do("s", "", "member", "add", "lab", user); err != nil {
		return nil, err
	}
	if _, err := b.do(host, "bench password\n", "login", "https://"+netlab.SenderIP+":7440", "--user", user,
		"--password-stdin", "--trust", pin); err != nil {
		return nil, err
	}
	cmd, log, err := b.start(host, binary(), "receive", "--dir", b.out(i), "--reserve", "1M")
	if err != nil {
		return nil, err
	}
	return cmd, b.await(log, "onnected")
}

// do runs a groupcast command to its end.
func (b *bed) do(host, stdin string, args ...string) ([]byte, error) {
	cmd := b.command(host, append([]string{binary()}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	bound(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("groupcast %s: %w: %s", strings.Join(args, " "), err, tail(out))
	}
	return out, nil
}

// cause is what the product says of the last receiver's delivery.
func (b *bed) cause() string {
	out, err := b.do("s", "", "transfer", "deliveries", "1", "--json")
	if err != nil {
		return ""
	}
	return parseCause(out, "u"+strconv.Itoa(b.cell.N))
}

func parseCause(text []byte, user string) string {
	var list []groupcast.Delivery
	if err := json.Unmarshal(text, &list); err != nil {
		var page struct{ Items []groupcast.Delivery }
		if json.Unmarshal(text, &page) != nil {
			return ""
		}
		list = page.Items
	}
	for _, d := range list {
		if d.User == user {
			return d.Reason
		}
	}
	return ""
}
