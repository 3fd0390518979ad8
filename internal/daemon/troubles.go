package daemon

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/groupcast/groupcast"
)

// maxTroubles is how many of the last warnings and errors are kept for the server's page.
const maxTroubles = 50

// troubles is a log handler that also keeps the last warnings and errors in memory.
type troubles struct {
	slog.Handler
	kept   *kept
	fields string // that the records of this handler all have, as text
	group  string // of the fields that come, ending in a dot
}

type kept struct {
	mu   sync.Mutex
	last []groupcast.LogRecord // the newest at the end
}

func watchTroubles(log *slog.Logger) (*slog.Logger, *kept) {
	k := &kept{}
	return slog.New(troubles{Handler: log.Handler(), kept: k}), k
}

// Enabled says yes to what is kept, whatever the log itself writes.
func (t troubles) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn || t.Handler.Enabled(ctx, l)
}

// Handle keeps a warning or an error, and passes on what the log itself writes.
func (t troubles) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		var text strings.Builder
		text.WriteString(r.Message)
		text.WriteString(t.fields)
		r.Attrs(func(a slog.Attr) bool {
			text.WriteString(field(t.group, a))
			return text.Len() < groupcast.MaxReason
		})
		t.kept.add(groupcast.LogRecord{At: r.Time, Level: r.Level.String(), Text: groupcast.Clip(text.String())})
	}
	if !t.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return t.Handler.Handle(ctx, r)
}

// WithAttrs keeps the fields for the texts, too.
func (t troubles) WithAttrs(attrs []slog.Attr) slog.Handler {
	t.Handler = t.Handler.WithAttrs(attrs)
	for _, a := range attrs {
		t.fields += field(t.group, a)
	}
	return t
}

// WithGroup keeps the group for the names of fields, too.
func (t troubles) WithGroup(name string) slog.Handler {
	t.Handler = t.Handler.WithGroup(name)
	if name != "" {
		t.group += name + "."
	}
	return t
}

func field(group string, a slog.Attr) string {
	if a.Equal(slog.Attr{}) {
		return ""
	}
	if a.Key == "err" && group == "" {
		return ": " + a.Value.String()
	}
	return ", " + group + a.Key + " " + a.Value.String()
}

func (k *kept) add(r groupcast.LogRecord) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.last) == maxTroubles {
		k.last = slices.Delete(k.last, 0, 1)
	}
	k.last = append(k.last, r)
}

// newestFirst are the records that are kept.
func (k *kept) newestFirst() []groupcast.LogRecord {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := slices.Clone(k.last)
	slices.Reverse(out)
	return out
}
