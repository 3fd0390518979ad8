package source

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
)

// earlier is what the edition before says of files that are as they were: they are not read again. nil: nothing.
type earlier struct {
	book    *pages.Book
	digests []protocol.Digest  // of files
	blocks  *protocol.BlockSet // whose files are all as they were
}

// has says whether a file with blocks from first to before end need not be read.
func (e *earlier) has(first, end uint32) bool {
	if e == nil {
		return false
	}
	at, found := e.blocks.NextMissing(protocol.BlockNumber(first))
	return !found || uint32(at) >= end
}

// leaf is the digest of a block that need not be read.
func (e *earlier) leaf(b uint32) (protocol.Digest, bool) {
	if e == nil || !e.blocks.Has(protocol.BlockNumber(b)) {
		return protocol.Digest{}, false
	}
	return e.book.Digest(b)
}

// readEarlier reads the pages of the edition before, and finds the files that are as they were.
func (s *Source) readEarlier(ctx context.Context) error {
	if s.cfg.Terms.Edition < 2 || s.earlier != nil {
		return nil
	}
	terms := s.cfg.Terms
	terms.Edition--
	e := &earlier{
		book:   pages.NewBook(terms, format2.MaxPages, s.cfg.Files.Entries(), s.cfg.Key.Public(), s.cut),
		blocks: protocol.NewBlockSet(s.cut.Blocks()),
	}
	err := eachPage(ctx, s.cfg.Pages, terms, func(raw []byte) error {
		c, err := e.book.Add(raw)
		if e.digests == nil {
			e.digests = make([]protocol.Digest, s.cfg.Files.Entries())
		}
		for _, f := range c.Finished {
			e.digests[f.Entry] = f.Digest
		}
		return err
	})
	var other *pages.Fault
	if errors.As(err, &other) {
		return nil // they are of another list of files: all is read
	}
	if err != nil || e.digests == nil {
		return err
	}
	same, err := s.sameAs(ctx, e.book)
	if err != nil {
		return err
	}
	for b := range uint32(s.cut.Blocks()) {
		leaf, known := e.book.Digest(b)
		keep := known && leaf != protocol.Digest{}
		for x := range s.cut.Runs(b) {
			keep = keep && same.Has(protocol.BlockNumber(x.Entry))
		}
		if keep {
			e.blocks.Add(protocol.BlockNumber(b))
		}
	}
	s.earlier = e
	return nil
}

// sameAs finds the files that an edition has whole and that are as they were.
func (s *Source) sameAs(ctx context.Context, book *pages.Book) (*protocol.BlockSet, error) {
	same := protocol.NewBlockSet(s.cfg.Files.Entries())
	doubted := slices.Sorted(slices.Values(s.cfg.Doubted))
	r := s.reader()
	defer s.release(r)
	s.cut.InOrder(func(entry uint32) {
		if !book.Finished(entry) || ctx.Err() != nil {
			return
		}
		if _, doubt := slices.BinarySearch(doubted, entry); doubt {
			return
		}
		if _, err := r.check(entry); err == nil {
			same.Add(protocol.BlockNumber(entry))
		}
	})
	return same, ctx.Err()
}

// save makes a page durable that is signed; then it may leave.
func (s *Source) save(ctx context.Context) error {
	if s.unsaved == nil {
		return nil
	}
	if err := s.cfg.Pages.AddPage(ctx, s.unsaved.page); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(s.unsaved.page.Raw, s.unsaved.change)
	s.unsaved = nil
	if !s.closed {
		close(s.changed)
		s.changed = make(chan struct{})
	}
	notify(s.moved)
	return nil
}

// early says that a page is long enough to be closed for a session: it is held back by what is not signed. The lock is
// held.
func (s *Source) early() bool {
	return s.writer.Pending() >= aheadAPage && time.Since(s.heard) < s.listens
}

func (s *Source) lost(entry uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writer.Lost(entry)
}

// pending is the first block that was not hashed.
func (s *Source) pending() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writer.End()
}

// leafOf is the digest of a block of a page that is signed.
func (s *Source) leafOf(b uint32) (protocol.Digest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writer.Book().Digest(b)
}
