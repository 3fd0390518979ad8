package packs

import (
	"bytes"
	"testing"
	"time"
)

// BenchmarkReadAfar reads files of a bucket that answers after 100 ms, one after another, into an empty cache.
func BenchmarkReadAfar(b *testing.B) {
	const count = 32
	var first []byte
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b)
		up, data := w.upload("a", []int{count * packBytes})
		first = data[0]
		w.shelf.delay = 100 * time.Millisecond
		w.k.patience = time.Minute
		b.StartTimer()
		got, err := read(up, "d/000")
		b.StopTimer()
		if err != nil || !bytes.Equal(got, first) {
			b.Fatal(err)
		}
		w.must(w.k.Close())
		b.StartTimer()
	}
	b.SetBytes(count * packBytes)
}
