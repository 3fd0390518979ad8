//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/test/attacker"
)

// full says that the long attacks run too.
var full = os.Getenv("REDTEAM_FULL") != ""

// memoryBound is what no process may take under attack (VmHWM): twice what a transfer of this
// size takes at rest, and a little.
const memoryBound = 200 << 20

// floodKinds are attacks that take all the processor time there is. A flooder has a machine of his
// own; here he shares his victims' cores, and has to stand behind them there.
var floodKinds = []string{"garbage", "feedback", "tls", "headers", "logins", "streams", "reflect"}

// attack is an attacker's process on a host of the lab.
type attack struct {
	s    *site
	log  *logFile
	stop func()
}

// attacks starts an attacker on a host; it ends with the test at the latest.
func (h host) attacks(p attacker.Plan) *attack {
	h.t.Helper()
	exe, err := os.Executable()
	must(h.t, err)
	p.Server, p.Fingerprint, p.Password = server, h.fingerprint, password
	text, err := json.Marshal(p)
	must(h.t, err)
	path := filepath.Join(h.dir, fmt.Sprintf("attack-%s-%d.log", p.Kind, time.Now().UnixNano()))
	f, err := os.Create(path)
	must(h.t, err)
	defer f.Close()
	argv := []string{exe}
	if slices.Contains(floodKinds, p.Kind) {
		argv = []string{"nice", "-n", "19", exe}
	}
	cmd := h.lab.Command(context.Background(), h.name, argv...)
	cmd.Env = append(os.Environ(), attacker.PlanVariable+"="+string(text))
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(h.t, cmd.Start())
	a := &attack{h.site, &logFile{path}, func() { h.site.stop(cmd, syscall.SIGTERM) }}
	h.t.Cleanup(a.stop)
	return a
}

// await waits until the attacker says something; one that cannot attack ends the test.
func (a *attack) await(pattern string) {
	a.s.t.Helper()
	if said := a.log.await(a.s.t, regexp.MustCompile(pattern+"|FAILED.*"))[0]; strings.HasPrefix(said, "FAILED") {
		a.s.t.Fatalf("the attacker: %s", said)
	}
}

// end stops the attacker and gives what it reports.
func (a *attack) end() (r attacker.Report) {
	a.s.t.Helper()
	a.stop()
	text, err := os.ReadFile(a.log.path)
	must(a.s.t, err)
	_, report, ok := strings.Cut(string(text), "REPORT ")
	if !ok {
		a.s.t.Fatalf("the attacker reports nothing:\n%s", text)
	}
	report, _, _ = strings.Cut(report, "\n")
	must(a.s.t, json.Unmarshal([]byte(report), &r))
	return r
}

// admin is the server's administrator, by the socket in its home.
func (s *site) admin() *apiclient.Client {
	return apiclient.Local(filepath.Join(s.host("s").home(), "server", "server.sock"))
}

// run is what a transfer came to.
type run struct {
	took   time.Duration
	wire   uint64 // bytes on the server's wire
	named  map[string]string
	marked bool // its packets had MACs
	forger bool
	loss   float64 // percent, the most that the session said of the median device
	by     map[string]groupcast.Path
	late   bool // not everyone has it after a minute
	no     protocol.TransferNo
}

// sends promises a file and waits until every one of pcs has it, byte for byte; then what is left
// of the transfer is cancelled. The time is from the promise to the last verified delivery.
func (s *site) sends(pcs []host, size int64, rate uint64) run {
	s.t.Helper()
	name := fmt.Sprintf("f%d.bin", time.Now().UnixNano())
	path, sum := s.randomFile(name, size)
	defer os.Remove(path)
	c, ctx := s.admin(), context.Background()
	before, err := s.lab.SentBytes()
	must(s.t, err)
	start := time.Now()
	tr, err := c.AddTransfer(ctx, groupcast.NewTransfer{Group: "lab", Paths: []string{path}, Now: true, Rate: rate})
	must(s.t, err)
	r := run{named: make(map[string]string), by: make(map[string]groupcast.Path), no: tr.No}
	for done := false; !done; {
		if r.late = time.Since(start) > patience; r.late {
			s.dumpLogs()
			break
		}
		time.Sleep(20 * time.Millisecond)
		done = s.look(&r, pcs)
	}
	r.took = time.Since(start)
	after, err := s.lab.SentBytes()
	must(s.t, err)
	r.wire = after - before
	if !r.late && !allGot(pcs, "lab/"+name, sum) {
		s.dumpLogs()
		s.t.Fatalf("the deliveries are verified and somebody has not the right bytes")
	}
	time.Sleep(200 * time.Millisecond) // what the session says at its end
	s.look(&r, pcs)
	if _, err := c.CancelTransfer(ctx, tr.No); err != nil && groupcast.ErrorCode(err) != groupcast.EConflict {
		s.t.Fatal(err)
	}
	for _, pc := range pcs {
		_ = os.Remove(filepath.Join(pc.inbox(), "lab", name))
	}
	return r
}

