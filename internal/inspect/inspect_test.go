package inspect_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/inspect"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

type world struct {
	testing.TB
	dir    string // DIR
	ledger *ledger.Ledger
	group  *ledger.Deliveries
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, dir: t.TempDir()}
	var err error
	w.ledger, err = ledger.Open(t.Context(), filepath.Join(t.TempDir(), "l"), time.Now)
	w.must(err)
	t.Cleanup(func() { w.must(w.ledger.Close()) })
	w.group = w.ledger.Deliveries(protocol.ServerID{1}, protocol.GroupID{2}, "lab")
	w.must(os.Mkdir(filepath.Join(w.dir, "lab"), 0o755))
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) write(name, content string) {
	w.Helper()
	at := filepath.Join(w.dir, "lab", name)
	w.must(os.MkdirAll(filepath.Dir(at), 0o755))
	w.must(os.WriteFile(at, []byte(content), 0o644))
}

func outcome(path, content string, no protocol.TransferNo) spool.Outcome {
	return spool.Outcome{
		Path: path, Name: path, Result: spool.Committed, Transfer: no, Digest: sha256.Sum256([]byte(content)),
		Size: uint64(len(content)), MTime: time.Unix(1, 0),
	}
}

// deliver writes a file as the spool does, and records it.
func (w *world) deliver(path, content string, no protocol.TransferNo) {
	w.Helper()
	w.write(path, content)
	w.must(w.group.Record([]spool.Outcome{outcome(path, content, no)}))
}

func (w *world) look(others bool, known ...*ledger.Deliveries) (inspect.Counts, map[string]inspect.Result) {
	w.Helper()
	root, err := diskfs.Open(w.dir)
	w.must(err)
	defer root.Close()
	found := map[string]inspect.Result{}
	i := inspect.Inspector{
		FS: root, Group: "lab", Ledger: w.group, Known: known, Found: func(f inspect.Finding) { found[f.Path] = f.Result },
	}
	counts, err := i.Run(w.Context(), others)
	w.must(err)
	return counts, found
}

func TestWhatLiesThereIsCompared(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{
		"same", "touched", "longer", "edited", "gone", "deep/er/same", "now-a-folder", "now-a-link",
	} {
		w.deliver(name, "delivered", 1)
	}
	at := func(name string) string { return filepath.Join(w.dir, "lab", name) }
	w.must(os.Chtimes(at("touched"), time.Now(), time.Now()))
	w.write("longer", "delivered and more")
	w.write("edited", "DELIVERED")
	w.must(os.Chtimes(at("edited"), time.Unix(1, 0), time.Unix(1, 0))) // its size and time are as delivered
	w.must(os.Remove(at("gone")))
	w.must(os.Remove(at("now-a-folder")))
	w.must(os.Mkdir(at("now-a-folder"), 0o755))
	w.must(os.Remove(at("now-a-link")))
	w.must(os.Symlink("same", at("now-a-link")))
	link, moved := outcome("link", "same", 1), outcome("moved", "same", 1)
	link.Kind, moved.Kind = manifest.KindSymlink, manifest.KindSymlink
	folder := spool.Outcome{
		Path: "folder", Name: "folder", Kind: manifest.KindFolder, Result: spool.Committed, Transfer: 1,
	}
	nofolder := folder
	nofolder.Path, nofolder.Name = "nofolder", "nofolder"
	w.must(w.group.Record([]spool.Outcome{link, moved, folder, nofolder}))
	w.must(os.Symlink("same", at("link")))
	w.must(os.Symlink("edited", at("moved")))
	w.must(os.Mkdir(at("folder"), 0o755))
	w.write("nofolder", "")
	w.write("mine", "not theirs")
	w.write("my/own", "not theirs")
	w.must(os.Symlink("/", at("my/link")))
	counts, found := w.look(true)
	want := map[string]inspect.Result{
		"longer": inspect.Changed, "edited": inspect.Changed, "gone": inspect.Missing, "now-a-folder": inspect.Changed,
		"now-a-link": inspect.Changed,
		"moved":      inspect.Changed, "nofolder": inspect.Changed, "mine": inspect.Other, "my/own": inspect.Other,
		"my/link": inspect.Other,
	}
	if !maps.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
	if counts.Same != 5 || counts.Changed != 6 || counts.Missing != 1 || counts.Other != 3 || counts.Clean() {
		t.Errorf("%+v", counts)
	}
	if counts, _ := w.look(false); counts.Other != 0 || counts.Same != 5 {
		t.Errorf("what was delivered only: %+v", counts)
	}
}

