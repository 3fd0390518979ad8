package source

import (
	"fmt"
	"maps"
	"os"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Whatever a tree is like, its pages say of every file what it is, and every block can be read.
func TestTreesOfAllKinds(t *testing.T) {
	many := map[string]int{}
	for i := range 600 {
		many[fmt.Sprintf("%02d/%04d", i%30, i)] = i * 37 % 3000
	}
	huge := map[string]int{"z": 1 << 20, "a": 3 * protocol.BlockSize, "b/c": 3<<20 + 5}
	mixed := maps.Clone(many)
	maps.Copy(mixed, huge)
	for name, files := range map[string]map[string]int{
		"one block":       {"f": 10},
		"one whole block": {"f": protocol.BlockSize},
		"one large file":  {"f": 5<<20 + 1},
		"no file":         {"a/b/": 0, "c/": 0},
		"empty files":     {"a": 0, "b": 0, "c/d": 0},
		"many":            many, "large": huge, "all of it": mixed,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, files)
			must(t, os.Symlink("f", w.path("link")))
			s := w.list().run()
			w.holds(s, w.contents(), nil)
			if err := s.Run(ctx); err != nil {
				t.Errorf("run again at its end: %v", err)
			}
		})
	}
}
