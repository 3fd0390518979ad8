// Command bench measures groupcast beside other tools that send files, in one run, on hosts
// in network namespaces (test/netlab): goodput, bytes on the wire, CPU seconds, memory. These
// machines are noisy, so it prints medians over rounds in which the tools take turns, and
// each cell's ceiling: what the machine carries of sealed datagrams without any protocol.
//
//	bench -cells quick -runs 1        a few minutes
//	bench -cells full -runs 5         everything (hours)
//	bench -cells 'gig-*,tiny'         some of the named cells; bench -list names them
//	bench -cells 'seg-*' -tools groupcast,uftp,udpcast,aria2,ceiling
//	bench -n 8 -loss 5 -wire 100mbit -mib 64 -tools groupcast,uftp,udpcast,ceiling
//	bench -cells table -runs 5 -tuned bench/tuning.jsonl   what the documents show
//	bench -from results.jsonl -plots docs/plots   the tables and plots once more, no run
//
// It needs root, iproute2, nftables, ethtool and, for the rivals, what `test/netlab/install.sh rivals`
// takes from Debian.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/groupcast/groupcast/bench/flow"
	"github.com/groupcast/groupcast/bench/rawcast"
	"github.com/groupcast/groupcast/bench/relay"
	"github.com/groupcast/groupcast/test/netlab"
)

// labName begins the names of the lab's namespaces.
var labName = "gcbench"

// result is one run of one tool in one cell.
type result struct {
	Tool    string    `json:"tool"`
	Cell    cell      `json:"cell"`
	Round   int       `json:"round"`
	At      time.Time `json:"at"`
	Build   string    `json:"build,omitempty"`
	OK      bool      `json:"ok"`      // every receiver's digests equal to the source's
	Seconds float64   `json:"seconds"` // to the last healthy receiver
	Mbit    float64   `json:"mbit"`    // bytes sent over that time
	Wire    float64   `json:"wire"`    // bytes on the sender's wire over the content's
	CPU     float64   `json:"cpu"`     // seconds of the whole machine
	Noise   float64   `json:"noise"`   // CPUs that others took meanwhile

	CPUSender    float64 `json:"cpu_sender"`    // of the processes on the sender's host
	CPUReceivers float64 `json:"cpu_receivers"` // and on the receivers'
	PeakTx       uint64  `json:"peak_tx,omitempty"`
	PeakRx       uint64  `json:"peak_rx,omitempty"`
	Eighth       float64 `json:"eighth,omitempty"` // seconds that the one in trouble took longer
	Cause        string  `json:"cause,omitempty"`  // what was said of it
	TCP          float64 `json:"tcp,omitempty"`    // Mbit/s of the flow beside
	Error        string  `json:"error,omitempty"`

	Touched int64   `json:"touched,omitempty"` // of a delta: bytes of the blocks that differ from one version or another
	Made    float64 `json:"made,omitempty"`    // seconds of what was prepared before the clock started
	Machine string  `json:"machine,omitempty"`

	Setting string  `json:"setting,omitempty"` // that the rival was given; in the round -1 one that was tried
	First   float64 `json:"first,omitempty"`   // seconds until the first packet of data left
	Idle    float64 `json:"idle,omitempty"`    // seconds after it in which the wire was all but empty
	Use     []int   `json:"use,omitempty"`     // Mbit/s on the sender's wire in each 10 ms, at most maxUse of them
}

