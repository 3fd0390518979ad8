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
	ctx context.Context, g groupcast.Group, whom groupcast.Selection, tree *content.Tree, n groupcast.NewTransfer,
) (content.Built, error) {
	if s.cfg.speaks().Wire.Most < choice.Wire {
		return s.content.Make(ctx, tree, n)
	}
	c := choice.Choice{Store: s.store, Agents: s.agents, Library: s.content}
	why, err := c.Paged(ctx, g, whom, tree.Files)
	if err != nil {
		return content.Built{}, err
	}
	s.log.Debug("format of a transfer", "group", g.Name, "paged", why != choice.TooOld, "reason", why)
	if why == choice.TooOld {
		return s.content.Make(ctx, tree, n)
	}
	built, err := s.content.List(ctx, tree, n)
	built.Delta = why != choice.None
	return built, err
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
