package deliverytest

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/store"
)

// BlockSize is how long the blocks of a Source are.
const BlockSize = 50

// Step is what a Source does next: it signs a page, or its Run ends with Err.
type Step struct {
	Blocks uint32 // that the page covers
	Lost   []groupcast.LeftOut
	Final  bool
	Err    error
}

// Keeper keeps pages (delivery.PageStore).
type Keeper interface {
	AddPage(ctx context.Context, p store.Page) error
	Pages(ctx context.Context, no protocol.TransferNo, e protocol.Edition, from protocol.PageNo, most int) ([][]byte,
		error)
}

// Source is a paged transfer of files of 100 bytes each, of which tests say when pages are signed.
type Source struct {
	tr    store.Transfer
	keep  Keeper
	steps <-chan Step
	cut   *skeleton.Cut

	mu      sync.Mutex
	signed  []pages.Signed
	raw     [][]byte
	voids   []content.Lost
	next    uint32
	changed chan struct{}
	hurried int
	fails   error // of ReadBlock
	closed  bool
}

// OpenSource opens the source of a transfer where its durable pages end.
func OpenSource(ctx context.Context, tr store.Transfer, keep Keeper, steps <-chan Step) (*Source, error) {
	s := &Source{
		tr: tr, keep: keep, steps: steps, cut: skeleton.NewCutOf(BlockSize, 1), changed: make(chan struct{}),
	}
	for i := range tr.Files {
		s.cut.Add(i, &skeleton.Entry{Kind: manifest.KindFile, Size: 100})
	}
	kept, err := keep.Pages(ctx, tr.No, tr.Edition, 0, 1000)
	for _, raw := range kept {
		s.take(raw, decode(raw))
	}
	return s, joined(err, s.cut.Close())
}

func joined(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A page is so many bytes: how many blocks it covers, whether it is final, and the paths that are void.
func encode(s Step) []byte {
	raw := []byte{byte(s.Blocks), 0}
	if s.Final {
		raw[1] = 1
	}
	for _, l := range s.Lost {
		raw = append(append(raw, l.Path...), 0)
	}
	return raw
}

func decode(raw []byte) Step {
	s := Step{Blocks: uint32(raw[0]), Final: raw[1] == 1}
	for _, path := range bytes.Split(raw[2:], []byte{0}) {
		if len(path) > 0 {
			s.Lost = append(s.Lost, groupcast.LeftOut{Path: string(path), Why: groupcast.WhyChanged})
		}
	}
	return s
}

func (s *Source) take(raw []byte, step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := pages.Signed{Number: protocol.PageNo(len(s.signed)), Length: len(raw), Final: step.Final}
	if step.Blocks > 0 {
		p.Ready = []protocol.Range{{First: protocol.BlockNumber(s.next), Count: step.Blocks}}
	}
	s.next += step.Blocks
	s.signed, s.raw = append(s.signed, p), append(s.raw, raw)
	for _, l := range step.Lost {
		s.voids = append(s.voids, content.Lost{Path: l.Path, Why: l.Why})
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// RootOf is the root of a transfer's edition.
func RootOf(no protocol.TransferNo, e protocol.Edition) protocol.Digest {
	return protocol.Digest{1, byte(no), byte(e)}
}

// Run signs what tests say.
func (s *Source) Run(ctx context.Context) error {
	for {
		if n := len(s.signed); n > 0 && s.signed[n-1].Final {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case step := <-s.steps:
			if step.Err != nil {
				return step.Err
			}
			page := store.Page{
				Transfer: s.tr.No, Edition: s.tr.Edition, Number: protocol.PageNo(len(s.signed)), Raw: encode(step),
				Lost: step.Lost,
			}
			if step.Final {
				page.Root = RootOf(s.tr.No, s.tr.Edition)
			}
			if err := s.keep.AddPage(ctx, page); err != nil {
				return err
			}
			s.take(page.Raw, step)
		}
	}
}

// Cut is how the files are cut.
func (s *Source) Cut() *skeleton.Cut { return s.cut }

// stream is the session's number of the stream's first block.
func (s *Source) stream() protocol.BlockNumber { return protocol.BlockNumber(2 + s.tr.Pages) }

// SignedFrom lists the pages there are.
func (s *Source) SignedFrom(n protocol.PageNo) ([]pages.Signed, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signed[min(int(n), len(s.signed)):], s.changed
}

// Hurry counts how often it was asked to.
func (s *Source) Hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurried++
}

// Sent does nothing.
func (s *Source) Sent(uint32) {}

// Fail makes it fail to read blocks; nil: not any more.
func (s *Source) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = err
}

// ReadBlock gives Block for each whose page is there.
func (s *Source) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.fails != nil:
		return 0, s.fails
	case n >= s.stream()+protocol.BlockNumber(s.next):
		return 0, pages.ErrNotYet
	}
	return copy(buf, Block), nil
}

// Skeleton is made up.
func (s *Source) Skeleton() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(make([]byte, s.tr.SkeletonBytes))), nil
}

// Page gives a page.
func (s *Source) Page(n protocol.PageNo) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if int(n) >= len(s.raw) {
		return nil, pages.ErrNotYet
	}
	return s.raw[n], nil
}

// Voids are the files that pages say are not delivered.
func (s *Source) Voids() []content.Lost {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.voids
}

// Close notes that nobody reads it.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// Closed says whether nobody reads it.
func (s *Source) Closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
