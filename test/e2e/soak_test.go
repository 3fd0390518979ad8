//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestUpdateSoak sends a tree again and again, changed each time, to five receivers while they
// are killed, unplugged and run out of disk, and compares every byte and every name after each
// round. SOAK_ROUNDS says how many rounds, SOAK_SEED which (0: a new one, printed).
func TestUpdateSoak(t *testing.T) {
	rounds, seed := number(t, "SOAK_ROUNDS", 5), uint64(number(t, "SOAK_SEED", 1))
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("%d rounds of seed %d", rounds, seed)
	k := newSoak(t, seed)
	for round := 1; round <= rounds; round++ {
		k.round(round)
	}
	t.Logf("%d rounds, %d entries compared: %d stale, %d beside that nobody edited, %d verified that is not there; %d "+
		"kills, %d unplugged, %d full disks",
		rounds, k.compared, k.stale, k.beside, k.absent, k.kills, k.unplugged, k.full)
}

func number(t *testing.T, name string, preset int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return preset
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

// soak is one run.
type soak struct {
	*site
	rnd    *rand.Rand
	source string // the tree that is sent
	pcs    []*soaked

	compared, stale, beside, absent int
	kills, unplugged, full          int
}

// soaked is one receiver of the run.
type soaked struct {
	host
	n      int // 1 … 5
	agent  *exec.Cmd
	edited string // a path below the tree that its user edited since the last round, or empty
}

const smallDisk = 5 // the receiver whose disk is a tmpfs that runs full

func newSoak(t *testing.T, seed uint64) *soak {
	s := newSite(t, netlab.Config{Receivers: 5, Rate: "300mbit", Loss: 1})
	k := &soak{site: s, rnd: rand.New(rand.NewPCG(seed, 9)), source: filepath.Join(s.dir, "tree")}
	for i, pc := range room(s, 5) {
		p := &soaked{host: pc, n: i + 1}
		must(t, os.MkdirAll(pc.inbox(), 0o755))
		if p.n == smallDisk {
			must(t, syscall.Mount("tmpfs", pc.inbox(), "tmpfs", 0, "size=200m,mode=0755"))
			t.Cleanup(func() { _ = syscall.Unmount(pc.inbox(), syscall.MNT_DETACH) })
		}
		p.up()
		k.pcs = append(k.pcs, p)
	}
	k.plant()
	return k
}

func (p *soaked) up() {
	p.agent = p.receive("--reserve", "1M")
}

// plant makes the first tree: an image, a folder of many small files, one of files that change
// their kind, one whose files are edited at the receivers.
func (k *soak) plant() {
	k.write("image.bin", 12<<20)
	for i := range 120 {
		k.write(fmt.Sprintf("small/f%03d", i), k.rnd.IntN(40_000))
	}
	for i := range 8 {
		k.write(fmt.Sprintf("kinds/k%d", i), 1+k.rnd.IntN(3000))
		k.write(fmt.Sprintf("edits/e%d", i), 1+k.rnd.IntN(300_000))
	}
	must(k.t, os.Symlink("image.bin", filepath.Join(k.source, "link")))
}

// write gives a file of the tree fresh random content.
func (k *soak) write(name string, size int) {
	k.t.Helper()
	full := filepath.Join(k.source, name)
	must(k.t, os.MkdirAll(filepath.Dir(full), 0o755))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(k.rnd.Uint32())
	}
	must(k.t, os.WriteFile(full, b, 0o644))
}

// change makes the tree of the next round.
func (k *soak) change(round int) {
	k.write("image.bin", 12<<20)
	for range 10 {
		k.write(fmt.Sprintf("small/f%03d", k.rnd.IntN(120)), k.rnd.IntN(40_000))
	}
	for range 5 { // times alone
		name := filepath.Join(k.source, fmt.Sprintf("small/f%03d", k.rnd.IntN(120)))
		if _, err := os.Stat(name); err == nil {
			must(k.t, os.Chtimes(name, time.Time{}, time.Unix(1_600_000_000+int64(k.rnd.IntN(1e8)), 0)))
		}
	}
	must(k.t, os.RemoveAll(filepath.Join(k.source, fmt.Sprintf("small/f%03d", k.rnd.IntN(120)))))
	for i := range 8 {
		k.write(fmt.Sprintf("edits/e%d", i), 1+k.rnd.IntN(300_000))
		k.turn(fmt.Sprintf("kinds/k%d", i), round)
	}
	must(k.t, os.Remove(filepath.Join(k.source, "link")))
	must(k.t, os.Symlink(fmt.Sprintf("small/f%03d", k.rnd.IntN(120)), filepath.Join(k.source, "link")))
}

// turn makes a path a file, a folder with files or a link, whatever it was.
func (k *soak) turn(name string, round int) {
	full := filepath.Join(k.source, name)
	must(k.t, os.RemoveAll(full))
	switch k.rnd.IntN(4) {
	case 0:
		must(k.t, os.Symlink(fmt.Sprintf("../small/f%03d", round), full))
	case 1:
		k.write(name+"/inside", 1+k.rnd.IntN(5000))
		k.write(name+"/deeper/too", 1+k.rnd.IntN(5000))
	default:
		k.write(name, 1+k.rnd.IntN(3000))
	}
}

