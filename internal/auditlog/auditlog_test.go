package auditlog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// book is a log over a store in memory, with a clock that tests move.
type book struct {
	*testing.T
	*Log
	entries []groupcast.AuditEntry
	next    int64
	written int
	at      time.Time
	broken  error  // of the store
	deleted func() // called before something is deleted
}

func newBook(t *testing.T, change func(*Config)) *book {
	t.Helper()
	b := &book{T: t, at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	cfg := Config{
		Store: b, Folder: filepath.Join(t.TempDir(), "audit"), Written: func(context.Context) { b.written++ },
		Now: func() time.Time { return b.at }, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	b.Log = New(cfg)
	return b
}

func (b *book) AppendAudit(ctx context.Context, e groupcast.AuditEntry) error {
	if err := errors.Join(ctx.Err(), b.broken); err != nil {
		return err
	}
	b.next++
	e.ID = b.next
	b.entries = append(b.entries, e)
	return nil
}

func (b *book) OldestAudit(_ context.Context, limit int) (groupcast.Page[groupcast.AuditEntry], error) {
	some := b.entries[:min(limit, len(b.entries))]
	return groupcast.Page[groupcast.AuditEntry]{Total: len(b.entries), Rows: some}, b.broken
}

func (b *book) DeleteAudit(_ context.Context, id int64) error {
	if b.deleted != nil {
		b.deleted()
	}
	for len(b.entries) > 0 && b.entries[0].ID <= id {
		b.entries = b.entries[1:]
	}
	return b.broken
}

// fill adds entries of some time ago.
func (b *book) fill(n int, ago time.Duration) {
	now := b.at
	b.at = now.Add(-ago)
	for i := range n {
		b.Add(b.Context(), groupcast.Principal{Local: true}, "test", fmt.Sprint(i), "")
	}
	b.at = now
}

// exported counts the entries in the files, each of them once.
func (b *book) exported() int {
	b.Helper()
	files, err := filepath.Glob(filepath.Join(b.cfg.Folder, "*.jsonl.gz"))
	if err != nil {
		b.Fatal(err)
	}
	seen := map[int64]bool{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			b.Fatal(err)
		}
		for lines := bufio.NewScanner(z); lines.Scan(); {
			var e groupcast.AuditEntry
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				b.Fatal(err)
			}
			seen[e.ID] = true
		}
	}
	return len(seen)
}

