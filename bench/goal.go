package main

import (
	"fmt"
	"math"
	"slices"
)

// goal is one thing that a cell is to reach.
type goal struct {
	text   string
	limit  float64
	atMost bool
	figure func(v view, c cell) (float64, bool) // false: not measured
}

// verdict is the result for a goal.
func (g goal) verdict(v view, c cell) (figure, word string) {
	x, measured := g.figure(v, c)
	if !measured {
		return "", "not measured"
	}
	word = "no"
	if g.atMost && x <= g.limit || !g.atMost && x >= g.limit {
		word = "yes"
	}
	return fmt.Sprintf("%.3g", x), word
}

// Fields of a result that goals and tables look at.
func mbit(r result) float64    { return r.Mbit }
func seconds(r result) float64 { return r.Seconds }
func wireOf(r result) float64  { return r.Wire }
func cpu(r result) float64     { return r.CPU }

const product = "groupcast"

var rivals = []string{"uftp", "udpcast", "aria2", "rsync", "zsync", "casync", "tar+tcp"}

func of(tool string, field func(result) float64) func(view, cell) (float64, bool) {
	return func(v view, c cell) (float64, bool) {
		x := v.median(c.Name, tool, field)
		return x, x > 0
	}
}

func goodput(limit float64) goal {
	return goal{fmt.Sprintf("≥ %g Mbit/s", limit), limit, false, of(product, mbit)}
}

func onTheWire(limit float64) goal {
	return goal{fmt.Sprintf("≤ ×%g on the wire", limit), limit, true, of(product, wireOf)}
}

func within(limit float64) goal {
	return goal{fmt.Sprintf("< %g s", limit), limit, true, of(product, seconds)}
}

func ofTheWire(limit float64) goal {
	return goal{fmt.Sprintf("≥ %g of what the wire carries", limit), limit, false, func(v view, c cell) (float64, bool) {
		x := v.median(c.Name, product, mbit) / wireMbit(c)
		return x, x > 0
	}}
}

func ofTheCeiling(limit float64) goal {
	return goal{
		fmt.Sprintf("≥ %g of the ceiling or of the wire", limit), limit, false,
		func(v view, c cell) (float64, bool) {
			x := v.paired(c.Name, func(tool map[string]result) float64 {
				return tool[product].Mbit / math.Min(tool["ceiling"].Mbit, wireMbit(c))
			})
			return x, x > 0
		},
	}
}

// best is the fastest rival of a round; 0 when none of them made it.
func best(tool map[string]result) (top float64) {
	for _, r := range rivals {
		top = math.Max(top, tool[r].Mbit)
	}
	return top
}

func twiceTheRival() goal {
	return goal{
		"≥ 2 × the best rival, or 0.97 of the wire where that is less", 1, false,
		func(v view, c cell) (float64, bool) {
			x := v.paired(c.Name, func(tool map[string]result) float64 {
				return tool[product].Mbit / math.Min(2*best(tool), 0.97*floorMbit(c))
			})
			return x, x > 0
		},
	}
}

func firstPacket(limit float64) goal {
	first := func(r result) float64 { return r.First }
	return goal{fmt.Sprintf("first packet of data ≤ %g s after the command", limit), limit, true, of(product, first)}
}

// sentBytes is what the sender's wire carried.
func sentBytes(r result) float64 { return r.Wire * float64(r.Cell.bytes()) }

// asLacking compares the bytes on the wire with those of the blocks that receivers lack.
func asLacking(d delta) goal {
	if d.Renamed {
		return goal{"≤ 1 % of the file on the wire", 0.01, true, of(product, wireOf)}
	}
	return goal{"≤ 1.1 × the touched blocks on the wire", 1.1, true, of(product, func(r result) float64 {
		return sentBytes(r) / max(1, float64(r.Touched))
	})}
}

// fasterThanRivals compares the time with the fastest rival's.
func fasterThanRivals() goal {
	return goal{"≥ 1 × the best rival's speed", 1, false, func(v view, c cell) (float64, bool) {
		x := v.paired(c.Name, func(tool map[string]result) float64 { return tool[product].Mbit / best(tool) })
		return x, x > 0
	}}
}

func halfTheCPU() goal {
	return goal{"≤ 0.5 of the best rival's CPU seconds", 0.5, true, func(v view, c cell) (float64, bool) {
		x := v.paired(c.Name, func(tool map[string]result) float64 {
			least := math.Inf(1)
			for _, r := range rivals {
				if tool[r].CPU > 0 {
					least = math.Min(least, tool[r].CPU)
				}
			}
			return tool[product].CPU / least
		})
		return x, x > 0
	}}
}

