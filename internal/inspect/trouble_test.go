package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/groupcast/groupcast/internal/inspect"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// troubled is a disk on which operations fail as they are told.
type troubled struct {
	diskfs.FS
	fails func(op, name string) error
}

func (d troubled) Lstat(name string) (fs.FileInfo, error) {
	if err := d.fails("lstat", name); err != nil {
		return nil, err
	}
	return d.FS.Lstat(name)
}

func (d troubled) Open(name string, write bool) (diskfs.File, error) {
	if err := d.fails("open", name); err != nil {
		return nil, err
	}
	return d.FS.Open(name, write)
}

func (d troubled) Readlink(name string) (string, error) {
	if err := d.fails("readlink", name); err != nil {
		return "", err
	}
	return d.FS.Readlink(name)
}

func (d troubled) Readdir(name string) ([]fs.DirEntry, error) {
	if err := d.fails("readdir", name); err != nil {
		return nil, err
	}
	return d.FS.Readdir(name)
}

// lookWith looks through the group on a troubled disk.
func (w *world) lookWith(fails func(op, name string) error) (inspect.Counts, []inspect.Finding, error) {
	w.Helper()
	root, err := diskfs.Open(w.dir)
	w.must(err)
	defer root.Close()
	var found []inspect.Finding
	i := inspect.Inspector{
		FS: troubled{root, fails}, Group: "lab", Ledger: w.group,
		Found: func(f inspect.Finding) { found = append(found, f) },
	}
	counts, err := i.Run(w.Context(), true)
	return counts, found, err
}

// An error of the disk is what is said of one entry, with its reason; of all others the truth is said.
func TestAnErrorIsSaidOfItsEntry(t *testing.T) {
	for name, c := range map[string]struct {
		op, at string
		err    error
		result inspect.Result
	}{
		"no answer for a name":     {"lstat", "lab/b", syscall.EIO, inspect.Unreadable},
		"no leave to read":         {"open", "lab/b", syscall.EACCES, inspect.Unreadable},
		"gone between two looks":   {"open", "lab/b", syscall.ENOENT, inspect.Missing},
		"a link that is not read":  {"readlink", "lab/link", syscall.EIO, inspect.Unreadable},
		"a folder that is not":     {"readdir", "lab/d", syscall.EACCES, inspect.Unreadable},
		"a name that is not taken": {"lstat", "lab/b", syscall.ENAMETOOLONG, inspect.Unreadable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for _, file := range []string{"a", "b", "c", "d/e"} {
				w.deliver(file, file, 1)
			}
			w.must(w.group.Record([]spool.Outcome{outcome("link", "a", 1)}))
			w.must(os.Symlink("a", filepath.Join(w.dir, "lab", "link")))
			counts, found, err := w.lookWith(func(op, at string) error {
				if op == c.op && at == c.at {
					return &fs.PathError{Op: op, Path: at, Err: c.err}
				}
				return nil
			})
			if err != nil || len(found) != 1 || found[0].Result != c.result || found[0].Group != "lab" ||
				"lab/"+found[0].Path != c.at {
				t.Fatalf("found %+v, %v", found, err)
			}
			if c.result == inspect.Unreadable && !strings.Contains(found[0].Detail, c.err.Error()) {
				t.Errorf("the reason is %q", found[0].Detail)
			}
			if sum := counts.Same + counts.Missing + counts.Unreadable; sum < 5 || counts.Clean() {
				t.Errorf("%+v", counts)
			}
		})
	}
}

// While a newer version comes again and again nothing is called changed that is only newer.
func TestWhatIsDeliveredMeanwhileIsComparedAnew(t *testing.T) {
	w := newWorld(t)
	w.deliver("a", "first", 1)
	w.write("a", "second")
	came := 0
	counts, found, err := w.lookWith(func(op, at string) error {
		if op == "lstat" && at == "lab/a" && came == 0 {
			came++ // the row was read already
			return w.group.Record([]spool.Outcome{outcome("a", "second", 2)})
		}
		return nil
	})
	if err != nil || len(found) != 0 || counts.Same != 1 {
		t.Errorf("%+v, found %+v, %v", counts, found, err)
	}
	w.write("a", "none of them")
	no := protocol.TransferNo(3)
	_, found, err = w.lookWith(func(op, at string) error {
		if op != "lstat" || at != "lab/a" {
			return nil
		}
		no++
		return w.group.Record([]spool.Outcome{outcome("a", fmt.Sprint(no), no)})
	})
	if err != nil || len(found) != 1 || found[0].Result != inspect.Unreadable ||
		!strings.Contains(found[0].Detail, "anew") {
		t.Errorf("found %+v, %v", found, err)
	}
}

