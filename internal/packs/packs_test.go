package packs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/bucket"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/protocol"
)

var errAway = &bucket.AwayError{Where: "the bucket", Why: "it answered 503 SlowDown"}

// What is uploaded, by several at once and in pieces, comes back byte for byte; and a second reader asks for nothing.
func TestWhatIsUploadedComesBack(t *testing.T) {
	w := newWorld(t)
	list, data := files(sizes)
	b := w.declare("a", list)
	var all sync.WaitGroup
	for i := range data {
		all.Go(func() {
			rest := data[i]
			for len(rest) > 0 {
				n := min(len(rest), 1_000_003)
				if err := send(b, i, rest[:n]); err != nil {
					t.Error(err)
				}
				rest = rest[n:]
			}
		})
	}
	all.Wait()
	w.must(b.Finish())
	if left := w.waits("a"); len(left) > 0 {
		t.Errorf("waits for the bucket after it is complete: %v", left)
	}
	l := layOut(list)
	if got := w.shelf.keys(); len(got) != l.packs() {
		t.Errorf("%d packs, not %d: %v", len(got), l.packs(), got)
	}
	w.same(b, data)
	w.same(b, data)
	w.shelf.mu.Lock()
	defer w.shelf.mu.Unlock()
	for key, n := range w.shelf.gets {
		if n > len(w.shelf.objects[key]) {
			t.Errorf("of %s %d bytes were fetched, and it has %d", key, n, len(w.shelf.objects[key]))
		}
	}
}

// Whoever reads one after another has what comes next fetched ahead, and whoever jumps does not.
func TestWhatComesNextIsFetchedAhead(t *testing.T) {
	w := newWorld(t)
	b, data := w.upload("a", []int{12 * packBytes})
	w.shelf.delay = 50 * time.Millisecond
	f, _, err := b.Files().Open(t.Context(), "d/000")
	w.must(err)
	buf := make([]byte, 100)
	for _, pack := range []int{9, 5, 7} {
		_, err := f.ReadAt(buf, int64(pack)*packBytes)
		w.must(err)
	}
	w.k.running.Wait()
	if w.shelf.most != 1 || len(w.shelf.gets) != 3 {
		t.Errorf("three packs that do not follow one another: %d at once, %d in all", w.shelf.most, len(w.shelf.gets))
	}
	w.same(b, data)
	if w.shelf.most < packsAhead/2 || w.shelf.most > getsAtOnce {
		t.Errorf("%d packs were fetched at once", w.shelf.most)
	}
}

// A server that is killed while uploads come has all that it said it has, and writes the rest.
func TestAKilledServerLosesNothing(t *testing.T) {
	w := newWorld(t)
	list, data := files(sizes)
	b := w.declare("a", list)
	for i := range data {
		w.must(send(b, i, data[i][:len(data[i])*2/3]))
	}
	before, err := b.Have()
	w.must(err)
	w.shelf.failing(func(int) error { return errAway })
	w.must(errors.Join(w.k.Close())) // whatever was being written to the bucket is not
	w.shelf.failing(nil)
	w.start()
	b = w.k.Of("a", list)
	have, err := b.Have()
	w.must(err)
	for i := range data {
		if have[i] != before[i] || have[i] != uint64(len(data[i])*2/3) {
			t.Errorf("of file %d %d bytes are there, %d were", i, have[i], before[i])
		}
		w.must(send(b, i, data[i][have[i]:]))
	}
	w.must(b.Finish())
	w.same(b, data)
}

// After the power went only what is in the bucket counts, and the rest is sent again.
func TestWhatWaitedIsSentAgainAfterThePowerWent(t *testing.T) {
	w := newWorld(t)
	list, data := files(sizes)
	b := w.declare("a", list)
	for i := range data {
		if i != 5 {
			w.must(send(b, i, data[i]))
		}
	}
	w.must(w.k.Close())
	for _, name := range w.waits("a") { // the disk has lost what was not synced
		w.must(os.Truncate(filepath.Join(w.dir, "a", "packs", name), 0))
	}
	w.start()
	b = w.k.Of("a", list)
	w.must(b.Distrust())
	have, err := b.Have()
	w.must(err)
	if have[1] == 0 || have[6] != 0 {
		t.Errorf("of the second file %d bytes are there, and of one beside the missing one %d", have[1], have[6])
	}
	for i := range data {
		w.must(send(b, i, data[i][have[i]:]))
	}
	w.must(b.Finish())
	w.same(b, data)
}