// bestRate compares auto with the best of the fixed rates.
func bestRate() goal {
	return goal{"auto ≥ 0.9 of the best fixed rate", 0.9, false, func(v view, c cell) (float64, bool) {
		top := 0.0
		for _, r := range c.rates {
			top = math.Max(top, v.median(c.Name, product+"@"+r, mbit))
		}
		x := v.median(c.Name, product, mbit) / top
		return x, x > 0 && top > 0
	}}
}

func likeSeven(name string) goal {
	return goal{"the seven within 1.05 × of a run of seven", 1.05, true, func(v view, _ cell) (float64, bool) {
		x := v.median(name, product, seconds) / v.median(name+"/seven", product, seconds)
		return x, x > 0 && !math.IsInf(x, 0)
	}}
}

// share is the part of a cell's runs of the product for which is holds.
func share(v view, name string, is func(result) bool) (float64, bool) {
	all, good := 0.0, 0.0
	for _, r := range v {
		if r.Cell.Name == name && r.Tool == product {
			all++
			if is(r) {
				good++
			}
		}
	}
	return good / all, all > 0
}

func eighthDone() goal {
	return goal{"the eighth is finished by itself, in every run", 1, false, func(v view, c cell) (float64, bool) {
		return share(v, c.Name, func(r result) bool { return r.OK && r.Eighth > 0 })
	}}
}

func causeNamed() goal {
	return goal{"its cause is named, in every run", 1, false, func(v view, c cell) (float64, bool) {
		return share(v, c.Name, func(r result) bool { return r.Cause != "" })
	}}
}

func likeOneFileAndTar(name string) goal {
	return goal{"≤ 1.5 × one file of the same size + tar x", 1, true, func(v view, _ cell) (float64, bool) {
		one, tar := v.median(name+"/onefile", product, seconds), v.median(name+"/tar", "tar", seconds)
		x := v.median(name, product, seconds) / (1.5*one + tar)
		return x, x > 0 && one > 0 && tar > 0
	}}
}

func peakOf(side string, limit float64) goal {
	field := func(r result) float64 { return float64(r.PeakTx) }
	if side == "receiver" {
		field = func(r result) float64 { return float64(r.PeakRx) }
	}
	return goal{
		fmt.Sprintf("%s's memory ≤ %.0f MB (bytes)", side, limit/1e6), limit, true,
		func(v view, c cell) (float64, bool) {
			x := math.Max(v.most(c.Name, field), v.most(c.Name+"/64mib", field))
			return x, v.most(c.Name, field) > 0
		},
	}
}

func shareOf(who string, limit float64) goal {
	return goal{fmt.Sprintf("%s gets ≥ %g of the port", who, limit), limit, false, func(v view, c cell) (float64, bool) {
		got := func(r result) float64 { return r.Mbit }
		if who == "TCP" {
			got = func(r result) float64 { return r.TCP }
		}
		x := v.median(c.Name, product, got) * 1e6 / rateBits(c.Port)
		return x, v.median(c.Name, product, seconds) > 0
	}}
}

// view is a set of results to look at.
type view []result

// quietNoise is how many CPUs others may take in a run that counts as quiet.
const quietNoise = 0.2

// good are the runs that came out right, only the quiet ones if there are any.
func (v view) good(name, tool string) (all view, quiet bool) {
	for _, r := range v {
		if r.Cell.Name == name && r.Tool == tool && r.OK {
			all = append(all, r)
		}
	}
	calm := slices.DeleteFunc(slices.Clone(all), func(r result) bool { return r.Noise > quietNoise })
	if len(calm) > 0 {
		return calm, true
	}
	return all, false
}

func (v view) median(name, tool string, field func(result) float64) float64 {
	rs, _ := v.good(name, tool)
	var x []float64
	for _, r := range rs {
		x = append(x, field(r))
	}
	return middle(x)
}

func (v view) most(name string, field func(result) float64) (top float64) {
	for _, r := range v {
		if r.Cell.Name == name && r.Tool == product {
			top = math.Max(top, field(r))
		}
	}
	return top
}

// paired is the median over the rounds of a figure that compares tools of one round; rounds
// in which one of them is missing do not count.
func (v view) paired(name string, figure func(tool map[string]result) float64) float64 {
	rounds, noisy := map[int]map[string]result{}, map[int]bool{}
	for _, r := range v {
		if r.Cell.Name == name && r.OK {
			if rounds[r.Round] == nil {
				rounds[r.Round] = map[string]result{}
			}
			rounds[r.Round][r.Tool] = r
			noisy[r.Round] = noisy[r.Round] || r.Noise > quietNoise
		}
	}
	var quiet, all []float64
	for i, tool := range rounds {
		x := figure(tool)
		if math.IsNaN(x) || math.IsInf(x, 0) || x <= 0 {
			continue
		}
		all = append(all, x)
		if !noisy[i] {
			quiet = append(quiet, x)
		}
	}
	if len(quiet) > 0 {
		return middle(quiet)
	}
	return middle(all)
}

// middle is the median; 0 of nothing.
func middle(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}
