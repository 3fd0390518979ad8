// Package source reads the files of a transfer of format 2 while it is sent: it hashes them once, from the first to the
// last, signs pages of digests as it goes on, and reads blocks again for whoever sends them. Nothing leaves that is not
// what a durable page says (docs/format-2.md §3).
package source

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// Page is a page that is to be kept.
type Page struct {
	Transfer protocol.TransferNo
	Edition  protocol.Edition
	Number   protocol.PageNo
	Raw      []byte
	Root     protocol.Digest     // of a final page; else zero
	Lost     []groupcast.LeftOut // the files that are void with it
}

// Pages keeps the pages of transfers.
type Pages interface {
	// AddPage keeps a page: it is durable when this returns. The same page again is no error.
	AddPage(ctx context.Context, p Page) error
	// Pages gives pages of an edition from a number on, at most so many; none: there are no more.
	Pages(
		ctx context.Context, no protocol.TransferNo, e protocol.Edition, from protocol.PageNo, most int,
	) ([][]byte, error)
}

// Config is what a Source is of.
type Config struct {
	Terms format2.PageTerms
	Most  uint32 // numbers that the offer keeps for pages
	Key   seal.SigningKey
	Files *content.Paged // closed with the Source
	Pages Pages
	// Doubted are entries that are read even if they look as they were in the edition before: what was read of them
	// since then was something else (ChangedError.Entries).
	Doubted []uint32
	Log     *slog.Logger
}

// Source is the content of one edition of a transfer. It is safe for concurrent use.
type Source struct {
	cfg     Config
	cut     *skeleton.Cut
	life    context.Context // until it is closed
	end     context.CancelFunc
	readers chan *reader // that nobody uses
	workers int
	listens time.Duration
	zeros   zeroLeaves

	running sync.Mutex // one Run at a time
	earlier *earlier   // what the edition before says; Run's
	unsaved *unsaved   // a page that is signed and not durable; Run's

	wake  chan struct{} // there is a hurry
	moved chan struct{} // a session went on, or a page is durable

	mu      sync.Mutex
	writer  *pages.Writer
	covered uint32 // blocks below are covered by durable pages
	signed  []pages.Signed
	recent  [recentPages][]byte // raw pages, by number modulo
	void    []format2.VoidFile
	changed chan struct{} // closed at the next page
	closed  bool
	hurry   bool
	front   uint32
	heard   time.Time // when a session said so
}

// recentPages are kept in memory: sessions send a page soon after it was signed.
const recentPages = 16

// unsaved is a signed page that may not be durable.
type unsaved struct {
	raw    []byte
	change pages.Change
	page   Page
}

// Open takes up what is durable of an edition. A *ChangedError says that files that were begun are not as they were: a
// further edition is needed.
func Open(ctx context.Context, c Config) (*Source, error) {
	if c.Files.Digest() != c.Terms.Skeleton {
		return nil, groupcast.Errorf(groupcast.EConflict, "the list of the transfer's files is not the one that was made").
			WithHint("add the files again").Wrap(content.ErrContentGone)
	}
	s := &Source{
		cfg: c, cut: c.Files.Cut(), readers: make(chan *reader, 4),
		wake: make(chan struct{}, 1), moved: make(chan struct{}, 1), changed: make(chan struct{}),
		writer: pages.NewWriter(c.Terms, c.Most, c.Files.Entries(), c.Key, c.Files.Cut()),
	}
	s.workers, s.listens = min(max(runtime.GOMAXPROCS(0), 2), 8), listens
	s.life, s.end = context.WithCancel(context.Background())
	if err := s.resume(ctx); err != nil {
		s.end()
		s.closeReaders()
		return nil, err
	}
	return s, nil
}

// resume takes up the durable pages.
func (s *Source) resume(ctx context.Context) error {
	err := eachPage(ctx, s.cfg.Pages, s.cfg.Terms, func(raw []byte) error {
		c, err := s.writer.Take(raw)
		if err != nil {
			return fmt.Errorf("the transfer's own pages: %w", err)
		}
		s.add(raw, c)
		return nil
	})
	if err != nil || len(s.signed) == 0 || s.writer.Book().Final() {
		return err
	}
	return s.unchanged(ctx)
}

// eachPage goes through the pages of an edition.
func eachPage(ctx context.Context, from Pages, t format2.PageTerms, see func(raw []byte) error) error {
	const some = 64
	for next := protocol.PageNo(0); ; {
		list, err := from.Pages(ctx, t.Transfer, t.Edition, next, some)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, raw := range list {
			if err := see(raw); err != nil {
				return err
			}
			next++
		}
	}
}