// A group whose folder is gone lacks everything, and nothing else is said of it.
func TestAGroupWithoutItsFolder(t *testing.T) {
	w := newWorld(t)
	w.deliver("a", "a", 1)
	w.deliver("d/b", "b", 1)
	w.must(os.RemoveAll(filepath.Join(w.dir, "lab")))
	counts, found := w.look(true)
	if counts.Missing != 2 || counts.Other+counts.Changed+counts.Unreadable+counts.Same != 0 || len(found) != 2 {
		t.Errorf("%+v, found %v", counts, found)
	}
}

// Several groups are told apart and added up, and only the first differences are named.
func TestGroupsAreAddedUp(t *testing.T) {
	w := newWorld(t)
	w.known(w.dir)
	w.deliver("a", "a", 1)
	w.write("mine", "mine")
	red := w.ledger.Deliveries(protocol.ServerID{1}, protocol.GroupID{3}, "red")
	var lost []spool.Outcome
	for i := range 5 {
		lost = append(lost, outcome(fmt.Sprint(i), "x", 1))
	}
	w.must(red.Record(lost))
	var ticked []string
	q := inspect.Question{
		Ledger: w.ledger, Dir: w.dir, Limit: 3,
		Tick: func(group string, paths int) func(inspect.Counts) {
			ticked = append(ticked, fmt.Sprint(group, " ", paths))
			return func(inspect.Counts) {}
		},
	}
	got, err := inspect.Compare(t.Context(), q)
	if err != nil || len(got.Groups) != 2 || got.Missing != 5 || got.Same != 1 || got.Other != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if got.Listed != 3 || len(got.Differences) != 3 || !slices.Equal(ticked, []string{"lab 1", "red 5"}) {
		t.Errorf("%d are listed; %v", got.Listed, ticked)
	}
	q.Delivered, q.Limit = true, 0
	if got, err := inspect.Compare(t.Context(), q); err != nil || got.Other != 0 || len(got.Differences) != 5 {
		t.Errorf("of what was delivered only: %+v, %v", got, err)
	}
	q.Group = "lab"
	if got, err := inspect.Compare(t.Context(), q); err != nil || len(got.Groups) != 1 || !got.Clean() {
		t.Errorf("of one group: %+v, %v", got, err)
	}
}

// A folder that is not the one files went to is not compared: everything in it would be called missing.
func TestAnotherFolderInThePlaceIsNotCompared(t *testing.T) {
	w := newWorld(t)
	w.known(w.dir)
	w.deliver("a", "a", 1)
	w.must(os.Rename(w.dir, w.dir+"-disk"))
	w.must(os.Mkdir(w.dir, 0o755)) // the empty mount point
	quiet := func(string, int) func(inspect.Counts) { return func(inspect.Counts) {} }
	if got, err := inspect.Compare(t.Context(), inspect.Question{Ledger: w.ledger, Dir: w.dir, Tick: quiet}); err == nil {
		t.Errorf("it was compared: %+v", got)
	}
	w.must(errors.Join(os.Remove(w.dir), os.Rename(w.dir+"-disk", w.dir)))
	if _, err := inspect.Compare(t.Context(), inspect.Question{Ledger: w.ledger, Dir: w.dir, Tick: quiet}); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// A look that is given up ends with that, and not with what it had seen until then.
func TestAComparisonThatIsGivenUp(t *testing.T) {
	w := newWorld(t)
	w.known(w.dir)
	for i := range 20 {
		w.deliver(fmt.Sprint(i), "x", 1)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q := inspect.Question{Ledger: w.ledger, Dir: w.dir, Tick: func(string, int) func(inspect.Counts) {
		return func(inspect.Counts) { cancel() }
	}}
	if got, err := inspect.Compare(ctx, q); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", got.Counts, err)
	}
}
