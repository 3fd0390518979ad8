package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// report prints the medians of each cell: goodput, ratio to the cell's ceiling and to the best
// rival, bytes on the wire, CPU, and the floor that the wire or theory sets.
func report(w io.Writer, plan []cell, results []result) {
	fmt.Fprintln(w, "\n| cell | tool | Mbit/s | of the ceiling | × best rival | × on the wire | CPU s | runs |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for _, c := range plan {
		of := func(tool string) []result {
			return slices.DeleteFunc(slices.Clone(results), func(r result) bool { return r.Cell != c || r.Tool != tool || !r.OK })
		}
		mbit := func(tool string) float64 { return median(of(tool), func(r result) float64 { return r.Mbit }) }
		top, rival := mbit("ceiling"), math.Max(mbit("uftp"), mbit("udpcast"))
		for _, tool := range []string{"groupcast", "uftp", "udpcast", "ceiling"} {
			rs := of(tool)
			if len(rs) == 0 {
				continue
			}
			fmt.Fprintf(w, "| %s | %s | %.0f | %s | %s | %.3f | %.1f | %d |\n", c, tool, mbit(tool), ratio(mbit(tool), top), ratio(mbit(tool), rival),
				median(rs, func(r result) float64 { return r.Wire }), median(rs, func(r result) float64 { return r.CPU }), len(rs))
		}
		fmt.Fprintf(w, "| %s | *floor of theory* | %.0f | | | %.3f | | |\n", c, floorMbit(c), floorWire(c))
	}
}

func median(rs []result, of func(result) float64) float64 {
	if len(rs) == 0 {
		return 0
	}
	var v []float64
	for _, r := range rs {
		v = append(v, of(r))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}

// The wire format: 1,408 bytes of file in a frame of 1,485 bytes, 24 more of preamble,
// checksum and gap; blocks of 230,400 bytes are 164 symbols.
const (
	symbol, frame, gap, k = 1408.0, 1485.0, 24.0, 164
	padded                = k * symbol / 230400
)

// floorWire is the least that ideal coding over blocks of k symbols must send, as Ethernet
// bytes over file bytes: the mean of the largest of N draws of losses a block.
func floorWire(c cell) float64 { return padded * frame / symbol * sends(c.N, c.Loss/100) }

func floorMbit(c cell) float64 {
	bits := rateBits(c.Wire)
	if bits == 0 {
		return math.Inf(1)
	}
	return bits / 1e6 * symbol / (frame + gap) / padded / sends(c.N, c.Loss/100)
}

// sends is E[max over n receivers of the packets until k have arrived] / k: the negative
// binomial of the integrated FEC model (Nonnenmacher, Biersack, Towsley 1998).
func sends(n int, p float64) float64 {
	if p == 0 {
		return 1
	}
	mean, mass, cum := 0.0, math.Pow(1-p, k), 0.0
	for extra := 0; extra < 4*k; extra++ {
		cum += mass
		mean += 1 - math.Pow(math.Min(cum, 1), float64(n))
		mass *= p * float64(k+extra) / float64(extra+1)
	}
	return (k + mean) / k
}

// draw writes two plots, goodput and bytes on the wire against loss, as SVG.
func draw(dir string, results []result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, of := range map[string]func(result) float64{"goodput": func(r result) float64 { return r.Mbit }, "wire": func(r result) float64 { return r.Wire }} {
		if err := os.WriteFile(filepath.Join(dir, name+".svg"), []byte(chart(name, results, of)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

var colours = map[string]string{"groupcast": "#1f5fbf", "uftp": "#c26a00", "udpcast": "#7a4fa3", "ceiling": "#7d8792"}

// chart draws grouped bars: a group per cell, a bar per tool, numbers on top.
func chart(name string, results []result, of func(result) float64) string {
	type key struct {
		c cell
		t string
	}
	sets := map[key][]result{}
	var cells []cell
	for _, r := range results {
		if !r.OK || name == "wire" && r.Tool == "ceiling" {
			continue
		}
		if !slices.Contains(cells, r.Cell) {
			cells = append(cells, r.Cell)
		}
		sets[key{r.Cell, r.Tool}] = append(sets[key{r.Cell, r.Tool}], r)
	}
	most := 0.0
	for _, rs := range sets {
		most = math.Max(most, median(rs, of))
	}
	const bar, height = 26, 220
	width := 40 + len(cells)*(4*bar+34)
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="system-ui,sans-serif" font-size="11"><rect width="100%%" height="100%%" fill="#fff"/>`, width, height+90)
	title := map[string]string{"goodput": "Goodput to the last receiver, Mbit/s (more is better)", "wire": "Bytes on the wire / bytes of the file (less is better)"}[name]
	fmt.Fprintf(&s, `<text x="20" y="20" font-size="14" font-weight="600">%s</text>`, title)
	for i, c := range cells {
		x := 30 + i*(4*bar+34)
		for j, tool := range []string{"groupcast", "uftp", "udpcast", "ceiling"} {
			rs := sets[key{c, tool}]
			if len(rs) == 0 {
				continue
			}
			v := median(rs, of)
			h := v / most * (height - 40)
			text := fmt.Sprintf("%.0f", v)
			if name == "wire" {
				text = fmt.Sprintf("%.2f", v)
			}
			fmt.Fprintf(&s, `<rect x="%d" y="%.0f" width="%d" height="%.0f" fill="%s"/><text x="%d" y="%.0f" text-anchor="middle" font-size="9">%s</text>`,
				x+j*bar, height+20-h, bar-3, h, colours[tool], x+j*bar+bar/2-1, height+16-h, text)
		}
		fmt.Fprintf(&s, `<text x="%d" y="%d">N=%d, %g %% loss</text><text x="%d" y="%d" fill="#666">%s</text>`, x, height+36, c.N, c.Loss, x, height+50, c.Wire)
	}
	for j, tool := range []string{"groupcast", "uftp", "udpcast", "ceiling"} {
		fmt.Fprintf(&s, `<rect x="%d" y="%d" width="10" height="10" fill="%s"/><text x="%d" y="%d">%s</text>`, 30+j*110, height+64, colours[tool], 44+j*110, height+73, tool)
	}
	return s.String() + "</svg>\n"
}
