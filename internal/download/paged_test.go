package download

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
)

// book is a paged transfer with the blocks 0 … 9 of its stream in sessions at 100, and three pages.
type book struct {
	skeleton []byte
	void     []protocol.BlockNumber
	signed   protocol.BlockNumber // blocks below it have a page
	closed   int
}

func (b *book) Skeleton() (io.ReadCloser, error) {
	if b.skeleton == nil {
		return nil, errDisk
	}
	return b, nil
}

func (b *book) Read(p []byte) (int, error) {
	n := copy(p, b.skeleton[:min(len(b.skeleton), 1000)])
	b.skeleton = b.skeleton[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (b *book) SignedFrom(n protocol.PageNo) (list []pages.Signed, changed <-chan struct{}) {
	for ; n < 3; n++ {
		list = append(list, pages.Signed{Number: n})
	}
	return list, nil
}

func (b *book) Page(n protocol.PageNo) ([]byte, error) {
	return bytes.Repeat([]byte{byte(n)}, 300*int(n)), nil
}

func (b *book) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	switch at := n - 100; {
	case slices.Contains(b.void, at):
		return 0, pages.ErrVoid
	case at >= b.signed:
		return 0, pages.ErrNotYet
	case len(buf) < protocol.BlockSize:
		return 0, fmt.Errorf("only %d bytes for a block", len(buf))
	default:
		return copy(buf, fmt.Sprint("block ", at)), nil
	}
}

func (b *book) Close() error {
	b.closed++
	return nil
}

// streamed opens a stream without limits, and notes what broke.
func streamed(src Source, broke *error) *Stream {
	return New(Config{
		Source: src, Now: time.Now, Others: func() bool { return false },
		Allow: func(int) error { return nil }, Wait: func(most int) (int, error) { return most, nil },
		Broke: func(err error) { *broke = err }, Over: func(uint64) {},
	})
}

func TestASkeletonIsGivenWhole(t *testing.T) {
	for _, size := range []int{0, 24, protocol.BlockSize, 2*protocol.BlockSize + 7} {
		var broke error
		raw := bytes.Repeat([]byte("skeleton"), size/8+1)[:size]
		b := &book{skeleton: raw}
		src, err := Skeleton(b)
		if err != nil {
			t.Fatal(err)
		}
		s := streamed(src, &broke)
		if got, err := io.ReadAll(s); err != nil || broke != nil || !bytes.Equal(got, raw) {
			t.Errorf("%d bytes of %d, %v, %v", len(got), size, err, broke)
		}
		if err := s.Close(); err != nil || b.closed != 2 {
			t.Errorf("closed %d times, %v: both the skeleton and the transfer are to be", b.closed, err)
		}
	}
	if _, err := Skeleton(&book{}); !errors.Is(err, errDisk) {
		t.Errorf("a skeleton that is not there: %v", err)
	}
}

func TestPagesHaveTheirLength(t *testing.T) {
	b := &book{}
	list, _ := b.SignedFrom(1)
	var broke error
	got, err := io.ReadAll(streamed(PagesOf(b, list), &broke))
	want := append([]byte{0, 300 >> 8, 300 & 0xff}, bytes.Repeat([]byte{1}, 300)...)
	want = append(append(want, 0, 600>>8, 600&0xff), bytes.Repeat([]byte{2}, 600)...)
	if err != nil || broke != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d: %v, %v", len(got), len(want), err, broke)
	}
}

func TestBlocksOfAStreamHaveTheirNumber(t *testing.T) {
	for name, c := range map[string]struct {
		book
		asked protocol.Range
		want  []protocol.BlockNumber
		err   error
	}{
		"all": {book{signed: 10}, protocol.Range{First: 2, Count: 3}, []protocol.BlockNumber{2, 3, 4}, nil},
		"without void": {
			book{signed: 10, void: []protocol.BlockNumber{0, 2, 3}},
			protocol.Range{Count: 4},
			[]protocol.BlockNumber{1},
			nil,
		},
		"nothing but":      {book{signed: 10, void: []protocol.BlockNumber{0, 1}}, protocol.Range{Count: 2}, nil, nil},
		"not signed":       {book{signed: 2}, protocol.Range{Count: 4}, []protocol.BlockNumber{0, 1}, pages.ErrNotYet},
		"none is signed":   {book{}, protocol.Range{Count: 4}, nil, pages.ErrNotYet},
		"nothing is asked": {book{signed: 10}, protocol.Range{First: 9}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var broke error
			got, err := io.ReadAll(streamed(BlocksOf(&c.book, 100, c.asked), &broke))
			var want []byte
			for _, n := range c.want {
				want = fmt.Append(binary.BigEndian.AppendUint32(want, uint32(n)), "block ", n)
			}
			if !bytes.Equal(got, want) || !errors.Is(err, c.err) || !errors.Is(broke, c.err) {
				t.Errorf("%q, want %q: %v, %v", got, want, err, broke)
			}
		})
	}
}

// What is wrong with the first part is known before anything is given, and the first part is not lost by that.
func TestAStreamBeginsWithItsFirstPart(t *testing.T) {
	for signed, want := range map[protocol.BlockNumber]error{0: pages.ErrNotYet, 10: nil} {
		var broke error
		s := streamed(BlocksOf(&book{signed: signed}, 100, protocol.Range{Count: 2}), &broke)
		if err := s.Begin(); !errors.Is(err, want) {
			t.Errorf("%d blocks with a page: %v", signed, err)
		}
		if got, _ := io.ReadAll(s); want == nil && len(got) != 2*(4+len("block 0")) {
			t.Errorf("%q", got)
		}
	}
	var broke error
	if err := streamed(PagesOf(&book{}, nil), &broke).Begin(); err != nil {
		t.Errorf("nothing to give: %v", err)
	}
}
