package packs

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	library "github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/source"
)

// pageList is pages in memory.
type pageList struct {
	mu   sync.Mutex
	list [][]byte
}

func (p *pageList) AddPage(_ context.Context, page source.Page) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(page.Number) == len(p.list) {
		p.list = append(p.list, page.Raw)
	}
	return nil
}

func (p *pageList) Pages(
	_ context.Context, _ protocol.TransferNo, _ protocol.Edition, from protocol.PageNo, most int,
) ([][]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.list[min(int(from), len(p.list)):]
	return list[:min(most, len(list))], nil
}

// sending is an upload that is sent.
type sending struct {
	*world
	home    string
	lib     *library.Library
	content library.Built
	data    [][]byte
	pages   pageList
}

// newSending uploads files of a pack each, and lists them for a transfer.
func newSending(t *testing.T, n int) *sending {
	w := newWorld(t)
	s := &sending{world: w, home: t.TempDir()}
	w.dir = filepath.Join(s.home, "uploads")
	w.must(os.Mkdir(w.dir, 0o700))
	s.restart()
	var entries []groupcast.UploadEntry
	list, data := files(slices.Repeat([]int{packBytes}, n))
	for i := range n {
		entries = append(entries, groupcast.UploadEntry{
			Path: list[i].Path, Kind: "file", Mode: 0o644, Size: packBytes, MTime: time.Unix(1_800_000_000, 0),
		})
	}
	s.data = data
	id, err := s.lib.Declare("boss", entries)
	w.must(err)
	for i := range n {
		_, err := s.lib.Uploads.Write(id, list[i].Path, 0, bytes.NewReader(data[i]))
		w.must(err)
	}
	order := groupcast.NewTransfer{Upload: id}
	tree, err := s.lib.Find(t.Context(), order, library.Allowed{})
	w.must(err)
	s.content, err = s.lib.List(t.Context(), tree, order)
	w.must(err)
	s.lib.Made(s.content.Content)
	return s
}

// restart is a start of the server: its cache is empty.
func (s *sending) restart() {
	s.t.Helper()
	s.must(s.k.Close())
	s.start()
	var err error
	s.lib, err = library.OpenLibrary(s.home, library.UploadLimits{Keeper: s.k}, func(uint64) error { return nil })
	s.must(err)
}

func (s *sending) open() *source.Source {
	s.t.Helper()
	list, err := s.lib.OpenPaged(s.content.Content)
	s.must(err)
	key, err := seal.SigningKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	s.must(err)
	src, err := source.Open(s.t.Context(), source.Config{
		Terms: format2.PageTerms{
			Server: protocol.ServerID{1}, Group: protocol.GroupID{2}, Transfer: 3, TransferID: protocol.TransferID{4},
			Skeleton: s.content.Skeleton, Edition: 1,
		},
		Most: s.content.Pages, Key: key, Files: list, Pages: &s.pages, Log: slog.New(slog.DiscardHandler),
	})
	s.must(err)
	s.t.Cleanup(func() { s.must(src.Close()) })
	return src
}

// block reads a block of the stream as a session does.
func (s *sending) block(src *source.Source, n int) error {
	buf := make([]byte, protocol.BlockSize)
	head := (int(s.content.SkeletonBytes)+protocol.BlockSize-1)/protocol.BlockSize + int(s.content.Pages) + 1
	length, err := src.ReadBlock(protocol.BlockNumber(head+n), buf)
	if err != nil {
		return err
	}
	if at := n / blocksOfPack; !bytes.Equal(buf[:length], s.data[at][n%blocksOfPack*protocol.BlockSize:][:length]) {
		s.t.Errorf("block %d is another one", n)
	}
	return nil
}

// A file whose object was swapped before it was hashed is void. The others are sent.
func TestASwappedFileIsVoid(t *testing.T) {
	s := newSending(t, 4)
	s.k.patience = 5 * time.Second
	s.shelf.objects[keyOf(s.upload(), 1)][packBytes/2] ^= 1
	src := s.open()
	s.must(src.Run(t.Context()))
	void := src.Voids()
	if len(void) != 1 || void[0].Path != "d/001" || void[0].Why != groupcast.WhyChanged {
		t.Fatalf("void: %+v", void)
	}
	for n := range 4 * blocksOfPack {
		err := s.block(src, n)
		if in := n / blocksOfPack; in == 1 != errors.Is(err, pages.ErrVoid) || in != 1 && err != nil {
			t.Fatalf("block %d: %v", n, err)
		}
	}
}

// upload is the ID of the only one.
func (s *sending) upload() string {
	s.t.Helper()
	ids, err := s.lib.Uploads.List()
	s.must(err)
	return ids[0]
}

// A bucket that is away while files are hashed makes none of them void: hashing goes on when it is back. So it is with
// blocks that are read again.
func TestNothingIsVoidBecauseTheBucketIsAway(t *testing.T) {
	s := newSending(t, 4)
	src := s.open()
	var away *library.UnavailableError
	s.shelf.failing(func(int) error { return errAway })
	if err := src.Run(t.Context()); !errors.As(err, &away) {
		t.Fatalf("hashing while the bucket is away: %v", err)
	}
	s.shelf.failing(nil)
	s.must(src.Run(t.Context()))
	if void := src.Voids(); len(void) > 0 {
		t.Fatalf("void: %+v", void)
	}
	s.restart()
	src = s.open()
	s.shelf.failing(func(int) error { return errAway })
	if err := s.block(src, 40); !errors.As(err, &away) {
		t.Errorf("a block while the bucket is away: %v", err)
	}
	s.shelf.failing(nil)
	for n := range 4 * blocksOfPack {
		if err := s.block(src, n); err != nil {
			t.Fatalf("block %d: %v", n, err)
		}
	}
}

// An object that is swapped after its pages were signed is found when it is read again: a further edition is needed,
// which knows what to doubt.
func TestAnObjectThatIsSwappedLater(t *testing.T) {
	s := newSending(t, 3)
	src := s.open()
	s.must(src.Run(t.Context()))
	s.restart()
	s.k.patience = 5 * time.Second
	s.shelf.objects[keyOf(s.upload(), 2)][7]++
	src = s.open()
	s.must(s.block(src, 0))
	var changed *source.ChangedError
	if err := s.block(src, 2*blocksOfPack); !errors.As(err, &changed) || len(changed.Entries) != 1 ||
		changed.Lost[0].Path != "d/002" {
		t.Errorf("of the swapped one: %v", err)
	}
}

// Whoever ends the reading of a transfer does not wait for a bucket that is away.
func TestNobodyWaitsForABucketThatIsAway(t *testing.T) {
	s := newSending(t, 2)
	s.k.patience = time.Hour
	src := s.open()
	s.shelf.failing(func(int) error { return errAway })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- src.Run(ctx) }()
	time.Sleep(50 * time.Millisecond)
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it waits")
	}
}
