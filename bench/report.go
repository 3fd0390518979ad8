package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// report prints the medians of each cell beside what theory allows, every failure with its
// cause, and how each goal stands.
func report(w io.Writer, results []result) {
	results = rounds(results)
	v := view(results)
	fmt.Fprintln(w, "\n| cell | tool | Mbit/s | s | of the ceiling | × best rival | × on the wire | CPU s (machine; "+
		"sender + receivers) | memory MB (server, receiver) | runs: quiet/right/all | notes |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|")
	cells := cellsOf(results)
	for _, c := range cells {
		for _, tool := range toolsIn(v, c.Name) {
			row(w, v, c, tool)
		}
		fmt.Fprintf(w, "| %s | *theory* | %s | %s | | | %.3f | | | | |\n", c.Name, finite("%.1f", floorMbit(c)),
			finite("%.2f", float64(c.bytes())*8/1e6/floorMbit(c)), floorWire(c))
	}
	fmt.Fprintln(w, "\n`~` marks medians without a quiet run. Theory: what ideal coding over our blocks and packets "+
		"would reach.")
	failures(w, results)
	verdicts(w, v, cells)
}

// rounds leaves out what was measured to find the rivals' settings.
func rounds(results []result) []result {
	return slices.DeleteFunc(slices.Clone(results), func(r result) bool { return r.Round == tuned })
}

func row(w io.Writer, v view, c cell, tool string) {
	rs, quiet := v.good(c.Name, tool)
	all := 0
	for _, r := range v {
		if r.Cell.Name == c.Name && r.Tool == tool {
			all++
		}
	}
	if len(rs) == 0 {
		fmt.Fprintf(w, "| %s | %s | failed | | | | | | | 0/0/%d | |\n", c.Name, tool, all)
		return
	}
	m := func(f func(result) float64) float64 { return v.median(c.Name, tool, f) }
	mark, calm := "~", 0
	if quiet {
		mark, calm = "", len(rs)
	}
	right := 0
	for _, r := range v {
		if r.Cell.Name == c.Name && r.Tool == tool && r.OK {
			right++
		}
	}
	top := v.paired(c.Name, func(t map[string]result) float64 { return t[tool].Mbit / t["ceiling"].Mbit })
	rival := v.paired(c.Name, func(t map[string]result) float64 { return t[tool].Mbit / best(t) })
	fmt.Fprintf(w, "| %s | %s | %s%.1f | %.2f | %s | %s | %s | %s; %.1f + %.1f | %.0f, %.0f | %d/%d/%d | %s |\n", c.Name,
		tool, mark, m(mbit), m(seconds), some(top), some(rival),
		finite("%.3f", m(wireOf)), finite("%.1f", m(cpu)), m(func(r result) float64 { return r.CPUSender }),
		m(func(r result) float64 { return r.CPUReceivers }),
		m(func(r result) float64 { return float64(r.PeakTx) / 1e6 }),
		m(func(r result) float64 { return float64(r.PeakRx) / 1e6 }), calm, right, all, extras(rs, m))
}

// extras are figures that only some cells have.
func extras(rs view, m func(func(result) float64) float64) (text string) {
	if x := m(func(r result) float64 { return r.Eighth }); x > 0 {
		text = fmt.Sprintf("the eighth %.2f s later", x)
	}
	if i := slices.IndexFunc(rs, func(r result) bool { return r.Cause != "" }); i >= 0 {
		text += fmt.Sprintf(" (“%s”)", rs[i].Cause)
	}
	if rs[0].Setting != "" {
		text += " " + rs[0].Setting
	}
	if x := m(func(r result) float64 { return r.First }); x > 0 {
		idle := m(func(r result) float64 { return r.Idle })
		text += fmt.Sprintf(" first packet %.2f s, idle %.2f s", x, idle)
	}
	if x := m(func(r result) float64 { return r.TCP }); x > 0 {
		text += fmt.Sprintf(" TCP beside it: %.1f Mbit/s", x)
	}
	return strings.TrimSpace(text)
}

func failures(w io.Writer, results []result) {
	for _, r := range results {
		if !r.OK {
			fmt.Fprintf(w, "- failed: %s, %s, round %d: %s\n", r.Cell.Name, r.Tool, r.Round+1,
				strings.Join(strings.Fields(r.Error), " "))
		}
	}
}

// verdicts prints the goals of the catalogue's cells that were measured.
func verdicts(w io.Writer, v view, cells []cell) {
	fmt.Fprintln(w, "\n| cell | to reach | figure | reached |\n|---|---|---|---|")
	for _, known := range catalogue() {
		i := slices.IndexFunc(cells, func(c cell) bool { return c.Name == known.Name })
		if i < 0 {
			continue
		}
		for _, g := range known.goals {
			figure, word := g.verdict(v, known)
			fmt.Fprintf(w, "| %s | %s | %s | %s |\n", known.Name, g.text, figure, word)
		}
	}
}

// cellsOf lists the cells of the results in the order of their first run.
func cellsOf(results []result) (cells []cell) {
	for _, r := range results {
		if !slices.ContainsFunc(cells, func(c cell) bool { return c.Name == r.Cell.Name }) {
			cells = append(cells, r.Cell)
		}
	}
	return cells
}

func toolsIn(v view, name string) (list []string) {
	for _, r := range v {
		if r.Cell.Name == name && !slices.Contains(list, r.Tool) {
			list = append(list, r.Tool)
		}
	}
	return list
}

func some(x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", x)
}

func finite(format string, x float64) string {
	if math.IsInf(x, 0) || math.IsNaN(x) || x == 0 {
		return ""
	}
	return fmt.Sprintf(format, x)
}

// wireMbit is what the wire, or a port that is slower, carries in our packet size, file bytes
// only; +Inf without a wire.
func wireMbit(c cell) float64 {
	bits := rateBits(c.Wire)
	if port := rateBits(c.Port); port > 0 {
		bits = port
	}
	if bits == 0 {
		return math.Inf(1)
	}
	return bits / 1e6 * symbol / (frame + gap)
}

// floorWire is the least that ideal coding over blocks of k symbols must send, as Ethernet
// bytes over file bytes: the mean of the largest of N draws of losses a block.
func floorWire(c cell) float64 { return padded * frame / symbol * sends(c.N, c.Loss/100) }

func floorMbit(c cell) float64 { return wireMbit(c) / padded / sends(c.N, c.Loss/100) }

// sends is E[max over n receivers of the packets until k have arrived] / k: the negative
// binomial of the integrated FEC model (Nonnenmacher, Biersack, Towsley 1998).
func sends(n int, p float64) float64 {
	const k = blockK
	if p == 0 {
		return 1
	}
	mean, mass, cum := 0.0, math.Pow(1-p, k), 0.0
	for extra := range 4 * k {
		cum += mass
		mean += 1 - math.Pow(math.Min(cum, 1), float64(n))
		mass *= p * float64(k+extra) / float64(extra+1)
	}
	return (k + mean) / k
}
