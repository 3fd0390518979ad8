package packs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/bucket"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/stored"
)

// shelf is a bucket in memory.
type shelf struct {
	mu      sync.Mutex
	objects map[string][]byte
	at      map[string]time.Time
	gets    map[string]int // bytes that were read, by key
	calls   int
	fails   func(call int) error // nil: none
	delay   time.Duration        // before each read
	reads   int                  // at this moment …
	most    int                  // … and at most
	writing func()               // called in the middle of a write; nil: nothing is
}

func newShelf() *shelf {
	return &shelf{objects: map[string][]byte{}, at: map[string]time.Time{}, gets: map[string]int{}}
}

// call counts a request; the lock is taken.
func (s *shelf) call() error {
	s.mu.Lock()
	s.calls++
	if s.fails == nil {
		return nil
	}
	return s.fails(s.calls)
}

func (s *shelf) failing(f func(call int) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = f
}

func (s *shelf) Put(_ context.Context, key string, body []byte) error {
	if s.writing != nil && key != markKey {
		s.writing()
	}
	defer s.mu.Unlock()
	if err := s.call(); err != nil {
		return err
	}
	s.objects[key], s.at[key] = bytes.Clone(body), time.Now()
	return nil
}

func (s *shelf) Get(_ context.Context, key string, off, length, size int64) (io.ReadCloser, error) {
	s.mu.Lock()
	s.reads++
	s.most = max(s.most, s.reads)
	s.mu.Unlock()
	time.Sleep(s.delay)
	defer s.mu.Unlock()
	err := s.call()
	if s.reads--; err != nil {
		return nil, err
	}
	data, found := s.objects[key]
	switch {
	case !found:
		return nil, bucket.ErrGone
	case int64(len(data)) != size:
		return nil, bucket.ErrOther
	}
	s.gets[key] += int(length)
	return io.NopCloser(bytes.NewReader(bytes.Clone(data[off : off+length]))), nil
}

func (s *shelf) Read(_ context.Context, key string) ([]byte, error) {
	defer s.mu.Unlock()
	if err := s.call(); err != nil {
		return nil, err
	}
	data, found := s.objects[key]
	if !found {
		return nil, bucket.ErrGone
	}
	return bytes.Clone(data), nil
}

func (s *shelf) Each(_ context.Context, prefix string, see func(bucket.Object) error) error {
	err := s.call()
	var found []bucket.Object
	for key, data := range s.objects {
		if strings.HasPrefix(key, prefix) {
			found = append(found, bucket.Object{Key: key, Size: int64(len(data)), At: s.at[key]})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(found, func(a, b bucket.Object) int { return strings.Compare(a.Key, b.Key) })
	for _, o := range found {
		if err == nil {
			err = see(o)
		}
	}
	return err
}

func (s *shelf) Delete(_ context.Context, key string) error {
	defer s.mu.Unlock()
	if err := s.call(); err != nil {
		return err
	}
	delete(s.objects, key)
	return nil
}

// keys lists the packs that there are.
func (s *shelf) keys() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.objects {
		if key != markKey {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// world is a server's uploads.
type world struct {
	t     testing.TB
	dir   string
	shelf *shelf
	now   time.Time
	k     *Keeper
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, dir: t.TempDir(), shelf: newShelf(), now: time.Now()}
	w.start()
	t.Cleanup(func() { _ = w.k.Close() })
	return w
}

// start is a start of the server, after whatever end.
func (w *world) start() {
	w.t.Helper()
	cache, closed, err := openCache(filepath.Join(w.dir, ".cache"), 1<<30)
	w.must(err)
	w.k = New(Config{
		Dir: w.dir, Server: "this one", Bucket: w.shelf, Cache: cache, Close: closed,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now },
	})
	w.k.patience = 300 * time.Millisecond
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// sizes are those of files that meet in packs in every way.
var sizes = []int{
	1, packBytes - 1, packBytes, 0, 3*packBytes + 17, 100, 100, protocol.BlockSize, 2 * packBytes, 70_000, 5,
}

// files declares files of these sizes, and gives what they have.
func files(sizes []int) (list []manifest.File, data [][]byte) {
	rnd := rand.NewChaCha8([32]byte{7})
	for i, n := range sizes {
		list = append(list, manifest.File{
			Kind: manifest.KindFile, Path: fmt.Sprintf("d/%03d", i), Mode: 0o640, Size: uint64(n),
		})
		data = append(data, make([]byte, n))
		_, _ = rnd.Read(data[i])
	}
	list = append(list, manifest.File{Kind: manifest.KindSymlink, Path: "d/link", Target: "001", Size: 3})
	return list, data
}

// declare makes an upload.
func (w *world) declare(id string, list []manifest.File) stored.Bytes {
	w.t.Helper()
	w.must(os.Mkdir(filepath.Join(w.dir, id), 0o700))
	b := w.k.Of(id, list)
	w.must(b.Make())
	return b
}

// send appends a part of a file.
func send(b stored.Bytes, at int, data []byte) error {
	s, err := b.Append(at)
	if err != nil {
		return err
	}
	_, err = s.Write(data)
	return errors.Join(err, s.Sync(), s.Close())
}

// upload brings a whole upload.
func (w *world) upload(id string, sizes []int) (stored.Bytes, [][]byte) {
	w.t.Helper()
	list, data := files(sizes)
	b := w.declare(id, list)
	for i := range data {
		w.must(send(b, i, data[i]))
	}
	w.must(b.Finish())
	return b, data
}

// read reads a file whole.
func read(b stored.Bytes, name string) ([]byte, error) {
	f, info, err := b.Files().Open(context.Background(), name)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, 0, info.Size()+1))
}

func (w *world) same(b stored.Bytes, data [][]byte) {
	w.t.Helper()
	for i := range data {
		got, err := read(b, fmt.Sprintf("d/%03d", i))
		if err != nil {
			w.t.Fatalf("file %d: %v", i, err)
		}
		if !bytes.Equal(got, data[i]) {
			w.t.Fatalf("file %d is another one: %d bytes, not %d", i, len(got), len(data[i]))
		}
	}
}

// waits lists what waits in an upload's folder for the bucket.
func (w *world) waits(id string) (out []string) {
	w.t.Helper()
	entries, err := os.ReadDir(filepath.Join(w.dir, id, stored.AfarName))
	w.must(err)
	for _, e := range entries {
		if e.Name() != haveName && e.Name() != leavesName {
			out = append(out, e.Name())
		}
	}
	return out
}
