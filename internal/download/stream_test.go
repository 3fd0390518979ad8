package download

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// fixture is a stream of blocks of ten bytes each, of the block's own digit, and a clock.
type fixture struct {
	now    time.Time
	cfg    Config
	most   int // bytes of a piece; 0: as many as are asked for
	asked  []int
	broke  error
	over   []uint64
	closed int
	bad    protocol.BlockNumber // cannot be read; 0: none
	denied protocol.BlockNumber // may not be had; 0: none
	read   []protocol.BlockNumber
	others bool
}

var (
	errDisk   = errors.New("the disk is away")
	errDenied = errors.New("not owed")
)

func (f *fixture) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	f.read = append(f.read, n)
	if n == f.bad {
		return 0, errDisk
	}
	return copy(buf, strings.Repeat(string(rune('0'+n)), 10)), nil
}

func (f *fixture) Layout() *manifest.Layout { return nil }

func (f *fixture) Close() error {
	f.closed++
	return nil
}

// open opens a stream of the blocks first to first+count-1.
func (f *fixture) open(first, count uint32) *Stream {
	f.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return New(Config{
		Source: Blocks(f, protocol.Range{First: protocol.BlockNumber(first), Count: count}),
		Now:    func() time.Time { return f.now },
		Others: func() bool { return f.others },
		Allow: func(int) error {
			if f.read[len(f.read)-1] == f.denied {
				return errDenied
			}
			return nil
		},
		Wait: func(most int) (int, error) {
			f.asked = append(f.asked, most)
			if f.most > 0 {
				most = min(most, f.most)
			}
			return most, nil
		},
		Broke: func(err error) { f.broke = err },
		Over:  func(sent uint64) { f.over = append(f.over, sent) },
	})
}

func TestBlocksComeInOrderAndPieces(t *testing.T) {
	for name, test := range map[string]struct {
		most, buf int
		pieces    int
	}{
		"whole blocks":         {buf: 100, pieces: 3},
		"as the limits allow":  {most: 4, buf: 100, pieces: 9},
		"as the reader has it": {buf: 3, pieces: 12},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fixture{most: test.most}
			s := f.open(2, 3)
			var got []byte
			buf := make([]byte, test.buf)
			for {
				n, err := s.Read(buf)
				got = append(got, buf[:n]...)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if want := strings.Repeat("2", 10) + strings.Repeat("3", 10) + strings.Repeat("4", 10); string(got) != want {
				t.Errorf("%q, want %q", got, want)
			}
			if len(f.asked) != test.pieces || !slices.Equal(f.read, []protocol.BlockNumber{2, 3, 4}) {
				t.Errorf("%d pieces of the blocks %v", len(f.asked), f.read)
			}
		})
	}
}

func TestTheEndIsToldOnce(t *testing.T) {
	f := &fixture{most: 4}
	s := f.open(1, 2)
	if _, err := s.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(f.over, []uint64{4}) || f.closed != 1 {
		t.Errorf("told %v, closed %d times", f.over, f.closed)
	}
}

func TestWhatIsNotGiven(t *testing.T) {
	for name, test := range map[string]struct {
		fixture
		want  error
		broke bool
	}{
		"a source that breaks": {fixture: fixture{bad: 3}, want: errDisk, broke: true},
		"what is not owed":     {fixture: fixture{denied: 3}, want: errDenied},
	} {
		t.Run(name, func(t *testing.T) {
			f := test.fixture
			got, err := io.ReadAll(f.open(2, 4))
			if !errors.Is(err, test.want) || string(got) != strings.Repeat("2", 10) {
				t.Errorf("%q, %v", got, err)
			}
			if (f.broke != nil) != test.broke {
				t.Errorf("whoever gave the source was told %v", f.broke)
			}
		})
	}
}

// read reads in pieces, each taking so long before the next is asked for.
func (f *fixture) readEach(s *Stream, pause time.Duration, bytes int) (got int, err error) {
	buf := make([]byte, bytes)
	for {
		n, err := s.Read(buf)
		got += n
		if err != nil {
			return got, err
		}
		f.now = f.now.Add(pause)
	}
}

func TestHowSlowlyItMayBeRead(t *testing.T) {
	for name, test := range map[string]struct {
		pause  time.Duration // between pieces of five bytes
		others bool
		want   error
		blocks int
	}{
		"at once":                         {0, true, io.EOF, 6},
		"ten seconds each":                {10 * time.Second, false, ErrTooSlow, 3},
		"slow while others wait":          {4 * time.Millisecond, true, io.EOF, 6},
		"a long turn with nobody waiting": {4 * time.Millisecond, false, io.EOF, 6},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fixture{others: test.others}
			got, err := f.readEach(f.open(1, 6), test.pause, 5)
			if !errors.Is(err, test.want) || got != 10*test.blocks {
				t.Errorf("%d bytes, %v", got, err)
			}
		})
	}
}

// A turn ends between two blocks, when it was long and somebody waits.
func TestATurnEndsBetweenBlocks(t *testing.T) {
	f := &fixture{most: 5}
	s := f.open(1, 5)
	buf := make([]byte, 5)
	read := func() error {
		_, err := s.Read(buf)
		return err
	}
	for range 3 { // half of the second block
		if err := read(); err != nil {
			t.Fatal(err)
		}
	}
	f.others = true
	f.now = f.now.Add(longestTurn - time.Second)
	s.pace.gaveAt = f.now // the reader was there all the time
	if err := read(); err != nil {
		t.Fatalf("before the turn is over: %v", err)
	}
	f.now = f.now.Add(time.Second)
	s.pace.gaveAt = f.now
	if err := read(); !errors.Is(err, ErrTurnOver) || string(s.rest) != "" {
		t.Fatalf("after it: %v, %q is left of a block", err, s.rest)
	}
}

// How slowly the server gives is not the reader's fault.
func TestTheServersTimeDoesNotCount(t *testing.T) {
	f := &fixture{}
	s := f.open(1, 6)
	wait := s.cfg.Wait
	s.cfg.Wait = func(most int) (int, error) {
		f.now = f.now.Add(time.Hour)
		return wait(most)
	}
	if got, err := f.readEach(s, 0, 5); !errors.Is(err, io.EOF) || got != 60 {
		t.Errorf("%d bytes, %v", got, err)
	}
}

// A limit that ends while a piece is waited for ends the download.
func TestALimitThatEnds(t *testing.T) {
	f := &fixture{}
	s := f.open(1, 1)
	s.cfg.Wait = func(int) (int, error) { return 0, errDenied }
	if n, err := s.Read(make([]byte, 5)); n != 0 || !errors.Is(err, errDenied) {
		t.Errorf("%d bytes, %v", n, err)
	}
}
