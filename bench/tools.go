package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/groupcast/groupcast/test/netlab"
)

var tools = map[string]func(*bed, *result) error{
	"groupcast": groupcast, "uftp": uftp, "udpcast": udpcast, "ceiling": ceiling,
}

// binary is the program under test.
func binary() string {
	if bin := os.Getenv("GROUPCAST_BIN"); bin != "" {
		return bin
	}
	bin, _ := filepath.Abs("bin/groupcast")
	return bin
}

// groupcast: server and agents are up and logged in before the clock runs, which starts with
// the command `groupcast send` of a file the server has never seen, hashing included, and
// stops when the last agent's verified file stands under its name.
func groupcast(b *bed, r *result) error {
	server, agents, err := b.site()
	if err != nil {
		return err
	}
	var paths []string
	for i := 1; i <= b.cell.N; i++ {
		paths = append(paths, filepath.Join(b.out(i), "lab", "data.bin"))
	}
	c, err := b.clock()
	if err != nil {
		return err
	}
	send, log, err := b.start("s", binary(), "send", "lab", b.file, "--via", "multicast")
	if err != nil {
		return err
	}
	end, err := b.landed(paths)
	if err != nil {
		have, _ := os.ReadFile(log)
		return fmt.Errorf("%w: %s", err, tail(have))
	}
	if err := c.stop(r, end); err != nil {
		return err
	}
	_ = send.Wait() // its exit code says who is owed; the files say it better
	r.PeakTx, r.PeakRx = peak(server), peak(agents[0])
	r.OK = b.compare(paths) == nil
	return b.compare(paths)
}

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
	pin := regexp.MustCompile(`Fingerprint: ([0-9a-f]{64})`).FindStringSubmatch(string(text))
	if pin == nil {
		return nil, nil, fmt.Errorf("no fingerprint in %s", tail(text))
	}
	if err := b.do("s", "", "group", "create", "lab"); err != nil {
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
	if err := b.do("s", "bench password\n", "user", "add", user, "--password-stdin"); err != nil {
		return nil, err
	}
	if err := b.do("s", "", "member", "add", "lab", user); err != nil {
		return nil, err
	}
	if err := b.do(host, "bench password\n", "login", "https://"+netlab.SenderIP+":7440", "--user", user, "--password-stdin", "--trust", pin); err != nil {
		return nil, err
	}
	cmd, log, err := b.start(host, binary(), "receive", "--dir", b.out(i), "--reserve", "1M")
	if err != nil {
		return nil, err
	}
	return cmd, b.await(log, "onnected")
}

