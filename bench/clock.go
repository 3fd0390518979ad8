package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// clock measures one piece of work: time, CPU of the whole machine and of our processes,
// what others took, bytes on the wire.
type clock struct {
	b      *bed
	start  time.Time
	cpu    float64
	noise  noise
	use    *wireUse
	sent   uint64
	before map[*exec.Cmd]float64
}

// calm is how long a run waits for a machine without other work.
var calm = 15 * time.Second

func (b *bed) clock() (*clock, error) {
	if !b.cell.Disk {
		if err := b.warm(); err != nil {
			return nil, err
		}
	}
	waitCalm(calm)
	sent, err := b.lab.SentBytes()
	if err != nil {
		return nil, err
	}
	c := &clock{b: b, before: map[*exec.Cmd]float64{}, noise: b.noise()}
	all := processes()
	for _, p := range b.procs {
		c.before[p] = all.of(p)
	}
	c.cpu, c.sent, c.start = busy(), sent, time.Now()
	c.use = b.watchWire()
	b.alarm.Reset(b.cell.patience())
	return c, nil
}

// warm has the machine's host hand over the memory that the receivers' files will need: on a
// virtual machine the first touch of a page that was given back costs ten times the copy,
// and whichever tool runs first would pay for it.
func (b *bed) warm() error {
	path := filepath.Join(b.dir, "warm")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer f.Close()
	zero := make([]byte, 1<<20)
	for range (b.cell.bytes()>>20 + 1) * int64(b.cell.N+1) {
		if _, err := f.Write(zero); err != nil {
			return err
		}
	}
	return nil
}

// stop reads everything; end may lie a moment back.
func (c *clock) stop(r *result, end time.Time) error {
	r.Seconds = end.Sub(c.start).Seconds()
	use := c.use.stop(r.Seconds)
	r.First, r.Idle = firstAndIdle(use, r.Seconds)
	if slices.Contains(usePlots, r.Cell.Name) {
		r.Use = use
	}
	r.CPU = busy() - c.cpu
	r.CPUSender, r.CPUReceivers = c.processes()
	r.Noise = c.noise.stop(c.b)
	sent, err := c.b.lab.SentBytes()
	r.Wire = float64(sent-c.sent) / float64(c.b.cell.bytes())
	return err
}

// processes adds up what our own used since the start, by the host they run on.
func (c *clock) processes() (sender, receivers float64) {
	all := processes()
	for _, p := range c.b.procs {
		used := all.of(p) - c.before[p]
		switch host := strings.TrimPrefix(p.Args[3], labName+"-"); {
		case used < 0:
		case host == "s":
			sender += used
		case strings.HasPrefix(host, "r"):
			receivers += used
		}
	}
	return sender, receivers
}

// of is the CPU seconds of a process that the bench started and of its family so far.
func (t table) of(p *exec.Cmd) float64 {
	if end := p.ProcessState; end != nil {
		return (end.UserTime() + end.SystemTime()).Seconds()
	}
	return t.family(p.Process.Pid)
}

// waitCalm waits, no longer than limit, until the machine does little.
func waitCalm(limit time.Duration) {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		cpu, at := busy(), time.Now()
		time.Sleep(300 * time.Millisecond)
		if (busy()-cpu)/time.Since(at).Seconds() < 0.2 {
			return
		}
	}
}
