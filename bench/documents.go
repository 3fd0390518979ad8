package main

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Tables in documents stand between two marks, `<!-- bench NAME -->` and `<!-- end -->`, and are written
// from results only.

var place = regexp.MustCompile(`(?s)<!-- bench ([a-z]+) -->\n.*?<!-- end -->`)

var documentTables = map[string]func(v view) string{
	"conditions": conditions, "summary": summary, "gigabit": gigabit, "megabit": megabit, "unlimited": fastest,
	"again": sentAgain, "files": smallFiles, "goals": reached, "settings": rivalSettings, "cases": otherCells,
	"wireuse": usePictures,
}

// intoDocuments writes the tables into the documents that the command line names.
func intoDocuments(o options, results []result) error {
	if o.docs == "" {
		return nil
	}
	tries, err := load(o.tuned)
	if err != nil {
		return err
	}
	for _, path := range strings.Split(o.docs, ",") {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		filled, err := fillTables(string(text), append(slices.Clone(results), tries...))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := os.WriteFile(path, []byte(filled), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fillTables replaces what stands at each mark.
func fillTables(text string, results []result) (filled string, err error) {
	v := view(results)
	filled = place.ReplaceAllStringFunc(text, func(old string) string {
		name := place.FindStringSubmatch(old)[1]
		write := documentTables[name]
		if write == nil {
			err = fmt.Errorf("there is no table %q", name)
			return old
		}
		return "<!-- bench " + name + " -->\n" + write(v) + "<!-- end -->"
	})
	return filled, err
}

// conditions say what was measured where and when.
func conditions(v view) string {
	runs := view(rounds(v))
	if len(runs) == 0 {
		return "Nothing has been measured.\n"
	}
	quiet := 0
	for _, r := range runs {
		if r.Noise <= quietNoise {
			quiet++
		}
	}
	first := slices.MinFunc(runs, func(a, b result) int { return a.At.Compare(b.At) })
	last := slices.MaxFunc(runs, func(a, b result) int { return a.At.Compare(b.At) })
	var builds []string
	for _, r := range runs {
		if !slices.Contains(builds, r.Build) {
			builds = append(builds, r.Build)
		}
	}
	machine := cmp.Or(last.Machine, "a machine whose name was not noted")
	return fmt.Sprintf("Of %s, on %s; %s to %s UTC; %d runs, in %d of which others took at most %g processors.\n",
		strings.Join(builds, " and "), machine, first.At.UTC().Format("2 January 2006 15:04"),
		last.At.UTC().Format("15:04"), len(runs), quiet, quietNoise)
}

// tableOf is a table of these rows, those that are empty left out.
func tableOf(head string, rows []string) string {
	rows = slices.DeleteFunc(rows, func(s string) bool { return s == "" })
	if len(rows) == 0 {
		return "Not measured.\n"
	}
	return "| " + head + " |\n|" + strings.Repeat("---|", strings.Count(head, " | ")+1) + "\n" +
		strings.Join(rows, "\n") + "\n"
}

func (v view) cell(name string) (cell, bool) {
	for _, r := range v {
		if r.Cell.Name == name {
			return r.Cell, true
		}
	}
	return cell{}, false
}

// tilde marks a figure of runs none of which was quiet.
func (v view) tilde(name, tool string) string {
	if _, quiet := v.good(name, tool); !quiet {
		return "~"
	}
	return ""
}

// multicast is a row of the tables that compare multicast tools.
func multicast(v view, name string, tools []string) string {
	c, measured := v.cell(name)
	if !measured {
		return ""
	}
	row := fmt.Sprintf("| `%s` | %d, %g %% ", name, c.N, c.Loss)
	for _, tool := range tools {
		speed := v.median(name, tool, mbit)
		_, _, runs := v.counts(name, tool)
		switch {
		case runs == 0:
			row += "| "
		case speed == 0:
			row += "| failed "
		case tool == "ceiling":
			row += fmt.Sprintf("| %s%.0f ", v.tilde(name, tool), speed)
		default:
			row += fmt.Sprintf("| %s%.0f (×%.3f; %.1f) ", v.tilde(name, tool), speed, v.median(name, tool, wireOf),
				v.median(name, tool, cpu))
		}
	}
	of := v.paired(name, func(t map[string]result) float64 { return t[product].Mbit / t["ceiling"].Mbit })
	rival := v.paired(name, func(t map[string]result) float64 { return t[product].Mbit / best(t) })
	quiet, right, all := v.counts(name, product)
	return row + fmt.Sprintf("| %s | %s | %s | %d/%d/%d |", finite("%.0f", floorMbit(c)), some(of), some(rival), quiet,
		right, all)
}

// counts are a tool's runs in a cell: quiet ones that came out right, right ones, all.
func (v view) counts(name, tool string) (quiet, right, all int) {
	for _, r := range rounds(v) {
		if r.Cell.Name != name || r.Tool != tool {
			continue
		}
		all++
		if r.OK {
			right++
			if r.Noise <= quietNoise {
				quiet++
			}
		}
	}
	return quiet, right, all
}

func multicastTable(v view, tools []string, names ...string) string {
	v = rounds(v)
	var rows []string
	for _, n := range names {
		rows = append(rows, multicast(v, n, tools))
	}
	return tableOf("cell | receivers, loss | "+strings.Join(tools, " | ")+
		" | theory | of the ceiling | × best rival | quiet/right/all", rows)
}

var multicastTools = []string{product, "uftp", "udpcast", "ceiling"}

func gigabit(v view) string {
	var names []string
	for _, n := range []int{1, 4, 8} {
		for _, loss := range []int{0, 1, 5} {
			names = append(names, fmt.Sprintf("gig-n%d-loss%d", n, loss))
		}
	}
	return multicastTable(v, multicastTools, names...)
}

func megabit(v view) string {
	return multicastTable(v, multicastTools, "wire100-clean", "wire100-loss5")
}

func fastest(v view) string {
	return multicastTable(v, everyone, "unlimited", "seg-n1-1gbit", "seg-n4-1gbit", "seg-n8-1gbit", "seg-n1-unlimited",
		"seg-n4-unlimited", "seg-n8-unlimited") + v.pictures("goodput-segmented.svg")
}

// pictures show these plots, those of which something was measured.
func (v view) pictures(files ...string) (text string) {
	for _, p := range plots {
		if slices.Contains(files, p.file) && p.svg(rounds(v)) != "" {
			text += fmt.Sprintf("\n![%s](plots/%s)\n", p.title, p.file)
		}
	}
	return text
}

// usePictures show what the wire carried, of the cells of which that was kept.
func usePictures(v view) (text string) {
	v = rounds(v)
	for _, c := range cellsOf(v) {
		if slices.Contains(usePlots, c.Name) && useSVG(v, c) != "" {
			text += fmt.Sprintf("![%s](plots/use-%s.svg)\n", c.Name, c.Name)
		}
	}
	return cmp.Or(text, "Not measured.\n")
}

// each is a table of seconds and bytes on the server's wire, a column for each tool.
func each(v view, cells []cell, tools []string, first string, label func(cell) string) string {
	v = rounds(v)
	var rows []string
	for _, known := range cells {
		c, measured := v.cell(known.Name)
		if !measured {
			continue
		}
		row := "| " + label(c)
		for _, tool := range tools {
			s := v.median(c.Name, tool, seconds)
			if s == 0 {
				row += " | failed"
				continue
			}
			row += fmt.Sprintf(" | %s%.2f s, %.1f MB", v.tilde(c.Name, tool), s, v.median(c.Name, tool, sentBytes)/1e6)
			if m := v.median(c.Name, tool, func(r result) float64 { return r.Made }); m > 0 {
				row += fmt.Sprintf(" (made in %.1f s)", m)
			}
		}
		quiet, right, all := v.counts(c.Name, product)
		rows = append(rows, row+fmt.Sprintf(" | %d/%d/%d |", quiet, right, all))
	}
	return tableOf(first+" | "+strings.Join(tools, " | ")+" | quiet/right/all", rows)
}

func sentAgain(v view) string {
	return each(v, deltas(), deltaTools, "cell | what differs; receivers; wire; touched blocks", func(c cell) string {
		touched := v.median(c.Name, product, func(r result) float64 { return float64(r.Touched) }) / 1e6
		return fmt.Sprintf("`%s` | %s; %d; %s; %.1f MB", c.Name, c.Delta, c.N, c.Wire, touched)
	}) + v.pictures("again-wire.svg", "again-seconds.svg")
}

func (d delta) String() string {
	switch {
	case d.Renamed:
		return "only the name"
	case d.Olds > 1:
		return fmt.Sprintf("%g %% from each of %d old versions", d.Percent, d.Olds)
	}
	return fmt.Sprintf("%g %% in pieces of %d KiB", d.Percent, d.Piece>>10)
}

func smallFiles(v view) string {
	tools := []string{product, "tar+tcp", "rsync"}
	return each(v, manyFiles(), tools, "cell | files; receivers; wire", func(c cell) string {
		return fmt.Sprintf("`%s` | %d of %g KiB; %d; %s", c.Name, c.Files, c.MiB/kib, c.N, c.Wire)
	}) + v.pictures("files.svg")
}

// otherCells are groupcast's figures in the cells that have no table of their own.
func otherCells(v view) string {
	v = rounds(v)
	var rows []string
	for _, c := range cellsOf(v) {
		own := strings.HasPrefix(c.Name, "gig-") || strings.HasPrefix(c.Name, "wire100") ||
			strings.HasPrefix(c.Name, "seg-") || c.Name == "unlimited" || c.Delta != nil || strings.HasPrefix(c.Name, "files20k")
		rs, _ := v.good(c.Name, product)
		if own || len(rs) == 0 {
			continue
		}
		m := func(f func(result) float64) float64 { return v.median(c.Name, product, f) }
		quiet, right, all := v.counts(c.Name, product)
		rows = append(rows, fmt.Sprintf("| `%s` | %s%.2f s, %.0f Mbit/s, ×%.3f | %.0f, %.0f MB | %d/%d/%d | %s |", c.Name,
			v.tilde(c.Name, product), m(seconds), m(mbit), m(wireOf),
			m(func(r result) float64 { return float64(r.PeakTx) / 1e6 }),
			m(func(r result) float64 { return float64(r.PeakRx) / 1e6 }), quiet, right, all, extras(rs, m)))
	}
	return tableOf("cell | groupcast | memory (server, receiver) | quiet/right/all | notes", rows)
}

// reached is how the goals of the measured cells stand.
func reached(v view) string {
	v = rounds(v)
	var rows []string
	for _, c := range catalogue() {
		for _, g := range c.goals {
			if figure, word := g.verdict(v, c); figure != "" {
				rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |", c.Name, g.text, figure, word))
			}
		}
	}
	return tableOf("cell | to reach | figure | reached", rows)
}

// rivalSettings are those that the rivals were given, and how many tries decided.
func rivalSettings(v view) string {
	tries := map[string]int{}
	for _, r := range v {
		if r.Round == tuned {
			tries[settingKey(r.Tool, r.Cell)]++
		}
	}
	var rows []string
	used := map[string]bool{}
	for _, r := range v {
		row := fmt.Sprintf("| `%s` | %s | %s | %d |", r.Cell.Name, r.Tool, r.Setting, tries[settingKey(r.Tool, r.Cell)])
		if r.Round != tuned && r.Setting != "" && !used[row] {
			used[row] = true
			rows = append(rows, row)
		}
	}
	return tableOf("cell | tool | setting | tries", rows)
}

// summary is the README's table: what people ask first, and the command that measures it.
func summary(v view) string {
	v = rounds(v)
	var rows []string
	for _, q := range []struct{ what, cell string }{
		{"64 MiB, 1 Gbit/s wire, 1 receiver", "gig-n1-loss0"},
		{"… 4 receivers", "gig-n4-loss0"},
		{"… 8 receivers", "gig-n8-loss0"},
		{"… 8 receivers, 5 % loss at each", "gig-n8-loss5"},
		{"64 MiB to 8 receivers, 5 % loss at each, 100 Mbit/s wire", "wire100-loss5"},
		{"256 MiB to one receiver, no limit", "unlimited"},
		{"256 MiB again, 1 % changed, to 8 receivers", "delta-1-n8-1gbit"},
		{"20,000 files of 4 KiB to 8 receivers", "files20k-n8"},
		{"10,000 files of 1 KB to 3 receivers, 100 Mbit/s", "small10k"},
		{"2 files of 1 KB to 3 receivers", "tiny"},
	} {
		rows = append(rows, v.summaryRow(q.what, q.cell))
	}
	return tableOf("what | groupcast | others | how", rows)
}

func (v view) summaryRow(what, name string) string {
	if v.median(name, product, seconds) == 0 {
		return ""
	}
	c, _ := v.cell(name)
	inTime := c.Delta != nil || c.Files > 0
	figure := func(tool string) string {
		if inTime {
			return fmt.Sprintf("%s%.2f s, %.1f MB sent", v.tilde(name, tool), v.median(name, tool, seconds),
				v.median(name, tool, sentBytes)/1e6)
		}
		return fmt.Sprintf("%s%.0f Mbit/s, ×%.2f on the wire", v.tilde(name, tool), v.median(name, tool, mbit),
			v.median(name, tool, wireOf))
	}
	var others []string
	for _, tool := range rivals {
		if v.median(name, tool, seconds) > 0 {
			others = append(others, tool+" "+figure(tool))
		}
	}
	return fmt.Sprintf("| %s | %s | %s | `sudo bin/bench -cells %s` |", what, figure(product),
		strings.Join(others, "; "), name)
}
