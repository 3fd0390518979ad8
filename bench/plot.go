package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// plot is one picture: a group of bars for each cell, a bar for each tool.
type plot struct {
	file, title string
	prefix      []string // of the cells' names
	tools       []string
	field       func(result) float64
	format      string
}

var everyone = []string{"groupcast", "uftp", "udpcast", "aria2", "ceiling"}

var plots = []plot{
	{
		"goodput-100mbit.svg", "Goodput to the last receiver, 100 Mbit/s wire, Mbit/s (more is better)",
		[]string{"wire100", "burst", "relay"},
		everyone, mbit, "%.0f",
	},
	{
		"goodput-1gbit.svg", "Goodput to the last receiver, 1 Gbit/s wire, Mbit/s (more is better)",
		[]string{"gig-"},
		everyone, mbit, "%.0f",
	},
	{
		"goodput-segmented.svg", "Goodput to the last receiver, segmentation left to the cards, Mbit/s (more is better)",
		[]string{"seg-"},
		everyone, mbit, "%.0f",
	},
	{
		"wire.svg", "Bytes on the wire over bytes of the file (less is better)",
		[]string{"wire100", "gig-"},
		everyone[:4],
		wireOf, "%.2f",
	},
	{
		"cpu.svg", "CPU seconds of the whole machine for 64 MiB (less is better)",
		[]string{"gig-"},
		everyone[:4],
		cpu, "%.1f",
	},
	{
		"trouble.svg", "Seconds until the healthy seven have it (less is better)",
		[]string{"frozen", "slowport", "loss30"},
		everyone[:4], seconds, "%.1f",
	},
	{
		"again-wire.svg", "An image of 256 MiB again: MB that the server's wire carried (less is better)",
		[]string{"delta-"},
		deltaTools, func(r result) float64 { return sentBytes(r) / 1e6 }, "%.0f",
	},
	{
		"again-seconds.svg", "An image of 256 MiB again: seconds to the last receiver (less is better)",
		[]string{"delta-"},
		deltaTools, seconds, "%.1f",
	},
	{
		"files.svg", "20,000 files of 4 KiB: seconds to the last receiver (less is better)",
		[]string{"files20k"},
		[]string{product, "tar+tcp", "rsync"},
		seconds, "%.1f",
	},
}

var colours = map[string]string{
	"groupcast": "#1f5fbf", "uftp": "#c26a00", "udpcast": "#7a4fa3", "aria2": "#2e7d4f", "ceiling": "#9aa3ad",
	"rsync": "#c26a00", "zsync": "#7a4fa3", "casync": "#2e7d4f", "tar+tcp": "#7a4fa3",
}

// draw writes those plots of which something was measured.
func draw(dir string, results []result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	results = rounds(results)
	for _, c := range cellsOf(results) {
		svg := useSVG(view(results), c)
		if svg == "" || !slices.Contains(usePlots, c.Name) {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "use-"+c.Name+".svg"), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	for _, p := range plots {
		svg := p.svg(results)
		if svg == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, p.file), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// cells are those of the results that belong into the picture.
func (p plot) cells(results []result) []cell {
	return slices.DeleteFunc(cellsOf(results), func(c cell) bool {
		return !slices.ContainsFunc(p.prefix, func(s string) bool { return strings.HasPrefix(c.Name, s) })
	})
}

const (
	barWidth  = 26
	groupGap  = 34
	barHeight = 200
	plotTop   = 52
	titleChar = 8 // pixels of a letter of the title, and a little
)

// svg draws the picture; empty when nothing was measured.
func (p plot) svg(results []result) string {
	v, cells := view(results), p.cells(results)
	top := 0.0
	for _, c := range cells {
		for _, t := range p.tools {
			top = math.Max(top, v.median(c.Name, t, p.field))
		}
	}
	if top == 0 {
		return ""
	}
	group := len(p.tools)*barWidth + groupGap
	width, height := max(48+titleChar*len(p.title), 40+len(cells)*group), plotTop+barHeight+74
	var s strings.Builder
	s.WriteString(svgHead(width, height, p.title))
	fmt.Fprintf(&s, `<line x1="20" x2="%d" y1="%d" y2="%d" stroke="#9aa3ad"/>`, width-20, plotTop+barHeight,
		plotTop+barHeight)
	for i, c := range cells {
		p.group(&s, v, c, 30+i*group, top)
	}
	for j, t := range p.tools {
		fmt.Fprintf(&s, `<rect x="%d" y="%d" width="10" height="10" rx="2" fill="%s"/><text x="%d" y="%d">%s</text>`,
			30+j*110, height-22, colours[t], 45+j*110, height-13, t)
	}
	return s.String() + "</svg>\n"
}

// group draws the bars of one cell and its name below.
func (p plot) group(s *strings.Builder, v view, c cell, x int, top float64) {
	for j, t := range p.tools {
		value, left := v.median(c.Name, t, p.field), x+j*barWidth
		if value == 0 {
			continue
		}
		h := value / top * (barHeight - 16)
		fmt.Fprintf(s, `<rect x="%d" y="%.1f" width="%d" height="%.1f" fill="%s"/><text x="%d" y="%.1f" text-anchor="middle" font-size="9">%s</text>`,
			left, plotTop+barHeight-h, barWidth-3, h, colours[t], left+barWidth/2-1, plotTop+barHeight-h-4,
			fmt.Sprintf(p.format, value))
	}
	fmt.Fprintf(s, `<text x="%d" y="%d">N = %d, %g %% loss</text><text x="%d" y="%d" fill="#5b6572">%s</text>`, x,
		plotTop+barHeight+17, c.N, c.Loss, x, plotTop+barHeight+32, html.EscapeString(c.Name))
}

// svgHead begins a picture with its title.
func svgHead(width, height int, title string) string {
	title = html.EscapeString(title)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" `,
		width, height, width, height) +
		`font-family="system-ui,sans-serif" font-size="11" fill="#1c2430">` +
		`<title>` + title + `</title><rect width="100%" height="100%" fill="#fff"/>` +
		`<text x="24" y="24" font-size="14" font-weight="600">` + title + `</text>`
}
