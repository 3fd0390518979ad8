package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
)

// What the database keeps of the audit log unless something else is set, and how much of it is moved to a
// file at once.
const (
	defaultAuditKeep = 2 * 365 * 24 * time.Hour
	defaultAuditRows = 1_000_000 // about 250 MB
	auditPiece       = 10_000
)

// pruneAudit moves the oldest entries of the audit log out of the database when they are too old or too many:
// into files in the folder audit, first, and only then are they deleted.
func (s *Server) pruneAudit(ctx context.Context) {
	for ctx.Err() == nil {
		moved, err := s.pruneAuditPiece(ctx)
		if err != nil {
			s.log.Error("old entries of the audit log could not be moved to a file", slog.Any("err", err))
		}
		if err != nil || moved < auditPiece {
			return
		}
	}
}

func (s *Server) pruneAuditPiece(ctx context.Context) (int, error) {
	oldest, err := s.store.OldestAudit(ctx, auditPiece)
	if err != nil {
		return 0, err
	}
	old := s.now().Add(-s.cfg.AuditKeep)
	few := oldest.Total-s.cfg.AuditRows < auditPiece/10
	if oldest.Total == 0 || few && oldest.Rows[0].At.After(old.Add(-24*time.Hour)) {
		return 0, nil // a file for every few entries would be too many files
	}
	n := min(max(oldest.Total-s.cfg.AuditRows, 0), len(oldest.Rows))
	for n < len(oldest.Rows) && oldest.Rows[n].At.Before(old) {
		n++
	}
	gone := oldest.Rows[:n]
	if err := s.exportAudit(gone); err != nil {
		return 0, err
	}
	return n, s.store.DeleteAudit(ctx, gone[n-1].ID)
}

// exportAudit writes entries into a file of their own, one JSON object a line, compressed. A file of the
// same name is of a try before: the same entries.
func (s *Server) exportAudit(entries []groupcast.AuditEntry) error {
	dir := filepath.Join(s.cfg.Dir, "audit")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of old audit entries: %w", err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	lines := json.NewEncoder(z)
	for _, e := range entries {
		if err := lines.Encode(e); err != nil {
			return fmt.Errorf("writing old audit entries: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("writing old audit entries: %w", err)
	}
	name := fmt.Sprintf("%s-%d.jsonl.gz", entries[0].At.UTC().Format(time.DateOnly), entries[0].ID)
	return durable.WriteFile(filepath.Join(dir, name), b.Bytes())
}