// What lies beside somebody's own file is compared where it lies.
func TestBesideAndUndoneEdits(t *testing.T) {
	w := newWorld(t)
	w.deliver("a", "first", 1)
	w.deliver("b", "first", 1)
	for _, n := range []string{"a", "b"} {
		o := outcome(n, "second", 2)
		o.Name, o.Result = n+" (groupcast)", spool.KeptBoth
		w.write(o.Name, "second")
		w.must(w.group.Record([]spool.Outcome{o}))
	}
	w.write("a", "an edit") // b is as it was delivered first
	counts, found := w.look(true)
	if !maps.Equal(found, map[string]inspect.Result{"a": inspect.Other}) || counts.Same != 2 {
		t.Fatalf("%v %+v", found, counts)
	}
}

// A file that took a folder's place later leaves nothing of it missing.
func TestAFolderThatMadeWay(t *testing.T) {
	w := newWorld(t)
	w.must(w.group.Record([]spool.Outcome{outcome("d/a", "1", 1), outcome("e/a", "1", 1)}))
	w.deliver("d", "a file now", 2)
	w.write("e", "somebody's file")
	counts, found := w.look(true)
	if !maps.Equal(found, map[string]inspect.Result{"e/a": inspect.Missing, "e": inspect.Other}) || counts.Same != 1 {
		t.Fatalf("%v %+v", found, counts)
	}
}

func TestAnothersDeliveryIsNobodysOwn(t *testing.T) {
	w := newWorld(t)
	w.deliver("a", "1", 1)
	w.write("b", "of another server")
	other := w.ledger.Deliveries(protocol.ServerID{9}, protocol.GroupID{2}, "lab")
	w.must(other.Record([]spool.Outcome{outcome("b", "of another server", 1)}))
	if _, found := w.look(true, other); len(found) != 0 {
		t.Fatal(found)
	}
	groups, err := w.ledger.Groups(t.Context())
	if err != nil || len(groups) != 2 ||
		groups[0] != (ledger.Group{Server: protocol.ServerID{1}, ID: protocol.GroupID{2}, Name: "lab"}) {
		t.Fatal(groups, err)
	}
}

func TestWhatCannotBeReadIsNotTheSame(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("the superuser reads everything")
	}
	w := newWorld(t)
	w.deliver("a", "1", 1)
	w.must(os.Chmod(filepath.Join(w.dir, "lab", "a"), 0))
	if counts, found := w.look(true); found["a"] != inspect.Unreadable || counts.Unreadable != 1 {
		t.Fatal(found, counts)
	}
}

func TestAStoppedLookDecidesNothing(t *testing.T) {
	w := newWorld(t)
	w.deliver("a", "1", 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	root, err := diskfs.Open(w.dir)
	w.must(err)
	defer root.Close()
	i := inspect.Inspector{
		FS: root, Group: "lab", Ledger: w.group, Found: func(f inspect.Finding) { t.Errorf("found %+v", f) },
	}
	if counts, err := i.Run(ctx, true); !errors.Is(err, context.Canceled) || counts.Same != 0 {
		t.Fatal(counts, err)
	}
}

// However many paths there are, they are looked through with what a thousand need.
func TestMemoryStaysBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("20,000 rows")
	}
	w := newWorld(t)
	const many = 20_000
	for from := 0; from < many; from += 10_000 {
		rows := make([]spool.Outcome, 10_000)
		for i := range rows {
			rows[i] = outcome(fmt.Sprintf("folder-%03d/a-rather-long-name-of-a-file-%07d", i%100, from+i), "x", 1)
		}
		w.must(w.group.Record(rows))
	}
	root, err := diskfs.Open(w.dir)
	w.must(err)
	defer root.Close()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most, missing := uint64(0), 0
	i := inspect.Inspector{
		FS: root, Group: "lab", Ledger: w.group, Found: func(inspect.Finding) { missing++ },
		Tick: func(c inspect.Counts) {
			if c.Missing%5000 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
			}
		},
	}
	counts, err := i.Run(t.Context(), true)
	if err != nil || counts.Missing != many || missing != many {
		t.Fatal(counts, missing, err)
	}
	if most > 8<<20 {
		t.Fatalf("%d bytes more were in use", most)
	}
	t.Logf("%d bytes more in use at most", most)
}