// A bucket that fails one request in ten is asked again; nobody hears of it.
func TestOneInTenFails(t *testing.T) {
	w := newWorld(t)
	w.k.patience = 20 * time.Second
	w.must(w.k.Claim(t.Context()))
	b, data := w.upload("a", sizes)
	w.shelf.failing(func(call int) error {
		if call%10 == 0 {
			return errAway
		}
		return nil
	})
	w.same(b, data)
}

// A bucket that is away says nothing about files. When it is back, they are read.
func TestAwayIsNotChanged(t *testing.T) {
	w := newWorld(t)
	b, data := w.upload("a", []int{300_000, packBytes})
	w.shelf.failing(func(int) error { return errAway })
	_, err := read(b, "d/001")
	if err == nil || errors.Is(err, listed.ErrOther) || errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a bucket that is away: %v", err)
	}
	w.shelf.failing(nil)
	w.same(b, data)
}

// An object that somebody changed is never read as right: the files in it are others, or gone. Those beside it are not.
func TestAnObjectThatWasSwapped(t *testing.T) {
	for name, c := range map[string]struct {
		swap func(s *shelf, key string)
		want error
	}{
		"a bit":   {func(s *shelf, key string) { s.objects[key][12345] ^= 1 }, listed.ErrOther},
		"shorter": {func(s *shelf, key string) { s.objects[key] = s.objects[key][:99] }, listed.ErrOther},
		"another": {
			func(s *shelf, key string) { s.objects[key] = bytes.Clone(s.objects[keyOf("a", 0)]) }, listed.ErrOther,
		},
		"deleted":    {func(s *shelf, key string) { delete(s.objects, key) }, fs.ErrNotExist},
		"all of it":  {func(s *shelf, _ string) { clear(s.objects) }, nil},
		"other mark": {func(s *shelf, key string) { delete(s.objects, key); s.objects[markKey] = []byte("x") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.k.patience = 5 * time.Second
			if c.want == nil {
				w.k.patience = 300 * time.Millisecond
			}
			b, data := w.upload("a", []int{packBytes, packBytes, packBytes})
			c.swap(w.shelf, keyOf("a", 1))
			_, err := read(b, "d/001")
			switch {
			case err == nil:
				t.Fatal("it is read as if nothing were")
			case c.want != nil && !errors.Is(err, c.want):
				t.Errorf("it is %v", err)
			case c.want == nil && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, listed.ErrOther)):
				t.Errorf("of a bucket that is another one it is said that the file is: %v", err)
			}
			if c.want == nil {
				return
			}
			for _, i := range []int{0, 2} {
				got, err := read(b, fmt.Sprintf("d/%03d", i))
				if err != nil || !bytes.Equal(got, data[i]) {
					t.Errorf("file %d beside it: %v", i, err)
				}
			}
		})
	}
}

// Of a pack in which one block was changed, what does not lie in that block is read.
func TestOneBlockOfAPackIsWrong(t *testing.T) {
	w := newWorld(t)
	w.k.patience = 5 * time.Second
	b, data := w.upload("a", []int{protocol.BlockSize, protocol.BlockSize, protocol.BlockSize})
	w.shelf.objects[keyOf("a", 0)][protocol.BlockSize+5]++
	for i, want := range []bool{true, false, true} {
		got, err := read(b, fmt.Sprintf("d/%03d", i))
		if want && (err != nil || !bytes.Equal(got, data[i])) || !want && !errors.Is(err, listed.ErrOther) {
			t.Errorf("file %d: %v", i, err)
		}
	}
}

// While the bucket is away an upload ends with words, and goes on when it is back; what waits meanwhile is bounded.
func TestUploadsWhileTheBucketIsAway(t *testing.T) {
	w := newWorld(t)
	list, data := files([]int{20 * packBytes})
	b := w.declare("a", list)
	w.shelf.failing(func(int) error { return errAway })
	var err error
	for range 5 {
		have, readErr := b.Have()
		w.must(readErr)
		if err = send(b, 0, data[0][have[0]:]); groupcast.ErrorCode(err) != groupcast.EUnavailable {
			t.Fatalf("a bucket that is away: %v", err)
		}
	}
	if n := len(w.waits("a")); n > 3*putsAtOnce {
		t.Errorf("%d packs wait on this disk", n)
	}
	if groupcast.ErrorCode(b.Finish()) != groupcast.EUnavailable {
		t.Errorf("an upload of which nothing is in the bucket is complete")
	}
	w.shelf.failing(nil)
	have, err := b.Have()
	w.must(err)
	w.must(send(b, 0, data[0][have[0]:]))
	w.must(b.Finish())
	w.same(b, data)
}

