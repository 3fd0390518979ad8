package server

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/choice"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/reading"
	"github.com/groupcast/groupcast/internal/source"
	"github.com/groupcast/groupcast/internal/store"
)

// build makes the content of a new transfer: of a paged one its files are only listed, of another one they are read.
func (s *Server) build(
	ctx context.Context, g groupcast.Group, whom groupcast.Selection, n groupcast.NewTransfer, may content.Allowed,
) (content.Built, error) {
	b, why, err := s.listPaged(ctx, g, whom, n, may)
	if err != nil {
		return b, err
	}
	s.log.Debug("format of a transfer", "group", g.Name, "paged", why != choice.TooOld, "reason", why)
	if why != choice.TooOld {
		b.Delta = why != choice.None
		return b, nil
	}
	tree, err := s.content.Find(ctx, n, may)
	if err != nil {
		return content.Built{}, err
	}
	return s.content.Make(ctx, tree, n)
}

// listPaged lists the files of a new transfer, if all whom it is for can take a paged one: otherwise nothing is made.
func (s *Server) listPaged(
	ctx context.Context, g groupcast.Group, whom groupcast.Selection, n groupcast.NewTransfer, may content.Allowed,
) (b content.Built, why choice.Reason, err error) {
	if s.cfg.speaks().Wire.Most < choice.Wire {
		return b, choice.TooOld, nil
	}
	c := choice.Choice{Store: s.store, Agents: s.agents}
	able, err := c.Able(ctx, g, whom)
	if err != nil || !able {
		return b, choice.TooOld, err
	}
	if n.Upload == "" && !n.Copy {
		b, err = s.content.ListPaths(ctx, n, may)
	} else {
		b, err = s.list(ctx, n, may)
	}
	if err != nil {
		return b, choice.TooOld, err
	}
	// It may have taken minutes, in which devices came and went.
	why, err = s.howPaged(ctx, c, g, whom, b.Content)
	if err != nil || why == choice.TooOld {
		err = errors.Join(err, s.content.Drop(b, n))
	}
	return b, why, err
}

// list lists files that are copied or uploaded.
func (s *Server) list(ctx context.Context, n groupcast.NewTransfer, may content.Allowed) (content.Built, error) {
	tree, err := s.content.Find(ctx, n, may)
	if err != nil {
		return content.Built{}, err
	}
	return s.content.List(ctx, tree, n)
}

func (s *Server) howPaged(
	ctx context.Context, c choice.Choice, g groupcast.Group, whom groupcast.Selection, listed string,
) (choice.Reason, error) {
	files, err := s.content.Compare(listed)
	if err != nil {
		return choice.TooOld, err
	}
	defer files.Close() // read only: nothing can be lost
	return c.Paged(ctx, g, whom, files)
}

// pagedInto adds what only a paged transfer has.
func pagedInto(t *store.Transfer, b content.Built) {
	if !b.Paged {
		return
	}
	t.Delta = b.Delta
	t.Paged, t.Edition, t.Skeleton, t.SkeletonBytes, t.Pages = true, 1, b.Skeleton, b.SkeletonBytes, b.Pages
	rand.Read(t.ID[:]) //nolint:errcheck // it never fails
}

// openPagedSource opens the source of a paged transfer.
func (s *Server) openPagedSource(
	ctx context.Context, tr store.Transfer, keep delivery.PageStore, doubted []uint32,
) (reading.Source, error) {
	files, err := s.content.OpenPaged(tr.Content)
	if err != nil {
		return nil, err
	}
	src, err := source.Open(ctx, source.Config{
		Terms: format2.PageTerms{
			Server: s.id, Group: tr.GroupID, Transfer: tr.No, TransferID: tr.ID, Skeleton: tr.Skeleton, Edition: tr.Edition,
		},
		Most: tr.Pages, Key: s.key, Files: files, Pages: keeper{keep}, Doubted: doubted, Log: s.log,
	})
	if err != nil {
		return nil, errors.Join(err, files.Close())
	}
	return src, nil
}

// keeper keeps the pages of a source with its transfer.
type keeper struct{ delivery.PageStore }

// AddPage keeps a page durably.
func (k keeper) AddPage(ctx context.Context, p source.Page) error {
	return k.PageStore.AddPage(ctx, store.Page{
		Transfer: p.Transfer, Edition: p.Edition, Number: p.Number, Raw: p.Raw, Root: p.Root, Lost: p.Lost,
	})
}

// pagesOf reads the pages of the transfer that has some content.
func (s *Server) pagesOf(id string, from protocol.PageNo) ([][]byte, error) {
	ctx := context.Background()
	tr, err := s.store.TransferOfContent(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.store.Pages(ctx, tr.No, tr.Edition, from, pagesAtOnce)
}

const pagesAtOnce = 64