// add takes a page that is durable.
func (s *Source) add(raw []byte, c pages.Change) {
	n := protocol.PageNo(len(s.signed))
	s.signed = append(s.signed, pages.SignedOf(n, raw, c))
	s.recent[n%recentPages] = raw
	s.void = append(s.void, c.Void...)
	if s.covered = s.writer.Book().End(); c.Final {
		s.covered = uint32(s.cut.Blocks())
	}
}

// unchanged sees whether the files that were begun are as they were listed.
func (s *Source) unchanged(ctx context.Context) (err error) {
	r := s.reader()
	defer s.release(r)
	var changed ChangedError
	s.cut.InOrder(func(entry uint32) {
		first, end, _ := s.cut.File(entry)
		begun := s.writer.Told(entry) || first < end && first < s.covered
		if !begun || s.writer.Lost(entry) || err != nil {
			return
		}
		if err = ctx.Err(); err != nil {
			return
		}
		if _, bad := r.check(entry); bad != nil {
			err = changed.add(r, entry, bad)
		}
	})
	if err == nil && len(changed.Entries) > 0 {
		err = &changed
	}
	return err
}

// Cut is how the stream is cut into blocks.
func (s *Source) Cut() *skeleton.Cut { return s.cut }

// SignedFrom gives the pages from a number on that may leave, and a channel that is closed at the next one, or when
// the Source is closed.
func (s *Source) SignedFrom(n protocol.PageNo) ([]pages.Signed, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clip(s.signed[min(int(n), len(s.signed)):]), s.changed
}

// Hurry says that a session has nothing left to send: the page that is being made is closed early, if there are numbers
// enough for that.
func (s *Source) Hurry() {
	s.mu.Lock()
	s.hurry = true
	s.mu.Unlock()
	notify(s.wake)
}

// ahead is how many blocks are hashed and signed that a session did not send yet: what is read twice should be in
// memory the second time. Pages are closed once they have a part of it.
const (
	ahead      = 64 << 20 / protocol.BlockSize
	aheadAPage = ahead / 2
	// listens is how long a session counts that says nothing.
	listens = 5 * time.Second
)

// Sent says that a session has sent the blocks of the stream below front, or need not send them.
func (s *Source) Sent(front uint32) {
	now := time.Now()
	s.mu.Lock()
	if now.Sub(s.heard) < s.listens {
		front = max(front, s.front)
	}
	s.front, s.heard = front, now
	s.mu.Unlock()
	notify(s.moved)
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Skeleton reads the skeleton, until the Source is closed.
func (s *Source) Skeleton() (io.ReadCloser, error) { return io.NopCloser(s.cfg.Files.Skeleton()), nil }

// Page gives a page that may leave: pages.ErrNotYet if it is not there yet.
func (s *Source) Page(n protocol.PageNo) ([]byte, error) {
	s.mu.Lock()
	known, newest := len(s.signed), s.recent[n%recentPages]
	s.mu.Unlock()
	switch {
	case int(n) >= known:
		return nil, pages.ErrNotYet
	case int(n)+recentPages >= known:
		return newest, nil
	}
	list, err := s.cfg.Pages.Pages(s.life, s.cfg.Terms.Transfer, s.cfg.Terms.Edition, n, 1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("page %d is not there any more", n)
	}
	return list[0], nil
}

// Voids lists the files that are not delivered, as durable pages say it.
func (s *Source) Voids() []content.Lost {
	s.mu.Lock()
	list := slices.Clip(s.void)
	s.mu.Unlock()
	out := make([]content.Lost, 0, len(list))
	for _, f := range list {
		file, err := s.cfg.Files.File(f.Entry)
		if err != nil {
			s.cfg.Log.Error("the list of a transfer's files cannot be read", "transfer", s.cfg.Terms.Transfer, "err", err)
			break
		}
		out = append(out, content.Lost{Path: file.Path, Why: whyOf(f.Reason)})
	}
	return out
}

// Close ends Run and closes all files.
func (s *Source) Close() error {
	s.end()
	s.running.Lock()
	defer s.running.Unlock()
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if already {
		return nil
	}
	close(s.changed)
	s.closeReaders()
	return s.cfg.Files.Close()
}

// reader gives one for a goroutine, for release.
func (s *Source) reader() *reader {
	select {
	case r := <-s.readers:
		return r
	default:
		return newReader(s.life, s.cfg.Files)
	}
}

func (s *Source) release(r *reader) {
	if s.life.Err() == nil {
		select {
		case s.readers <- r:
			return
		default:
		}
	}
	r.forget()
}

func (s *Source) closeReaders() {
	for {
		select {
		case r := <-s.readers:
			r.forget()
		default:
			return
		}
	}
}
