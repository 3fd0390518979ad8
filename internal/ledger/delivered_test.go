package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
)

// beside is a delivery that lies beside its name.
func beside(path, name string, no protocol.TransferNo) spool.Outcome {
	o := file(path, no, spool.KeptBoth)
	o.Name, o.Reason = name, "edited"
	return o
}

func TestGroupsAreListedByTheNameTheyHaveNow(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	if list, err := l.Groups(t.Context()); err != nil || len(list) != 0 {
		t.Fatal("a new ledger knows groups:", list, err)
	}
	red := protocol.GroupID{4}
	record(t, l.Deliveries(here, lab, "lab"), file("a", 1, spool.Committed))
	record(t, l.Deliveries(here, red, "red"), file("a", 2, spool.Committed))
	record(t, l.Deliveries(there, lab, "lab"), file("a", 1, spool.Committed))
	record(t, l.Deliveries(here, lab, "attic"), file("a", 3, spool.Committed)) // renamed meanwhile
	want := []ledger.Group{{here, lab, "attic"}, {there, lab, "lab"}, {here, red, "red"}}
	if list, err := l.Groups(t.Context()); err != nil || !slices.Equal(list, want) {
		t.Errorf("got %v, %v, want %v", list, err, want)
	}
}

func TestCountIsOfPathsAndOfOneGroup(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	b := l.Deliveries(here, lab, "lab")
	if n, size, err := b.Count(t.Context()); n != 0 || size != 0 || err != nil {
		t.Fatal(n, size, err)
	}
	foreign := file("theirs", 1, spool.AlreadyHad)
	foreign.Foreign = true // it lies there, and groupcast did not put it there
	record(t, b, file("a", 1, spool.Committed), file("b", 1, spool.AlreadyHad), foreign, file("no", 1, spool.Rejected))
	record(t, b, file("a", 2, spool.Committed))
	record(t, l.Deliveries(there, lab, "lab"), file("c", 1, spool.Committed))
	if n, size, err := b.Count(t.Context()); n != 2 || size != 20 || err != nil {
		t.Errorf("%d paths with %d bytes, %v", n, size, err)
	}
}

// Whatever is known of a group is read in pieces, each path once, in order.
func TestAfterReadsEveryPathOnce(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	b := l.Deliveries(here, lab, "lab")
	var batch []spool.Outcome
	for i := range 123 { // more than one statement writes, and a rest
		batch = append(batch, file(fmt.Sprintf("d/%03d", i), protocol.TransferNo(i+1), spool.Committed))
	}
	record(t, b, batch...)
	record(t, l.Deliveries(here, protocol.GroupID{9}, "other"), file("d/0", 1, spool.Committed))
	for _, limit := range []int{1, 25, 123, 1000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			var paths []string
			for last := ""; ; last = paths[len(paths)-1] {
				rows, err := b.After(t.Context(), last, limit)
				if err != nil || len(rows) > limit {
					t.Fatal(len(rows), err)
				}
				if len(rows) == 0 {
					break
				}
				for _, r := range rows {
					paths = append(paths, r.Path)
				}
				if r := rows[0]; r.Transfer == 0 || r.Size != 10 || r.Digest != (protocol.Digest{byte(r.Transfer)}) ||
					!r.MTime.Equal(time.Unix(1, 123456789)) || r.Name != "" {
					t.Fatalf("%+v", r)
				}
			}
			if len(paths) != len(batch) || !slices.IsSorted(paths) {
				t.Errorf("%d paths, sorted: %v", len(paths), slices.IsSorted(paths))
			}
		})
	}
}

func TestEachShowsOneGroup(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger"))
	mine, other := l.Deliveries(here, lab, "lab"), l.Deliveries(here, protocol.GroupID{9}, "other")
	record(t, mine, file("b", 2, spool.Committed), file("a", 1, spool.Committed))
	record(t, other, file("c", 3, spool.Committed))
	var rows []ledger.Row
	must(t, mine.Each(t.Context(), func(path string, d spool.Delivered) error {
		rows = append(rows, ledger.Row{Path: path, Delivered: d})
		return nil
	}))
	if want, err := mine.After(t.Context(), "", 10); err != nil || !slices.Equal(rows, want) || len(rows) != 2 {
		t.Errorf("it shows %+v, not %+v: %v", rows, want, err)
	}
	stop := errors.New("enough")
	if err := mine.Each(t.Context(), func(string, spool.Delivered) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("it goes on: %v", err)
	}
}

