package content

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkScan20kSmall lists 20,000 files in 20 folders, three folders deep.
func BenchmarkScan20kSmall(b *testing.B) {
	dir := b.TempDir()
	for i := range 20 {
		in := filepath.Join(dir, "tree", "of", "folders", fmt.Sprint(i))
		if err := os.MkdirAll(in, 0o755); err != nil {
			b.Fatal(err)
		}
		for n := range 1000 {
			if err := os.WriteFile(filepath.Join(in, fmt.Sprint(n)), []byte("x"), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ResetTimer()
	for b.Loop() {
		tree, err := Scan(b.Context(), []string{filepath.Join(dir, "tree")}, ScanOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if len(tree.Files) != 20_023 {
			b.Fatalf("%d entries", len(tree.Files))
		}
	}
}
