package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/edition"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/reading"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/source"
	"github.com/groupcast/groupcast/internal/store"
)

// PageStore keeps the pages that a source signs.
type PageStore interface {
	AddPage(ctx context.Context, p store.Page) error // durable when it returns
	Pages(ctx context.Context, no protocol.TransferNo, e protocol.Edition, from protocol.PageNo, most int) ([][]byte,
		error)
}

// pageStore is the store for the sources of paged transfers: what pages say of lost files is told at once.
type pageStore struct{ e *Engine }

// Pages lists pages of a transfer's edition.
func (p pageStore) Pages(
	ctx context.Context, no protocol.TransferNo, e protocol.Edition, from protocol.PageNo, most int,
) ([][]byte, error) {
	return p.e.store.Pages(ctx, no, e, from, most)
}

// AddPage keeps a page, for this server's site.
func (p pageStore) AddPage(ctx context.Context, page store.Page) error {
	page.Site = p.e.site()
	if err := p.e.store.AddPage(ctx, page); err != nil {
		return err
	}
	e := p.e
	e.mu.Lock()
	tr, open := e.infos[page.Transfer]
	if open && tr.Edition == page.Edition {
		tr.Root, tr.Lost = page.Root, tr.Lost+len(page.Lost)
		e.infos[tr.No] = tr
	}
	e.mu.Unlock()
	if n := len(page.Lost); n > 0 && open {
		e.log.Warn("files of a transfer cannot be delivered", "transfer", tr.No, "files", n, "first", page.Lost[0].Path,
			"why", page.Lost[0].Why)
		e.tell(tr.Transfer, lostText(n))
	}
	return nil
}

// openPaged opens the source of a paged transfer where its durable pages end.
func (e *Engine) openPaged(ctx context.Context, no protocol.TransferNo) (reading.Source, error) {
	tr, err := e.store.Transfer(ctx, no)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	doubted := e.doubted[no]
	e.mu.Unlock()
	return e.cfg.OpenPaged(ctx, tr, pageStore{e}, doubted)
}

// hashed comes when the files of a paged transfer were all read, or could not be; it says whether to try again. It
// is called by what reads them, which it must not wait for.
func (e *Engine) hashed(no protocol.TransferNo, src reading.Source, err error) (again bool) {
	code := groupcast.ErrorCode(err)
	if (code == groupcast.EConflict || code == groupcast.ENotFound) && !errors.Is(err, content.ErrContentGone) {
		e.background(func(ctx context.Context) { // it was closed meanwhile, or holds something else
			if tr, err := e.store.Transfer(ctx, no); err == nil {
				e.follow(tr)
			}
		})
		return false
	}
	e.mu.Lock()
	tr, open := e.infos[no]
	e.mu.Unlock()
	if err == nil {
		e.change(func(sch *schedule.Scheduler, _ time.Time) { sch.Read(no) })
		if n := src.Cut().Files(); n > 0 && len(src.Voids()) == n {
			err := allLost(no, src.Voids())
			e.background(func(ctx context.Context) { e.failTransfer(context.WithoutCancel(ctx), no, err) })
		}
		return false
	}
	if open {
		e.background(func(context.Context) { e.sourceFault(no, contentOf(tr), err) })
	}
	return !errors.Is(err, pages.ErrChanged) && !errors.Is(err, content.ErrContentGone)
}

// unread says whether a transfer must not be offered yet: of mode delta the final page comes first.
func unread(tr store.Transfer) bool { return tr.Delta && tr.Root == (protocol.Digest{}) }

// follow reads a paged transfer from the edition on that the store has, which may be a later one: after the server was
// set back, editions are skipped that devices may have seen.
func (e *Engine) follow(tr store.Transfer) {
	e.mu.Lock()
	known, open := e.infos[tr.No]
	e.mu.Unlock()
	if open && tr.Edition > known.Edition {
		e.renewed(tr)
	}
}

// allLost is why a transfer fails of which no file could be read as it was listed.
func allLost(no protocol.TransferNo, lost []content.Lost) error {
	text := (&content.LostError{Lost: lost}).Error()
	if len(lost) > 1 {
		text = fmt.Sprintf("all of its %d files changed, are gone or cannot be read: %s …", len(lost), lost[0].Path)
	}
	return groupcast.Errorf(groupcast.EConflict, "%s", text).
		WithHint("retry the transfer: it takes them as they are then").
		WithNext(groupcast.Next{Step: groupcast.StepRetry, Transfer: no}).Wrap(edition.ErrNothingLeft)
}

// contentOf names what a transfer holds. Editions of a paged one have one folder.
func contentOf(tr store.Transfer) string {
	if tr.Paged {
		return fmt.Sprintf("%s edition %d", tr.Content, tr.Edition)
	}
	return tr.Content
}

// doubt notes files that were another thing than their pages say: the next edition does not go by how they look.
func (e *Engine) doubt(no protocol.TransferNo, err error) {
	var changed *source.ChangedError
	if !errors.As(err, &changed) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.doubted[no] = append(e.doubted[no], changed.Entries...)
	slices.Sort(e.doubted[no])
	e.doubted[no] = slices.Compact(e.doubted[no])
}

// holds names what an open transfer holds now.
func (e *Engine) holds(no protocol.TransferNo) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return contentOf(e.infos[no])
}

// hashing says how far the files of an open transfer are read; nil: all of them are.
func (e *Engine) hashing(no protocol.TransferNo) *groupcast.Hashing {
	e.mu.Lock()
	tr, open := e.infos[no]
	e.mu.Unlock()
	if !open || !tr.Paged || tr.Root != (protocol.Digest{}) {
		return nil
	}
	h, _ := e.sources.Hashed(no)
	return &groupcast.Hashing{Bytes: min(h.Bytes, tr.Bytes), Pages: h.Pages}
}