func TestNamesBesideAreFound(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	b := l.Deliveries(here, lab, "lab")
	record(t, b, beside("a", "a (groupcast)", 1), beside(`o'dd`, `o'dd "x" (groupcast)`, 1),
		file("plain", 1, spool.Committed))
	record(t, l.Deliveries(there, lab, "lab"), beside("b", "b (groupcast)", 1))
	got, err := b.Beside(t.Context(), []string{
		"a (groupcast)", "b (groupcast)", "plain", "", `o'dd "x" (groupcast)`, "never",
	})
	want := map[string]bool{"a (groupcast)": true, `o'dd "x" (groupcast)`: true}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	record(t, b, file("a", 2, spool.Committed)) // its name is free again
	if got, err := b.Beside(t.Context(), []string{"a (groupcast)"}); err != nil || len(got) != 0 {
		t.Errorf("still beside: %v, %v", got, err)
	}
	if got, err := b.Beside(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("of no names: %v, %v", got, err)
	}
}

func TestManyPathsAreLookedUpTogether(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	b := l.Deliveries(here, lab, "lab")
	record(t, b, file("m/00001", 1, spool.Committed), file("m/08999", 2, spool.Committed), beside("m/05000", "m/x", 3))
	var paths []string
	for i := range 9000 { // more than one query asks for
		paths = append(paths, fmt.Sprintf("m/%05d", i))
	}
	got, err := b.LookupAll(paths)
	if err != nil || len(got) != 3 || got["m/00001"].Transfer != 1 || got["m/08999"].Transfer != 2 ||
		got["m/05000"].Name != "m/x" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := b.LookupAll(nil); err != nil || len(got) != 0 {
		t.Errorf("of no paths: %v, %v", got, err)
	}
}

// Names of any form are kept as they are.
func TestAnyPathIsKeptAsItIs(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "l")).Deliveries(here, lab, "lab")
	for _, path := range []string{
		"a'b", `a"b`, "a;DROP TABLE paths", "ä/ß", "e\u0301", "\u202etxt.exe", strings.Repeat("x", 4096), "%s", "a\nb",
	} {
		t.Run(fmt.Sprintf("%.20q", path), func(t *testing.T) {
			record(t, b, file(path, 7, spool.Committed))
			if d, known, err := b.Lookup(path); err != nil || !known || d.Transfer != 7 {
				t.Errorf("%+v %v %v", d, known, err)
			}
		})
	}
}

// The numbers of a stranger's manifest come back, however large.
func TestExtremeNumbersComeBack(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "l")).Deliveries(here, lab, "lab")
	o := file("a", math.MaxInt64, spool.Committed)
	o.Size, o.MTime = math.MaxUint64, time.Unix(-5_000_000_000, 0)
	record(t, b, o)
	d, known, err := b.Lookup("a")
	if err != nil || !known || d.Size != math.MaxUint64 || d.Transfer != math.MaxInt64 {
		t.Fatalf("%+v %v %v", d, known, err)
	}
	if want := protocol.TimeOf(protocol.FileTime(o.MTime)); !d.MTime.Equal(want) {
		t.Errorf("the time is %v, want %v", d.MTime, want)
	}
}

