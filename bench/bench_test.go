package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast/test/netlab"
)

// TestMain also is the parts of the bench that it starts on the lab's hosts by its own name.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := command(ctx, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestParsing(t *testing.T) {
	if got := parseCPUTimes("cpu  100 50 200 9999 300 10 40 777 5 5\ncpu0 1 2 3\n"); got[2] != 2 || got[7] != 7.77 {
		t.Errorf("times of the machine %v, want 2 s of system and 7.77 s stolen", got)
	}
	got := parseStat("12 (a )b (c) S 7 1 1 0 -1 4194304 1 2 3 4 250 150 30 20 20 0 1 0 1 1 1")
	if got != (procStat{"S", 7, 4, 0.5}) {
		t.Errorf("%+v, want parent 7, 4 s of its own, 0.5 s of its children", got)
	}
	if got := parseStat("12 (cut off) S 7"); got != (procStat{}) {
		t.Errorf("a short line gave %+v", got)
	}
	for wire, want := range map[string]float64{"100mbit": 1e8, "1gbit": 1e9, "64kbit": 64e3, "none": 0, "": 0} {
		t.Run(wire, func(t *testing.T) {
			if got := rateBits(wire); got != want {
				t.Errorf("rate %q is %v, want %v", wire, got, want)
			}
		})
	}
	if got, err := parseFlow("ready\n1000000000 0\n2000000000 1000000\n3000000000 3000000\n9000000000 9\n", 1.5e9,
		4e9); err != nil || got != 16 {
		t.Errorf("flow %v Mbit/s (%v), want 16", got, err)
	}
	if _, err := parseFlow("ready\n", 0, 1); err == nil {
		t.Error("a flow that told nothing is no error")
	}
	if got := parseCause([]byte(`[{"user":"u1","reason":"x"},{"user":"u8","reason":"no report for 2 s"}]`),
		"u8"); got != "no report for 2 s" {
		t.Errorf("cause %q", got)
	}
}

func TestFloors(t *testing.T) {
	if got := floorMbit(cell{N: 8, Wire: "100mbit"}); math.Abs(got-93) > 1 {
		t.Errorf("100 Mbit/s carry %v Mbit/s of file, want about 93", got)
	}
	if got := floorMbit(cell{N: 1, Wire: "none"}); !math.IsInf(got, 1) {
		t.Errorf("without a wire the floor is %v", got)
	}
	if one, eight := sends(1, 0.05), sends(8, 0.05); math.Abs(one-1/0.95) > 1e-6 || eight <= one || eight > 1.15 {
		t.Errorf("5 %% loss costs one receiver %v and eight %v", one, eight)
	}
	if got := middle([]float64{4, 1, 3}); got != 3 {
		t.Errorf("median %v", got)
	}
	if got := middle([]float64{4, 1}); got != 2.5 {
		t.Errorf("median of two %v", got)
	}
}

// sample is three rounds of one cell: one noisy, one in which a rival failed.
func sample() []result {
	c := cell{Name: "gig-n8-loss0", N: 8, Wire: "1gbit", MiB: 64}
	run := func(tool string, round int, mbit, noise float64) result {
		return result{
			Tool: tool, Cell: c, Round: round, OK: mbit > 0, Mbit: mbit, Seconds: 537 / mbit, Wire: 1.06, CPU: 4, Noise: noise,
		}
	}
	failed := run("uftp", 2, 0, 0)
	failed.Seconds, failed.Error = 0, "lost all | receivers"
	return []result{
		run("groupcast", 0, 400, 0), run("uftp", 0, 100, 0), run("ceiling", 0, 500, 0),
		run("groupcast", 1, 40, 1), run("uftp", 1, 100, 1), run("ceiling", 1, 500, 1),
		run("groupcast", 2, 420, 0), failed, run("ceiling", 2, 500, 0),
	}
}

