package spool_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// isStrange says that nothing was taken for the folder that was used before, in words.
func isStrange(err error) bool {
	var r *spool.Refused
	return errors.As(err, &r) && r.Kind == "folder" && strings.Contains(r.Reason, "is the disk mounted?")
}

// Another folder under the same name is never written to: an empty mount point, another disk,
// one that was deleted and made anew, one that is away.
func TestAFolderIsKnownByItsIdentity(t *testing.T) {
	for name, change := range map[string]func(*testing.T, string){
		"empty": func(t *testing.T, dir string) { must(t, os.Rename(dir, dir+"-away")); must(t, os.Mkdir(dir, 0o755)) },
		"another": func(t *testing.T, dir string) {
			must(t, os.Rename(dir, dir+"-away"))
			_, err := spool.Identify(dir)
			must(t, err)
		},
		"away":   func(t *testing.T, dir string) { must(t, os.Rename(dir, dir+"-away")) },
		"a file": func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)); must(t, os.WriteFile(dir, nil, 0o600)) },
		"new":    func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)); must(t, os.Mkdir(dir, 0o755)) },
		"damaged": func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, ".groupcast", "identity"), nil, 0o600))
		},
		"not known": func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, ".groupcast", "identity"))) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			id, err := spool.Identify(dir)
			must(t, err)
			if again, err := spool.Identify(dir); err != nil || again != id {
				t.Fatalf("%v is %v the second time, %v", id, again, err)
			}
			s, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Known: id})
			must(t, err)
			must(t, s.Close())
			change(t, dir)
			if _, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Known: id}); !isStrange(err) {
				t.Errorf("opened: %v", err)
			}
			if _, err := sweep(t, dir, id, protocol.ServerID{}, spooltest.NewLedger(), 0); err == nil {
				t.Error("swept")
			}
			if _, err := os.Stat(filepath.Join(dir, "lab")); name != "damaged" && name != "not known" && err == nil {
				t.Error("a folder was made in it")
			}
		})
	}
}

// What goes away while a transfer is under way gets no file, and takes them when it is back.
func TestAFolderThatGoesInMidTransfer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	id, err := spool.Identify(dir)
	must(t, err)
	tr := makeTransfer(t, map[string][]byte{"a.txt": []byte("hello")})
	s, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Known: id, Reserve: -1})
	must(t, err)
	defer s.Close()
	g, err := s.Stage(t.Context(), 1, tr.layout)
	must(t, err)
	defer g.Close()
	must(t, tr.writeMissing(g))
	must(t, os.Rename(dir, dir+"-away"))
	for range 2 { // nothing there, then the empty mount point
		if err := g.Commit(context.Background()); !isStrange(err) {
			t.Errorf("committed: %v", err)
		}
		must(t, os.MkdirAll(dir, 0o755))
	}
	must(t, os.Remove(dir))
	must(t, os.Rename(dir+"-away", dir))
	if err := g.Commit(context.Background()); err != nil || !g.Done() {
		t.Errorf("back again: %v", err)
	}
}

// A sweep takes the stagings of one server and leaves what is to be kept.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	id, err := spool.Identify(dir)
	must(t, err)
	ours, other := protocol.ServerID{1}, protocol.ServerID{2}
	for _, server := range []protocol.ServerID{ours, other} {
		for no := range protocol.TransferNo(3) {
			s, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Server: server, Known: id, Reserve: -1})
			must(t, err)
			g, err := s.Stage(t.Context(), no+1, makeTransfer(t, map[string][]byte{"a.txt": []byte("hello")}).layout)
			must(t, err)
			must(t, g.Close())
			must(t, s.Close())
		}
	}
	gone, err := sweep(t, dir, id, ours, spooltest.NewLedger(), 2)
	if err != nil || gone != 2 {
		t.Errorf("%d went, %v", gone, err)
	}
	left, err := os.ReadDir(filepath.Join(dir, ".groupcast"))
	must(t, err)
	if len(left) != 1+3+1 {
		t.Errorf("left: %v", left)
	}
}

// sweep deletes the stagings of a server but for one; all groups have one ledger.
func sweep(
	t *testing.T, dir string, id spool.Identity, server protocol.ServerID, ledger spool.Ledger, but protocol.TransferNo,
) (int, error) {
	return spool.Sweep(t.Context(), spool.Config{Dir: dir, Known: id, Server: server},
		func(protocol.GroupID, string) spool.Ledger { return ledger },
		func(no protocol.TransferNo) bool { return no == but })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
