package server

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	maxUploads     = 100
	maxUploadBytes = 1 << 40        // declared by all unfinished ones together
	uploadLife     = 24 * time.Hour // of an unfinished one (C10)
)

// CreateUpload declares what will be uploaded.
func (s *Server) CreateUpload(ctx context.Context, p groupcast.Principal, entries []groupcast.UploadEntry) (groupcast.Upload, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Upload{}, err
	}
	if len(entries) == 0 || len(entries) > protocol.MaxFiles {
		return groupcast.Upload{}, groupcast.Errorf(groupcast.EInvalid, "an upload has 1 to %d entries", protocol.MaxFiles)
	}
	files := make([]manifest.File, len(entries))
	for i, e := range entries {
		f, err := fileOf(e)
		if err != nil {
			return groupcast.Upload{}, err
		}
		files[i] = f
	}
	id := newUploadID()
	if err := s.content.Uploads.Create(id, p.Actor(), files); err != nil {
		return groupcast.Upload{}, err
	}
	s.audit(ctx, p, "upload.create", id, fmt.Sprintf("%d entries", len(entries)))
	return s.upload(id)
}

func fileOf(e groupcast.UploadEntry) (manifest.File, error) {
	if kind, known := content.KindOf(e.Kind); known {
		return manifest.File{
			Kind: kind, Path: e.Path, Mode: uint16(e.Mode & 0o777), MTime: protocol.FileTime(e.MTime), Size: e.Size, Target: e.Target,
		}, nil
	}
	return manifest.File{}, groupcast.Errorf(groupcast.EInvalid, "%q is no kind of entry", e.Kind).WithHint("use file, folder or symlink")
}

// Upload shows how far an upload is.
func (s *Server) Upload(_ context.Context, p groupcast.Principal, id string) (groupcast.Upload, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Upload{}, err
	}
	return s.upload(id)
}

func (s *Server) upload(id string) (groupcast.Upload, error) {
	files, err := s.content.Uploads.Entries(id)
	if err != nil {
		return groupcast.Upload{}, err
	}
	have, err := s.content.Uploads.Have(id)
	if err != nil {
		return groupcast.Upload{}, err
	}
	about, err := s.content.Uploads.About(id)
	if err != nil {
		return groupcast.Upload{}, err
	}
	u := groupcast.Upload{ID: id, CreatedAt: about.CreatedAt, Entries: make([]groupcast.UploadEntry, len(files))}
	for i, f := range files {
		u.Entries[i] = groupcast.UploadEntry{
			Path: f.Path, Kind: content.KindName(f.Kind), Size: f.Size, Offset: have[i],
			Mode: uint32(f.Mode), MTime: protocol.TimeOf(f.MTime), Target: f.Target,
		}
	}
	return u, nil
}

// WriteUpload appends to one file.
func (s *Server) WriteUpload(_ context.Context, p groupcast.Principal, id, path string, offset uint64, r io.Reader) (groupcast.UploadEntry, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.UploadEntry{}, err
	}
	now, err := s.content.Uploads.Write(id, path, offset, r)
	return groupcast.UploadEntry{Path: path, Kind: "file", Offset: now}, err
}

// CompleteUpload checks that every byte is there.
func (s *Server) CompleteUpload(_ context.Context, p groupcast.Principal, id string) (groupcast.Upload, error) {
	if _, err := s.completeUpload(p, id); err != nil {
		return groupcast.Upload{}, err
	}
	return s.upload(id)
}

func (s *Server) completeUpload(p groupcast.Principal, id string) (*content.Tree, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	return s.content.Uploads.Complete(id)
}

// DeleteUpload takes an upload back that no transfer uses.
func (s *Server) DeleteUpload(ctx context.Context, p groupcast.Principal, id string) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	used, err := s.content.InUse(id)
	if err != nil {
		return err
	}
	if used {
		return groupcast.Errorf(groupcast.EConflict, "a transfer uses this upload").WithHint("cancel the transfer")
	}
	if err := s.content.Uploads.Remove(id); err != nil {
		return err
	}
	s.audit(ctx, p, "upload.delete", id, "")
	return nil
}

// sweepUploads removes uploads that no transfer uses and nobody has written to for a day.
func (s *Server) sweepUploads() error {
	ids, err := s.content.Uploads.List()
	if err != nil {
		return err
	}
	used, err := s.content.UsedUploads()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if used[id] || s.content.IsReserved(id) {
			continue
		}
		info, err := os.Stat(s.content.UploadFolder(id))
		if err == nil && s.now().Sub(info.ModTime()) > uploadLife {
			if err := s.content.Uploads.Remove(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Files lists what a transfer holds.
func (s *Server) Files(ctx context.Context, p groupcast.Principal, no protocol.TransferNo, w groupcast.Window) (out groupcast.Page[groupcast.FileEntry], err error) {
	if err := mustAdmin(p); err != nil {
		return out, err
	}
	tr, err := s.store.Transfer(ctx, no)
	if err != nil {
		return out, err
	}
	if tr.ContentGone {
		return s.store.HeldFiles(ctx, no, w)
	}
	m, _, err := s.content.Manifest(tr.Content)
	if err != nil {
		return out, err
	}
	first := min(w.From, len(m.Files))
	end := len(m.Files)
	if w.Limit > 0 {
		end = min(end, first+w.Limit)
	}
	out.Total = len(m.Files)
	out.Rows = content.Listing(m.Files[first:end])
	return out, nil
}
