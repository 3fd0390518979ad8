package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings are what a rival is tried with in a cell before the rounds: each gets the one that was
// fastest there. uftp and udpcast do not find their rate themselves; udpcast can send parity ahead.
func settings(tool string, c cell) []string {
	rates := []string{"all", "0.95", "0.9", "0.8", "0.65", "0.5", "0.25"}
	if rateBits(c.Wire) == 0 {
		rates = []string{"all", "3gbit", "2gbit", "1gbit", "500mbit"}
	}
	switch tool {
	case "uftp":
		return rates
	case "rsync":
		if c.Delta == nil {
			return nil
		}
		return []string{"beside", "inplace"}
	case "zsync":
		return []string{"4096", "65536"}
	case "casync":
		return []string{"65536", "16384"}
	case "udpcast":
		list := rates
		if c.Loss > 0 || c.Burst[0] > 0 {
			for _, r := range slices.Backward(rates) {
				list = append(list, r+"+8x8/128", r+"+8x16/128")
			}
		}
		return list
	}
	return nil
}

// tuning is how long one try may take: a setting that needs longer is none.
const tuning = 20 * time.Second

// enough is how many settings with parity in a row may fail before the rest, with higher rates, are let be.
const enough = 3

// attempt is one run of a tool in a cell.
type attempt func(ctx context.Context, tool string, c cell) result

