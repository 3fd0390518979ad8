package inorder

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/inorder/inordertest"
)

// ordered are the paths in the order in which a walk comes to them.
func ordered(t *testing.T, m inordertest.Tree, prefix string) (out []string) {
	of := &Names{}
	for name := range m {
		of.Add(name)
		of.Add(name) // a folder that is written to may give one twice
	}
	of.Sort()
	err := Walk(of, func(i int) (bool, error) {
		out = append(out, prefix+string(of.At(i)))
		return m[string(of.At(i))] != nil, nil
	}, func(i int) error {
		name := string(of.At(i))
		out = append(out, ordered(t, m[name], prefix+name+"/")...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A walk comes to what it finds in the order of the whole paths, bytewise.
func TestAWalkHasTheOrderOfPaths(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	other := 0 // trees whose order is not that of folders with a "/" behind their name
	for range 3000 {
		m := inordertest.Grow(rnd, 3)
		var want, slashed []string
		m.Each("", func(path string, folder bool) {
			want = append(want, path)
			if folder {
				path += "/"
			}
			slashed = append(slashed, path)
		})
		slices.Sort(want)
		slices.Sort(slashed)
		if got := ordered(t, m, ""); !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
		for i := range slashed {
			slashed[i] = strings.TrimSuffix(slashed[i], "/")
		}
		if !slices.Equal(slashed, want) {
			other++
		}
	}
	if other < 100 {
		t.Errorf("only %d of the trees are hard", other)
	}
}

// A folder takes little of memory for each name in it.
func TestNamesAreSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures memory")
	}
	const n = 200_000
	of := &Names{}
	for i := range n {
		of.Add(fmt.Sprintf("%07d.bin", (i*7919)%n))
	}
	of.Sort()
	for i := range n {
		if string(of.At(i)) != fmt.Sprintf("%07d.bin", i) {
			t.Fatalf("%d: %q", i, of.At(i))
		}
	}
	if most := 2 * (8 + 11) * n; cap(of.text)+8*cap(of.each) > most {
		t.Errorf("%d bytes", cap(of.text)+8*cap(of.each))
	}
}
