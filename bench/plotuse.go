package main

import (
	"fmt"
	"strings"
)

// usePlots are the cells whose use of the wire is drawn.
var usePlots = []string{"wire100-clean", "gig-n1-loss0", "gig-n4-loss0", "gig-n8-loss5", "unlimited"}

const (
	useWidth, useHeight = 720, 90
	useLeft             = 90
)

// useSVG draws what the sender's wire carried in each 10 ms, a strip for each tool: its middle run.
// The gaps are time to be won.
func useSVG(v view, c cell) string {
	var runs []result
	top, steps := 0, 0
	for _, tool := range everyone {
		r, ok := v.typical(c.Name, tool)
		if !ok || len(r.Use) == 0 || tool == "ceiling" {
			continue
		}
		runs = append(runs, r)
		for _, mbit := range r.Use {
			top = max(top, mbit)
		}
		steps = max(steps, len(r.Use))
	}
	if top == 0 {
		return ""
	}
	height := 40 + len(runs)*(useHeight+16) + 24
	title := fmt.Sprintf("Mbit/s on the sender's wire in each 10 ms: %s (%d receivers, %g %% loss)", c.Name, c.N, c.Loss)
	var s strings.Builder
	s.WriteString(svgHead(useLeft+useWidth+24, height, title))
	for i, r := range runs {
		base := 40 + i*(useHeight+16) + useHeight
		fmt.Fprintf(&s, `<text x="24" y="%d">%s</text><text x="24" y="%d" fill="#5b6572">%.2f s</text>`, base-40, r.Tool,
			base-24, r.Seconds)
		fmt.Fprintf(&s, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#9aa3ad"/>`, useLeft, useLeft+useWidth, base, base)
		fmt.Fprintf(&s, `<path fill="%s" d="%s"/>`, colours[r.Tool], usePath(r.Use, steps, top, base))
	}
	fmt.Fprintf(&s, `<text x="%d" y="%d" fill="#5b6572">0 s</text>`, useLeft, height-10)
	fmt.Fprintf(&s, `<text x="%d" y="%d" fill="#5b6572" text-anchor="end">%.2f s; full height: %d Mbit/s</text>`,
		useLeft+useWidth, height-10, float64(steps)*useStep.Seconds(), top)
	return s.String() + "</svg>\n"
}

// usePath is the outline of a strip.
func usePath(use []int, steps, top, base int) string {
	var d strings.Builder
	x := func(i int) float64 { return useLeft + float64(i)*useWidth/float64(steps) }
	fmt.Fprintf(&d, "M%.1f %d", x(0), base)
	for i, mbit := range use {
		y := float64(base) - float64(mbit)/float64(top)*useHeight
		fmt.Fprintf(&d, "L%.1f %.1fL%.1f %.1f", x(i), y, x(i+1), y)
	}
	fmt.Fprintf(&d, "L%.1f %dZ", x(len(use)), base)
	return d.String()
}

// typical is the run whose time is the median.
func (v view) typical(name, tool string) (result, bool) {
	rs, _ := v.good(name, tool)
	middle := v.median(name, tool, seconds)
	for _, r := range rs {
		if r.Seconds >= middle {
			return r, true
		}
	}
	return result{}, false
}
