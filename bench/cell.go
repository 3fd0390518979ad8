package main

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast/bench/relay"
	"github.com/groupcast/groupcast/internal/protocol"
)

// cell is one piece of work that the tools do side by side.
type cell struct {
	Name string  `json:"name"`
	N    int     `json:"n"`
	Loss float64 `json:"loss"` // percent, drawn for each receiver by itself
	Wire string  `json:"wire"` // as tc writes it; "none"
	MiB  float64 `json:"mib"`  // of the one file; with Files: of each

	Files   int           `json:"files,omitempty"`   // so many files of MiB each
	Trouble string        `json:"trouble,omitempty"` // what the last receiver suffers from: frozen, slowport, lossy
	Burst   [2]int        `json:"burst,omitzero"`    // of every X datagrams to a receiver B in a row are lost
	Line    *relay.Config `json:"line,omitempty"`    // the long line between sender and switch
	Rival   bool          `json:"tcp,omitempty"`     // one TCP flow shares the receiver's port
	Port    string        `json:"port,omitempty"`    // rate of the receivers' switch ports
	Queue   int           `json:"queue,omitempty"`   // KiB that such a port holds
	Disk    bool          `json:"disk,omitempty"`    // on disk, for what tmpfs cannot hold
	// the cards and the switch cut and join large packets, as physical cards do
	Segmentation bool `json:"segmentation,omitempty"`

	Delta *delta `json:"delta,omitempty"` // the receivers have other versions of the one file

	tools  []string      // instead of those of the command line
	rates  []string      // fixed rates of groupcast beside auto
	limit  time.Duration // of one run; 0: three minutes
	runs   int           // at most so many rounds; 0: as many as are asked for
	beside []cell        // measured in the same rounds
	goals  []goal
}

func (c cell) String() string {
	if c.Name != "" {
		return c.Name
	}
	return fmt.Sprintf("n%d-loss%g-%s-%gmib", c.N, c.Loss, c.Wire, c.MiB)
}

func (c cell) patience() time.Duration {
	if c.limit > 0 {
		return c.limit
	}
	return 3 * time.Minute
}

// bytes is what is sent.
func (c cell) bytes() int64 { return int64(max(1, c.Files)) * c.each() }

func (c cell) each() int64 { return int64(math.Round(c.MiB * (1 << 20))) }

// healthy is how many receivers the clock waits for.
func (c cell) healthy() int {
	if c.Trouble != "" {
		return c.N - 1
	}
	return c.N
}

const kib = 1.0 / 1024

// Fixed rates that auto is compared with.
var (
	ratesMega = []string{"60M", "80M", "90M", "95M", "100M"}
	ratesGiga = []string{"200M", "400M", "600M", "800M", "950M"}
)

// catalogue is every named cell, in the order of the table that they are to fill.
func catalogue() []cell {
	all := []cell{
		{Name: "wire100-clean", N: 8, Wire: "100mbit", MiB: 64, rates: ratesMega, goals: []goal{ofTheWire(0.97)}},
		{
			Name: "wire100-loss5", N: 8, Loss: 5, Wire: "100mbit", MiB: 64, rates: ratesMega,
			goals: []goal{goodput(83), onTheWire(1.15)},
		},
	}
	for _, n := range []int{1, 4, 8} {
		for _, loss := range []float64{0, 1, 5} {
			c := cell{
				Name: fmt.Sprintf("gig-n%d-loss%g", n, loss), N: n, Loss: loss, Wire: "1gbit", MiB: 64, rates: ratesGiga,
				goals: gigGoals(n, loss),
			}
			all = append(all, c)
		}
	}
	all = append(all, cell{
		Name: "unlimited", N: 1, Wire: "none", MiB: 256, rates: []string{"500M", "1G", "1.5G", "2G"},
		goals: []goal{ofTheCeiling(0.85)},
	})
	all = append(all, segmented()...)
	all = append(all, deltas()...)
	all = append(all, manyFiles()...)
	all = append(all, troubles()...)
	all = append(all, small()...)
	all = append(all, memory(20<<10), cell{Name: "cpu", N: 8, Wire: "1gbit", MiB: 64, goals: []goal{halfTheCPU()}})
	all = append(all, lines()...)
	for i := range all {
		if len(all[i].rates) > 0 {
			all[i].goals = append(all[i].goals, bestRate())
		}
	}
	return all
}