func TestReportTellsFailuresAndRatios(t *testing.T) {
	var out bytes.Buffer
	report(&out, sample())
	for _, want := range []string{
		"| gig-n8-loss0 | groupcast | 410.0 |", "2/3/3", "| 0.82 | 4.00 |",
		"- failed: gig-n8-loss0, uftp, round 3: lost all",
		"| gig-n8-loss0 | ≥ 0.75 of the ceiling or of the wire | 0.82 | yes |",
		"| gig-n8-loss0 | ≤ 0.5 of the best rival's CPU seconds | 1 | no |", "| not measured |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}

func TestPlotsAreWellFormed(t *testing.T) {
	dir := t.TempDir()
	if err := draw(dir, sample()); err != nil {
		t.Fatal(err)
	}
	made, _ := filepath.Glob(filepath.Join(dir, "*.svg"))
	if len(made) != 3 {
		t.Errorf("%d plots, want goodput-1gbit, wire and cpu: %v", len(made), made)
	}
	svg := plots[1].svg(sample())
	if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil {
		t.Errorf("not XML: %v", err)
	}
	if !strings.Contains(svg, ">410<") || !strings.Contains(svg, "gig-n8-loss0") {
		t.Errorf("the plot lacks its figures: %s", svg)
	}
	if got := plots[0].svg(sample()); got != "" {
		t.Errorf("a plot of nothing: %s", got)
	}
}

func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range catalogue() {
		if seen[c.Name] || c.N < 1 || c.bytes() < 1 || len(c.goals) == 0 {
			t.Errorf("cell %q is doubled, empty or without a goal", c.Name)
		}
		seen[c.Name] = true
		for _, tool := range toolsOf(c, options{tools: "groupcast,uftp"}) {
			if kind, _, _ := strings.Cut(tool, "@"); tools[kind] == nil {
				t.Errorf("cell %s wants %q", c.Name, tool)
			}
		}
	}
	if plan, err := choose("gig-n8-*,tiny"); err != nil || len(plan) != 4 {
		t.Errorf("gig-n8-*,tiny: %d cells, %v", len(plan), err)
	}
	if plan, err := choose("quick"); err != nil || len(plan) != len(quick) {
		t.Errorf("quick: %d cells, %v", len(plan), err)
	}
	if _, err := choose("nonsense"); err == nil {
		t.Error("a cell that is not there was found")
	}
}

func TestResultsComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	for _, r := range sample() {
		if err := save(path, r); err != nil {
			t.Fatal(err)
		}
	}
	back, err := load(path)
	if err != nil || len(back) != len(sample()) || back[3].Cell.Name != "gig-n8-loss0" || back[3].Noise != 1 {
		t.Errorf("%d results came back, %v", len(back), err)
	}
}

func TestPayloads(t *testing.T) {
	for _, c := range []cell{{MiB: 0.5}, {MiB: kib, Files: 2}, {MiB: kib, Files: 40}} {
		t.Run(fmt.Sprint(c.MiB, " ", c.Files), func(t *testing.T) {
			dir := t.TempDir()
			p, _, err := newContent(dir, c)
			if err != nil {
				t.Fatal(err)
			}
			if !p.here(dir, c.each()) || p.compare(dir) != nil || p.here(t.TempDir(), c.each()) {
				t.Errorf("%+v: not found where it was made, or found where it was not", c)
			}
			for name := range p.sums {
				p.sums[name] = [32]byte{}
			}
			if p.compare(dir) == nil {
				t.Errorf("%+v: wrong content was not noticed", c)
			}
		})
	}
}

// TestSmoke measures the smallest cell once in a real lab: a few seconds.
func TestSmoke(t *testing.T) {
	if testing.Short() {
		t.Skip("a real lab")
	}
	if why := netlab.Missing(); why != "" {
		t.Skipf("skipped: this machine lacks %s", why)
	}
	labName = "gcsmoke"
	defer func() { labName = "gcbench" }()
	r := run(t.Context(), "tar", cell{Name: "smoke", N: 2, Wire: "100mbit", MiB: kib, Files: 40})
	if !r.OK || r.Seconds <= 0 {
		t.Errorf("%+v", r)
	}
}

