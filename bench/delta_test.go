package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/test/netlab"
)

func TestImagesDifferByWhatIsSaid(t *testing.T) {
	for _, d := range []delta{
		{Percent: 10, Piece: 256 << 10},
		{Percent: 1, Piece: pageBytes},
		{Percent: 10, Piece: 256 << 10, Olds: 2},
		{Renamed: true},
	} {
		t.Run(d.String(), func(t *testing.T) {
			dir := t.TempDir()
			c := cell{Name: "d", N: 2, MiB: 20, Delta: &d}
			p, m, err := newContent(dir, c)
			if err != nil {
				t.Fatal(err)
			}
			if _, named := p.sums["tree/"+d.name()]; !named || len(m.olds) != max(1, d.Olds) {
				t.Fatalf("%v of %d versions", p.sums, len(m.olds))
			}
			image, _ := os.ReadFile(m.image)
			blocks := map[int]bool{}
			for _, path := range m.olds {
				old, _ := os.ReadFile(path)
				if len(old) != len(image) {
					t.Fatalf("%d bytes, the image has %d", len(old), len(image))
				}
				changed := 0
				for at := 0; at < len(image); at += pageBytes {
					end := min(at+pageBytes, len(image))
					if bytes.Equal(old[at:end], image[at:end]) {
						continue
					}
					changed += pageBytes
					for b := at / protocol.BlockSize; b <= (end-1)/protocol.BlockSize; b++ {
						blocks[b] = true
					}
				}
				if want := float64(len(image)) * d.Percent / 100; float64(changed) < want*0.9 || float64(changed) > want*1.1 {
					t.Errorf("%d bytes of pages differ, want %.0f", changed, want)
				}
			}
			if got := int(m.touched+protocol.BlockSize-1) / protocol.BlockSize; got != len(blocks) {
				t.Errorf("%d blocks are called touched, %d are", got, len(blocks))
			}
		})
	}
}

