//go:build linux

package e2e

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestRedteamLocalUser: somebody on a receiver's machine plants what leads out of its folder or
// blocks who opens it, and the files that come want more than they may have. Nothing outside the
// folder changes, nothing hangs, what cannot be put in place is told.
func TestRedteamLocalUser(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 2})
	pcs, agents := s.receives(2)
	outside := filepath.Join(s.dir, "outside")
	must(t, os.MkdirAll(filepath.Join(outside, "sub"), 0o755))
	must(t, os.WriteFile(filepath.Join(outside, "sub", "mine.txt"), []byte("mine"), 0o644))
	must(t, os.WriteFile(filepath.Join(outside, "victim.txt"), []byte("victim"), 0o644))

	at := filepath.Join(pcs[0].inbox(), "lab", "tree")
	must(t, os.MkdirAll(at, 0o755))
	must(t, syscall.Mkfifo(filepath.Join(at, "fifo.txt"), 0o644))
	must(t, os.Symlink(filepath.Join(outside, "sub"), filepath.Join(at, "folder")))
	must(t, os.Symlink(filepath.Join(outside, "victim.txt"), filepath.Join(at, "link.txt")))
	must(t, os.Symlink(filepath.Join(outside, "made.txt"), filepath.Join(at, "dangling.txt")))
	must(t, os.Link(filepath.Join(outside, "victim.txt"), filepath.Join(at, "hard.txt")))

	tree := filepath.Join(s.dir, "tree")
	must(t, os.MkdirAll(filepath.Join(tree, "folder"), 0o755))
	for _, name := range []string{
		"fifo.txt", "folder/mine.txt", "folder/new.txt", "link.txt", "dangling.txt",
		"hard.txt", "plain.txt", "setuid",
	} {
		must(t, os.WriteFile(filepath.Join(tree, name), []byte("sent "+name), 0o644))
	}
	must(t, os.Chmod(filepath.Join(tree, "setuid"), 0o755|fs.ModeSetuid|fs.ModeSetgid))
	must(t, os.Symlink("plain.txt", filepath.Join(tree, "inside")))

	before := digests(t, outside)
	_, _, _ = s.host("s").try("", "send", "lab", tree) // exit code 3 where an entry is missing
	s.await("both to have what they can", func() bool {
		done := 0
		for _, d := range deliveries(s) {
			if !d.State.Owed() {
				done++
			}
		}
		return done == 2
	})
	var told []string
	for _, d := range deliveries(s) {
		told = append(told, fmt.Sprintf("%s %s, %d missing, %d beside", d.User, d.State, d.Missing, d.Beside))
	}
	fi, err := os.Lstat(filepath.Join(at, "fifo.txt"))
	must(t, err)
	set, err := os.Lstat(filepath.Join(pcs[1].inbox(), "lab", "tree", "setuid"))
	must(t, err)
	s.holds(row{
		Test: "T9", Attack: "FIFO, links out, hard link, setuid planted by a local user", Quiet: "–",
		Attacked: strings.Join(told, "; "),
		Limit:    "nothing outside changes, nothing hangs, told", Named: "–",
	},
		changed(t, before, digests(t, outside)),
		unless(fi.Mode()&fs.ModeNamedPipe != 0, "the FIFO was replaced"),
		unless(set.Mode()&(fs.ModeSetuid|fs.ModeSetgid) == 0, "the file came with mode %v", set.Mode()),
		unless(!fileExists(filepath.Join(outside, "made.txt")), "a dangling link was followed"),
		unless(pcs[1].got("lab/tree/plain.txt", mustDigest(t, filepath.Join(tree, "plain.txt"))),
			"who was not attacked lacks files"),
		unless(strings.Contains(strings.Join(told, ""), string(groupcast.DeliveryVerified)), "nobody is verified"),
		bounded(t, s, agents))
}

func mustDigest(t *testing.T, path string) [32]byte {
	t.Helper()
	sum, err := digest(path)
	must(t, err)
	return sum
}

// digests reads all files below a folder.
func digests(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	must(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		sum, err := digest(path)
		out[path] = hex.EncodeToString(sum[:])
		return err
	}))
	return out
}

// TestRedteamHostileServer: a receiver is logged in to a server that offers what leads out of its
// folder, what no disk holds, and addresses that are none of its business. Only the harmless
// transfer lands; each other one is refused with what is wrong in one word; nothing is said to the third host.
func TestRedteamHostileServer(t *testing.T) {
	t.Run("format 1", func(t *testing.T) { hostileServer(t, protocol.Version) })
	t.Run("format 2", func(t *testing.T) {
		speaksPages(t)
		hostileServer(t, format2.Version)
	})
}

func hostileServer(t *testing.T, version int) {
	s := newSite(t, netlab.Config{Receivers: 5})
	keys := t.TempDir()
	where := netlab.ReceiverIP(4) + ":7440"
	a := s.host("r4").attacks(attacker.Plan{Kind: "hostile", Source: where, File: keys, Wire: version})
	fingerprint := a.log.await(t, regexp.MustCompile(`Fingerprint: ([0-9a-f]{64})`))[1]
	stop, _ := s.capture("p5", "dst host 10.99.0.77 or dst host 224.0.0.251")
	pc := s.host("r1")
	pc.run(password+"\n", "login", "https://"+where, "--user", "victim", "--password-stdin", "--trust", fingerprint)
	before := digests(t, s.dir)
	agent := pc.receive()
	harmless := filepath.Join(pc.inbox(), "lab", "harmless.txt")
	s.await("the harmless file", func() bool { return fileExists(harmless) })
	time.Sleep(time.Duration(version*version) * 3 * time.Second) // what may come right is fetched again for a while
	thirds := len(datagrams(stop()))
	peak := peakMemory(t, agent)
	answers := a.end().Answers

	var faults, told []string
	for path := range digests(t, s.dir) {
		if _, was := before[path]; !was && path != harmless && !strings.HasPrefix(path,
			pc.home()) && !strings.HasSuffix(path, ".log") && !strings.HasSuffix(path, ".pcap") {
			faults = append(faults, path+" was written")
		}
	}
	names, expected := attacker.Traps(version)
	for i, trap := range names {
		var said []string
		for answer := range answers {
			if outcome, ok := strings.CutPrefix(answer, trap+": "); ok {
				said = append(said, outcome)
			}
		}
		slices.Sort(said)
		outcome := strings.Join(said, ", ")
		told = append(told, trap+": "+outcome)
		faults = append(faults, unless(outcome == expected[i], "%s is answered %q, not %q", trap, outcome, expected[i]))
	}
	s.holds(row{
		Test: "T9", Attack: fmt.Sprintf("a hostile server with %d traps of format %d", len(told)-1, version), Quiet: "–",
		Attacked: strings.Join(told, "; "),
		Limit:    "nothing outside the folder, each refused in one word, no word to others, < 100 MB",
		Named:    fmt.Sprintf("%d MB", peak>>20),
	},
		append(faults, unless(thirds == 0, "%d packets to third hosts", thirds), unless(peak < 100<<20,
			"the receiver took %d MB", peak>>20))...)
}
