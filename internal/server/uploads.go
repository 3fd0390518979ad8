package server

import (
	"context"
	"fmt"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	maxUploads     = 100
	maxUploadBytes = 1 << 40 // declared by all unfinished ones together
)

// CreateUpload declares what will be uploaded.
func (s *Server) CreateUpload(
	ctx context.Context, p groupcast.Principal, entries []groupcast.UploadEntry,
) (groupcast.Upload, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Upload{}, err
	}
	id, err := s.content.Declare(p.Actor(), entries)
	if err != nil {
		return groupcast.Upload{}, err
	}
	s.audit(ctx, p, "upload.create", id, fmt.Sprintf("%d entries", len(entries)))
	return s.content.Uploads.Show(id)
}

// Upload shows how far an upload is.
func (s *Server) Upload(_ context.Context, p groupcast.Principal, id string) (groupcast.Upload, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Upload{}, err
	}
	return s.content.Uploads.Show(id)
}

// WriteUpload appends to one file.
func (s *Server) WriteUpload(
	_ context.Context, p groupcast.Principal, id, path string, offset uint64, r io.Reader,
) (groupcast.UploadEntry, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.UploadEntry{}, err
	}
	now, err := s.content.Uploads.Write(id, path, offset, r)
	return groupcast.UploadEntry{Path: path, Kind: "file", Offset: now}, err
}

// CompleteUpload checks that every byte is there.
func (s *Server) CompleteUpload(_ context.Context, p groupcast.Principal, id string) (groupcast.Upload, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Upload{}, err
	}
	if _, err := s.content.Uploads.Complete(id); err != nil {
		return groupcast.Upload{}, err
	}
	return s.content.Uploads.Show(id)
}

// DeleteUpload takes an upload back that no transfer uses.
func (s *Server) DeleteUpload(ctx context.Context, p groupcast.Principal, id string) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	if err := s.content.Discard(id); err != nil {
		return err
	}
	s.audit(ctx, p, "upload.delete", id, "")
	return nil
}

// UnfinishedUploads lists the uploads that no transfer was made of yet, the newest first.
func (s *Server) UnfinishedUploads(_ context.Context, p groupcast.Principal) ([]groupcast.UnfinishedUpload, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	return s.content.Unfinished()
}

// Files lists what a transfer holds.
func (s *Server) Files(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, w groupcast.Window,
) (out groupcast.Page[groupcast.FileEntry], err error) {
	if err := mustAdmin(p); err != nil {
		return out, err
	}
	tr, err := s.store.Transfer(ctx, no)
	if err != nil {
		return out, err
	}
	if out, err = s.filesOf(ctx, tr, w); err != nil {
		return out, err
	}
	for i := range out.Rows {
		if out.Rows[i].Kind == content.KindName(manifest.KindFile) {
			out.Rows[i].Hash = tr.FileHash
		}
	}
	return out, nil
}

func (s *Server) filesOf(
	ctx context.Context, tr store.Transfer, w groupcast.Window,
) (out groupcast.Page[groupcast.FileEntry], err error) {
	if tr.ContentGone {
		return s.store.HeldFiles(ctx, tr.No, w)
	}
	files, total, err := s.content.Files(tr.Content, w)
	out.Total, out.Rows = total, content.Listing(files)
	return out, err
}