// TestNoiseCountsWhatHasEnded: work of others that comes and goes while something is measured, as a
// compiler's, is in the count, the bench's own is not.
func TestNoiseCountsWhatHasEnded(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc")
	}
	const burn = `i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done`
	b := &bed{}
	before := b.noise()
	// A shell of another family: it is no process of the bed and is waited for by somebody else.
	foreign := exec.Command("/bin/sh", "-c", "(sh -c '"+burn+"'; sleep 5) >/dev/null 2>&1 &")
	if err := foreign.Run(); err != nil {
		t.Fatal(err)
	}
	others, end := 0.0, time.Now().Add(30*time.Second)
	for ; others < 0.1 && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		others = b.othersCPU() - before.others
	}
	if others < 0.1 {
		t.Errorf("%.2f CPU seconds of others were seen, the shell needed some tenths", others)
	}
	own := b.ownCPU()
	if err := exec.Command("/bin/sh", "-c", burn).Run(); err != nil {
		t.Fatal(err)
	}
	if used := b.ownCPU() - own; used < 0.1 {
		t.Errorf("%.2f CPU seconds of a child that has ended were counted as the bench's own", used)
	}
}

func TestWireUse(t *testing.T) {
	const dev = "Inter-|   Receive\n face |bytes\n    lo: 5 0 0 0 0 0 0 0 5 0 0 0 0 0 0 0\n" +
		"  eth0: 10 1 0 0 0 0 0 0 1234 9 0 0 0 0 0 0\n"
	if got := parseDev([]byte(dev)); got != 1234 {
		t.Errorf("the card sent %d bytes, want 1234", got)
	}
	use := []int{0, 1, 900, 950, 0, 0, 940, 30, 950, 0}
	first, idle := firstAndIdle(use, 0.1)
	if math.Abs(first-0.02) > 1e-9 || math.Abs(idle-0.04) > 1e-9 {
		t.Errorf("data from %v s on, idle %v s, want 0.02 and 0.04", first, idle)
	}
	if first, idle = firstAndIdle(nil, 1); first != 0 || idle != 0 {
		t.Errorf("nothing measured gives %v and %v", first, idle)
	}
	c := cell{Name: "gig-n4-loss0", N: 4, Wire: "1gbit", MiB: 64}
	svg := useSVG(view{{Tool: "groupcast", Cell: c, OK: true, Seconds: 0.1, Use: use}}, c)
	if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil || !strings.Contains(svg, "950 Mbit/s") {
		t.Errorf("the plot: %v: %s", err, svg)
	}
	if got := useSVG(view{{Tool: "groupcast", Cell: c, OK: true}}, c); got != "" {
		t.Errorf("a plot of nothing: %s", got)
	}
}

func TestRivalsAreTuned(t *testing.T) {
	wire := cell{Wire: "1gbit", Loss: 5}
	for _, tool := range []string{"uftp", "udpcast"} {
		for _, c := range []cell{wire, {Wire: "none"}} {
			t.Run(tool+" "+c.Wire, func(t *testing.T) {
				list := settings(tool, c)
				if len(list) < 5 || len(slices.Compact(slices.Sorted(slices.Values(list)))) != len(list) {
					t.Errorf("settings %v", list)
				}
			})
		}
	}
	if got := settings("groupcast", wire); got != nil {
		t.Errorf("the product is tuned: %v", got)
	}
	for setting, want := range map[string]int{"0.5": 500_000, "0.95+8x8/128": 950_000, "2gbit": 2_000_000, "all": 0} {
		t.Run(setting, func(t *testing.T) {
			if got := kbits(setting, "1gbit"); got != want {
				t.Errorf("%d kbit/s, want %d", got, want)
			}
		})
	}
	tried := append(sample(), result{Tool: "uftp", Cell: sample()[0].Cell, Round: tuned, OK: true, Mbit: 9999, Seconds: 1})
	var out bytes.Buffer
	report(&out, tried)
	if strings.Contains(out.String(), "9999") {
		t.Errorf("a try counts as a run:\n%s", out.String())
	}
}

func TestTheTrackerNamesEverybody(t *testing.T) {
	got := peers(2)
	want := "d8:intervali1e5:peers18:\x0a\x63\x00\x01\x1a\xe1\x0a\x63\x00\x0b\x1a\xe1\x0a\x63\x00\x0c\x1a\xe1e"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
