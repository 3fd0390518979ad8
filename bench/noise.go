package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// noise measures how many CPUs everybody else took while something was measured. It counts twice and
// takes the larger: what the processes of others used, those included that have ended meanwhile, for
// their parents are told; and what the machine was busy beyond the bench's own processes and soft
// interrupts, in which our packets are carried, for there may be processes that cannot be seen from
// here. What the host of a virtual machine took away counts, too.
type noise struct {
	at             time.Time
	others, hidden float64 // CPU seconds so far
	stolen         float64
}

func (b *bed) noise() noise {
	t := cpuTimes()
	own := b.ownCPU()
	return noise{
		at: time.Now(), others: b.othersCPU(), hidden: t[0] + t[1] + t[2] + t[5] - own, stolen: t[7],
	}
}

// stop gives the CPUs that others took since then.
func (n noise) stop(b *bed) float64 {
	now := b.noise()
	others := max(0, now.others-n.others, now.hidden-n.hidden)
	return (others + now.stolen - n.stolen) / max(0.05, now.at.Sub(n.at).Seconds())
}

// ownCPU is what this program and everything that it started have used, with all that these have
// started, processes that have ended included.
func (b *bed) ownCPU() float64 {
	used, all := selfAndEnded(), processes()
	for _, p := range b.procs {
		if p.ProcessState == nil { // one that was waited for is among the ended
			used += all.family(p.Process.Pid)
		}
	}
	return used
}

// othersCPU is what all processes but the bench's own and the kernel's threads have used so far, with
// their children that have ended.
func (b *bed) othersCPU() (total float64) {
	all := processes()
	mine := map[int]bool{os.Getpid(): true, kthreadd: true}
	for _, p := range b.procs {
		mine[p.Process.Pid] = true
	}
	for pid, st := range all {
		if !all.descends(pid, mine) {
			total += st.own + st.children
		}
	}
	return total
}

// table is what every process has used, by its number.
type table map[int]procStat

func processes() table {
	all := table{}
	dirs, _ := os.ReadDir("/proc")
	for _, d := range dirs {
		if pid, err := strconv.Atoi(d.Name()); err == nil {
			all[pid] = readStat(pid)
		}
	}
	return all
}

// descends says whether a process is one of these or comes from one.
func (t table) descends(pid int, from map[int]bool) bool {
	for range 64 { // no family is as deep; a number used again could make a circle
		if from[pid] {
			return true
		}
		if pid = t[pid].parent; pid <= 1 {
			return false
		}
	}
	return false
}

// family is what a process has used with all that come from it: servers start some for their clients.
func (t table) family(root int) (used float64) {
	for pid, st := range t {
		if t.descends(pid, map[int]bool{root: true}) {
			used += st.own + st.children
		}
	}
	return used
}

// kthreadd is the process that starts the kernel's threads.
const kthreadd = 2

// cpuTimes are the first eight figures of the machine in /proc/stat, in seconds: user, nice, system,
// idle, waiting for disks, interrupts, soft interrupts, stolen.
func cpuTimes() (f [8]float64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return f
	}
	return parseCPUTimes(string(text))
}

func parseCPUTimes(text string) (f [8]float64) {
	line, _, _ := strings.Cut(text, "\n")
	for i, field := range strings.Fields(line)[1:] {
		if i < len(f) {
			v, _ := strconv.ParseFloat(field, 64)
			f[i] = v / 100
		}
	}
	return f
}

// busy is the CPU seconds that the whole machine has used.
func busy() float64 {
	f := cpuTimes()
	return f[0] + f[1] + f[2] + f[5] + f[6]
}

// ended says whether a process has ended, though nobody has waited for it yet.
func ended(pid int) bool {
	state := readStat(pid).state
	return state == "Z" || state == ""
}

// procStat is what a process has used, in CPU seconds; children are those that it has waited for.
type procStat struct {
	state         string // one letter; empty when the process is gone
	parent        int
	own, children float64
}

// readStat reads /proc/PID/stat; all 0 when the process is gone.
func readStat(pid int) procStat {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}
	}
	return parseStat(string(text))
}

// parseStat reads a line of /proc/PID/stat, where the second field may hold anything.
func parseStat(text string) (st procStat) {
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(f) < 15 {
		return st
	}
	ticks := func(i int) float64 {
		v, _ := strconv.ParseFloat(f[i], 64)
		return v / 100
	}
	st.state = f[0]
	st.parent, _ = strconv.Atoi(f[1])
	st.own, st.children = ticks(11)+ticks(12), ticks(13)+ticks(14)
	return st
}
