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

// finishRestore comes at the first start after Restore (O4): numbers that the lost part of
// the server's life may have used are never used again, and nothing is sent.
func (s *Server) finishRestore(ctx context.Context) error {
	if !backup.JustRestored(s.cfg.Dir) {
		return nil
	}
	offers, transfers, err := s.numbers(ctx)
	if err != nil {
		return err
	}
	s.setBacks.mu.Lock()
	defer s.setBacks.mu.Unlock()
	s.setBacks.pending = &setBack{How: groupcast.SetBackRestored, Offers: offers + far, Transfers: transfers + farTransfers}
	if err := s.keepSetBack(ctx); err != nil {
		return err
	}
	s.audit(ctx, groupcast.Principal{Local: true}, "restore", "", "started from a backup")
	s.log.Warn(errUnconfirmed.Error())
	return backup.Started(s.cfg.Dir)
}
