package content

import (
	"errors"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/stored"
)

// UploadLife is how long an upload is kept to which nothing comes and of which no transfer was made (C10).
const UploadLife = 24 * time.Hour

// Declare begins an upload of what entries say.
func (l *Library) Declare(by string, entries []groupcast.UploadEntry) (id string, err error) {
	if len(entries) == 0 || len(entries) > protocol.MaxFiles {
		return "", groupcast.Errorf(groupcast.EInvalid, "an upload has 1 to %d entries", protocol.MaxFiles)
	}
	files := make([]manifest.File, len(entries))
	for i, e := range entries {
		kind, known := KindOf(e.Kind)
		if !known {
			return "", groupcast.Errorf(groupcast.EInvalid, "%q is no kind of entry", e.Kind).
				WithHint("use file, folder or symlink")
		}
		files[i] = manifest.File{
			Kind: kind, Path: e.Path, Mode: uint16(e.Mode & 0o777), MTime: protocol.FileTime(e.MTime), Size: e.Size,
			Target: e.Target,
		}
	}
	id = NewUploadID()
	return id, l.Uploads.Create(id, by, files)
}

// Show shows an upload, with how far each entry is.
func (u *Uploads) Show(id string) (groupcast.Upload, error) {
	files, err := u.Entries(id)
	if err != nil {
		return groupcast.Upload{}, err
	}
	have, err := u.Have(id)
	if err != nil {
		return groupcast.Upload{}, err
	}
	about, err := u.About(id)
	if err != nil {
		return groupcast.Upload{}, err
	}
	out := groupcast.Upload{ID: id, CreatedAt: about.CreatedAt, Entries: make([]groupcast.UploadEntry, len(files))}
	for i, f := range files {
		out.Entries[i] = groupcast.UploadEntry{
			Path: f.Path, Kind: KindName(f.Kind), Size: f.Size, Offset: have[i],
			Mode: uint32(f.Mode), MTime: protocol.TimeOf(f.MTime), Target: f.Target,
		}
	}
	return out, nil
}

// Unused are the uploads of which no transfer was made, or is being made.
func (l *Library) Unused() (ids []string, err error) {
	all, err := l.Uploads.List()
	if err != nil {
		return nil, err
	}
	used, err := l.UsedUploads()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(id string) bool { return used[id] || l.IsReserved(id) }), nil
}

// Unfinished shows the unused uploads in short, the newest first.
func (l *Library) Unfinished() (out []groupcast.UnfinishedUpload, err error) {
	ids, err := l.Unused()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		a, err := l.Uploads.About(id)
		if groupcast.ErrorCode(err) == groupcast.ENotFound || errors.Is(err, stored.ErrAfar) {
			continue // it was deleted meanwhile, or nobody knows how far it is
		}
		if err != nil {
			return nil, err
		}
		out = append(out, groupcast.UnfinishedUpload{
			ID: id, Name: a.Name, Files: a.Files, Folders: a.Folders, Bytes: a.Bytes, Held: a.Held, By: a.By,
			CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt, ExpiresAt: a.UpdatedAt.Add(UploadLife),
		})
	}
	slices.SortFunc(out, func(a, b groupcast.UnfinishedUpload) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out, nil
}

// SweepUploads removes the unused uploads to which nothing came for as long as they are kept.
func (l *Library) SweepUploads(now time.Time) error {
	ids, err := l.Unused()
	if err != nil {
		return err
	}
	for _, id := range ids {
		at, err := l.Uploads.lastWritten(id)
		if err == nil && now.Sub(at) > UploadLife {
			if err := l.Uploads.Remove(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Discard removes an upload that no transfer uses.
func (l *Library) Discard(id string) error {
	used, err := l.InUse(id)
	if err != nil {
		return err
	}
	if used {
		return groupcast.Errorf(groupcast.EConflict, "a transfer uses this upload").WithHint("cancel the transfer")
	}
	return l.Uploads.Remove(id)
}
