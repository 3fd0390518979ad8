// Package inordertest makes trees whose paths are hard to put in order. It is for tests only.
package inordertest

import "math/rand/v2"

// Tree is what is in a folder: nil for what is no folder.
type Tree map[string]Tree

// Grow makes a random tree, of names that begin with one another and have letters below and above "/".
func Grow(rnd *rand.Rand, depth int) Tree {
	letters := []string{"a", "b", "!", "-", ".", " ", "0", "é", "+"}
	t := Tree{}
	for range rnd.IntN(6) {
		name := ""
		for range 1 + rnd.IntN(3) {
			name += letters[rnd.IntN(len(letters))]
		}
		if name == "." || name == ".." {
			continue
		}
		t[name] = nil
		if depth > 0 && rnd.IntN(5) < 3 {
			t[name] = Grow(rnd, depth-1)
		}
	}
	return t
}

// Each visits all paths in whatever order.
func (t Tree) Each(prefix string, visit func(path string, folder bool)) {
	for name, in := range t {
		visit(prefix+name, in != nil)
		in.Each(prefix+name+"/", visit)
	}
}
