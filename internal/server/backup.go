package server

import (
	"context"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/backup"
)

// Backup streams a tar of database and keys, and on demand of the content.
func (s *Server) Backup(ctx context.Context, p groupcast.Principal, o groupcast.BackupOptions) (io.ReadCloser, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	of := backup.Server{Dir: s.cfg.Dir, Copy: s.store.Backup, Holds: s.cfg.Room.Holds, Now: s.now}
	out, err := of.Open(ctx, o)
	if err == nil {
		s.audit(ctx, p, "backup", "", "")
	}
	return out, err
}