func TestImagesThatAreRenamedKeepTheirTime(t *testing.T) {
	dir := t.TempDir()
	c := cell{Name: "d", N: 1, MiB: 1, Delta: &delta{Renamed: true}}
	p, m, err := newContent(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{cell: c, dir: dir, load: p, images: m}
	if err := b.seedRivals(); err != nil {
		t.Fatal(err)
	}
	here, err := os.Stat(filepath.Join(b.out(1), "tree", imageName))
	if err != nil {
		t.Fatal(err)
	}
	there, err := os.Stat(filepath.Join(dir, "tree", otherName))
	if err != nil || !there.ModTime().Equal(here.ModTime()) {
		t.Errorf("%v and %v: rsync finds what was renamed by its time (%v)", here.ModTime(), there, err)
	}
}

func TestDevicesAreRead(t *testing.T) {
	for _, text := range []string{
		`[{"user":"u1","name":"pc"},{"user":"u2","name":"pc"}]`,
		`{"items":[{"user":"u1","name":"pc"},{"user":"u2","name":"pc"}]}`,
	} {
		t.Run(text[:2], func(t *testing.T) {
			all, err := parseDevices([]byte(text))
			if err != nil || all["u2"] != "u2/pc" || len(all) != 2 {
				t.Errorf("%v, %v", all, err)
			}
		})
	}
	if _, err := parseDevices([]byte("no")); err == nil {
		t.Error("what is no list was read")
	}
}

func TestSettingsComeFromTries(t *testing.T) {
	c := cell{Name: "x"}
	try := func(tool, setting string, mbit, noise float64) result {
		return result{Tool: tool, Cell: c, Round: tuned, Setting: setting, OK: mbit > 0, Mbit: mbit, Noise: noise}
	}
	got := chosen([]result{
		try("uftp", "0.5", 200, 0), try("uftp", "0.8", 300, 0), try("uftp", "0.9", 400, 0), try("uftp", "0.9", 0, 0),
		try("uftp", "0.95", 350, 1), try("udpcast", "all", 0, 0),
		{Tool: "udpcast", Cell: c, Round: 0, Setting: "0.1", OK: true, Mbit: 999},
	})
	if got["uftp x"] != "0.8" {
		t.Errorf("uftp is given %q: faster ones failed once or were measured beside others' work", got["uftp x"])
	}
	if setting, known := got["udpcast x"]; !known || setting != "" {
		t.Errorf("udpcast is given %q, all of its settings failed", setting)
	}
	one, other := cell{Name: "a", N: 1, Delta: &delta{Percent: 1, Piece: 1 << 10}}, cell{Name: "b", N: 8}
	other.Delta = &delta{Percent: 1, Piece: 1 << 10}
	if settingKey("rsync", one) != settingKey("rsync", other) {
		t.Error("the same difference is tuned for each number of receivers")
	}
}

func TestRoundsGoOn(t *testing.T) {
	if got := after([]result{{Round: 0}, {Round: 4}, {Round: tuned}}); got != 5 {
		t.Errorf("round %d follows, want 5: pairs of one round are compared", got)
	}
	if got := after([]result{{Round: tuned}}); got != 0 {
		t.Errorf("round %d is the first, want 0", got)
	}
}

// TestTuningLeavesOutWhatCannotWin: rates below what was reached, and what is steeper than parity that
// fails again and again.
func TestTuningLeavesOutWhatCannotWin(t *testing.T) {
	var tried []string
	keep := func(r result) error {
		tried = append(tried, r.Setting)
		if r.Round != tuned || r.Tool != "udpcast" {
			t.Errorf("%+v is no try", r)
		}
		return nil
	}
	try := func(_ context.Context, tool string, _ cell) result {
		_, setting, _ := strings.Cut(tool, "@")
		if strings.Contains(setting, "+") {
			return result{}
		}
		return result{OK: true, Mbit: 700, Seconds: 1}
	}
	if err := tune(t.Context(), "udpcast", cell{Wire: "1gbit", Loss: 5}, try, keep); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(tried, " "); got != "all 0.95 0.9 0.8 0.8+8x8/128 0.8+8x16/128 0.9+8x8/128" {
		t.Errorf("tried %s", got)
	}
}

func TestTablesStandAtTheirMarks(t *testing.T) {
	again := cell{Name: "delta-1-n8-1gbit", N: 8, Wire: "1gbit", MiB: 256, Delta: &delta{Percent: 1, Piece: 256 << 10}}
	all := append(sample(),
		result{
			Tool: product, Cell: again, OK: true, Seconds: 2, Wire: 0.02,
			Touched: 5e6, Machine: "a box", At: time.Unix(9, 0),
		},
		result{Tool: "zsync", Cell: again, OK: true, Seconds: 4, Wire: 0.1, Made: 1.5, Setting: "4096"},
		result{Tool: "zsync", Cell: again, Round: tuned, OK: true, Seconds: 4, Setting: "4096"})
	text := "before\n"
	for name := range documentTables {
		text += "<!-- bench " + name + " -->\nold\n<!-- end -->\nbetween\n"
	}
	filled, err := fillTables(text, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"before\n", "between\n", "| `gig-n8-loss0` | 8, 0 % | 410 (×1.060; 4.0) |",
		"| 2.00 s, 5.4 MB | failed | 4.00 s, 26.8 MB (made in 1.5 s) |",
		"on a box", "| `delta-1-n8-1gbit` | zsync | 4096 | 1 |", "`sudo bin/bench -cells delta-1-n8-1gbit`",
	} {
		if !strings.Contains(filled, want) {
			t.Errorf("the document lacks %q:\n%s", want, filled)
		}
	}
	if again, err := fillTables(filled, all); err != nil || again != filled || strings.Contains(filled, "old\n") {
		t.Errorf("written twice it differs, or the old table stands: %v", err)
	}
	if _, err := fillTables("<!-- bench nonsense -->\n<!-- end -->", all); err == nil {
		t.Error("a table that is not there was written")
	}
}

// TestDocumentsHoldTheResults: the tables of README and docs/performance.md are what the results say.
func TestDocumentsHoldTheResults(t *testing.T) {
	results, err := load("results.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	tries, err := load("tuning.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"../README.md", "../docs/performance.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		filled, err := fillTables(string(text), append(results, tries...))
		if err != nil || filled != string(text) {
			t.Errorf("%s differs from bench/results.jsonl and bench/tuning.jsonl (%v): run make bench-tables", path, err)
		}
		if !strings.Contains(filled, "<!-- bench ") {
			t.Errorf("%s has no table from results", path)
		}
	}
}

func TestTheTableIsMeasuredOften(t *testing.T) {
	plan, err := choose("table")
	if err != nil || len(plan) < 20 {
		t.Fatalf("%d cells, %v", len(plan), err)
	}
	for _, c := range plan {
		if c.runs < 1 || len(c.goals) == 0 || c.rates != nil {
			t.Errorf("cell %s: %d rounds, %d goals, rates %v", c.Name, c.runs, len(c.goals), c.rates)
		}
	}
}

// TestFamilies: a server's processes for its clients are the server's.
func TestFamilies(t *testing.T) {
	all := table{
		2: {parent: 1, own: 1}, 10: {parent: 2, own: 1, children: 2}, 11: {parent: 10, own: 4}, 12: {parent: 11, own: 8},
		20: {parent: 2, own: 16}, 30: {parent: 31}, 31: {parent: 30},
	}
	if got := all.family(10); got != 15 {
		t.Errorf("the family used %v, want 15", got)
	}
	if all.descends(20, map[int]bool{10: true}) || all.descends(30, map[int]bool{10: true}) {
		t.Error("a stranger belongs to the family")
	}
}

// TestSmokeOfWhatEachReceiverRuns sends a small image again with every tool of this machine: seconds.
func TestSmokeOfWhatEachReceiverRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("a real lab")
	}
	if why := netlab.Missing(); why != "" {
		t.Skipf("skipped: this machine lacks %s", why)
	}
	usual := calm
	labName, calm = "gcsmoke2", 0 // these figures are no measurement
	defer func() { labName, calm = "gcbench", usual }()
	limit := 20 * time.Second
	image := cell{Name: "again", N: 2, Wire: "1gbit", MiB: 8, limit: limit, Segmentation: true}
	image.Delta = &delta{Percent: 5, Piece: 64 << 10}
	renamed := cell{Name: "renamed", N: 2, Wire: "1gbit", MiB: 8, limit: limit, Delta: &delta{Renamed: true}}
	two := cell{Name: "two", N: 2, Wire: "1gbit", MiB: 8, limit: limit}
	two.Delta = &delta{Percent: 5, Piece: 64 << 10, Olds: 2}
	files := cell{Name: "files", N: 2, Wire: "1gbit", MiB: kib, Files: 40, limit: limit}
	for tool, program := range map[string]string{
		product: binary(), "rsync": "rsync", "zsync": "zsync", "casync": "casync", "tar+tcp": "tar",
	} {
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("%s is not measured: %v", tool, err)
			continue
		}
		for _, c := range []cell{image, renamed, two, files} {
			if c.Delta != nil && tool == "tar+tcp" || c.Delta == nil && (tool == "zsync" || tool == "casync") {
				continue
			}
			t.Run(tool+" "+c.Name, func(t *testing.T) {
				r := run(t.Context(), tool, c)
				if !r.OK || r.Seconds <= 0 {
					t.Fatalf("%+v", r)
				}
				if c.Delta != nil && r.Wire > 0.8 {
					t.Errorf("×%.2f of the image went over the wire", r.Wire)
				}
				t.Logf("%.2f s, ×%.3f, touched %d, noise %.2f, CPU %.2f + %.2f", r.Seconds, r.Wire, r.Touched, r.Noise,
					r.CPUSender, r.CPUReceivers)
			})
		}
	}
}

// TestNobodyOutlivesTheBed: what a server started for a client ends with it.
func TestNobodyOutlivesTheBed(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc")
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "sleep 60 & sleep 60 & wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &bed{procs: []*exec.Cmd{cmd}}
	var children map[int]int
	for end := time.Now().Add(10 * time.Second); len(children) < 2 && time.Now().Before(end); {
		children = b.offspring()
	}
	if len(children) != 2 {
		t.Fatalf("%d children of the shell were found, it has 2", len(children))
	}
	stop(cmd)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		endOrphans(children)
		left := 0
		for pid := range children {
			if !ended(pid) {
				left++
			}
		}
		if left == 0 {
			return
		}
	}
	t.Error("children of the shell are left")
}
