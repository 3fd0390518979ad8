package tables

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// ReplaceContent gives a transfer new content.
func (s *Store) ReplaceContent(
	ctx context.Context, no protocol.TransferNo, e store.Edition,
) (out store.Transfer, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		keep := q.AddEdition
		if e.Renewed {
			keep = q.ForgetEditions
		}
		if err := keep(ctx, int64(no)); err != nil {
			return err
		}
		if err := q.ForgetLost(ctx, int64(no)); err != nil {
			return err
		}
		if err := q.ForgetRefusals(ctx, int64(no)); err != nil { // they were about what it held before
			return err
		}
		if err := q.ForgetProgress(ctx, int64(no)); err != nil {
			return err
		}
		if err := q.ForgetEarlierPages(ctx, int64(no)); err != nil {
			return err
		}
		if err := addLeftOut(ctx, q, no, e.Lost); err != nil {
			return err
		}
		n, err := q.ReplaceContent(ctx, editionRow(no, e))
		if err != nil {
			return err
		}
		if out, err = transfer(ctx, q, no); err != nil {
			return err
		}
		if n == 0 {
			return groupcast.Errorf(groupcast.EConflict, "the content of transfer %d was replaced meanwhile", no)
		}
		return nil
	})
	return out, err
}

func editionRow(no protocol.TransferNo, e store.Edition) queries.ReplaceContentParams {
	row := queries.ReplaceContentParams{
		Files: int64(e.Files + e.Folders), Folders: int64(e.Folders), Bytes: int64(e.Bytes), Blocks: int64(e.Blocks),
		Root:          e.Root.String(),
		ManifestBytes: int64(e.ManifestBytes), ManifestBlocks: int64(e.ManifestBlocks),
		Content: e.Content, No: int64(no), Was: e.Was,
	}
	if e.Edition > 0 {
		row.Paged, row.Edition, row.Skeleton = true, int64(e.Edition), e.Skeleton.String()
		row.SkeletonBytes, row.Pages = int64(e.SkeletonBytes), int64(e.Pages)
	}
	return row
}

func addLeftOut(ctx context.Context, q *queries.Queries, no protocol.TransferNo, entries []groupcast.LeftOut) error {
	for _, l := range entries { // paths are too long for a key that an upsert could name
		if err := q.DropLeftOut(ctx, queries.DropLeftOutParams{TransferNo: int64(no), Path: l.Path}); err != nil {
			return err
		}
		if err := q.AddLeftOut(ctx, queries.AddLeftOutParams{
			TransferNo: int64(no), Path: l.Path, Why: string(l.Why), Detail: l.Detail,
		}); err != nil {
			return err
		}
	}
	return nil
}

// IsEdition says whether a transfer had this root before.
func (s *Store) IsEdition(ctx context.Context, no protocol.TransferNo, root protocol.Digest) (is bool, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		n, err := q.IsEdition(ctx, queries.IsEditionParams{TransferNo: int64(no), Root: root.String()})
		is = n > 0
		return err
	})
	return is, err
}

// LeftOut lists what a transfer lacks.
func (s *Store) LeftOut(
	ctx context.Context, no protocol.TransferNo, w groupcast.Window,
) (out []groupcast.LeftOut, listed int, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		n, err := q.CountLeftOut(ctx, int64(no))
		if err != nil {
			return err
		}
		listed, out = int(n), nil // it may be read again
		rows, err := q.LeftOut(ctx, queries.LeftOutParams{TransferNo: int64(no), Most: most(w), Skip: skip(w.From)})
		for _, r := range rows {
			out = append(out, groupcast.LeftOut{Path: r.Path, Why: groupcast.Why(r.Why), Detail: r.Detail})
		}
		return err
	})
	return out, listed, err
}