func TestAnEntrySaysWhoDidWhat(t *testing.T) {
	b := newBook(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // who asked went away: it was done
	ann := groupcast.Principal{User: groupcast.User{ID: "1", Name: "ann"}, From: "192.0.2.7"}
	b.Add(ctx, ann, "group.create", "lab", "address 239.192.7.1")
	want := groupcast.AuditEntry{
		ID: 1, At: b.at, Actor: "ann", Action: "group.create", Object: "lab", Detail: "address 239.192.7.1",
		Address: "192.0.2.7",
	}
	if len(b.entries) != 1 || b.entries[0] != want || b.written != 1 {
		t.Errorf("%+v, told %d times", b.entries, b.written)
	}
	b.broken = errors.New("disk full")
	b.Add(t.Context(), ann, "group.delete", "lab", "")
	if len(b.entries) != 1 || b.written != 1 {
		t.Errorf("what was not written is told: %d times", b.written)
	}
}

// What is refused without an account is counted, two entries a minute at most.
func TestStrangersDoNotFillTheAuditLog(t *testing.T) {
	b := newBook(t, nil)
	start := b.at
	for i := range 6000 {
		b.Refused(t.Context(), "login.failed", "ann", fmt.Sprintf("192.0.2.%d", i%50))
		b.at = b.at.Add(50 * time.Millisecond)
		if i%1200 == 0 {
			b.Tidy(t.Context())
		}
	}
	b.at = b.at.Add(2 * time.Minute)
	b.Tidy(t.Context())
	if most := 2*int(b.at.Sub(start)/time.Minute) + 2; len(b.entries) > most || len(b.entries) < 4 {
		t.Errorf("6,000 refusals in 5 minutes are %d entries, want two a minute at most", len(b.entries))
	}
	if n := b.counted("login.failed"); n != 6000 {
		t.Errorf("%d of 6,000 refusals are counted", n)
	}
	if d := fmt.Sprint(b.entries); !strings.Contains(d, "from 50 addresses;") {
		t.Errorf("the entries are %s", d)
	}
}

// counted sums what the entries of an action stand for.
func (b *book) counted(action string) (n int) {
	for _, e := range b.entries {
		of := 1
		if e.Detail != "" {
			if _, err := fmt.Sscanf(e.Detail, "%d more", &of); err != nil {
				b.Fatal(err)
			}
		}
		if e.Action == action {
			n += of
		}
	}
	return n
}

// Each kind is counted by itself; addresses are told apart up to a bound; the end of a server counts what
// is left.
func TestKindsOfRefusals(t *testing.T) {
	b := newBook(t, nil)
	for i := range 3 * maxRefusedAddresses {
		b.Refused(t.Context(), "login.failed", "ann", fmt.Sprintf("2001:db8::%x", i))
	}
	b.Refused(t.Context(), "admin.first.refused", "", "192.0.2.1")
	if len(b.entries) != 2 {
		t.Errorf("%d entries at once", len(b.entries))
	}
	b.Tidy(t.Context())
	if len(b.entries) != 2 {
		t.Errorf("%d entries before the minute is over", len(b.entries))
	}
	b.Close(t.Context())
	if n := b.counted("login.failed"); n != 3*maxRefusedAddresses || b.counted("admin.first.refused") != 1 {
		t.Errorf("%d refusals of %d are counted", n, 3*maxRefusedAddresses)
	}
	if last := b.entries[len(b.entries)-1].Detail; !strings.Contains(last, "from 1000 addresses or more") {
		t.Errorf("%q", last)
	}
	b.Close(t.Context())
	if len(b.entries) != 3 {
		t.Errorf("counted twice: %d entries", len(b.entries))
	}
}

// Nothing is deleted that was not written elsewhere before.
func TestOldAuditGoesToFiles(t *testing.T) {
	b := newBook(t, func(c *Config) { c.Keep, c.Rows = 30*24*time.Hour, 3000 })
	b.deleted = func() {
		if b.exported() == 0 {
			t.Error("entries are deleted that lie in no file")
		}
	}
	b.fill(5000, 20*24*time.Hour)
	b.Tidy(t.Context())
	if len(b.entries) != 3000 || b.exported() != 2000 {
		t.Errorf("%d entries are left, %d in files", len(b.entries), b.exported())
	}
	b.at = b.at.Add(12 * 24 * time.Hour)
	b.Tidy(t.Context())
	if len(b.entries) != 0 || b.exported() != 5000 {
		t.Errorf("of 32 days ago %d entries are left, %d in files", len(b.entries), b.exported())
	}
}

// Many go in several pieces, few wait until there are more.
func TestPiecesOfTheAuditLog(t *testing.T) {
	b := newBook(t, func(c *Config) { c.Rows = 100 })
	b.fill(100+piece/10-1, time.Hour)
	b.Tidy(t.Context())
	if b.exported() != 0 {
		t.Errorf("%d entries make a file", b.exported())
	}
	b.fill(2*piece+5000, time.Hour)
	b.Tidy(t.Context())
	if len(b.entries) < 100 || len(b.entries) >= 100+piece/10 || b.exported()+len(b.entries) != int(b.next) {
		t.Errorf("%d are left, %d in files, of %d", len(b.entries), b.exported(), b.next)
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	b := newBook(t, func(c *Config) { c.Rows = 100 })
	if err := os.WriteFile(b.cfg.Folder, []byte("no folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.fill(5000, time.Hour)
	b.Tidy(t.Context())
	if len(b.entries) != 5000 {
		t.Errorf("%d entries are left", len(b.entries))
	}
	b.broken = errors.New("disk broken")
	b.Tidy(t.Context())
	if len(b.entries) != 5000 {
		t.Errorf("%d entries are left", len(b.entries))
	}
}

func TestWhatIsKeptUnlessSomethingElseIsSaid(t *testing.T) {
	if b := newBook(t, nil); b.cfg.Keep != defaultKeep || b.cfg.Rows != defaultRows {
		t.Errorf("%s, %d rows", b.cfg.Keep, b.cfg.Rows)
	}
}