func TestABatchIsKeptWholeOrNotAtAll(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	b := l.Deliveries(here, lab, "lab")
	if err := b.Record(nil); err != nil {
		t.Fatal("nothing to record:", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Record([]spool.Outcome{file("a", 1, spool.Committed)}); err == nil {
		t.Error("a closed ledger recorded something")
	}
	for what, err := range map[string]error{
		"lookup": second(b.LookupAll([]string{"a"})), "groups": second(l.Groups(t.Context())),
		"after": second(b.After(t.Context(), "", 1)), "beside": second(b.Beside(t.Context(), []string{"a"})),
		"inbox": second(l.Inbox(t.Context(), "", 1)), "receipts": second(l.Receipts(t.Context(), here)),
		"floor": second(l.Floor(t.Context(), here)), "folders": second(l.Folders(t.Context())),
		"taken": second(l.Taken(t.Context(), here, 1)), "sequence": second(l.NextSequence(t.Context(), here)),
		"entries": second(l.Entries(t.Context(), here, 1, 0, 1)), "servers": second(l.Servers(t.Context())),
	} {
		t.Run(what, func(t *testing.T) {
			if err == nil {
				t.Error("a closed ledger answered")
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// A call that is given up decides nothing.
func TestACancelledCallIsAnError(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	if err := l.RaiseFloor(t.Context(), here, 5); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if floor, err := l.Floor(ctx, here); !errors.Is(err, context.Canceled) {
		t.Errorf("floor %d, %v", floor, err)
	}
	if err := l.RaiseFloor(ctx, here, 9); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, known, err := l.Folder(ctx, "/d"); known || !errors.Is(err, context.Canceled) {
		t.Errorf("a folder: %v, %v", known, err)
	}
	if floor, err := l.Floor(t.Context(), here); err != nil || floor != 5 {
		t.Errorf("the floor is %d, %v", floor, err)
	}
}

// Sessions of several groups record at once, and none loses what another wrote.
func TestBooksAreWrittenAtOnce(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			b := l.Deliveries(here, protocol.GroupID{byte(g + 1)}, fmt.Sprint("g", g))
			for i := range 25 {
				path := fmt.Sprint("f", i)
				if err := b.Record([]spool.Outcome{file(path, protocol.TransferNo(i+1), spool.Committed)}); err != nil {
					t.Error(err)
				}
				if d, known, err := b.Lookup(path); err != nil || !known || d.Transfer != protocol.TransferNo(i+1) {
					t.Errorf("%s: %+v %v %v", path, d, known, err)
				}
			}
		})
	}
	all.Wait()
	for g := range 4 {
		n, _, err := l.Deliveries(here, protocol.GroupID{byte(g + 1)}, "").Count(t.Context())
		if n != 25 || err != nil {
			t.Errorf("group %d has %d paths, %v", g, n, err)
		}
	}
}

// Links are known like files; a folder is known by the digest 0, and is no line of the inbox.
func TestWhatIsKnownOfFoldersAndLinks(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "l"))
	b := l.Deliveries(here, lab, "lab")
	folder, link := file("d", 1, spool.Committed), file("d/l", 1, spool.Committed)
	folder.Kind, folder.Digest, folder.Size = manifest.KindFolder, protocol.Digest{}, 0
	link.Kind, link.Size = manifest.KindSymlink, 0
	record(t, b, folder, link)
	if d, known, err := b.Lookup("d"); !known || err != nil || d.Digest != (protocol.Digest{}) {
		t.Errorf("the folder: %+v %v %v", d, known, err)
	}
	if d, known, err := b.Lookup("d/l"); !known || err != nil || d.Digest != (protocol.Digest{1}) {
		t.Errorf("the link: %+v %v %v", d, known, err)
	}
	if list, err := l.Inbox(t.Context(), "", 10); err != nil || len(list) != 1 || list[0].Path != "d/l" {
		t.Errorf("the inbox: %+v %v", list, err)
	}
}

// Paths are found in whatever order they are asked for, those between them are not shown, and it makes no difference
// how much else is known there.
func TestLookUpAmongOthers(t *testing.T) {
	for _, others := range []int{0, 3, 50} { // few are walked along, many are not
		b := open(t, filepath.Join(t.TempDir(), "l")).Deliveries(here, lab, "lab")
		batch := []spool.Outcome{
			file("d/b", 2, spool.Committed), file("d/a", 1, spool.Committed), file("d/z", 3, spool.Committed),
		}
		for i := range others {
			batch = append(batch, file(fmt.Sprintf("d/m%02d", i), 9, spool.Committed))
		}
		record(t, b, batch...)
		got, err := b.LookupAll([]string{"d/z", "d/a", "d/missing", "d/b"})
		if err != nil || len(got) != 3 || got["d/a"].Transfer != 1 || got["d/b"].Transfer != 2 || got["d/z"].Transfer != 3 {
			t.Errorf("among %d others: %v, %v", others, got, err)
		}
	}
}