// look reads how a transfer stands and says whether all of pcs have it.
func (s *site) look(r *run, pcs []host) bool {
	s.t.Helper()
	c, ctx := s.admin(), context.Background()
	rows, err := c.Deliveries(ctx, r.no)
	must(s.t, err)
	got := 0
	for _, d := range rows {
		if d.Cause == groupcast.CauseBehind || d.State == groupcast.DeliveryFailed {
			r.named[d.User] = d.Reason
		}
		r.by[d.User] = d.Path
		if d.State.Delivered() && slices.ContainsFunc(pcs, func(pc host) bool { return d.User == "u-"+pc.name }) {
			got++
		}
	}
	tr, err := c.Transfer(ctx, r.no)
	must(s.t, err)
	if x := tr.Session; x != nil {
		r.loss, r.marked = max(r.loss, x.LossPercent), r.marked || x.Marked
	}
	r.forger = r.forger || tr.Forging != nil && tr.Forging.Code == groupcast.MemberForges
	return got == len(pcs)
}

// receives enrols hosts r1 … rN in the group lab and starts their receivers.
func (s *site) receives(n int) (pcs []host, agents []*osProcess) {
	s.t.Helper()
	pcs = room(s, n)
	for _, pc := range pcs {
		agents = append(agents, &osProcess{pc, pc.receive()})
	}
	return pcs, agents
}

// member makes an account that is a member of the group lab, without a device.
func (s *site) member(user string) {
	s.t.Helper()
	admin := s.host("s")
	admin.run(password+"\n", "user", "add", user, "--password-stdin")
	admin.run("", "member", "add", "lab", user)
}

// row is a line of the table that the attacks print at their end.
type row struct {
	Test, Attack           string
	Quiet, Attacked, Limit string
	Ratio                  float64 // 0: none
	Named                  string
	Holds                  bool
	Why                    string // it does not hold
}

// table has the rows so far; some tests run side by side.
var (
	tableMu sync.Mutex
	table   []row
)

// holds notes a row; one that does not hold fails the test.
func (s *site) holds(r row, faults ...string) {
	s.t.Helper()
	faults = slices.DeleteFunc(faults, func(f string) bool { return f == "" })
	r.Holds, r.Why = len(faults) == 0, strings.Join(faults, "; ")
	tableMu.Lock()
	table = append(table, r)
	tableMu.Unlock()
	s.t.Logf("%s %s: quiet %s, attacked %s, ×%.2f (%s), named: %s", r.Test, r.Attack, r.Quiet, r.Attacked, r.Ratio,
		r.Limit, r.Named)
	if !r.Holds {
		s.t.Errorf("%s %s: %s", r.Test, r.Attack, r.Why)
		s.dumpLogs()
	}
}

// unless gives a fault where something is not so.
func unless(ok bool, format string, args ...any) string {
	if ok {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

// bounded says which process took too much memory.
func bounded(t *testing.T, s *site, agents []*osProcess) string {
	t.Helper()
	all := append([]*osProcess{{s.host("s"), s.serve}}, agents...)
	for _, a := range all {
		if peak := peakMemory(t, a.cmd); peak > memoryBound {
			return fmt.Sprintf("%s took %d MB", a.name, peak>>20)
		}
	}
	return ""
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

const tableHead = "| test | attack | quiet | attacked | ratio | to hold | named | holds | measured |\n" +
	"|---|---|---|---|---|---|---|---|---|\n"

// line is a row as the table shows it.
func (r row) line(at time.Time) string {
	ratio, holds := "", "yes"
	if r.Ratio > 0 {
		ratio = fmt.Sprintf("%.2f", r.Ratio)
	}
	if !r.Holds {
		holds = "**no**: " + r.Why
	}
	cells := []string{
		r.Test, r.Attack, r.Quiet, r.Attacked, ratio, r.Limit, r.Named, holds,
		at.UTC().Format("2006-01-02 15:04"),
	}
	for i := range cells {
		cells[i] = strings.NewReplacer("|", "\\|", "\n", " ").Replace(cells[i])
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// printTable prints the rows of the attacks that ran, and writes them to $REDTEAM_OUT. Rows there of
// tests that did not run this time stay.
func printTable() {
	if len(table) == 0 {
		return
	}
	now := time.Now()
	var lines []string
	ran := make(map[string]bool)
	for _, r := range table {
		lines = append(lines, r.line(now))
		ran[r.Test] = true
	}
	fmt.Printf("\n%s%s\n", tableHead, strings.Join(lines, ""))
	out := os.Getenv("REDTEAM_OUT")
	if out == "" {
		return
	}
	before, _ := os.ReadFile(out) // the first time there is none
	for line := range strings.Lines(string(before)) {
		if test, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |"); strings.HasPrefix(line, "| T") && !ran[test] {
			lines = append(lines, line)
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return testNumber(a) - testNumber(b) })
	if err := os.WriteFile(out, append(preface(), tableHead+strings.Join(lines, "")...), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// testNumber is 5 for a row of T5.
func testNumber(line string) (n int) {
	_, _ = fmt.Sscanf(line, "| T%d", &n) // 0 for what is no row
	return n
}

// preface says when and where the table was measured.
func preface() []byte {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	model := regexp.MustCompile(`model name\s*: (.*)`).FindStringSubmatch(string(cpu))
	name := "unknown processor"
	if model != nil {
		name = model[1]
	}
	return fmt.Appendf(nil, `# Attacks on the running program

What `+"`make redteam`"+` measured on one machine (%d cores of %s, Linux %s) whose network is
made of namespaces: the server, its receivers and the attackers are processes there and share the cores. *Quiet* is the
same set-up without the attack; where the first pair of runs passed the limit there are up to five, and the medians
stand here. The tests are `+"`TestRedteam…`"+` in test/e2e, the attacker's program is test/attacker.

`,
		strings.Count(string(cpu), "processor\t"), name, strings.TrimSpace(string(kernel)))
}