// tune runs a tool once with each of its settings and hands on what was measured. Rates that are below
// what was reached with another setting cannot win and are left out.
func tune(ctx context.Context, tool string, c cell, try attempt, keep func(result) error) error {
	c.limit = min(c.patience(), tuning)
	failed, top := 0, 0.0
	for _, setting := range settings(tool, c) {
		if k := kbits(setting, c.Wire); k > 0 && float64(k)/1000 < top {
			continue
		}
		r := try(ctx, tool+"@"+setting, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Tool, r.Setting, r.Round = tool, setting, tuned
		if err := keep(r); err != nil {
			return err
		}
		if strings.Contains(setting, "+") {
			failed++
		}
		if r.OK {
			failed, top = 0, max(top, r.Mbit)
			c.limit = min(c.limit, 5*time.Second+time.Duration(2*r.Seconds*float64(time.Second)))
		}
		if failed == enough {
			return nil
		}
	}
	return nil
}

// tuned is the round of a result that was measured to find a rival's setting.
const tuned = -1

// chosen is the setting of each rival in each cell that was tuned: the one with the fastest try of all
// that never failed there, or of all if each failed once; none where every try failed. Quiet tries
// decide where there are some.
func chosen(results []result) map[string]string {
	best, all := map[string]string{}, map[string][]result{}
	for _, r := range results {
		if r.Round == tuned {
			all[settingKey(r.Tool, r.Cell)] = append(all[settingKey(r.Tool, r.Cell)], r)
		}
	}
	for key, tries := range all {
		bad := map[string]bool{}
		for _, r := range tries {
			bad[r.Setting] = bad[r.Setting] || !r.OK
		}
		sound := slices.DeleteFunc(slices.Clone(tries), func(r result) bool { return bad[r.Setting] })
		if len(sound) == 0 {
			sound = slices.DeleteFunc(slices.Clone(tries), func(r result) bool { return !r.OK })
		}
		noisy := func(r result) bool { return r.Noise > quietNoise }
		if calm := slices.DeleteFunc(slices.Clone(sound), noisy); len(calm) > 0 {
			sound = calm
		}
		if len(sound) == 0 {
			best[key] = ""
			continue
		}
		top := slices.MaxFunc(sound, func(a, b result) int { return cmp.Compare(a.Mbit, b.Mbit) })
		best[key] = top.Setting
	}
	return best
}

// settingKey is the same for cells whose settings are found together: what is sent again is tuned for
// large and for small pieces.
func settingKey(tool string, c cell) string {
	if d := c.Delta; d != nil && d.Percent > 0 && d.Piece <= 16<<10 {
		return tool + " again, small pieces"
	} else if d != nil {
		return tool + " again"
	}
	return tool + " " + c.String()
}

// kbits is the rate of a setting in kbit/s; 0: no limit.
func kbits(setting, wire string) int {
	rate, _, _ := strings.Cut(setting, "+")
	if part, err := strconv.ParseFloat(rate, 64); err == nil {
		return int(rateBits(wire) * part / 1000)
	}
	return int(rateBits(rate) / 1000)
}

// uftp, in the clear.
func uftp(b *bed, setting string, r *result) error {
	if setting == "auto" {
		setting = "0.93"
	}
	var ids []string
	var receivers []*exec.Cmd
	for i := 1; i <= b.cell.N; i++ {
		out := b.out(i)
		cmd, _, err := b.start("r"+strconv.Itoa(i), "uftpd", "-d", "-q", "-I", "eth0", "-D", out, "-B", "4194304", "-c",
			"4194304",
			"-F", filepath.Join(out, "status"), "-U", fmt.Sprintf("0x%08X", i), "-M", "239.77.7.7")
		if err != nil {
			return err
		}
		receivers = append(receivers, cmd)
		ids = append(ids, fmt.Sprintf("0x%08X", i))
	}
	time.Sleep(500 * time.Millisecond)
	rate := "-1"
	if k := kbits(setting, b.cell.Wire); k > 0 {
		rate = strconv.Itoa(k)
	}
	argv := append([]string{
		"uftp", "-R", rate, "-B", "4194304", "-I", "eth0", "-M", "239.77.7.7", "-P", "239.77.7.8",
		"-U", "0x0A630001",
		"-r", "0.05:0.01:15", "-s", "20", "-b", "1444", "-H", strings.Join(ids, ","),
	}, b.load.paths...)
	// A file has its full size before its holes are filled: what counts is that the receiver says so.
	done := func(i int) bool {
		status, _ := os.ReadFile(filepath.Join(b.out(i), "status"))
		return bytes.Count(status, []byte("RESULT;")) >= max(1, b.cell.Files) && b.load.here(b.out(i), b.cell.each())
	}
	return b.rival(r, receivers, done, argv...)
}

// udpcast, in the clear.
func udpcast(b *bed, setting string, r *result) error {
	if setting == "auto" {
		setting = "0.95"
	}
	var receivers []*exec.Cmd
	for i := 1; i <= b.cell.N; i++ {
		path := filepath.Join(b.out(i), "data.bin")
		cmd, _, err := b.start("r"+strconv.Itoa(i), "udp-receiver", "--nokbd", "--no-progress", "--interface", "eth0",
			"--rcvbuf", "4194304", "--file", path, "--exit-wait", "50")
		if err != nil {
			return err
		}
		receivers = append(receivers, cmd)
	}
	time.Sleep(400 * time.Millisecond)
	argv := []string{
		"udp-sender", "--nokbd", "--no-progress", "--interface", "eth0", "--file", b.load.paths[0],
		"--min-receivers", strconv.Itoa(b.cell.N),
		"--mcast-data-address", "239.77.7.7", "--nopointopoint", "--rexmit-hello-interval", "100", "--full-duplex",
	}
	if k := kbits(setting, b.cell.Wire); k > 0 {
		argv = append(argv, "--max-bitrate", fmt.Sprintf("%dk", k))
	}
	if _, parity, some := strings.Cut(setting, "+"); some {
		argv = append(argv, "--fec", parity)
	}
	// it writes in order
	return b.rival(r, receivers, func(i int) bool { return b.load.here(b.out(i), b.cell.each()) }, argv...)
}

// aria2: BitTorrent, as imaging tools use it without multicast. The torrent is made and checked by the
// seeder before the clock starts, which favours it; every machine's card is as fast as the sender's.
func aria2(b *bed, _ string, r *result) error {
	torrent := filepath.Join(b.dir, "data.torrent")
	tracker := "http://" + trackerAddress + "/announce"
	make := exec.CommandContext(b.ctx, "mktorrent", "-a", tracker, "-l", "18", "-o", torrent, b.load.paths[0])
	if out, err := make.CombinedOutput(); err != nil {
		return fmt.Errorf("mktorrent: %w: %s", err, tail(out))
	}
	_, log, err := b.start("s", self(), "tracker", "-receivers", strconv.Itoa(b.cell.N))
	if err != nil {
		return err
	}
	if err := b.await(log, "ready"); err != nil {
		return err
	}
	common := []string{
		"aria2c", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--disable-ipv6=true",
		"--listen-port=" + strconv.Itoa(torrentPort), "--seed-ratio=0.0", "--bt-tracker-interval=1", "--bt-max-peers=0",
		"--file-allocation=none", "--summary-interval=0", "--console-log-level=notice", "--no-conf=true",
		"--bt-request-peer-speed-limit=0", "--enable-peer-exchange=true",
	}
	_, log, err = b.start("s", append(common, "--dir="+b.dir, "--check-integrity=true", torrent)...)
	if err != nil {
		return err
	}
	if err := b.await(log, "listening on TCP port"); err != nil { // it has checked the file by then
		return err
	}
	script := filepath.Join(b.dir, "complete") // it is called with an ID, the number of files, the first file
	if err := os.WriteFile(script, []byte("#!/bin/sh\n: > \"$3.complete\"\n"), 0o755); err != nil {
		return err
	}
	c, err := b.clock()
	if err != nil {
		return err
	}
	var receivers []*exec.Cmd
	for i := 1; i <= b.cell.N; i++ {
		cmd, _, err := b.start("r"+strconv.Itoa(i),
			append(common, "--on-bt-download-complete="+script, "--dir="+b.out(i), torrent)...)
		if err != nil {
			return err
		}
		receivers = append(receivers, cmd)
	}
	done := func(i int) bool {
		_, err := os.Lstat(filepath.Join(b.out(i), "data.bin.complete"))
		return err == nil && b.load.here(b.out(i), b.cell.each())
	}
	if err := b.finish(r, c, receivers, done); err != nil {
		have, _ := os.ReadFile(log)
		return fmt.Errorf("%w: %s", err, tail(have))
	}
	return b.compare("")
}
