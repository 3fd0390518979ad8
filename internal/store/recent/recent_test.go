package recent_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/recent"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/store/storetest"
)

func open(t testing.TB) (*recent.Store, *sqlite.Store) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return recent.New(s), s
}

// Whoever uses it finds what a store promises.
func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s, _ := open(t)
		return s
	})
}

// device makes a user with a device.
func device(t *testing.T, s store.Store) groupcast.Device {
	t.Helper()
	u, err := s.AddUser(t.Context(), store.NewUser{Name: "ann", Role: groupcast.RoleMember}, time.UnixMicro(1))
	if err != nil {
		t.Fatal(err)
	}
	id := protocol.NewDeviceID()
	d, _, err := s.AddDevice(t.Context(), groupcast.Device{ID: id, UserID: u.ID, Name: "pc", PublicKey: id[:]},
		time.UnixMicro(2))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhatWasSeenWaitsForAFlush(t *testing.T) {
	s, below := open(t)
	d := device(t, s)
	start, err := below.Written(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		d.LastSeen, d.FreeBytes, d.Address = time.UnixMicro(int64(100+i)).UTC(), uint64(i), "192.0.2.7"
		if err := s.UpdateDevices(t.Context(), []groupcast.Device{d}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, of store.Store, free uint64, rows int64) {
		t.Helper()
		got, err := of.Device(t.Context(), d.ID)
		if err != nil || got.FreeBytes != free {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		now, err := below.Written(t.Context())
		if err != nil || now.Rows-start.Rows != rows {
			t.Errorf("%s: %d rows were written, want %d (%v)", what, now.Rows-start.Rows, rows, err)
		}
	}
	expect("whoever asks sees it", s, 99, 0)
	expect("it waits", below, 0, 0)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect("after a flush", below, 99, 1)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect("nothing is written twice", s, 99, 1)
}

// A copy of the database has all that was seen.
func TestABackupHasWhatWaits(t *testing.T) {
	s, _ := open(t)
	d := device(t, s)
	d.FreeBytes = 77
	path := filepath.Join(t.TempDir(), "copy.sqlite")
	if err := errors.Join(s.UpdateDevices(t.Context(), []groupcast.Device{d}), s.Backup(t.Context(), path)); err != nil {
		t.Fatal(err)
	}
	c, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := c.Device(t.Context(), d.ID); err != nil || got.FreeBytes != 77 {
		t.Errorf("%+v, %v", got, err)
	}
}

// full is a store whose disk may be full.
type full struct {
	store.Store
	err error
}

func (f *full) UpdateDevices(ctx context.Context, devices []groupcast.Device) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.UpdateDevices(ctx, devices)
}

// What could not be written waits on.
func TestNothingIsLostByAFlushThatFails(t *testing.T) {
	_, below := open(t)
	d := device(t, below)
	disk := &full{Store: below, err: errors.New("full")}
	s := recent.New(disk)
	d.FreeBytes = 5
	if err := s.UpdateDevices(t.Context(), []groupcast.Device{d}); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); !errors.Is(err, disk.err) {
		t.Fatal(err)
	}
	if got, _ := s.Device(t.Context(), d.ID); got.FreeBytes != 5 {
		t.Errorf("%+v", got)
	}
	disk.err = nil
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := below.Device(t.Context(), d.ID); got.FreeBytes != 5 {
		t.Errorf("%+v", got)
	}
}
