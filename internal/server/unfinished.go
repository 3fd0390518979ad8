package server

import (
	"context"
	"slices"

	"github.com/groupcast/groupcast"
)

// UnfinishedUploads lists the uploads that no transfer was made of yet, the newest first.
func (s *Server) UnfinishedUploads(_ context.Context, p groupcast.Principal) ([]groupcast.UnfinishedUpload, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	ids, err := s.content.Uploads.List()
	if err != nil {
		return nil, err
	}
	used, err := s.content.UsedUploads()
	if err != nil {
		return nil, err
	}
	var out []groupcast.UnfinishedUpload
	for _, id := range ids {
		if used[id] || s.content.IsReserved(id) {
			continue
		}
		a, err := s.content.Uploads.About(id)
		if groupcast.ErrorCode(err) == groupcast.ENotFound {
			continue // it was deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		out = append(out, groupcast.UnfinishedUpload{
			ID: id, Name: a.Name, Files: a.Files, Folders: a.Folders, Bytes: a.Bytes, Held: a.Held, By: a.By,
			CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt, ExpiresAt: a.UpdatedAt.Add(uploadLife),
		})
	}
	slices.SortFunc(out, func(a, b groupcast.UnfinishedUpload) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out, nil
}
