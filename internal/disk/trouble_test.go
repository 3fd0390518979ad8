//go:build unix

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestTroubleOfTheDiskIsPutIntoWords(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		says string // empty: it is not about the disk as a whole
	}{
		"no space":         {syscall.ENOSPC, full},
		"over a quota":     {syscall.EDQUOT, full},
		"read-only":        {syscall.EROFS, readOnly},
		"wrapped":          {fmt.Errorf("write: %w", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}), full},
		"one of several":   {errors.Join(errors.New("first"), syscall.EROFS), readOnly},
		"a file too large": {syscall.EFBIG, ""},
		"no permission":    {syscall.EACCES, ""},
		"an input error":   {syscall.EIO, ""},
		"words alike":      {errors.New("no space left on device"), ""},
		"none":             {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := Trouble(c.err)
			if (got != nil) != (c.says != "") {
				t.Fatalf("%v becomes %v", c.err, got)
			}
			if got == nil {
				if left := InWords(c.err); !errors.Is(left, c.err) {
					t.Errorf("%v becomes %v", c.err, left)
				}
				return
			}
			if groupcast.ErrorCode(got) != groupcast.EUnavailable || !strings.Contains(got.Error(), c.says) {
				t.Errorf("%v becomes %s: %v", c.err, groupcast.ErrorCode(got), got)
			}
			if !errors.Is(got, c.err) {
				t.Error("the cause is lost")
			}
		})
	}
}

// What somebody has put into words already keeps them, and its code.
func TestWordsAreNotPutOverWords(t *testing.T) {
	said := groupcast.Errorf(groupcast.EExhausted, "the upload is too large").Wrap(syscall.ENOSPC)
	if got := InWords(said); !errors.Is(got, said) || groupcast.ErrorCode(got) != groupcast.EExhausted {
		t.Errorf("it became %v", got)
	}
	if got := InWords(fmt.Errorf("keep it: %w", syscall.ENOSPC)); groupcast.ErrorCode(got) != groupcast.EUnavailable {
		t.Errorf("an unsaid one became %v", got)
	}
}

func TestTheRealDiskAnswers(t *testing.T) {
	dir := t.TempDir()
	r, err := Open(dir, -1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := Fits(dir, 1); err != nil && groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"with a reserve": Fits(dir, math.MaxUint64), "beside the ballast": r.Fits(math.MaxUint64),
	} {
		t.Run(what, func(t *testing.T) {
			if groupcast.ErrorCode(err) != groupcast.EExhausted || !strings.Contains(err.Error(), "free") {
				t.Errorf("16 EiB: %v", err)
			}
		})
	}
	if err := Fits(filepath.Join(dir, "none"), 1); err != nil {
		t.Errorf("a folder that is not there yet says how full it is: %v", err)
	}
}

func TestOpenMakesItsFolderOrSaysWhy(t *testing.T) {
	dir := t.TempDir()
	made := filepath.Join(dir, "a", "b")
	if _, err := Open(made, -1, nil); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	inTheWay := filepath.Join(dir, "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(inTheWay, -1, nil); err == nil || !strings.Contains(err.Error(), inTheWay) {
		t.Errorf("a file as a folder: %v", err)
	}
	mute := func(string) (uint64, uint64, error) { return 0, 0, errors.New("it does not say") }
	if _, err := open(dir, 0, nil, mute); err == nil || !strings.Contains(err.Error(), "does not say") {
		t.Errorf("a disk that does not answer: %v", err)
	}
}

// A disk that stops saying how full it is refuses nothing: it says so when it is written to.
func TestADiskThatDoesNotSayRefusesNothing(t *testing.T) {
	r, p, said := roomOn(t, 160<<20, 0)
	said.Reset()
	r.space = func(string) (uint64, uint64, error) { return 0, 0, errors.New("gone") }
	for what, err := range map[string]error{"Fits": r.Fits(1 << 40), "Holds": r.Holds(1 << 40)} {
		t.Run(what, func(t *testing.T) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	r.Look()
	if r.State() != "" || said.Len() > 0 {
		t.Errorf("it is said to be %q, and logged: %s", r.State(), said)
	}
	r.space = p.space
	if err := r.Holds(1 << 40); groupcast.ErrorCode(err) != groupcast.EUnavailable {
		t.Errorf("when it says again: %v", err)
	}
}

// The server's own writes may use the reserve, and nobody may use the ballast.
func TestTheServerItselfMayUseTheReserve(t *testing.T) {
	const mib = 1 << 20
	r, p, _ := roomOn(t, 160*mib, 0) // a reserve of 16 MiB, a ballast of 8 MiB
	p.others = 150 * mib             // 2 MiB free beside the ballast
	if err := r.Fits(1); groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Errorf("an upload may use the reserve: %v", err)
	}
	if err := r.Holds(2 * mib); err != nil {
		t.Error(err)
	}
	if err := r.Holds(2*mib + 1); groupcast.ErrorCode(err) != groupcast.EUnavailable {
		t.Errorf("a manifest may use the ballast: %v", err)
	}
	if state := r.State(); !strings.Contains(state, "which are kept") {
		t.Errorf("in between it is %q", state)
	}
}

// On a small disk the ballast is a sixteenth of it, and comes back only with room for two.
func TestTheBallastOfASmallDisk(t *testing.T) {
	const mib = 1 << 20
	r, p, _ := roomOn(t, 16*mib, -1)
	size := func() int64 {
		info, err := os.Stat(r.path())
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if size() != mib {
		t.Fatalf("it has %d bytes", size())
	}
	for r.Release() {
	}
	p.others = 16*mib - 2*mib + 1 // one byte too few
	if r.Look(); size() != 0 {
		t.Errorf("it took %d bytes of a disk that is nearly full", size())
	}
	p.others--
	if r.Look(); size() != mib {
		t.Errorf("it has %d bytes", size())
	}
}

// A ballast that cannot be given back is not said to have been: the write is not tried again for ever.
func TestABallastThatIsGoneIsNotGivenBack(t *testing.T) {
	r, p, said := roomOn(t, 160<<20, 0)
	if err := os.Remove(r.path()); err != nil {
		t.Fatal(err)
	}
	p.others = p.size
	if r.Release() {
		t.Error("a file that is gone was given back")
	}
	if !strings.Contains(said.String(), "could not be given back") || r.Release() {
		t.Errorf("it goes on trying: %s", said)
	}
}

// The same state is logged once, whoever asks how often.
func TestAStateIsLoggedOnce(t *testing.T) {
	r, p, said := roomOn(t, 160<<20, 0)
	r.log = slog.New(slog.NewTextHandler(said, nil))
	p.others = p.size
	for range 3 {
		r.Look()
	}
	p.others = 0
	for range 3 {
		r.Look()
	}
	if n := strings.Count(said.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings: %s", n, said)
	}
	if n := strings.Count(said.String(), "room again"); n != 1 {
		t.Errorf("said %d times that there is room: %s", n, said)
	}
}

// Whoever writes at once finds the ballast smaller by as many parts as were given, and no part twice.
func TestTheBallastIsGivenBackAtOnce(t *testing.T) {
	r, p, _ := roomOn(t, 160<<20, 0)
	p.others = p.size - ballastMost
	var all sync.WaitGroup
	got := make(chan bool, 4*steps)
	for range 4 * steps {
		all.Go(func() {
			_ = r.State()
			got <- r.Release()
		})
	}
	all.Wait()
	close(got)
	given := 0
	for ok := range got {
		if ok {
			given++
		}
	}
	if given != steps {
		t.Errorf("%d parts of %d were given back", given, steps)
	}
}
