package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tools are what a cell can be done with; groupcast@90M is groupcast at a fixed rate.
var tools = map[string]func(b *bed, rate string, r *result) error{
	"groupcast": ours, "uftp": uftp, "udpcast": udpcast, "aria2": aria2, "ceiling": ceiling, "tar": tarX,
	"rsync": rsyncEach, "zsync": zsyncEach, "casync": casyncEach, "tar+tcp": tarEach,
}

// freezeAfter is when the frozen receiver is stopped: in the middle of the transfer.
const freezeAfter = 1500 * time.Millisecond

// finish waits until everyone healthy is done, stops the clock, then waits for the one in
// trouble, if there is one, and notes what it took and what was said of it.
func (b *bed) finish(r *result, c *clock, receivers []*exec.Cmd, here func(i int) bool) error {
	last := b.cell.N
	if b.cell.Trouble == "frozen" {
		victim := receivers[last-1].Process
		// a failure shows as a receiver that was not frozen
		timer := time.AfterFunc(freezeAfter, func() { _ = freeze(victim) })
		defer timer.Stop()
		defer func() { _ = thaw(victim) }()
	}
	end, err := b.landed(b.cell.healthy(), here)
	if err != nil {
		return err
	}
	if err := c.stop(r, end); err != nil || b.cell.Trouble == "" {
		return err
	}
	if strings.HasPrefix(r.Tool, "groupcast") && !here(last) {
		r.Cause = b.cause()
	}
	if b.cell.Trouble == "frozen" {
		_ = thaw(receivers[last-1].Process)
	}
	if _, err := b.landed(last, here); err != nil {
		return fmt.Errorf("the seven had it after %.2f s, the eighth never: %w", r.Seconds, err)
	}
	r.Eighth = time.Since(end).Seconds()
	if strings.HasPrefix(r.Tool, "groupcast") && r.Cause == "" {
		r.Cause = b.cause()
	}
	return nil
}

// landed waits until receivers 1 … n have it and gives the moment when the last one did.
func (b *bed) landed(n int, here func(i int) bool) (time.Time, error) {
	pause, i := 2*time.Millisecond, 1
	if b.cell.Files > 16 {
		pause = 20 * time.Millisecond
	}
	for ; b.ctx.Err() == nil; time.Sleep(pause) {
		for i <= n && here(i) {
			i++
		}
		if i > n {
			return time.Now(), nil
		}
	}
	return time.Time{}, fmt.Errorf("receiver %d did not have it within %v", i, b.cell.patience())
}

// compare checks every receiver's files by their digests, outside the measured time.
func (b *bed) compare(below string) error {
	for i := 1; i <= b.cell.N; i++ {
		if err := b.load.compare(filepath.Join(b.out(i), below)); err != nil {
			return err
		}
	}
	return nil
}

// rival times a sender to the moment when the last receiver is done.
func (b *bed) rival(r *result, receivers []*exec.Cmd, done func(i int) bool, argv ...string) error {
	c, err := b.clock()
	if err != nil {
		return err
	}
	_, log, err := b.start("s", argv...)
	if err != nil {
		return err
	}
	if err := b.finish(r, c, receivers, done); err != nil {
		have, _ := os.ReadFile(log)
		return fmt.Errorf("%w: %s", err, tail(have))
	}
	return b.compare("")
}

// tarX: N simultaneous `tar x` of the same tree, each into a folder of its own: what N
// receivers' file systems need for the files alone.
func tarX(b *bed, _ string, r *result) error {
	archive := filepath.Join(b.dir, "tree.tar")
	if out, err := exec.CommandContext(b.ctx, "tar", "cf", archive, "-C", b.dir, "tree").CombinedOutput(); err != nil {
		return fmt.Errorf("tar c: %w: %s", err, tail(out))
	}
	c, err := b.clock()
	if err != nil {
		return err
	}
	var all []*exec.Cmd
	for i := 1; i <= b.cell.N; i++ {
		cmd, _, err := b.start("r"+strconv.Itoa(i), "tar", "xf", archive, "-C", b.out(i))
		if err != nil {
			return err
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("tar x: %w", err)
		}
	}
	if err := c.stop(r, time.Now()); err != nil {
		return err
	}
	return b.compare("")
}

// ceiling: rawcast, sealed datagrams with segmentation and merging, no protocol: what the
// slowest receiver got a second, from its first datagram to its last.
func ceiling(b *bed, _ string, r *result) error {
	var outs []*bufio.Reader
	for i := 1; i <= b.cell.N; i++ {
		cmd := b.command("r"+strconv.Itoa(i), self(), "rawcast", "-recv")
		bound(cmd)
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
		outs = append(outs, br)
	}
	c, err := b.clock()
	if err != nil {
		return err
	}
	cmd := b.command("s", self(), "rawcast", "-seconds", "1.5")
	bound(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("rawcast: %w: %s", err, tail(out))
	}
	least := 0.0
	for i, o := range outs {
		var got struct{ Packets, Seconds float64 }
		if err := json.NewDecoder(o).Decode(&got); err != nil {
			return err
		}
		if v := got.Packets / max(got.Seconds, 0.01); i == 0 || v < least {
			least = v
		}
	}
	if err := c.stop(r, time.Now()); err != nil {
		return err
	}
	// The same number of file bytes a packet as groupcast carries, to compare like with like.
	r.Seconds = float64(b.cell.bytes()) / max(1, least*symbol/padded)
	r.Wire, r.CPU = 0, 0 // of another piece of work
	return nil
}