// gigGoals are what is asked for on a wire of 1 Gbit/s.
func gigGoals(n int, loss float64) (list []goal) {
	switch {
	case loss > 0:
		list = append(list, ofTheCeiling(0.7))
	case n == 1:
		list = append(list, ofTheWire(0.95), firstPacket(0.06))
	default:
		list = append(list, ofTheCeiling(0.75))
	}
	if n == 8 {
		list = append(list, halfTheCPU())
	}
	return append(list, twiceTheRival())
}

// segmented: the cards cut large packets themselves and the switch passes them on whole, which is what
// a physical card spares the processor. Losses would hit whole trains, so there are none. BitTorrent
// is measured here, too: what imaging tools use that do without multicast.
func segmented() (all []cell) {
	for _, n := range []int{1, 4, 8} {
		for _, wire := range []string{"1gbit", "none"} {
			all = append(all, cell{
				Name: fmt.Sprintf("seg-n%d-%s", n, strings.Replace(wire, "none", "unlimited", 1)), N: n, Wire: wire, MiB: 256,
				Segmentation: true, tools: []string{"groupcast", "uftp", "udpcast", "aria2", "ceiling"},
				goals: []goal{ofTheCeiling(0.75), twiceTheRival()},
			})
		}
	}
	return all
}

// troubles: the eighth receiver is in trouble; a run of seven without it is compared.
func troubles() (all []cell) {
	for _, kind := range []string{"frozen", "slowport", "loss30"} {
		c := cell{
			Name: kind, N: 8, Wire: "100mbit", MiB: 64, Trouble: strings.Replace(kind, "loss30", "lossy", 1),
			limit:  5 * time.Minute,
			beside: []cell{{Name: kind + "/seven", N: 7, Wire: "100mbit", MiB: 64}},
			goals:  []goal{likeSeven(kind), eighthDone(), causeNamed()},
		}
		if kind != "frozen" {
			c.rates = ratesMega
		}
		all = append(all, c)
	}
	return all
}

// manyFiles: a tree of small files, beside what makes one copy for each receiver. uftp needs a second
// for a thousand of them and is measured with fewer.
func manyFiles() (all []cell) {
	for _, n := range []int{1, 4, 8} {
		all = append(all, cell{
			Name: fmt.Sprintf("files20k-n%d", n), N: n, Wire: "1gbit", MiB: 4 * kib, Files: 20_000, limit: time.Minute,
			Segmentation: true, // which TCP is used to
			tools:        []string{product, "tar+tcp", "rsync"}, goals: []goal{fasterThanRivals()},
		})
	}
	return all
}

func small() []cell {
	files := []string{"groupcast", "uftp"} // udpcast sends one file
	return []cell{
		{Name: "tiny", N: 3, Wire: "100mbit", MiB: kib, Files: 2, tools: files, goals: []goal{within(0.2)}},
		{
			Name: "small10k", N: 3, Wire: "100mbit", MiB: kib, Files: 10_000, tools: files, limit: 5 * time.Minute,
			beside: []cell{
				{Name: "small10k/onefile", N: 3, Wire: "100mbit", MiB: 10_000 * kib, tools: []string{"groupcast"}},
				{Name: "small10k/tar", N: 3, Wire: "100mbit", MiB: kib, Files: 10_000, tools: []string{"tar"}},
			},
			goals: []goal{likeOneFileAndTar("small10k")},
		},
	}
}

// memory: a large file on disk; the same with 64 MiB beside.
func memory(mib float64) cell {
	ours := []string{"groupcast"}
	return cell{
		Name: "memory", N: 1, Wire: "none", MiB: mib, Disk: true, tools: ours, limit: 2 * time.Hour,
		beside: []cell{{Name: "memory/64mib", N: 1, Wire: "none", MiB: 64, tools: ours}},
		goals:  []goal{peakOf("sender", 150e6), peakOf("receiver", 100e6)},
	}
}

// lines: a long line, burst loss, and one TCP flow through the same port.
func lines() (all []cell) {
	ours := []string{"groupcast", "ceiling"}
	for _, ms := range []int{1, 20, 100} {
		delay := time.Duration(ms) * time.Millisecond
		all = append(all, cell{
			Name: fmt.Sprintf("relay-%dms", ms), N: 4, Wire: "100mbit", MiB: 64, tools: ours,
			rates: ratesMega,
			Line:  &relay.Config{Delay: delay, Jitter: delay / 10, Reorder: 1, Late: time.Millisecond},
		})
	}
	return append(all,
		cell{
			Name: "relay-burst", N: 4, Wire: "100mbit", MiB: 64, tools: ours, rates: ratesMega,
			Line: &relay.Config{Delay: 5 * time.Millisecond, Jitter: 500 * time.Microsecond, GoodToBad: 0.1, BadToGood: 5},
		},
		cell{Name: "burst", N: 4, Wire: "100mbit", MiB: 64, Burst: [2]int{30, 1000}, rates: ratesMega},
		cell{
			Name: "tcpfair", N: 1, Wire: "1gbit", MiB: 128, Rival: true, Port: "100mbit", Queue: 64,
			tools: []string{"groupcast"},
			goals: []goal{shareOf("groupcast", 0.25), shareOf("TCP", 0.25)},
		})
}

