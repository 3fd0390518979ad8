package entries_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/spool/entries"
)

func entry(i int) skeleton.Entry {
	e := skeleton.Entry{Path: fmt.Sprintf("set-%03d/item-%06d.bin", i/1000, i), Size: 1000, Mode: 0o644, MTime: int64(i)}
	if i%1000 == 999 {
		e.Kind, e.Target, e.Size = manifest.KindSymlink, "x", 1
	}
	return e
}

// written gives a skeleton of so many entries.
func written(t testing.TB, n int) []byte {
	t.Helper()
	var sum skeleton.Totals
	for i := range n {
		e := entry(i)
		sum.Add(&e)
	}
	var out bytes.Buffer
	w, err := skeleton.NewWriter(&out, sum)
	for i := 0; i < n && err == nil; i++ {
		e := entry(i)
		err = w.Add(&e)
	}
	if err == nil {
		_, _, err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Any entry is found again, by its number and by its path, whatever was asked for before.
func TestEntriesAreFound(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 257, 20_000} {
		raw := written(t, n)
		l, err := entries.Read(bytes.NewReader(raw), len(raw), func(i int, e *skeleton.Entry) {
			if *e != entry(i) {
				t.Fatalf("entry %d is shown as %+v", i, *e)
			}
		})
		if err != nil || l.Len() != n {
			t.Fatalf("%d entries, not %d: %v", l.Len(), n, err)
		}
		for k := range min(n, 2000) {
			i := k * 7919 % n
			e, err := l.At(i)
			if err != nil || e != entry(i) || l.Kind(i) != e.Kind {
				t.Fatalf("entry %d is %+v, %v", i, e, err)
			}
			if at, ok, err := l.Find(e.Path); at != i || !ok || err != nil {
				t.Fatalf("%s is entry %d, %v, %v", e.Path, at, ok, err)
			}
		}
		for _, path := range []string{"", "a", "set-000/item-000000.bim", "set-012/item-012345.bin2", "z"} {
			if at, ok, err := l.Find(path); ok || err != nil {
				t.Errorf("%q is entry %d, %v", path, at, err)
			}
		}
	}
}

// What cannot be read again is an error, not an entry of nothing.
func TestAFileThatWasCutIsAnError(t *testing.T) {
	raw := written(t, 1000)
	f := &cuttable{raw}
	l, err := entries.Read(f, len(raw), func(int, *skeleton.Entry) {})
	if err != nil {
		t.Fatal(err)
	}
	f.b = raw[:len(raw)/2]
	if e, err := l.At(999); err == nil {
		t.Errorf("entry 999 is %+v", e)
	}
	if i, ok, err := l.Find(entry(999).Path); err == nil {
		t.Errorf("found as entry %d, %v", i, ok)
	}
}

type cuttable struct{ b []byte }

func (c *cuttable) ReadAt(b []byte, off int64) (int, error) {
	return bytes.NewReader(c.b).ReadAt(b, off)
}

// 200,000 entries are in memory as marks and bytes.
func TestEntriesStayInTheirFile(t *testing.T) {
	const n = 200_000
	raw := written(t, n)
	before := heap()
	l, err := entries.Read(bytes.NewReader(raw), len(raw), func(int, *skeleton.Entry) {})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := l.At(i); err != nil {
			t.Fatal(err)
		}
	}
	grown := int64(heap()) - int64(before)
	t.Logf("%d entries take %d KiB, their skeleton has %d", n, grown>>10, len(raw)>>10)
	if grown > 4<<20 {
		t.Errorf("%d entries take %d KiB", n, grown>>10)
	}
	runtime.KeepAlive(l)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
