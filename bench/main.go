// Command bench measures groupcast beside other multicast file tools, in one run, on hosts
// in network namespaces (test/netlab): goodput, bytes on the wire, CPU seconds of the whole
// machine. These machines are noisy, so it prints medians and ratios, tool beside tool, and
// each cell's ceiling: what the machine carries of sealed datagrams without any protocol.
//
//	bench -cells quick            a few minutes
//	bench -cells full -runs 5     everything
//	bench -n 8 -loss 5 -wire 100mbit -mib 64 -tools groupcast,uftp,udpcast,ceiling
//
// It needs root, iproute2, nftables, ethtool and, for the rivals, Debian's uftp and udpcast.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/groupcast/groupcast/test/netlab"
)

// cell is one square of the tables.
type cell struct {
	N    int     `json:"n"`
	Loss float64 `json:"loss"`
	Wire string  `json:"wire"` // as tc writes it; "none"
	MiB  int     `json:"mib"`
}

func (c cell) String() string {
	return fmt.Sprintf("N=%d loss %g %% wire %s %d MiB", c.N, c.Loss, c.Wire, c.MiB)
}

// result is one run of one tool in one cell.
type result struct {
	Tool    string  `json:"tool"`
	Cell    cell    `json:"cell"`
	OK      bool    `json:"ok"` // every receiver's digest equal to the source's
	Seconds float64 `json:"seconds"`
	Mbit    float64 `json:"mbit"` // file size over time to the last receiver
	Wire    float64 `json:"wire"` // bytes on the sender's wire over the file's
	CPU     float64 `json:"cpu"`  // seconds of the whole machine
	PeakTx  uint64  `json:"peak_tx,omitempty"`
	PeakRx  uint64  `json:"peak_rx,omitempty"`
	Error   string  `json:"error,omitempty"`
}

func main() {
	cells := flag.String("cells", "", "quick, full, or empty: the one cell of the other flags")
	n := flag.Int("n", 4, "receivers")
	loss := flag.Float64("loss", 0, "percent lost at each receiver")
	wire := flag.String("wire", "100mbit", "rate of the sender's wire, or none")
	mib := flag.Int("mib", 64, "MiB of the file")
	tools := flag.String("tools", "groupcast,uftp,udpcast,ceiling", "what to run side by side")
	runs := flag.Int("runs", 3, "rounds; the tools take turns in each")
	out := flag.String("out", "", "append each run as a line of JSON to this file")
	plots := flag.String("plots", "", "draw goodput and wire plots (SVG) into this folder")
	flag.Parse()
	if why := netlab.Missing(); why != "" {
		fatal("this machine lacks %s", why)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	plan := []cell{{*n, *loss, *wire, *mib}}
	switch *cells {
	case "quick":
		plan = quick
	case "full":
		plan = full()
	case "":
	default:
		fatal("-cells is quick or full, not %q", *cells)
	}
	results := measure(ctx, plan, strings.Split(*tools, ","), *runs, *out)
	report(os.Stdout, plan, results)
	if *plots != "" {
		if err := draw(*plots, results); err != nil {
			fatal("%v", err)
		}
	}
}

var quick = []cell{{8, 0, "100mbit", 32}, {8, 5, "100mbit", 32}, {4, 0, "1gbit", 64}, {4, 5, "1gbit", 64}, {1, 0, "none", 128}}

func full() (plan []cell) {
	for _, wire := range []string{"100mbit", "1gbit"} {
		for _, loss := range []float64{0, 1, 5} {
			for _, n := range []int{1, 4, 8} {
				plan = append(plan, cell{n, loss, wire, 64})
			}
		}
	}
	return append(plan, cell{1, 0, "none", 256})
}

// measure runs round after round, so that a noisy minute spreads over all tools.
func measure(ctx context.Context, plan []cell, names []string, runs int, out string) (results []result) {
	for _, c := range plan {
		for range runs {
			for _, name := range names {
				if ctx.Err() != nil {
					return results
				}
				r := run(ctx, name, c)
				fmt.Fprintf(os.Stderr, "%-10s %s: %s\n", name, c, r.words())
				results = append(results, r)
				save(out, r)
			}
		}
	}
	return results
}

func (r result) words() string {
	if r.Error != "" {
		return r.Error
	}
	return fmt.Sprintf("%.0f Mbit/s, %.2f s, ×%.3f on the wire, cpu %.1f s", r.Mbit, r.Seconds, r.Wire, r.CPU)
}

func save(out string, r result) {
	if out == "" {
		return
	}
	f, err := os.OpenFile(out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		fatal("%v", err)
	}
	defer f.Close()
	if err := json.NewEncoder(f).Encode(r); err != nil {
		fatal("%v", err)
	}
}

// run builds a fresh lab, folder and file, runs one tool and checks what arrived.
func run(ctx context.Context, name string, c cell) (r result) {
	r = result{Tool: name, Cell: c}
	b, err := newBed(ctx, c)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	defer b.close()
	make, known := tools[name]
	if !known {
		fatal("no such tool: %s (there are %s)", name, strings.Join(slices.Sorted(mapsKeys(tools)), ", "))
	}
	if err := make(b, &r); err != nil {
		r.Error = err.Error()
		return r
	}
	r.Mbit = float64(c.MiB<<20) * 8 / 1e6 / r.Seconds
	return r
}

func mapsKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
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

func fatal(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
	os.Exit(1)
}

const patience = 3 * time.Minute // for one run
