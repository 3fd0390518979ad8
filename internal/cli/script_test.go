package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/daemon"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/store/postgres/pgtest"
	"github.com/groupcast/groupcast/internal/units"
	"github.com/groupcast/groupcast/internal/web"
)

// scriptPatience is for a slow machine with the race detector and a dozen scripts at once.
const scriptPatience = time.Minute

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"groupcast": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the command line as its users do, against a server on loopback. Each script
// has homes and a port of its own.
func TestScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts are written for POSIX file modes")
	}
	root, err := os.MkdirTemp("", "gc") // short: a socket's path has 103 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	tools, err := filepath.Abs("../../bin/tools") // that the Makefile installs
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), WorkdirRoot: root,
		Setup: func(e *testscript.Env) error {
			port, err := daemon.FreePort()
			if err != nil {
				return err
			}
			e.Setenv("PORT", strconv.Itoa(port))
			e.Setenv("URL", fmt.Sprintf("https://127.0.0.1:%d", port))
			if port, err = daemon.FreePort(); err != nil {
				return err
			}
			e.Setenv("PORT2", strconv.Itoa(port))
			e.Setenv("PATH", tools+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("HOME", filepath.Join(e.WorkDir, "user"))
			e.Setenv("GROUPCAST_HOME", filepath.Join(e.WorkDir, "s"))
			e.Setenv("NO_COLOR", "1")
			setDatabase(t, e)
			e.Setenv("XDG_RUNTIME_DIR", filepath.Join(e.WorkDir, "run"))
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up": waitUp, "appears": appears, "await": await, "await-count": awaitCount, "code": exitCode, "as": asHome,
			"odd": oddFile, "postgres": orderPostgres,
			"hold": holdPort, "json": saysJSON, "damage": damage,
			"smalldisk": smallDisk, "fill": fillDisk, "sized": sizedFile, "bad": badEntries,
		},
		Condition:          conditions,
		RequireUniqueNames: true,
	})
}

// up waits until the server answers and puts its fingerprint into $FP.
func waitUp(ts *testscript.TestScript, _ bool, _ []string) {
	deadline := time.Now().Add(scriptPatience)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		id, err := apiclient.FetchFingerprint(ctx, ts.Getenv("URL"))
		cancel()
		if err == nil {
			ts.Setenv("FP", id.String())
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no server at %s: %v", ts.Getenv("URL"), err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// await REGEXP COMMAND... runs a command until what it prints on standard output matches.
func await(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: await TEXT COMMAND...")
	}
	deadline := time.Now().Add(scriptPatience)
	for {
		out, _ := command(ts, args[1:]).CombinedOutput() // it is tried again if it fails
		if strings.Contains(string(out), args[0]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no %q in the output of %v:\n%s", args[0], args[1:], out)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// appears FILE waits until a file is there; `! appears FILE` until it is gone.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] appears FILE")
	}
	deadline := time.Now().Add(scriptPatience)
	for {
		_, err := os.Stat(ts.MkAbs(args[0]))
		if errors.Is(err, fs.ErrNotExist) == neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: there: %v; waited for: %v", args[0], neg, !neg)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// await-count N TEXT COMMAND... runs a command until TEXT stands N times in what it prints.
func awaitCount(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	deadline := time.Now().Add(scriptPatience)
	for {
		out, _ := command(ts, args[2:]).CombinedOutput() // it is tried again if it fails
		if strings.Count(string(out), args[1]) == want {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("not %d times %q in the output of %v:\n%s", want, args[1], args[2:], out)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "GROUPCAST_HOME", "NO_COLOR", "TMPDIR", "XDG_RUNTIME_DIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// code N COMMAND... wants exactly this exit code.
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// json N COMMAND... wants this exit code, JSON and nothing else on standard output, and of an error one
// line of JSON with its code.
func saysJSON(ts *testscript.TestScript, _ bool, args []string) {
	exitCode(ts, false, append(slices.Clone(args), "--json"))
	valid := func(text string) (values []map[string]any) {
		d := json.NewDecoder(strings.NewReader(text))
		for {
			var value any
			err := d.Decode(&value)
			if errors.Is(err, io.EOF) {
				return values
			}
			if err != nil {
				ts.Fatalf("not JSON: %v\n%s", err, text)
			}
			if one, ok := value.(map[string]any); ok {
				values = append(values, one)
			}
		}
	}
	valid(ts.ReadFile("stdout"))
	if args[0] != strconv.Itoa(shell.Failed) && args[0] != strconv.Itoa(shell.Misuse) {
		return
	}
	said := valid(ts.ReadFile("stderr"))
	if len(said) == 0 || said[len(said)-1]["code"] == "" || fmt.Sprint(said[len(said)-1]["exit_code"]) != args[0] {
		ts.Fatalf("an error without its code: %s", ts.ReadFile("stderr"))
	}
}

// as NAME makes the following commands those of another machine's home.
func asHome(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("GROUPCAST_HOME", ts.MkAbs(args[0]))
}

// odd makes a file whose name would move a terminal's cursor.
func oddFile(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), "a\x1b[31mred\u202etxt"), []byte("x"), 0o644))
}

// bad puts entries into a folder that cannot be sent: a pipe, a name that is not UTF-8, links
// that lead out.
func badEntries(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(filepath.Join(dir, "caf\xe9"), []byte("x"), 0o644))
	ts.Check(os.Symlink("/etc/hostname", filepath.Join(dir, "abs")))
	ts.Check(os.Symlink("../../x", filepath.Join(dir, "out")))
	l, err := net.Listen("unix", filepath.Join(dir, "sock"))
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
}

// hold takes the TCP port of the script.
func holdPort(ts *testscript.TestScript, _ bool, args []string) {
	network := args[0]
	if network == "tcp" {
		l, err := net.Listen("tcp", "127.0.0.1:"+ts.Getenv("PORT"))
		ts.Check(err)
		ts.Defer(func() { _ = l.Close() })
		return
	}
	l, err := net.ListenPacket("udp", "127.0.0.1:"+ts.Getenv("PORT"))
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
}

// damage overwrites all but the first page of a database.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	for i := 4096; i < len(b); i++ {
		b[i] ^= 0x5a
	}
	ts.Check(os.WriteFile(path, b, 0o600))
	for _, suffix := range []string{"-wal", "-shm"} {
		_ = os.Remove(path + suffix) // after a clean stop there is none
	}
}

// smalldisk SIZE FOLDER mounts a disk of its own.
func smallDisk(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o700))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+args[0]+",mode=700", "tmpfs", dir).
		CombinedOutput(); err != nil {
		ts.Fatalf("no disk of its own: %v: %s", err, out)
	}
	ts.Defer(func() { _ = exec.Command("umount", "-l", dir).Run() })
}

// fill FILE takes the last byte of a disk.
func fillDisk(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, size := range []int{1 << 16, 1 << 12, 1} {
		for err = nil; err == nil; _, err = f.Write(make([]byte, size)) {
		}
	}
	ts.Check(f.Close())
}

// conditions of scripts: [mounts] where a disk of one's own can be mounted.
func conditions(name string) (bool, error) {
	switch name {
	case "mounts":
		return runtime.GOOS == "linux" && os.Geteuid() == 0, nil
	case "postgres": // the tests of a database that is not in the home
		return pgtest.Wanted(), nil
	case "web": // this program was built with the web interface
		return web.Handler() != nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// sized SIZE FILE makes a file of so many bytes.
func sizedFile(ts *testscript.TestScript, _ bool, args []string) {
	n, err := units.ParseSize(args[0])
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Check(errors.Join(f.Truncate(int64(n)), f.Close()))
}
