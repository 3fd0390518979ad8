package skeleton

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Paths are found in whatever order they are asked for, at marks and between them.
func TestFinder(t *testing.T) {
	for _, n := range []int{0, 1, marked - 1, marked, marked + 1, 5 * marked} {
		paths, entries := make([]string, n), make([]Entry, n)
		for i := range paths {
			paths[i] = fmt.Sprintf("f%06d", 2*i+1)
			entries[i] = Entry{Path: paths[i], Size: uint64(i)}
		}
		raw, _, err := write(t, entries)
		if err != nil {
			t.Fatal(err)
		}
		find, err := NewFinder(bytes.NewReader(raw), len(raw))
		if err != nil {
			t.Fatal(err)
		}
		ask := func(i int) {
			path := fmt.Sprintf("f%06d", i)
			at, _ := slices.BinarySearch(paths, path)
			e, ok, err := find.From(path)
			if err != nil || ok != (at < n) || ok && e != entries[at] {
				t.Fatalf("of %d from %s: %+v, %v, %v", n, path, e, ok, err)
			}
		}
		for i := range 2*n + 3 {
			ask(i)
		}
		rnd := rand.New(rand.NewPCG(1, uint64(n)))
		for range 2000 {
			ask(rnd.IntN(2*n + 3))
		}
	}
	raw, _, err := write(t, tree)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewFinder(bytes.NewReader(raw[:len(raw)-1]), len(raw)-1); err == nil {
		t.Error("a skeleton that was cut off")
	}
}