// options are the command line.
type options struct {
	cells, tools, rates, out, from, plots string
	tuned, docs                           string
	one                                   cell
	runs                                  int
	list, untuned, tune                   bool
	budget                                time.Duration
	memory                                float64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// command is the bench, or one of its parts that run on the lab's hosts.
func command(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "rawcast":
			return rawcast.Main(args[1:])
		case "relay":
			return relay.Main(ctx, args[1:])
		case "flow":
			return flow.Main(ctx, args[1:])
		case "tracker":
			return trackerMain(ctx, args[1:])
		case "tarpipe":
			return tarpipeMain(ctx, args[1:])
		case "meter":
			return meterMain(ctx)
		}
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.list {
		fmt.Println(strings.Join(names(catalogue()), "\n"))
		return nil
	}
	results, err := gather(ctx, o)
	if err != nil {
		return err
	}
	report(os.Stdout, results)
	if o.plots != "" {
		if err := draw(o.plots, results); err != nil {
			return err
		}
	}
	return intoDocuments(o, results)
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.cells, "cells", "",
		"quick, table, full, names or patterns of cells with commas between; empty: the one cell of the other flags")
	f.BoolVar(&o.list, "list", false, "name the cells")
	f.IntVar(&o.one.N, "n", 4, "receivers")
	f.Float64Var(&o.one.Loss, "loss", 0, "percent lost at each receiver")
	f.StringVar(&o.one.Wire, "wire", "100mbit", "rate of the sender's wire, or none")
	f.Float64Var(&o.one.MiB, "mib", 64, "MiB of the file")
	f.StringVar(&o.tools, "tools", "groupcast,uftp,udpcast,ceiling",
		"what to run side by side; groupcast@90M is groupcast at a fixed rate")
	f.StringVar(&o.rates, "rates", "",
		"fixed rates beside auto in the cells that have them: none, or a list; empty: each cell's own")
	f.BoolVar(&o.untuned, "untuned", false, "give rivals their usual settings instead of the best of each cell")
	f.BoolVar(&o.tune, "tune", false, "only find the settings of rivals that the file of -tuned lacks, and add them")
	f.StringVar(&o.tuned, "tuned", "", "take the rivals' settings from this file, those that it lacks are looked for")
	f.DurationVar(&o.budget, "budget", 0, "begin no further run after this time; 0: no limit")
	f.StringVar(&o.docs, "docs", "",
		"write the tables into these documents (with commas between), where they mark their place")
	f.IntVar(&o.runs, "runs", 3, "rounds; the tools take turns in each")
	f.Float64Var(&o.memory, "memory-gib", 0, "GiB of the cell memory; 0: 20, or what the disk holds")
	f.StringVar(&o.out, "out", "", "append each run as a line of JSON to this file")
	f.StringVar(&o.from, "from", "", "read the runs of such a file instead of measuring")
	f.StringVar(&o.plots, "plots", "", "draw plots (SVG) into this folder")
	f.StringVar(&labName, "lab", labName, "what the namespaces' names begin with")
	err = f.Parse(args)
	if err == nil && (o.one.N < 1 || o.one.N > 200 || o.runs < 1 || o.one.MiB <= 0) {
		err = fmt.Errorf("-n is 1 to 200, -runs at least 1, -mib more than 0")
	}
	return o, err
}

// gather measures, or reads what was measured.
func gather(ctx context.Context, o options) ([]result, error) {
	if o.from != "" {
		return load(o.from)
	}
	if why := netlab.Missing(); why != "" {
		return nil, fmt.Errorf("this machine lacks %s", why)
	}
	plan := []cell{o.one}
	if o.cells != "" {
		var err error
		if plan, err = choose(o.cells); err != nil {
			return nil, err
		}
	}
	return measure(ctx, plan, o)
}

// toolsOf is what runs in a cell.
func toolsOf(c cell, o options) []string {
	list := strings.Split(o.tools, ",")
	if c.tools != nil {
		list = c.tools
	}
	rates := c.rates
	switch o.rates {
	case "":
	case "none":
		rates = nil
	default:
		rates = strings.Split(o.rates, ",")
		if c.rates == nil {
			rates = nil
		}
	}
	list = list[:len(list):len(list)]
	for _, r := range rates {
		list = append(list, "groupcast@"+r)
	}
	return list
}

