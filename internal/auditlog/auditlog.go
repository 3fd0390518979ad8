// Package auditlog keeps the audit log: an entry for each action of a user, counts of refused calls without
// an account, and files for entries that are too old or too many for the database.
package auditlog

import (
	"context"
	"log/slog"
	"time"

	"github.com/groupcast/groupcast"
)

// Store holds the entries (store.Store).
type Store interface {
	AppendAudit(ctx context.Context, e groupcast.AuditEntry) error
	// OldestAudit lists the oldest first; the number of all entries is Total.
	OldestAudit(ctx context.Context, limit int) (groupcast.Page[groupcast.AuditEntry], error)
	// DeleteAudit deletes the entries up to an ID, that one included.
	DeleteAudit(ctx context.Context, id int64) error
}

// What the database keeps unless something else is said.
const (
	defaultKeep = 2 * 365 * 24 * time.Hour
	defaultRows = 1_000_000 // about 250 MB
)

// Config is what a Log is made of.
type Config struct {
	Store   Store
	Folder  string                    // of the files
	Keep    time.Duration             // age of the oldest entry in the database; 0: two years
	Rows    int                       // entries there; 0: 1,000,000
	Written func(ctx context.Context) // called after each entry
	Now     func() time.Time
	Log     *slog.Logger
}

// Log is the audit log.
type Log struct {
	cfg     Config
	refused refusals
}

// New makes a log.
func New(cfg Config) *Log {
	if cfg.Keep == 0 {
		cfg.Keep = defaultKeep
	}
	if cfg.Rows == 0 {
		cfg.Rows = defaultRows
	}
	return &Log{cfg: cfg, refused: refusals{of: map[string]*refused{}}}
}

// Add writes an entry. It comes after the change: an entry that cannot be written is an error of the
// server's disk, not of the caller, who must not do it all again.
func (l *Log) Add(ctx context.Context, p groupcast.Principal, action, object, detail string) {
	e := groupcast.AuditEntry{
		At: l.cfg.Now(), Actor: p.Actor(), Action: action, Object: object, Detail: detail, Address: p.From,
	}
	if err := l.cfg.Store.AppendAudit(context.WithoutCancel(ctx), e); err != nil {
		l.cfg.Log.Error("the audit entry could not be written", "action", action, "object", object, "err", err)
		return
	}
	l.cfg.Written(ctx)
}

// Tidy writes the counts of refused calls after their minute, and moves old entries to files.
func (l *Log) Tidy(ctx context.Context) {
	l.count(ctx, false)
	l.prune(ctx)
}

// Close writes the counts that are left.
func (l *Log) Close(ctx context.Context) { l.count(ctx, true) }
