package blockcache

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// On a real folder: what is put there is there, also when the cache is opened anew, and only for who has the key.
func TestBlocksAreKept(t *testing.T) {
	dir := t.TempDir()
	disk, err := diskfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	c := open(t, disk, 1<<20)
	s := space(t, c, 1)
	for n := range 20 {
		put(t, s, n)
	}
	put(t, s, 3) // once more
	again := open(t, disk, 1<<20)
	if a, b := c.Status(), again.Status(); a != b || a.Blocks != 20 {
		t.Fatalf("%+v, opened anew %+v", a, b)
	}
	mine, other := space(t, again, 1), space(t, again, 2)
	for n := range 20 {
		if !mine.Has(sum(block(n))) || !get(t, mine, n) {
			t.Errorf("block %d is gone", n)
		}
		if other.Has(sum(block(n))) || get(t, other, n) {
			t.Errorf("block %d is there for another key", n)
		}
	}
	if get(t, mine, 21) {
		t.Error("a block is there that nobody put")
	}
	noPlaintext(t, dir)
}

// noPlaintext looks for what a thief of the disk would look for.
func noPlaintext(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for n := range 20 {
			digest := sum(block(n))
			if bytes.Contains(b, []byte("canary")) || bytes.Contains(b, digest[:8]) ||
				strings.Contains(path, digest.String()[:16]) {
				t.Errorf("%s says what it holds", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsNoBlockIsNotKept(t *testing.T) {
	s := space(t, open(t, newDisk(1), 1<<20), 1)
	for what, data := range map[string][]byte{
		"another block": block(2), "nothing": {}, "too long": make([]byte, protocol.BlockSize+1),
	} {
		if err := s.Put(sum(block(1)), data); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.Put(sum(nil), nil); !errors.Is(err, ErrWrong) {
		t.Errorf("an empty block: %v", err)
	}
}

// Whatever somebody does to the files, a block is right or not there, and a damaged one is gone afterwards.
func TestDamagedBlocksAreNotThere(t *testing.T) {
	for name, damage := range map[string]func(a, b []byte) ([]byte, []byte){
		"a bit":               func(a, b []byte) ([]byte, []byte) { a[len(a)/2] ^= 1; return a, b },
		"the nonce":           func(a, b []byte) ([]byte, []byte) { a[0] ^= 1; return a, b },
		"cut off":             func(a, b []byte) ([]byte, []byte) { return a[:len(a)-1], b },
		"longer":              func(a, b []byte) ([]byte, []byte) { return append(a, 0), b },
		"empty":               func(a, b []byte) ([]byte, []byte) { return nil, b },
		"another of the key":  func(a, b []byte) ([]byte, []byte) { return b, b },
		"zeros after a crash": func(a, b []byte) ([]byte, []byte) { clear(a[len(a)-100:]); return a, b },
	} {
		t.Run(name, func(t *testing.T) {
			disk := newDisk(1)
			c := open(t, disk, 1<<20)
			s := space(t, c, 1)
			put(t, s, 0)
			put(t, s, 7) // of the same length
			a, b := fileOf(s, 0), fileOf(s, 7)
			files := filesOf(disk)
			was, other := slices.Clone(files[a]), slices.Clone(files[b])
			now, _ := damage(was, other)
			rewrite(t, disk, a, now)
			if get(t, s, 0) || s.Has(sum(block(0))) {
				t.Error("a damaged block is there")
			}
			if _, still := filesOf(disk)[a]; still || c.Status().Spoiled != 1 || !get(t, s, 7) {
				t.Errorf("%+v", c.Status())
			}
			put(t, s, 0)
			if !get(t, s, 0) {
				t.Error("it cannot be put back")
			}
		})
	}
}

func fileOf(s *Space, n int) string {
	e := entry{name: s.name(sum(block(n))), length: len(block(n))}
	return e.file()
}

func rewrite(t *testing.T, disk *spooltest.Disk, name string, data []byte) {
	t.Helper()
	f, err := disk.Open(name, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(int64(len(data))); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		t.Fatal(err)
	}
}

// Killed, or without power, at every step: after a kill what was kept is there; after a power cut a block is right or
// not there. The cache opens, and counts what lies on the disk.
func TestKilledAtEachStep(t *testing.T) {
	for step := range 900 {
		for _, kill := range []bool{true, false} {
			disk := newDisk(uint64(step))
			disk.CrashAfter(step)
			kept, over := untilTheEnd(disk)
			if kill {
				disk.Kill()
			} else {
				disk.Crash()
			}
			c := open(t, disk, 12*sector)
			s := space(t, c, 1)
			files, bytes := onDisk(disk)
			if st := c.Status(); st.Blocks != files || st.Bytes != bytes {
				t.Fatalf("step %d: %+v, %d files of %d bytes", step, st, files, bytes)
			}
			for n := range 40 {
				if there := get(t, s, n); kill && slices.Contains(kept, n) && !there {
					t.Fatalf("step %d: block %d was kept, and is gone", step, n)
				}
			}
			put(t, s, 50)
			if over {
				return
			}
		}
	}
	t.Fatal("there are more steps")
}

// untilTheEnd puts blocks until the power goes out, and says which are kept.
func untilTheEnd(disk *spooltest.Disk) (kept []int, over bool) {
	c, err := Open(config(disk, 12*sector))
	if err != nil {
		return nil, false
	}
	s, _ := c.Space([KeyBytes]byte{1})
	for n := range 40 {
		if err := s.Put(sum(block(n)), block(n)); err != nil {
			break
		}
		kept, over = append(kept, n), n == 39
	}
	return slices.DeleteFunc(kept, func(n int) bool { return !s.Has(sum(block(n))) }), over
}

// Whatever is put, read and held: no more lies on the disk than the quota says, what is held stays, and all that does
// not fit is refused.
func TestTheQuotaHolds(t *testing.T) {
	const quota = 10 * sector
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		disk := newDisk(seed)
		c := open(t, disk, quota)
		s := space(t, c, 1)
		h, held := s.Hold(), map[int]bool{}
		for range 200 {
			n := rnd.IntN(30)
			switch rnd.IntN(8) {
			case 0:
				var small *TooSmallError
				switch err := h.Add(wanted(n, 1)); {
				case err == nil:
					held[n] = held[n] || s.Has(sum(block(n)))
				case !errors.As(err, &small) || small.Quota != quota || small.Needs <= quota:
					t.Fatal(err)
				}
			case 1:
				if rnd.IntN(10) == 0 {
					h.Release()
					clear(held)
				}
			case 2, 3:
				get(t, s, n)
			default:
				if err := s.Put(sum(block(n)), block(n)); err != nil && !errors.Is(err, ErrFull) {
					t.Fatal(err)
				}
			}
			if _, bytes := onDisk(disk); bytes > quota || bytes != c.Status().Bytes {
				t.Fatalf("seed %d: %d bytes on the disk, %+v", seed, bytes, c.Status())
			}
			for n, was := range held {
				if was && !get(t, s, n) {
					t.Fatalf("seed %d: block %d was held, and is gone", seed, n)
				}
			}
		}
		h.Release()
		if c.Status().Held != 0 {
			t.Fatalf("%+v", c.Status())
		}
		put(t, s, 99)
	}
}

// What was not used for longest goes first, and a smaller quota holds from the start.
func TestTheLongestUnusedGoesFirst(t *testing.T) {
	disk := newDisk(1)
	size := cost(len(block(0)))
	s := space(t, open(t, disk, 4*size), 1)
	for _, n := range []int{0, 7, 14, 21} { // all of a length
		put(t, s, n)
	}
	get(t, s, 0)
	put(t, s, 28)
	if !s.Has(sum(block(0))) || s.Has(sum(block(7))) {
		t.Error("a block that was used just now went before one that was not")
	}
	s = space(t, open(t, disk, 2*size), 1)
	if _, bytes := onDisk(disk); bytes != 2*size || !s.Has(sum(block(28))) {
		t.Errorf("%d bytes are left of %d", bytes, 2*size)
	}
}

// A disk that is full before the quota is gives room; one that does not work is an error, and no block is lost by it.
func TestTroubleOfTheDisk(t *testing.T) {
	disk := newDisk(1)
	c := open(t, disk, 1<<20)
	s := space(t, c, 1)
	disk.Capacity = 40 * 1024
	for n := range 60 {
		put(t, s, n)
	}
	if st := c.Status(); st.Evicted == 0 || !get(t, s, 59) {
		t.Errorf("%+v", st)
	}
	disk.Sick = syscall.EIO
	buf := make([]byte, protocol.BlockSize)
	if _, err := s.Get(sum(block(59)), buf); !errors.Is(err, syscall.EIO) || errors.Is(err, ErrMissing) {
		t.Errorf("a disk that does not work: %v", err)
	}
	if err := s.Put(sum(block(60)), block(60)); !errors.Is(err, syscall.EIO) {
		t.Errorf("a disk that does not work: %v", err)
	}
	disk.Sick = nil
	if !get(t, s, 59) {
		t.Error("a block is gone because the disk did not work")
	}
	put(t, s, 60)
	if _, err := s.Get(sum(block(60)), make([]byte, 10)); err == nil {
		t.Error("a block was read into too little room")
	}
}

// Many at once, with a cache that is far too small for all of them.
func TestManyAtOnce(t *testing.T) {
	disk := &shared{FS: newDisk(1)}
	c := open(t, disk, 12*sector)
	var all sync.WaitGroup
	for worker := range 8 {
		s := space(t, c, byte(worker%2))
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(worker), 3))
			buf := make([]byte, protocol.BlockSize)
			for range 400 {
				n := rnd.IntN(40)
				if err := s.Put(sum(block(n)), block(n)); err != nil {
					t.Error(err)
				}
				length, err := s.Get(sum(block(n)), buf)
				if err != nil && !errors.Is(err, ErrMissing) || err == nil && !bytes.Equal(buf[:length], block(n)) {
					t.Error("block", n, err)
				}
			}
		})
	}
	all.Wait()
	files, bytes := onDisk(disk.FS.(*spooltest.Disk))
	if st := c.Status(); st.Blocks != files || st.Bytes != bytes || bytes > 12*sector || st.Spoiled > 0 {
		t.Errorf("%+v, %d files of %d bytes", st, files, bytes)
	}
}

// A file of another name is somebody else's and stays; each name has one meaning.
func FuzzFileName(f *testing.F) {
	f.Add("0123456789abcdef0123456789abcdef.100")
	f.Add("0123456789abcdef0123456789abcdef.0")
	f.Add("0123456789ABCDEF0123456789abcdef.+5")
	f.Fuzz(func(t *testing.T, s string) {
		n, length, ok := parseFile(s)
		if !ok {
			return
		}
		e := entry{name: n, length: length}
		if filepath.Base(e.file()) != s || length < 1 || length > protocol.BlockSize {
			t.Errorf("%q is %v of %d bytes, which is called %s", s, n, length, e.file())
		}
	})
}