// What no upload has goes from the bucket once it is a day old, and nothing else.
func TestSweep(t *testing.T) {
	w := newWorld(t)
	b, data := w.upload("a", []int{packBytes + 1})
	w.shelf.objects["uploads/b/00000000"] = []byte("an orphan")
	w.shelf.objects["elsewhere"] = []byte("of nobody")
	for key := range w.shelf.objects {
		w.shelf.at[key] = w.now
	}
	w.now = w.now.Add(23 * time.Hour)
	for _, want := range []int{0, 1, 0} {
		n, err := w.k.Sweep(t.Context())
		w.must(err)
		if n != want {
			t.Errorf("%d objects were deleted, not %d", n, want)
		}
		w.now = w.now.Add(2 * time.Hour)
	}
	if w.shelf.objects["elsewhere"] == nil {
		t.Error("what is not of an upload is deleted")
	}
	w.same(b, data)
	w.must(os.Rename(w.dir, w.dir+"-away")) // its disk is not there
	defer os.Rename(w.dir+"-away", w.dir)
	if n, err := w.k.Sweep(t.Context()); err == nil || n > 0 {
		t.Errorf("without the folder of uploads %d objects are deleted: %v", n, err)
	}
}

// The packs go with their upload, whether the bucket answers then or later.
func TestPacksGoWithTheirUpload(t *testing.T) {
	w := newWorld(t)
	gone := func(id string) {
		b, _ := w.upload(id, []int{packBytes + 1})
		w.must(os.RemoveAll(filepath.Join(w.dir, id)))
		w.must(b.Remove())
		w.k.running.Wait()
	}
	gone("a")
	if left := w.shelf.keys(); len(left) > 0 {
		t.Errorf("still there: %v", left)
	}
	list, data := files([]int{3 * packBytes}) // while packs are being written
	begun, slow := make(chan struct{}, 9), make(chan struct{})
	w.shelf.writing = func() { begun <- struct{}{}; <-slow }
	written := w.declare("c", list)
	w.must(send(written, 0, data[0]))
	<-begun
	w.must(os.RemoveAll(filepath.Join(w.dir, "c")))
	w.must(written.Remove())
	close(slow)
	w.k.running.Wait()
	if left := w.shelf.keys(); len(left) > 0 {
		t.Errorf("what was being written is still there: %v", left)
	}
	w.shelf.writing = nil
	b, _ := w.upload("b", []int{packBytes + 1})
	w.shelf.failing(func(int) error { return errAway })
	w.must(os.RemoveAll(filepath.Join(w.dir, "b")))
	w.must(b.Remove())
	w.k.running.Wait()
	w.shelf.failing(nil)
	w.now = w.now.Add(25 * time.Hour)
	if _, err := w.k.Sweep(t.Context()); err != nil || len(w.shelf.keys()) > 0 {
		t.Errorf("after the sweep: %v, %v", w.shelf.keys(), err)
	}
}

// A bucket that is another server's is left alone.
func TestAnotherServersBucket(t *testing.T) {
	w := newWorld(t)
	w.shelf.objects[markKey] = []byte("another one")
	w.shelf.objects["uploads/x/00000000"] = []byte("its file")
	w.now = w.now.Add(48 * time.Hour)
	if _, err := w.k.Sweep(t.Context()); !errors.Is(err, errTaken) {
		t.Errorf("a sweep: %v", err)
	}
	list, data := files([]int{packBytes})
	b := w.declare("a", list)
	if err := errors.Join(send(b, 0, data[0]), b.Finish()); groupcast.ErrorCode(err) != groupcast.EUnavailable {
		t.Errorf("an upload: %v", err)
	}
	if got := w.shelf.keys(); len(got) != 1 {
		t.Errorf("in the bucket: %v", got)
	}
}
