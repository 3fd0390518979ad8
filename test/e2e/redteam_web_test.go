//go:build linux

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// hostileName has what terminals and browsers obey: an escape sequence, markup, a change of direction.
const hostileName = "a\x1b[31m<img src=x onerror=alert(1)>\u202egpj.exe"

// TestRedteamRolesAndSecrets: every operation of the server's document in every role, requests of other
// sites and for other hosts, paths that are nobody's business, names that terminals obey, and what
// secrets leave behind.
func TestRedteamRolesAndSecrets(t *testing.T) {
	source := t.TempDir()
	s := newSite(t, netlab.Config{Receivers: 4}, "--source", source)
	admin := s.host("s")
	must(t, os.Symlink(filepath.Join(admin.home(), "server", "ca.key"), filepath.Join(source, "link")))
	pcs, _ := s.receives(2)
	s.member("mallory")
	admin.run(password+"\n", "user", "add", "root2", "--role", "admin", "--password-stdin")
	spy := s.host("r3").attacks(attacker.Plan{Kind: "listen", User: "mallory"})
	spy.await("attached")

	tree := filepath.Join(s.dir, "tree")
	must(t, os.MkdirAll(filepath.Join(tree, hostileName), 0o755))
	must(t, os.WriteFile(filepath.Join(tree, hostileName, "=1+1"+hostileName), []byte("text"), 0o644))
	admin.run("", "pending", "add", "lab", tree)
	s.await("the tree", func() bool { return fileExists(filepath.Join(pcs[0].inbox(), "lab", "tree", hostileName)) })
	s.sends(pcs, 8<<20, 0)
	known := spy.end()

	all := s.asks(source)
	wrong, right := wrongAnswers(all)
	s.holds(row{
		Test: "T10", Attack: "every operation in every role", Quiet: "–",
		Attacked: fmt.Sprintf("%d answers as documented", right),
		Limit:    "as the document says", Named: "–",
	},
		unless(right > 500, "only %d answers", right), strings.Join(wrong, "; "))
	s.refusesOthers(all)
	s.obeysNoNames(pcs[0], tree)
	s.keepsSecrets(known, pcs)
}

// ofOneDevice are the operations that users may do with devices of their own only.
var ofOneDevice = []string{"revoke-device", "device", "device-deliveries"}

// refusesOthers checks what no operation is meant for.
func (s *site) refusesOthers(all []attacker.Asking) {
	s.t.Helper()
	var faults, said []string
	for _, x := range all {
		if x.ID != "" {
			continue
		}
		said = append(said, fmt.Sprintf("%s: %d", x.Role, x.Status))
		want := []int{
			http.StatusForbidden, http.StatusMisdirectedRequest, http.StatusUnsupportedMediaType,
			http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity,
		}
		if x.Path == "/" {
			want = []int{http.StatusOK}
			faults = append(faults, unless(strings.Contains(x.Body, "default-src 'none'") && strings.Contains(x.Body,
				"frame-ancestors 'none'") &&
				strings.Contains(x.Body, "nosniff"), "the page's policy is %q", x.Body))
		}
		faults = append(faults, unless(slices.Contains(want, x.Status), "%s: %d %s", x.Role, x.Status, x.Body))
	}
	groups, err := s.admin().Groups(context.Background())
	must(s.t, err)
	must(s.t, os.Chmod(s.dir, 0o755)) // the home's own mode keeps others out
	out, errs, err := s.asUid(65534, "group", "list")
	s.holds(row{
		Test: "T10", Attack: "other sites, foreign Host, paths of the server's disk, another user's socket",
		Quiet:    "–",
		Attacked: strings.Join(said, ", ") + ", another user: " + firstLine(errs), Limit: "all refused", Named: "–",
	},
		append(faults, unless(len(said) >= 9, "only %v", said), unless(len(groups) == 1, "there are %d groups now",
			len(groups)),
			unless(err != nil && !strings.Contains(out, "lab"), "another user of the machine is answered: %s%s", out,
				errs))...)
}