// round changes the tree, lets a user edit or touch something at each receiver, sends, makes
// trouble meanwhile, waits until nobody is owed anything, and compares.
func (k *soak) round(round int) {
	if round > 1 {
		k.change(round)
		for _, p := range k.pcs {
			k.touch(p)
		}
	}
	send, log := k.host("s").start("send", "lab", k.source)
	k.trouble(round)
	done := make(chan error, 1)
	go func() { done <- send.Wait() }()
	select {
	case <-done: // its exit code says who is owed; the deliveries say more
	case <-time.After(2 * time.Minute):
		_ = send.Process.Kill()
		<-done
		text, _ := os.ReadFile(log.path)
		k.t.Errorf("round %d: send did not end:\n%s", round, text)
	}
	k.await(fmt.Sprintf("round %d to be through", round), func() bool {
		newest := list[groupcast.Transfer](k.host("s"), "transfer", "list")[0]
		return !newest.State.Open() && newest.Owed == 0
	})
	for _, d := range deliveries(k.site) {
		if d.State != groupcast.DeliveryVerified {
			k.t.Errorf("round %d: %s: %s (%s)", round, d.User, d.State, d.Reason)
		}
	}
	for _, p := range k.pcs {
		k.compare(round, p)
		k.tidy(p)
	}
	if k.t.Failed() {
		k.dumpLogs()
		k.t.FailNow()
	}
}

// touch is what people do to delivered files: one gets a new time (the same bytes), one of
// edits/ is edited at two of the receivers.
func (k *soak) touch(p *soaked) {
	now := time.Now()
	_ = os.Chtimes(filepath.Join(p.tree(), fmt.Sprintf("small/f%03d", k.rnd.IntN(120))), now, now) // it may be gone
	_ = os.Chtimes(filepath.Join(p.tree(), "image.bin"), now, now)
	if p.n > 2 {
		return
	}
	name := fmt.Sprintf("edits/e%d", k.rnd.IntN(8))
	err := appendTo(filepath.Join(p.tree(), name), []byte("edited by its user"))
	if errors.Is(err, fs.ErrNotExist) {
		return // its user removed it after the last round
	}
	must(k.t, err)
	p.edited = name
}

func (p *soaked) tree() string { return filepath.Join(p.inbox(), "lab", "tree") }

// tidy takes an edited file away, so that the next round takes its name back.
func (k *soak) tidy(p *soaked) {
	if p.edited != "" {
		must(k.t, os.Remove(filepath.Join(p.tree(), p.edited)))
		p.edited = ""
	}
}

// trouble happens while the round is sent: kills, a cable, a disk that runs full.
func (k *soak) trouble(round int) {
	time.Sleep(time.Duration(100+k.rnd.IntN(900)) * time.Millisecond)
	if p := k.pcs[k.rnd.IntN(5)]; k.rnd.IntN(2) == 0 {
		k.kills++
		k.stop(p.agent, syscall.SIGKILL)
		time.Sleep(time.Duration(k.rnd.IntN(400)) * time.Millisecond)
		p.up()
	}
	if i := 1 + k.rnd.IntN(5); k.rnd.IntN(3) == 0 {
		k.unplugged++
		must(k.t, k.lab.Unplug(i))
		time.Sleep(time.Duration(200+k.rnd.IntN(3000)) * time.Millisecond)
		must(k.t, k.lab.Plug(i))
	}
	if round%3 == 2 {
		k.fillDisk()
	}
	if round%7 == 6 {
		k.kills++
		k.stop(k.serve, syscall.SIGKILL)
		k.startServer()
	}
}

// fillDisk takes the small disk's free space for a while.
func (k *soak) fillDisk() {
	k.full++
	dir := k.pcs[smallDisk-1].inbox()
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	must(k.t, err)
	block := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		k.t.Errorf("fill the disk: %v", err)
	}
	must(k.t, f.Close())
	time.Sleep(time.Second)
	must(k.t, os.Remove(ballast))
}

// compare holds a receiver's tree against the one that was sent.
func (k *soak) compare(round int, p *soaked) {
	err := filepath.WalkDir(k.source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(k.source, path)
		if err != nil || name == "." {
			return err
		}
		k.compared++
		k.entry(round, p, name, d)
		return nil
	})
	must(k.t, err)
	err = filepath.WalkDir(p.tree(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.Contains(d.Name(), " (groupcast ") {
			if name, _ := filepath.Rel(p.tree(), path); p.edited == "" || !strings.HasPrefix(name, p.edited+" (groupcast ") {
				k.beside++
				k.t.Errorf("round %d: %s: %s lies beside, and nobody edited it", round, p.name, name)
			}
		}
		return err
	})
	must(k.t, err)
}

// entry compares one path; an edited one must lie there as its user left it, with the new
// version beside it.
func (k *soak) entry(round int, p *soaked, name string, d fs.DirEntry) {
	want, have := filepath.Join(k.source, name), filepath.Join(p.tree(), name)
	if name == p.edited {
		besides, _ := filepath.Glob(have + " (groupcast *")
		if len(besides) == 1 {
			have = besides[0]
		} else {
			k.t.Errorf("round %d: %s: %s was edited; %d files lie beside it, want 1", round, p.name, name, len(besides))
			return
		}
	}
	fi, err := os.Lstat(have)
	if err != nil || fi.Mode().Type() != d.Type() {
		k.absent++
		k.t.Errorf("round %d: %s: %s: verified and not there: %v", round, p.name, name, err)
		return
	}
	switch {
	case d.Type() == fs.ModeSymlink:
		a, _ := os.Readlink(want)
		if b, _ := os.Readlink(have); a != b {
			k.stale++
			k.t.Errorf("round %d: %s: %s points to %s, want %s", round, p.name, name, b, a)
		}
	case d.Type().IsRegular():
		a, err := digest(want)
		must(k.t, err)
		src, err := os.Stat(want)
		must(k.t, err)
		if b, err := digest(have); err != nil || a != b || !src.ModTime().Equal(fi.ModTime()) {
			k.stale++
			k.t.Errorf("round %d: %s: %s is not what was sent (same bytes: %v; time %v, want %v; %v)", round, p.name, name,
				a == b, fi.ModTime(), src.ModTime(), err)
		}
	}
}
