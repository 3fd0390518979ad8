package source

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
)

// The benchmarks write up to 1 GiB below TMPDIR: with it in memory (TMPDIR=/dev/shm) they measure what is done to the
// bytes, and not the disk. Run each on its own:
// go test ./internal/source -run '^$' -bench OneFile -benchtime 1x -cpu 1,2

// large writes a file of so many MiB of noise.
func (w *world) large(name string, mib int) {
	part := noise(1<<20, name)
	f, err := os.Create(w.path(name))
	must(w.t, err)
	defer f.Close()
	for i := range mib {
		part[i%len(part)]++
		_, err := f.Write(part)
		must(w.t, err)
	}
}

// measure hashes a folder, from Open to the final page.
func (w *world) measure(b *testing.B) {
	b.Helper()
	b.SetBytes(int64(w.built.Bytes))
	for b.Loop() {
		clear(w.store.pages)
		s := w.open()
		s.workers = min(max(runtime.GOMAXPROCS(0), 2), 8)
		must(b, s.Run(ctx))
		if len(s.Voids()) > 0 {
			b.Fatal("files are void")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(w.built.Bytes), "ns/byte")
}

func BenchmarkOneFile(b *testing.B) {
	w := newWorld(b, nil)
	w.large("f", 1024)
	w.list().measure(b)
}

func BenchmarkZeros(b *testing.B) {
	w := newWorld(b, map[string]int{"f": 0})
	must(b, os.Truncate(w.path("f"), 1<<30))
	w.list().measure(b)
}

func BenchmarkSmallFiles(b *testing.B) {
	w := newWorld(b, nil)
	data := noise(10<<10, "small")
	for i := range 100_000 {
		if i%1000 == 0 {
			must(b, os.Mkdir(w.path(fmt.Sprint(i/1000)), 0o755))
		}
		data[0], data[1], data[2] = byte(i), byte(i>>8), byte(i>>16)
		must(b, os.WriteFile(w.path(fmt.Sprintf("%d/%d", i/1000, i)), data, 0o644))
	}
	w.list().measure(b)
}

// BenchmarkFirstPage is the time from the opening of a source to its first page.
func BenchmarkFirstPage(b *testing.B) {
	w := newWorld(b, map[string]int{"f": 0})
	must(b, os.Truncate(w.path("f"), 50_000_000_000))
	w.list()
	var all time.Duration
	for b.Loop() {
		clear(w.store.pages)
		begin := time.Now()
		s := w.open()
		_, changed := s.SignedFrom(0)
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		<-changed
		all += time.Since(begin)
		must(b, s.Close())
		<-ended
	}
	b.ReportMetric(float64(all.Microseconds())/1000/float64(b.N), "ms/page")
}

// BenchmarkMillion is a transfer of a million files that are not there: what it takes to list and to open it, and what
// a source has in memory before and after its files turned out to be gone.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	w := newWorld(b, nil)
	lib, err := content.OpenLibrary(w.home, content.UploadLimits{}, func(uint64) error { return nil })
	must(b, err)
	tree := &content.Tree{Place: content.Place{Roots: []content.Root{{Name: "d", Base: w.path(""), Path: "."}}}}
	for i := range n {
		if i%1000 == 0 {
			path := fmt.Sprintf("d/%04d", i/1000)
			tree.Files = append(tree.Files, manifest.File{Kind: manifest.KindFolder, Path: path, Mode: 0o755})
		}
		if len(tree.Files) < n {
			path := fmt.Sprintf("d/%04d/a file of an ordinary name %06d.txt", i/1000, i)
			tree.Files = append(tree.Files, manifest.File{Path: path, Size: 1000, Mode: 0o644})
		}
	}
	begin := time.Now()
	w.built, err = lib.List(ctx, tree, groupcast.NewTransfer{})
	must(b, err)
	b.ReportMetric(time.Since(begin).Seconds(), "s/list")
	tree = nil
	w.lib, w.most = lib, w.built.Pages
	for b.Loop() {
		clear(w.store.pages)
		before := heap()
		begin := time.Now()
		files, err := lib.OpenPaged(w.built.Content)
		must(b, err)
		s, err := Open(ctx, Config{
			Terms: w.terms(), Most: w.most, Key: server, Files: files, Pages: w.store, Log: slog.New(slog.DiscardHandler),
		})
		must(b, err)
		b.ReportMetric(time.Since(begin).Seconds(), "s/open")
		b.ReportMetric(float64(heap()-before)/n, "B/entry-open")
		peak := make(chan float64, 1)
		ctx, cancel := context.WithCancel(ctx)
		go func() { peak <- peakOf(ctx) }()
		begin = time.Now()
		must(b, s.Run(ctx))
		cancel()
		b.ReportMetric(time.Since(begin).Seconds(), "s/run")
		kept := 0
		for _, raw := range w.store.pages[1] {
			kept += len(raw)
		}
		b.ReportMetric((<-peak-float64(before))/n, "B/entry-peak")
		b.ReportMetric((float64(heap()-before)-float64(kept))/n, "B/entry-end")
		must(b, s.Close())
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func peakOf(ctx context.Context) (most float64) {
	for ctx.Err() == nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, float64(m.HeapAlloc))
		time.Sleep(20 * time.Millisecond)
	}
	return most
}
