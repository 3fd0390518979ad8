package tables

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// The modes of paged transfers: pages run ahead of their blocks, or all of them are there first.
const (
	modeFull  = "full"
	modeDelta = "delta"
)

// pagedInto adds what a paged transfer has in place of a manifest.
func pagedInto(row *queries.AddTransferParams, t store.Transfer) {
	if !t.Paged {
		return
	}
	row.Paged, row.TransferID, row.Edition = modeFull, t.ID.String(), int64(t.Edition)
	if t.Delta {
		row.Paged = modeDelta
	}
	row.Skeleton, row.SkeletonBytes, row.Pages = t.Skeleton.String(), int64(t.SkeletonBytes), int64(t.Pages)
}

func pagedFrom(t *store.Transfer, r queries.CountedTransfer) error {
	t.FileHash = groupcast.SHA256
	if t.Paged = r.Paged != ""; !t.Paged {
		return nil
	}
	t.FileHash, t.Delta = groupcast.BLAKE3, r.Paged == modeDelta
	t.Edition, t.SkeletonBytes, t.Pages = protocol.Edition(r.Edition), uint64(r.SkeletonBytes), uint32(r.Pages)
	return errors.Join(parse(&t.ID, r.TransferID), parse(&t.Skeleton, r.Skeleton))
}

// AddPage keeps the next page of a transfer.
func (s *Store) AddPage(ctx context.Context, p store.Page) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if known, err := pageKnown(ctx, q, p); known || err != nil {
			return err
		}
		no, edition := int64(p.Transfer), int64(p.Edition)
		if err := q.AddPage(ctx, queries.AddPageParams{
			TransferNo: no, Edition: edition, Number: int64(p.Number), Page: p.Raw,
		}); err != nil {
			return err
		}
		if err := addLeftOut(ctx, q, p.Transfer, p.Lost); err != nil {
			return err
		}
		if err := q.CountLost(ctx, no); err != nil {
			return err
		}
		if p.Root == (protocol.Digest{}) {
			return nil
		}
		if err := q.ForgetEarlierPages(ctx, no); err != nil {
			return err
		}
		if err := q.AddFinalPage(ctx, queries.AddFinalPageParams{
			TransferNo: no, Edition: edition, Root: p.Root.String(), Page: p.Raw,
		}); err != nil {
			return err
		}
		return q.SetRoot(ctx, queries.SetRootParams{Root: p.Root.String(), No: no})
	})
}

// pageKnown says whether a page is there already; an error says why it cannot be the next one.
func pageKnown(ctx context.Context, q *queries.Queries, p store.Page) (bool, error) {
	if err := inEpoch(ctx, q, p.Site); err != nil {
		return false, err
	}
	t, err := transfer(ctx, q, p.Transfer)
	if err != nil {
		return false, err
	}
	if t.Edition != p.Edition {
		return false, groupcast.Errorf(groupcast.EConflict, "transfer %d is at edition %d of its pages, not at %d", t.No,
			t.Edition, p.Edition)
	}
	here, err := q.Page(ctx, queries.PageParams{
		TransferNo: int64(p.Transfer), Edition: int64(p.Edition), Number: int64(p.Number),
	})
	switch {
	case err == nil && bytes.Equal(here, p.Raw):
		return true, nil
	case err == nil:
		return false, groupcast.Errorf(groupcast.EConflict, "transfer %d has another page %d already", t.No, p.Number)
	case !errors.Is(err, sql.ErrNoRows):
		return false, err
	}
	next, err := q.NextPage(ctx, queries.NextPageParams{TransferNo: int64(p.Transfer), Edition: int64(p.Edition)})
	if err != nil {
		return false, err
	}
	return false, isNext(t, p, next)
}

func isNext(t store.Transfer, p store.Page, next int64) error {
	switch {
	case !t.Paged:
		return groupcast.Errorf(groupcast.EConflict, "transfer %d has no pages", t.No)
	case !t.State.Open():
		return groupcast.Errorf(groupcast.EConflict, "transfer %d is %s", t.No, t.State)
	case t.Root != (protocol.Digest{}):
		return groupcast.Errorf(groupcast.EConflict, "transfer %d has its final page already", t.No)
	case int64(p.Number) != next || uint32(p.Number) >= t.Pages:
		return groupcast.Errorf(groupcast.EConflict, "the next page of transfer %d is %d of %d, not %d", t.No, next, t.Pages,
			p.Number)
	}
	return nil
}

// Pages lists pages of a transfer's edition.
func (s *Store) Pages(
	ctx context.Context, no protocol.TransferNo, e protocol.Edition, from protocol.PageNo, most int,
) (out [][]byte, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		out, err = q.Pages(ctx, queries.PagesParams{
			TransferNo: int64(no), Edition: int64(e), First: int64(from), Most: int32(min(most, math.MaxInt32)),
		})
		return err
	})
	return out, err
}

// NewestPage gives the last page of a transfer's edition.
func (s *Store) NewestPage(ctx context.Context, no protocol.TransferNo, e protocol.Edition) (page []byte, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		page, err = q.NewestPage(ctx, queries.NewestPageParams{TransferNo: int64(no), Edition: int64(e)})
		return missing(err, "page of transfer", no)
	})
	return page, err
}

// SkipEditions begins a further edition of every open paged transfer.
func (s *Store) SkipEditions(ctx context.Context, by uint32) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if err := q.ForgetOpenPages(ctx); err != nil {
			return err
		}
		if err := q.ForgetOpenLost(ctx); err != nil {
			return err
		}
		return q.SkipEditions(ctx, queries.SkipEditionsParams{By: int64(by), Root: protocol.Digest{}.String()})
	})
}

// FinalPages lists the final pages of all editions of a transfer.
func (s *Store) FinalPages(ctx context.Context, no protocol.TransferNo) (out []store.FinalPage, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.FinalPages(ctx, int64(no))
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.FinalPage) (store.FinalPage, error) {
			f := store.FinalPage{Edition: protocol.Edition(r.Edition), Raw: r.Page}
			return f, parse(&f.Root, r.Root)
		})
		return err
	})
	return out, err
}
