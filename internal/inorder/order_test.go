package inorder

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// model is what is in a folder: nil for what is no folder.
type model map[string]model

// grownModel makes a random tree, of names that begin with one another and have letters below and above "/".
func grownModel(rnd *rand.Rand, depth int) model {
	letters := []string{"a", "b", "!", "-", ".", " ", "0", "é", "+"}
	m := model{}
	for range rnd.IntN(6) {
		name := ""
		for range 1 + rnd.IntN(3) {
			name += letters[rnd.IntN(len(letters))]
		}
		if name == "." || name == ".." {
			continue
		}
		m[name] = nil
		if depth > 0 && rnd.IntN(5) < 3 {
			m[name] = grownModel(rnd, depth-1)
		}
	}
	return m
}

// each visits all paths in whatever order.
func (m model) each(prefix string, visit func(path string, folder bool)) {
	for name, in := range m {
		visit(prefix+name, in != nil)
		in.each(prefix+name+"/", visit)
	}
}

// ordered are the paths in the order in which a walk comes to them.
func (m model) ordered(t *testing.T, prefix string) (out []string) {
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
		out = append(out, m[name].ordered(t, prefix+name+"/")...)
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
		m := grownModel(rnd, 3)
		var want, slashed []string
		m.each("", func(path string, folder bool) {
			want = append(want, path)
			if folder {
				path += "/"
			}
			slashed = append(slashed, path)
		})
		slices.Sort(want)
		slices.Sort(slashed)
		if got := m.ordered(t, ""); !slices.Equal(got, want) {
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