// measure runs round after round, so that a noisy minute spreads over all tools. Before the rounds of
// a cell its rivals are tuned.
func measure(ctx context.Context, plan []cell, o options) (results []result, err error) {
	m := measurement{o: o, build: version(), machine: machine()}
	tries, err := load(o.tuned)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	m.best = chosen(tries)
	if o.tune {
		m.o.out = o.tuned
		return nil, m.tuneAll(ctx, plan)
	}
	before, err := load(o.out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	first := after(before)
	began := time.Now()
	for round := range o.runs {
		for _, c := range plan {
			late := o.budget > 0 && time.Since(began) > o.budget
			if late || c.runs > 0 && round >= c.runs {
				continue
			}
			if c.Name == "memory" {
				c = fit(c, o.memory)
			}
			if err := m.round(ctx, c, first+round); err != nil {
				return m.results, err
			}
		}
	}
	fmt.Fprintf(os.Stderr, "measured in %v\n", time.Since(began).Round(time.Second))
	return m.results, nil
}

// after is the number of the round that follows those of a file to which runs are added.
func after(before []result) (round int) {
	for _, r := range before {
		round = max(round, r.Round+1)
	}
	return round
}

// measurement is what one call of the bench has measured so far.
type measurement struct {
	o              options
	build, machine string
	best           map[string]string // the setting of a rival in a cell
	results        []result
}

// round runs every tool of a cell, and of those beside it, once.
func (m *measurement) round(ctx context.Context, c cell, round int) error {
	for _, part := range append([]cell{c}, c.beside...) {
		for _, tool := range toolsOf(part, m.o) {
			if err := m.run(ctx, tool, part, round); err != nil || ctx.Err() != nil {
				return errors.Join(err, ctx.Err()) // what was broken off is no result
			}
		}
	}
	return nil
}

// tuneAll looks for the rivals' settings that are not known.
func (m *measurement) tuneAll(ctx context.Context, plan []cell) error {
	for _, c := range plan {
		if c.Delta != nil && (c.N != 8 || c.Wire != "1gbit") {
			continue // these take the settings of those
		}
		for _, tool := range toolsOf(c, m.o) {
			key := settingKey(tool, c)
			if _, known := m.best[key]; known {
				continue
			}
			if err := tune(ctx, tool, c, run, m.keep); err != nil {
				return err
			}
			m.best[key] = chosen(m.results)[key]
		}
	}
	return nil
}

func (m *measurement) run(ctx context.Context, tool string, c cell, round int) error {
	key := settingKey(tool, c)
	setting, known := m.best[key]
	if !known && !m.o.untuned {
		if err := tune(ctx, tool, c, run, m.keep); err != nil {
			return err
		}
		setting = chosen(m.results)[key]
		m.best[key] = setting
	}
	as := tool
	if setting != "" {
		as += "@" + setting
	}
	r := run(ctx, as, c)
	if ctx.Err() != nil {
		return nil
	}
	r.Tool, r.Setting, r.Round = tool, setting, round
	return m.keep(r)
}

func (m *measurement) keep(r result) error {
	r.At, r.Build, r.Machine = time.Now().Round(time.Second), m.build, m.machine
	name := r.Tool
	if r.Setting != "" {
		name += " (" + r.Setting + ")"
	}
	fmt.Fprintf(os.Stderr, "%-14s %s: %s\n", name, r.Cell, r.words())
	m.results = append(m.results, r)
	return save(m.o.out, r)
}

// machine is what the figures were measured on.
func machine() string {
	var model, memory string
	for file, line := range map[string]*string{"/proc/cpuinfo": &model, "/proc/meminfo": &memory} {
		text, err := os.ReadFile(file)
		if err != nil {
			return ""
		}
		key := "model name"
		if file == "/proc/meminfo" {
			key = "MemTotal"
		}
		_, after, _ := strings.Cut(string(text), key)
		*line, _, _ = strings.Cut(strings.TrimLeft(after, "\t: "), "\n")
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // it is named where it can be read
	kb, _ := strconv.ParseFloat(strings.TrimSuffix(memory, " kB"), 64)
	return fmt.Sprintf("%s, %d cores, %.0f GiB, Linux %s", model, runtime.NumCPU(), kb/(1<<20),
		strings.TrimSpace(string(kernel)))
}

// version is what the program under test calls itself.
func version() string {
	out, err := exec.Command(binary(), "version").Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

func (r result) words() string {
	if r.Error != "" {
		return "FAILED: " + r.Error
	}
	text := fmt.Sprintf("%.0f Mbit/s, %.2f s, noise %.2f", r.Mbit, r.Seconds, r.Noise)
	if r.Wire > 0 { // the ceiling's own count is not taken
		text += fmt.Sprintf(", ×%.3f on the wire, cpu %.1f s", r.Wire, r.CPU)
	}
	if r.Eighth > 0 {
		text += fmt.Sprintf(", the eighth %.2f s later (%s)", r.Eighth, r.Cause)
	}
	if r.First > 0 {
		text += fmt.Sprintf(", first packet after %.3f s, wire idle for %.3f s", r.First, r.Idle)
	}
	if r.TCP > 0 {
		text += fmt.Sprintf(", TCP %.0f Mbit/s", r.TCP)
	}
	return text
}

func save(out string, r result) error {
	if out == "" {
		return nil
	}
	f, err := os.OpenFile(out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	return json.NewEncoder(f).Encode(r)
}

func load(path string) (results []result, err error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		results = append(results, r)
	}
	return results, lines.Err()
}

// run builds a fresh lab, folder and content, runs one tool and checks what arrived.
func run(ctx context.Context, tool string, c cell) (r result) {
	r = result{Tool: tool, Cell: c}
	r.Cell.Name = c.String()
	kind, rate, fixed := strings.Cut(tool, "@")
	if !fixed {
		rate = "auto"
	}
	do, known := tools[kind]
	if !known {
		r.Error = "there is no such tool"
		return r
	}
	b, err := newBed(ctx, c, kind)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	defer b.close()
	r.Touched = b.images.touched
	if err := do(b, rate, &r); err != nil {
		r.Error = err.Error()
		return r
	}
	r.OK = true
	r.Mbit = float64(c.bytes()) * 8 / 1e6 / r.Seconds
	return r
}

// rateBits reads "100mbit" as bits a second; 0 for none.
func rateBits(wire string) float64 {
	for suffix, unit := range map[string]float64{"gbit": 1e9, "mbit": 1e6, "kbit": 1e3} {
		if digits, ok := strings.CutSuffix(wire, suffix); ok {
			v, _ := strconv.ParseFloat(digits, 64)
			return v * unit
		}
	}
	return 0
}
