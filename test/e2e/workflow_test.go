//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestWorkflow is the mission's example: a group at 224.0.0.1, a receiver that logs in and
// asks, an approval, a pending file, a send, the file there.
func TestWorkflow(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 1})
	admin, pc := s.host("s"), s.host("r1")

	if said := admin.run("", "group", "create", "lab", "--address", "224.0.0.1"); !strings.Contains(said, "224.0.0.1") || !strings.Contains(strings.ToLower(said), "every") {
		t.Errorf("no warning that 224.0.0.1 reaches every host: %q", said)
	}
	admin.run(password+"\n", "user", "add", "alice", "--password-stdin")

	pc.fails(`(?i)fingerprint`, password+"\n", "login", server, "--user", "alice", "--password-stdin")
	pc.fails(`(?i)password`, "wrong\n", "login", server, "--user", "alice", "--password-stdin", "--trust", s.fingerprint)
	time.Sleep(1100 * time.Millisecond) // a wrong password delays the next try
	pc.login("alice")

	offered := list[groupcast.GroupOnOffer](pc, "groups")
	if len(offered) != 1 || offered[0].Name != "lab" || offered[0].Membership != groupcast.MembershipNone {
		t.Fatalf("groups on offer: %+v", offered)
	}
	pc.run("", "join", "lab")
	requests := list[groupcast.JoinRequest](admin, "request", "list")
	if len(requests) != 1 || requests[0].User != "alice" {
		t.Fatalf("join requests: %+v", requests)
	}
	pc.receive()
	admin.run("", "request", "approve", "lab", "alice")
	if mine := list[groupcast.GroupOnOffer](pc, "groups", "--mine"); len(mine) != 1 || mine[0].Membership != groupcast.MembershipMember {
		t.Fatalf("alice's groups after approval: %+v", mine)
	}

	path, sum := s.randomFile("lesson.bin", 3<<20)
	admin.run("", "pending", "add", "lab", path, "--hold")
	if owed := list[groupcast.Transfer](admin, "pending", "list"); len(owed) != 1 || owed[0].State != groupcast.TransferHeld {
		t.Fatalf("pending: %+v", owed)
	}
	admin.run("", "pending", "send", "lab")
	s.await("the file", func() bool { return pc.got("lab/lesson.bin", sum) })
	s.await("the transfer to be done", func() bool {
		all := list[groupcast.Transfer](admin, "transfer", "list")
		return len(all) == 1 && all[0].State == groupcast.TransferDone && all[0].Verified == 1
	})
	s.await("the inbox", func() bool {
		out, _, err := pc.try("", "inbox", "--json")
		return err == nil && strings.Contains(out, "lesson.bin")
	})

	// The one-device case again, by multicast because the administrator says so.
	path, sum = s.randomFile("again.bin", 5<<20)
	admin.run("", "send", "lab", path, "--via", "multicast")
	if !pc.got("lab/again.bin", sum) {
		t.Error("send came back and the file is not there")
	}
	transfers := list[groupcast.Transfer](admin, "transfer", "list")
	for _, tr := range transfers {
		if tr.Name == "again.bin" && tr.WireBytes < 5<<20 {
			t.Errorf("sent %d bytes by multicast, the file has %d", tr.WireBytes, 5<<20)
		}
	}
}

// TestTree sends a folder: small files, an empty one, an empty folder, a link, modes.
func TestTree(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 2, Loss: 2})
	admin := s.host("s")
	admin.run("", "group", "create", "lab")
	pcs := []host{s.host("r1"), s.host("r2")}
	for _, pc := range pcs {
		pc.enrol("lab")
		pc.receive()
	}
	tree := filepath.Join(s.dir, "course")
	for path, text := range map[string]string{"a/one.txt": "one", "a/b/two.txt": "two", "empty.txt": "", "run.sh": "#!/bin/sh\n"} {
		full := filepath.Join(tree, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	must(t, os.Chmod(filepath.Join(tree, "run.sh"), 0o755))
	must(t, os.Mkdir(filepath.Join(tree, "nothing"), 0o755))
	must(t, os.Symlink("one.txt", filepath.Join(tree, "a", "link.txt")))

	admin.run("", "send", "lab", tree)
	for _, pc := range pcs {
		at := func(p string) string { return filepath.Join(pc.inbox(), "lab", "course", p) }
		for path, want := range map[string]string{"a/one.txt": "one", "a/b/two.txt": "two", "empty.txt": "", "a/link.txt": "one"} {
			if have, err := os.ReadFile(at(path)); err != nil || string(have) != want {
				t.Errorf("%s: %s: %q, %v", pc.name, path, have, err)
			}
		}
		if fi, err := os.Stat(at("run.sh")); err != nil || fi.Mode()&0o100 == 0 {
			t.Errorf("%s: run.sh: %v, %v", pc.name, fi, err)
		}
		if fi, err := os.Stat(at("nothing")); err != nil || !fi.IsDir() {
			t.Errorf("%s: the empty folder: %v", pc.name, err)
		}
		if link, err := os.Readlink(at("a/link.txt")); err != nil || link != "one.txt" {
			t.Errorf("%s: the link: %q, %v", pc.name, link, err)
		}
	}
}

// TestBadInput: each mistake has its own message, and the server stays up through them all.
func TestBadInput(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 1})
	admin, pc := s.host("s"), s.host("r1")
	admin.fails(`(?i)multicast`, "", "group", "create", "x", "--address", "192.0.2.7")
	admin.fails(`(?i)no .*group|not found|unknown`, "", "group", "show", "nowhere")
	admin.run("", "group", "create", "lab")
	admin.fails(`(?i)exists`, "", "group", "create", "lab")
	admin.fails(`(?i)nobody is in group`, "", "send", "lab", s.bin)
	admin.fails(`(?i)no such file`, "", "pending", "add", "lab", filepath.Join(s.dir, "not-there"))
	admin.fails(`(?i)group`, "", "send", "nowhere", s.bin)
	admin.fails(`(?i)already runs`, "", "serve", "--listen", netlab.SenderIP+":7440")
	other := host{&site{t: t, lab: s.lab, bin: s.bin, dir: filepath.Join(s.dir, "second"), fingerprint: s.fingerprint}, "s"}
	must(t, os.MkdirAll(other.dir, 0o700))
	other.fails(`(?i)already uses`, "", "serve", "--listen", netlab.SenderIP+":7440")
	pc.fails(`(?i)fingerprint`, password+"\n", "login", server, "--user", "x", "--password-stdin", "--trust", strings.Repeat("0", 64))
	pc.fails(`(?i)log ?in`, "", "groups")
	pc.enrol("")
	pc.fails(`(?i)no .*group|not found|unknown`, "", "join", "nowhere")
	pc.fails(`(?i)administrator|not allowed|forbidden|permission`, "", "user", "list")
	if out, _, _ := admin.try("", "user", "list", "--json"); !json.Valid([]byte(out)) {
		t.Errorf("the server does not answer any more: %q", out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