// quick is a cell or two of each kind.
var quick = []string{
	"wire100-clean", "wire100-loss5", "gig-n4-loss0", "gig-n4-loss5", "unlimited", "frozen", "tiny", "relay-20ms", "burst",
	"tcpfair",
}

// inTable are the cells of the documents' tables, with how often each is measured at most: what fits
// into 25 minutes.
func inTable(all []cell) (plan []cell) {
	often := map[string]int{
		"gig-n1-loss0": 5, "gig-n4-loss0": 5, "gig-n8-loss0": 5, "gig-n1-loss5": 5, "gig-n4-loss5": 5, "gig-n8-loss5": 5,
		"wire100-clean": 1, "wire100-loss5": 2, "unlimited": 5, "seg-n4-1gbit": 2,
		"delta-1-n1-1gbit": 2, "delta-1-n4-1gbit": 2, "delta-1-n8-1gbit": 2, "delta-1-n8-100mbit": 1, "delta-10-n8-1gbit": 2,
		"delta-4k-n8-1gbit": 1, "delta-renamed-n8-1gbit": 1, "delta-two-n8-1gbit": 1,
		"files20k-n1": 1, "files20k-n4": 1, "files20k-n8": 2, "tiny": 3, "small10k": 1, "frozen": 1, "slowport": 1,
		"loss30": 1, "relay-20ms": 1, "tcpfair": 1,
	}
	for _, c := range all {
		if c.runs = often[c.Name]; c.runs == 0 {
			continue
		}
		c.rates = nil
		if c.Trouble != "" { // rivals wait minutes for the eighth
			c.tools = []string{product}
			c.beside = slices.Clone(c.beside)
			for i := range c.beside {
				c.beside[i].tools = c.tools
			}
		}
		if c.limit == 0 {
			c.limit = 30 * time.Second
		}
		plan = append(plan, c)
	}
	return plan
}

// choose gives the cells that a list of names and patterns (gig-*) asks for.
func choose(list string) (plan []cell, err error) {
	all := catalogue()
	for _, pattern := range strings.Split(list, ",") {
		if pattern == "table" {
			plan = append(plan, inTable(all)...)
			continue
		}
		found := false
		for _, c := range all {
			match, err := path.Match(pattern, c.Name)
			if err != nil {
				return nil, fmt.Errorf("cells %q: %w", pattern, err)
			}
			switch pattern {
			case "full":
				match = c.Name != "cpu" // gig-n8-loss0 is the same work
			case "quick":
				match = slices.Contains(quick, c.Name)
				c.rates = nil
			}
			if match {
				plan, found = append(plan, c), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no cell is called %q; there are full, quick, table, %s", pattern,
				strings.Join(names(all), ", "))
		}
	}
	return plan, nil
}

func names(cells []cell) (list []string) {
	for _, c := range cells {
		list = append(list, c.Name)
	}
	return list
}

// Packets of the product, as they lie on an Ethernet: IP and UDP headers and the frame's own
// 14 bytes are counted by the cards; preamble, checksum and gap, 24 more, only by the wire.
const (
	symbol = float64(protocol.DefaultSymbol)
	frame  = symbol + protocol.DataOverhead + 28 + 14
	gap    = 24.0
	blockK = (protocol.BlockSize + protocol.DefaultSymbol - 1) / protocol.DefaultSymbol
	padded = blockK * symbol / protocol.BlockSize
)

// fit makes the cell memory as large as asked for, or as 20 GiB, or as the disk can hold
// beside a tenth that stays free.
func fit(c cell, gib float64) cell {
	if gib > 0 {
		c.MiB = gib * 1024
		return c
	}
	room := float64(freeDisk("/var/tmp")>>20) * 0.9 / float64(c.N+1)
	c.MiB = math.Max(64, math.Floor(math.Min(c.MiB, room)))
	return c
}
