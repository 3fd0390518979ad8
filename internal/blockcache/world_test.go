package blockcache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

func sum(block []byte) protocol.Digest { return sha256.Sum256(block) }

// block makes the content of a number, of a length that follows from it.
func block(n int) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint64([]byte("plaintext canary "), uint64(n)), 40+n%7*60)
}

func wanted(first, count int) (out []Block) {
	for n := first; n < first+count; n++ {
		out = append(out, Block{protocol.BlockNumber(n), sum(block(n)), len(block(n))})
	}
	return out
}

func open(t *testing.T, disk diskfs.FS, quota uint64) *Cache {
	t.Helper()
	c, err := Open(config(disk, quota))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func config(disk diskfs.FS, quota uint64) Config {
	var mu sync.Mutex
	at := time.Unix(1_800_000_000, 0)
	return Config{FS: disk, Quota: quota, Sum: sum, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(time.Second)
		return at
	}}
}

func space(t *testing.T, c *Cache, key byte) *Space {
	t.Helper()
	s, err := c.Space([KeyBytes]byte{key})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// get reads a block: whether it is there. It is never another one.
func get(t *testing.T, s *Space, n int) bool {
	t.Helper()
	buf := make([]byte, protocol.BlockSize)
	length, err := s.Get(sum(block(n)), buf)
	if errors.Is(err, ErrMissing) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(buf[:length], block(n)) {
		t.Fatalf("block %d is another one", n)
	}
	return true
}

func put(t *testing.T, s *Space, n int) {
	t.Helper()
	if err := s.Put(sum(block(n)), block(n)); err != nil {
		t.Fatal(err)
	}
}

// filesOf lists what lies on a disk.
func filesOf(d *spooltest.Disk) map[string][]byte {
	all := map[string][]byte{}
	for at := range folders {
		maps.Copy(all, d.Files(folderName(at)))
	}
	return all
}

// onDisk is what the files take.
func onDisk(d *spooltest.Disk) (files int, bytes uint64) {
	for _, data := range filesOf(d) {
		files++
		bytes += (uint64(len(data)) + sector - 1) / sector * sector
	}
	return files, bytes
}

func newDisk(seed uint64) *spooltest.Disk { return spooltest.NewDisk(rand.New(rand.NewPCG(seed, 1))) }

// shared makes a simulated disk that several goroutines may use.
type shared struct {
	diskfs.FS
	mu sync.Mutex
}

func (d *shared) CreateWhole(name string, b []byte, mode fs.FileMode, at time.Time) (time.Time, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.FS.CreateWhole(name, b, mode, at)
}

func (d *shared) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.FS.Remove(name)
}

func (d *shared) Open(name string, write bool) (diskfs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.FS.Open(name, write)
	if err != nil {
		return nil, err
	}
	return &sharedFile{f, d}, nil
}

type sharedFile struct {
	diskfs.File
	disk *shared
}

func (f *sharedFile) ReadAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return f.File.ReadAt(b, at)
}