// asUid runs the program on the server's machine with the server's home as another user.
func (s *site) asUid(uid uint32, args ...string) (string, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := s.host("s").command(ctx, args...)
	become := []string{"setpriv", "--reuid", fmt.Sprint(uid), "--clear-groups"}
	at := slices.Index(cmd.Args, s.bin)
	cmd.Args = slices.Insert(cmd.Args, at, become...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String(), errs.String(), err
}

// obeysNoNames looks for what a terminal obeys in everything that is printed of hostile names.
func (s *site) obeysNoNames(pc host, tree string) {
	s.t.Helper()
	admin := s.host("s")
	printed := map[string]string{
		"transfer list": admin.run("", "transfer", "list"), "transfer show": admin.run("", "transfer", "show", "1"),
		"transfer files": admin.run("", "transfer", "files", "1"), "pending list": admin.run("", "pending", "list"),
		"inbox": pc.run("", "inbox"), "audit": admin.run("", "audit"),
	}
	_, errs, _ := admin.try("", "send", "lab", filepath.Join(tree, hostileName, "not there"))
	printed["an error"] = errs
	logs, err := filepath.Glob(filepath.Join(s.dir, "*.log"))
	must(s.t, err)
	for _, log := range logs {
		text, err := os.ReadFile(log)
		must(s.t, err)
		printed[filepath.Base(log)] = string(text)
	}
	var faults []string
	escaped := 0
	for what, text := range printed {
		escaped += strings.Count(text, `\u{1b}`) + strings.Count(text, `\x1b`) + strings.Count(text, `\u001b`)
		faults = append(faults, unless(!strings.ContainsAny(text, "\x1b\u202e"), "%s prints what a terminal obeys", what))
	}
	s.holds(row{
		Test: "T10", Attack: "escape, markup and direction characters in names", Quiet: "–",
		Attacked: fmt.Sprintf("%d outputs, escaped %d times", len(printed), escaped),
		Limit:    "shown escaped", Named: "–",
	}, append(faults, unless(escaped > 0, "the name was never printed"))...)
}

// keepsSecrets searches for secrets where they have no business.
func (s *site) keepsSecrets(known attacker.Report, pcs []host) {
	s.t.Helper()
	secrets := s.secretsOf(known, pcs)
	texts := everyFile(s.t, s.dir)
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(s.t, err)
	for _, p := range procs {
		text, _ := os.ReadFile(p) // it may have ended
		if bytes.Contains(text, []byte("groupcast")) && !bytes.Contains(text, []byte("attack")) {
			texts[p] = text
		}
	}
	found, read := finds(secrets, texts, func(secret, path string) bool {
		if strings.HasPrefix(filepath.Base(path), "attack-") {
			return true // the attacker's own report
		}
		login := slices.Contains([]string{"client.json", "login.json"}, filepath.Base(path))
		return login && strings.Contains(secret, "token") && !strings.Contains(path, "/s/server/")
	})
	s.holds(row{
		Test: "T10",
		Attack: fmt.Sprintf("%d secrets searched in logs, command lines, errors, database, spool",
			len(secrets)), Quiet: "–",
		Attacked: fmt.Sprintf("%d MB in %d files", read>>20,
			len(texts)), Limit: "nowhere but a receiver's own login", Named: "–",
	},
		unless(len(known.Sessions) > 0, "no session's secrets are known"), strings.Join(found, ", "))
}

// asks runs the matrix and checks it.
func (s *site) asks(source string) []attacker.Asking {
	s.t.Helper()
	file := filepath.Join(s.dir, "asked.json")
	a := s.host("r4").attacks(attacker.Plan{
		Kind: "matrix", User: "mallory", Source: "root2", File: file,
		Folder: source, Group: filepath.Join(s.dir, "s", "server"),
	})
	a.await("REPORT")
	a.end()
	text, err := os.ReadFile(file)
	must(s.t, err)
	var all []attacker.Asking
	must(s.t, json.Unmarshal(text, &all))
	return all
}

// wrongAnswers compares what was answered to the roles with what the document says.
func wrongAnswers(all []attacker.Asking) (wrong []string, right int) {
	for _, x := range all {
		may, known := attacker.Roles[x.Role]
		refused := x.Status == http.StatusUnauthorized || x.Status == http.StatusForbidden
		switch {
		case x.ID == "" || !known:
		case x.Access == "open" || x.Status == http.StatusNotFound && slices.Contains(may, x.Access):
			right++
		// A device that is nobody's is not the user's own.
		case slices.Contains(ofOneDevice, x.ID) && x.Access == "user":
			right++
		case refused == slices.Contains(may, x.Access):
			wrong = append(wrong, fmt.Sprintf("%s as %s: %d %s", x.ID, x.Role, x.Status, x.Body))
		default:
			right++
		}
	}
	return wrong, right
}

// secretsOf are the secrets that a site knows, by what they are.
func (s *site) secretsOf(spy attacker.Report, pcs []host) map[string][]byte {
	s.t.Helper()
	out := map[string][]byte{"password": []byte(password)}
	for i, k := range spy.Sessions {
		out[fmt.Sprintf("session secret %d", i)], out[fmt.Sprintf("feedback key %d", i)] = k.Secret, k.Feedback
	}
	for _, pc := range pcs {
		home, err := home.Open(pc.home())
		must(s.t, err)
		l, err := home.LoadLogin()
		must(s.t, err)
		out["agent token of "+pc.name], out["token of "+pc.name] = []byte(string(l.AgentToken)), []byte(string(l.CLIToken))
	}
	return out
}

// finds searches files below folders, command lines of processes and texts for secrets; allowed says
// where one may lie.
func finds(secrets map[string][]byte, texts map[string][]byte, allowed func(secret,
	path string) bool,
) (found []string, read int) {
	for where, text := range texts {
		read += len(text)
		for name, secret := range secrets {
			for _, form := range spellings(secret) {
				if bytes.Contains(text, form) && !allowed(name, where) {
					found = append(found, name+" in "+where)
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), read
}

// everyFile reads what lies below folders.
func everyFile(t *testing.T, folders ...string) map[string][]byte {
	t.Helper()
	out := make(map[string][]byte)
	for _, folder := range folders {
		must(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			out[path] = text
			return err
		}))
	}
	return out
}

// firstLine is the first line of what a command says.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