// do runs a groupcast command to its end.
func (b *bed) do(host, stdin string, args ...string) error {
	cmd := b.command(host, append([]string{binary()}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("groupcast %s: %w: %s", strings.Join(args, " "), err, tail(out))
	}
	return nil
}

// uftp, in the clear, at 93 % of the wire, as fast as it was found to be without losing its
// receivers.
func uftp(b *bed, r *result) error {
	var ids, paths []string
	for i := 1; i <= b.cell.N; i++ {
		out := b.out(i)
		if _, _, err := b.start("r"+strconv.Itoa(i), "uftpd", "-d", "-q", "-I", "eth0", "-D", out, "-B", "4194304", "-c", "4194304",
			"-F", filepath.Join(out, "status"), "-U", fmt.Sprintf("0x%08X", i), "-M", "239.77.7.7"); err != nil {
			return err
		}
		ids = append(ids, fmt.Sprintf("0x%08X", i))
		paths = append(paths, filepath.Join(out, "data.bin"))
	}
	time.Sleep(500 * time.Millisecond)
	rate := "-1"
	if bits := rateBits(b.cell.Wire); bits > 0 {
		rate = strconv.Itoa(int(bits * 0.93 / 1000))
	}
	return b.rival(r, paths, "uftp", "-R", rate, "-B", "4194304", "-I", "eth0", "-M", "239.77.7.7", "-P", "239.77.7.8", "-U", "0x0A630001",
		"-r", "0.05:0.01:15", "-s", "20", "-b", "1444", "-H", strings.Join(ids, ","), b.file)
}

// udpcast, in the clear, at 95 % of the wire.
func udpcast(b *bed, r *result) error {
	var paths []string
	for i := 1; i <= b.cell.N; i++ {
		path := filepath.Join(b.out(i), "data.bin")
		if _, _, err := b.start("r"+strconv.Itoa(i), "udp-receiver", "--nokbd", "--no-progress", "--interface", "eth0", "--rcvbuf", "4194304", "--file", path, "--exit-wait", "50"); err != nil {
			return err
		}
		paths = append(paths, path)
	}
	time.Sleep(400 * time.Millisecond)
	argv := []string{"udp-sender", "--nokbd", "--no-progress", "--interface", "eth0", "--file", b.file, "--min-receivers", strconv.Itoa(b.cell.N),
		"--mcast-data-address", "239.77.7.7", "--nopointopoint", "--rexmit-hello-interval", "100", "--full-duplex"}
	if bits := rateBits(b.cell.Wire); bits > 0 {
		argv = append(argv, "--max-bitrate", fmt.Sprintf("%dk", int(bits*0.95/1000)))
	}
	return b.rival(r, paths, argv...)
}

// rival times a sender to its own end or the last receiver's full file, whichever is later.
func (b *bed) rival(r *result, paths []string, argv ...string) error {
	if _, err := exec.LookPath(argv[0]); err != nil {
		return fmt.Errorf("%s is not installed (Debian: apt-get install uftp udpcast)", argv[0])
	}
	c, err := b.clock()
	if err != nil {
		return err
	}
	out, err := b.command("s", argv...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", argv[0], err, tail(out))
	}
	end, err := b.landed(paths)
	if err != nil {
		return err
	}
	if err := c.stop(r, end); err != nil {
		return err
	}
	r.OK = b.compare(paths) == nil
	return b.compare(paths)
}

// ceiling: rawcast, sealed datagrams with segmentation and merging, no protocol: what the
// slowest receiver got per second of sending.
func ceiling(b *bed, r *result) error {
	exe, err := rawcast(b)
	if err != nil {
		return err
	}
	type count struct{ Packets, Bytes uint64 }
	var receivers []*exec.Cmd
	var outs []*bufio.Reader
	for i := 1; i <= b.cell.N; i++ {
		cmd := b.command("r"+strconv.Itoa(i), exe, "-recv")
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		b.procs = append(b.procs, cmd)
		br := bufio.NewReader(pipe)
		if _, err := br.ReadString('\n'); err != nil { // "ready"
			return err
		}
		receivers, outs = append(receivers, cmd), append(outs, br)
	}
	c, err := b.clock()
	if err != nil {
		return err
	}
	text, err := b.command("s", exe, "-seconds", "1.5").Output()
	if err != nil {
		return fmt.Errorf("rawcast: %w", err)
	}
	var sent struct {
		Packets uint64
		Seconds float64
	}
	if err := json.Unmarshal(text, &sent); err != nil {
		return err
	}
	least := sent.Packets
	for i, o := range outs {
		var got count
		if err := json.NewDecoder(o).Decode(&got); err != nil {
			return err
		}
		least = min(least, got.Packets)
		_ = receivers[i].Wait()
	}
	if err := c.stop(r, time.Now()); err != nil {
		return err
	}
	// The same number of file bytes a packet as groupcast carries, to compare like with like.
	r.Seconds = float64(int64(b.cell.MiB)<<20) / (float64(least) * 1408 / sent.Seconds)
	r.OK = true
	return nil
}

func rawcast(b *bed) (string, error) {
	exe := filepath.Join(b.dir, "rawcast")
	out, err := exec.CommandContext(b.ctx, "go", "build", "-o", exe, "github.com/groupcast/groupcast/bench/rawcast").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build rawcast: %w: %s", err, tail(out))
	}
	return exe, nil
}
