package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// A change that panics, as a handler's may, takes nobody's turn with it and leaves nothing behind.
func TestAPanicGivesTheTurnBack(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "db.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	set := func(ctx context.Context, q *queries.Queries, value string) error {
		return q.SetSetting(ctx, queries.SetSettingParams{Name: "who", Value: value})
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_ = s.db.Durably(t.Context(), func(ctx context.Context, q *queries.Queries) error {
			if err := set(ctx, q, "half done"); err != nil {
				t.Error(err)
			}
			panic("in the middle")
		})
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if got, _ := s.Setting(ctx, "who"); got != "" {
		t.Errorf("%q is left behind", got)
	}
	if err := s.db.Durably(ctx,
		func(ctx context.Context, q *queries.Queries) error { return set(ctx, q, "next") }); err != nil {
		t.Errorf("the next write: %v", err)
	}
}
