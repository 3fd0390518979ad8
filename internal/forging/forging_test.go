package forging_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/forging"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

type memory struct {
	noted []groupcast.Forging
	since time.Time
	err   error
}

func (m *memory) NoteForged(_ context.Context, _ store.SiteEpoch, _ protocol.TransferNo, f groupcast.Forging) error {
	if m.err == nil {
		m.noted = append(m.noted, f)
	}
	return m.err
}

func (m *memory) ForgedLately(_ context.Context, _ protocol.GroupID, blocks int, since time.Time) (bool, error) {
	m.since = since
	for _, f := range m.noted {
		if f.Blocks >= blocks {
			return true, m.err
		}
	}
	return false, m.err
}

// TestASessionBeginsAnewOnce: from three wrong blocks on, if they are noted, and only where MACs are to be had.
func TestASessionBeginsAnewOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		s      forging.Session
		known  [][2]int // devices, blocks
		err    error
		want   int // of known, the one that makes it begin anew; -1: none
		audits int
	}{
		{"few blocks", forging.Session{Paged: true}, [][2]int{{1, 0}, {2, 2}, {3, 2}}, nil, -1, 0},
		{"enough", forging.Session{Paged: true}, [][2]int{{2, 1}, {2, 3}, {2, 4}, {3, 9}}, nil, 1, 1},
		{"enough at once", forging.Session{Paged: true}, [][2]int{{2, 9}, {2, 9}}, nil, 0, 1},
		{"with MACs", forging.Session{Paged: true, MACs: true}, [][2]int{{2, 9}}, nil, -1, 0},
		{"format 1", forging.Session{}, [][2]int{{2, 9}}, nil, -1, 0},
		{"it cannot be noted", forging.Session{Paged: true}, [][2]int{{2, 9}}, errors.New("full"), -1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, audits := &memory{err: c.err}, 0
			w := forging.New(forging.Config{
				Store: m, Site: func() store.SiteEpoch { return store.SiteEpoch{} }, Now: time.Now,
				Log:   slog.New(slog.DiscardHandler),
				Audit: func(context.Context, string, string, string) { audits++ },
			})
			if w.Note(t.Context(), c.s, nil) {
				t.Error("it begins anew though nothing is known")
			}
			for i, k := range c.known {
				f := groupcast.Forging{Devices: k[0], Blocks: k[1]}
				if got := w.Note(t.Context(), c.s, &f); got != (i == c.want) {
					t.Errorf("after %v: %v", k, got)
				}
			}
			if audits != c.audits {
				t.Errorf("%d entries in the audit log", audits)
			}
			w.Over(c.s.ID)
		})
	}
}

// TestWhatCouldNotBeNotedIsNotedLater: a disk that failed for a moment does not cost the group its MACs.
func TestWhatCouldNotBeNotedIsNotedLater(t *testing.T) {
	m := &memory{err: errors.New("full")}
	w := forging.New(forging.Config{
		Store: m, Site: func() store.SiteEpoch { return store.SiteEpoch{} }, Now: time.Now,
		Log: slog.New(slog.DiscardHandler),
	})
	s, f := forging.Session{Paged: true}, groupcast.Forging{Devices: 2, Blocks: forging.Enough}
	if w.Note(t.Context(), s, &f) {
		t.Error("it begins anew though nothing is noted")
	}
	m.err = nil
	if !w.Note(t.Context(), s, &f) || len(m.noted) != 1 {
		t.Errorf("noted %v, and it does not begin anew", m.noted)
	}
	if w.Note(t.Context(), s, &f) || len(m.noted) != 1 {
		t.Errorf("noted %v, and it begins anew again", m.noted)
	}
}

// TestAGroupKeepsItsMACs: for a week.
func TestAGroupKeepsItsMACs(t *testing.T) {
	now := time.Date(2030, 1, 10, 0, 0, 0, 0, time.UTC)
	m := &memory{}
	w := forging.New(forging.Config{Store: m, Now: func() time.Time { return now }})
	if flags, err := w.Flags(t.Context(), protocol.GroupID{1}); flags != 0 || err != nil {
		t.Errorf("in peace: %v, %v", flags, err)
	}
	m.noted = []groupcast.Forging{{Blocks: forging.Enough}}
	flags, err := w.Flags(t.Context(), protocol.GroupID{1})
	if flags != format2.OfferMACs || err != nil || !m.since.Equal(time.Date(2030, 1, 3, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("since %v: %v, %v", m.since, flags, err)
	}
}
