package sqlite

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// pagedIn adds a paged transfer to a new database.
func pagedIn(t *testing.T, s *Store) store.Transfer {
	t.Helper()
	at := time.UnixMicro(1_800_000_000_000_000)
	g, err := s.AddGroup(t.Context(), groupcast.Group{
		ID: protocol.NewGroupID(), Name: "g", Address: netip.MustParseAddrPort("239.192.0.1:29900"),
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	tr, _, err := s.AddTransfer(t.Context(), store.Transfer{
		Transfer: groupcast.Transfer{GroupID: g.ID, State: groupcast.TransferWaiting, CreatedAt: at},
		Paged:    true, Edition: 1, Pages: 60_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// A final page is there with its root and with what it lost, or not at all, whatever fails in between.
func TestAFinalPageIsKeptWholeOrNotAtAll(t *testing.T) {
	for name, trigger := range map[string]string{
		"after the page":     "AFTER INSERT ON pages",
		"before the loss":    "BEFORE INSERT ON left_out",
		"before the count":   "BEFORE UPDATE OF lost ON transfers",
		"before it is final": "BEFORE INSERT ON final_pages",
		"before the root":    "BEFORE UPDATE OF root ON transfers",
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), filepath.Join(t.TempDir(), "db.sqlite"))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			tr := pagedIn(t, s)
			db := s.file.Pool(1)
			defer db.Close()
			if _, err := db.ExecContext(t.Context(),
				"CREATE TRIGGER killed "+trigger+" BEGIN SELECT RAISE(ABORT, 'killed'); END"); err != nil {
				t.Fatal(err)
			}
			page := store.Page{
				Transfer: tr.No, Edition: 1, Raw: []byte("final"), Root: protocol.Digest{1},
				Lost: []groupcast.LeftOut{{Path: "a", Why: groupcast.WhyGone}},
			}
			if err := s.AddPage(t.Context(), page); err == nil {
				t.Fatal("it was added")
			}
			compare(t, s, tr.No, 0)
			if _, err := db.ExecContext(t.Context(), "DROP TRIGGER killed"); err != nil {
				t.Fatal(err)
			}
			if err := s.AddPage(t.Context(), page); err != nil {
				t.Fatal(err)
			}
			compare(t, s, tr.No, 1)
		})
	}
}

// compare wants all of a final page n times.
func compare(t *testing.T, s *Store, no protocol.TransferNo, n int) {
	t.Helper()
	all, err := s.Pages(t.Context(), no, 1, 0, 9)
	if err != nil || len(all) != n {
		t.Errorf("%d pages, %v, want %d", len(all), err, n)
	}
	finals, err := s.FinalPages(t.Context(), no)
	if err != nil || len(finals) != n {
		t.Errorf("%d final pages, %v, want %d", len(finals), err, n)
	}
	tr, err := s.Transfer(t.Context(), no)
	if err != nil || (tr.Root != protocol.Digest{}) != (n == 1) || tr.Lost != n {
		t.Errorf("root %v, %d lost, %v", tr.Root, tr.Lost, err)
	}
}

// pagesAt names the database for the process that is killed.
const pagesAt = "GROUPCAST_TEST_PAGES_AT"

// A page that may have left the machine is there after a kill, and the chain goes on after it.
func TestKeptPagesOutliveAKill(t *testing.T) {
	if path := os.Getenv(pagesAt); path != "" {
		keepPages(t, path)
		return
	}
	for _, after := range []int{1, 30} {
		t.Run(fmt.Sprintf("after %d", after), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db.sqlite")
			said := killPages(t, path, after)
			s, err := Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			all, err := s.Pages(t.Context(), 1, 1, 0, 100_000)
			if err != nil || len(all) < said {
				t.Fatalf("%d pages are there, %v; %d were said to be", len(all), err, said)
			}
			for n, raw := range all {
				if string(raw) != pageText(n) {
					t.Errorf("page %d is another", n)
				}
			}
			next := store.Page{Transfer: 1, Edition: 1, Number: protocol.PageNo(len(all)), Raw: []byte("next")}
			if err := s.AddPage(t.Context(), next); err != nil {
				t.Errorf("the next page: %v", err)
			}
		})
	}
}

func pageText(n int) string { return strings.Repeat(strconv.Itoa(n)+" ", 2000) }

// killPages kills a process that keeps pages once it said so of so many, and gives of how many it did.
func killPages(t *testing.T, path string, after int) (said int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestKeptPagesOutliveAKill$")
	cmd.Env = append(os.Environ(), pagesAt+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() == "kept" {
		if said++; said == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended by itself: nothing was killed")
	}
	if said < after {
		t.Fatalf("%d pages were kept, want %d at least", said, after)
	}
	return said
}

// keepPages keeps page after page, and says so of each.
func keepPages(t *testing.T, path string) {
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	tr := pagedIn(t, s)
	for n := range int(tr.Pages) {
		if err := s.AddPage(t.Context(), store.Page{
			Transfer: tr.No, Edition: 1, Number: protocol.PageNo(n), Raw: []byte(pageText(n)),
		}); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("kept\n")
	}
}
