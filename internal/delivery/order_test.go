package delivery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

var errDiskFull = errors.New("the disk is full")

// fullDisk is a store that keeps nothing more of some kinds.
type fullDisk struct {
	Store
	mu   sync.Mutex
	full map[string]bool
}

func (s *fullDisk) fill(what ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = map[string]bool{}
	for _, w := range what {
		s.full[w] = true
	}
}

func (s *fullDisk) err(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full[what] {
		return errDiskFull
	}
	return nil
}

func (s *fullDisk) AddTransfer(ctx context.Context, t store.Transfer) (store.Transfer, []groupcast.Delivery, error) {
	if err := s.err("AddTransfer"); err != nil {
		return t, nil, err
	}
	return s.Store.AddTransfer(ctx, t)
}

func (s *fullDisk) CloseTransfer(
	ctx context.Context, no protocol.TransferNo, state groupcast.TransferState, d groupcast.DeliveryState, reason string,
	at time.Time,
) error {
	return unless(s.err("CloseTransfer"), func() error { return s.Store.CloseTransfer(ctx, no, state, d, reason, at) })
}

func (s *fullDisk) ReleaseTransfer(
	ctx context.Context, no protocol.TransferNo, replaces []protocol.TransferNo, at time.Time,
) error {
	return unless(s.err("ReleaseTransfer"), func() error { return s.Store.ReleaseTransfer(ctx, no, replaces, at) })
}

func (s *fullDisk) RetryTransfer(
	ctx context.Context, no protocol.TransferNo, expires, at time.Time,
) ([]groupcast.Delivery, error) {
	if err := s.err("RetryTransfer"); err != nil {
		return nil, err
	}
	return s.Store.RetryTransfer(ctx, no, expires, at)
}

func (s *fullDisk) UpdateDeliveries(ctx context.Context, d []groupcast.Delivery, at time.Time) error {
	return unless(s.err("UpdateDeliveries"), func() error { return s.Store.UpdateDeliveries(ctx, d, at) })
}

func (s *fullDisk) AddEntries(ctx context.Context, e groupcast.EntryPage, dev protocol.DeviceID, most int64) error {
	return unless(s.err("AddEntries"), func() error { return s.Store.AddEntries(ctx, e, dev, most) })
}

func (s *fullDisk) TakeSite(ctx context.Context, id protocol.SiteID) (store.SiteEpoch, error) {
	if err := s.err("TakeSite"); err != nil {
		return store.SiteEpoch{}, err
	}
	return s.Store.TakeSite(ctx, id)
}

func unless(err error, otherwise func() error) error {
	if err != nil {
		return err
	}
	return otherwise()
}

// onFullDisk makes a world's engine use a store that a test can fill.
func (w *world) onFullDisk() *fullDisk {
	w.Helper()
	disk := &fullDisk{}
	w.bootWith(func(c *Config) {
		disk.Store = c.Store
		c.Store = disk
	})
	return disk
}

// aDeed is one thing that an engine is told, and what of the store it cannot do without.
type aDeed struct {
	needs string
	// do runs it on a transfer that runs, with ann's device in it.
	do func(w *world, tr groupcast.Transfer, ann *agent, o wire.Offer) error
	// before changes the transfer first.
	before func(w *world, tr groupcast.Transfer)
}

var deeds = map[string]aDeed{
	"cancel": {needs: "CloseTransfer", do: func(w *world, tr groupcast.Transfer, _ *agent, _ wire.Offer) error {
		_, err := w.Cancel(w.ctx, tr.No, by)
		return err
	}},
	"release": {needs: "ReleaseTransfer", do: func(w *world, tr groupcast.Transfer, _ *agent, _ wire.Offer) error {
		_, err := w.Release(w.ctx, tr.No)
		return err
	}},
	"retry": {needs: "RetryTransfer", before: func(w *world, tr groupcast.Transfer) {
		_, err := w.Cancel(w.ctx, tr.No, by)
		w.must(err)
	}, do: func(w *world, tr groupcast.Transfer, _ *agent, _ wire.Offer) error {
		_, err := w.Retry(w.ctx, tr.No)
		return err
	}},
	"add": {needs: "AddTransfer", do: func(w *world, _ groupcast.Transfer, _ *agent, _ wire.Offer) error {
		_, _, err := w.Add(w.ctx, w.madeUp("g"), true)
		return err
	}},
	"refusal": {needs: "UpdateDeliveries", do: func(w *world, _ groupcast.Transfer, ann *agent, o wire.Offer) error {
		_, err := w.HandOut(w.ctx, *ann.p.Device, groupcast.Ready{
			Transfer: o.Transfer, Session: o.Session, Refused: "no room", Kind: groupcast.RefusedSpace,
		})
		return err
	}},
	"entries": {needs: "AddEntries", do: func(w *world, tr groupcast.Transfer, ann *agent, _ wire.Offer) error {
		return w.KeepEntries(w.ctx, ann.id, groupcast.EntryPage{Transfer: tr.No, Entries: []groupcast.DeliveryEntry{
			{Path: "x", Kind: "file", Result: groupcast.EntryMissing},
		}})
	}},
}

// What cannot be kept does not happen: the caller hears why, no device and no screen hears of it, and
// it can be done once there is room.
func TestNothingFollowsFromWhatIsNotKept(t *testing.T) {
	for name, deed := range deeds {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				disk := w.onFullDisk()
				tr, agents, offers := running(w, "ann", "bob")
				if deed.before != nil {
					deed.before(w, tr)
				}
				time.Sleep(2 * sampleEvery)
				screen := w.watching()
				defer screen.Close()
				for _, a := range agents {
					waiting(a.stream.Next)
				}
				waiting(screen.Next)
				before, sealing := states(w, tr.No), w.sender().Sealing()
				disk.fill(deed.needs)
				if err := deed.do(w, tr, agents[0], offers[0]); !errors.Is(err, errDiskFull) {
					t.Fatalf("on a full disk: %v", err)
				}
				synctest.Wait()
				if after := states(w, tr.No); !slices.Equal(before, after) || w.sender().Sealing() != sealing {
					t.Errorf("before %v, after %v", before, after)
				}
				for _, a := range agents {
					if said := waiting(a.stream.Next); len(said) > 0 {
						t.Errorf("%s was told %+v", a.p.User.Name, said)
					}
				}
				for _, event := range waiting(screen.Next) {
					if event.Kind != groupcast.EventProgress {
						t.Errorf("the screens were told %+v", event)
					}
				}
				disk.fill()
				w.must(deed.do(w, tr, agents[0], offers[0]))
			})
		})
	}
}

// states are the states of a transfer and its deliveries.
func states(w *world, no protocol.TransferNo) []string {
	w.Helper()
	out := []string{string(w.shown(no).State)}
	for _, d := range w.rows(no) {
		out = append(out, d.User+" "+string(d.State))
	}
	return out
}

// An engine that cannot begin says so, and has not begun.
func TestAStartOnAFullDisk(t *testing.T) {
	inBubble(t, func(w *world) {
		disk := w.onFullDisk()
		disk.fill("TakeSite")
		if err := w.Resume(w.ctx); !errors.Is(err, errDiskFull) {
			t.Fatal(err)
		}
	})
}
