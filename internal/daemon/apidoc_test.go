package daemon

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/home"
)

// TestTheExamplesOfTheAPIWork runs the commands of docs/api.md, in their order and in one shell, against a server, and
// looks for what each says that it prints.
func TestTheExamplesOfTheAPIWork(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("this machine has no ", tool)
		}
	}
	page, err := os.ReadFile("../../docs/api.md")
	fine(t, err)
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 8 {
		t.Fatalf("%d examples", len(blocks))
	}
	dir, err := os.MkdirTemp("", "gc") // paths of sockets are short
	fine(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	h, err := home.Open(filepath.Join(dir, ".groupcast"))
	fine(t, err)
	s := open(t, h, options(t))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, make(chan os.Signal)) }()
	defer func() {
		stop()
		fine(t, <-ended)
	}()

	const mark = "=== the next example ==="
	script := "set -eu\nset -o pipefail\n"
	for _, b := range blocks {
		script += b[1] + "echo; echo '" + mark + "'\n"
	}
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(limited, "bash", "-c", script)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "HOME="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v after\n%s", err, out)
	}
	printed := strings.Split(string(out), mark)
	for i, b := range blocks {
		for line := range strings.SplitSeq(b[1], "\n") {
			if want, ok := strings.CutPrefix(line, "# → "); ok && !strings.Contains(printed[i], want) {
				t.Errorf("example\n%s\nlacks %q; it printed\n%s", b[1], want, printed[i])
			}
		}
	}
}
