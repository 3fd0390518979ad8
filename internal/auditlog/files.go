package auditlog

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
)

// piece is how many entries are moved to a file at once.
const piece = 10_000

// prune moves the oldest entries of the audit log out of the database when they are too old or too many:
// into files in the folder audit, first, and only then are they deleted.
func (l *Log) prune(ctx context.Context) {
	for ctx.Err() == nil {
		moved, err := l.prunePiece(ctx)
		if err != nil {
			l.cfg.Log.Error("old entries of the audit log could not be moved to a file", "err", err)
		}
		if err != nil || moved < piece {
			return
		}
	}
}

func (l *Log) prunePiece(ctx context.Context) (int, error) {
	oldest, err := l.cfg.Store.OldestAudit(ctx, piece)
	if err != nil {
		return 0, err
	}
	old := l.cfg.Now().Add(-l.cfg.Keep)
	few := oldest.Total-l.cfg.Rows < piece/10
	if oldest.Total == 0 || few && oldest.Rows[0].At.After(old.Add(-24*time.Hour)) {
		return 0, nil // a file for every few entries would be too many files
	}
	n := min(max(oldest.Total-l.cfg.Rows, 0), len(oldest.Rows))
	for n < len(oldest.Rows) && oldest.Rows[n].At.Before(old) {
		n++
	}
	gone := oldest.Rows[:n]
	if err := l.export(gone); err != nil {
		return 0, err
	}
	return n, l.cfg.Store.DeleteAudit(ctx, gone[n-1].ID)
}

// export writes entries into a file of their own, one JSON object a line, compressed. A file of the
// same name is of a try before: the same entries.
func (l *Log) export(entries []groupcast.AuditEntry) error {
	if err := os.MkdirAll(l.cfg.Folder, 0o700); err != nil {
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
	return durable.WriteFile(filepath.Join(l.cfg.Folder, name), b.Bytes())
}
