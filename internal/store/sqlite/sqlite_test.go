package sqlite_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/store/storetest"
	"github.com/groupcast/groupcast/internal/store/storetest/crowd"
)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fresh(t testing.TB) (*sqlite.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "with space?#%.sqlite")
	s := open(t, path)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, path
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s, _ := fresh(t)
		return s
	})
}

func TestCrowd(t *testing.T) {
	s, _ := fresh(t)
	crowd.Run(t, s, crowd.Options{Seed: rand.Uint64(), Workers: 8, Each: 60})
}

func TestFilesArePrivate(t *testing.T) {
	_, path := fresh(t)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path+suffix, info.Mode())
		}
	}
}

func TestDamageNamesRestore(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(b []byte) []byte
	}{
		{"head", func(b []byte) []byte { copy(b, strings.Repeat("x", 100)); return b }},
		{"pages", func(b []byte) []byte {
			for i := 4096; i < len(b); i++ {
				b[i] = 0xa5
			}
			return b
		}},
		{"cut short", func(b []byte) []byte { return b[:len(b)/2] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db.sqlite")
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.spoil(b), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = sqlite.Open(t.Context(), path)
			if err == nil {
				t.Fatal("a damaged database was opened")
			}
			if !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), "groupcast restore FILE --force") {
				t.Fatalf("%v does not say what to do", err)
			}
		})
	}
}

func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestNewerTablesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, path).Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)"); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), path)
	if groupcast.ErrorCode(err) != groupcast.EConflict || !strings.Contains(err.Error(), "newer groupcast") {
		t.Fatalf("got %v", err)
	}
}

func TestReopenKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite")
	s := open(t, path)
	if err := s.SetSetting(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	defer s.Close()
	if v, err := s.Setting(t.Context(), "k"); err != nil || v != "v" {
		t.Fatal(v, err)
	}
}

func TestBackupIsWholeAndPrivate(t *testing.T) {
	s, _ := fresh(t)
	if _, err := s.AddUser(t.Context(), store.NewUser{Name: "ann", Role: groupcast.RoleAdmin}, time.Now()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.sqlite")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	if err := s.Backup(t.Context(), path); groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Fatalf("a backup was overwritten: %v", err)
	}
	c := open(t, path)
	defer c.Close()
	if _, err := c.User(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
}

// many makes a group with one member of so many devices, and a transfer to them.
func many(b testing.TB, s *sqlite.Store, devices int) (protocol.TransferNo, []groupcast.Delivery) {
	now := time.UnixMicro(1_800_000_000_000_000)
	ctx := b.Context()
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	g, err := s.AddGroup(ctx, groupcast.Group{
		ID: protocol.NewGroupID(), Name: "all", Address: netip.MustParseAddrPort("239.192.1.1:7441"),
	}, now)
	check(err)
	for i := range devices {
		u, err := s.AddUser(ctx, store.NewUser{Name: fmt.Sprintf("user-%05d", i), Role: groupcast.RoleMember}, now)
		check(err)
		id := protocol.NewDeviceID()
		_, _, err = s.AddDevice(ctx, groupcast.Device{ID: id, UserID: u.ID, Name: "pc", PublicKey: id[:]}, now)
		check(err)
		_, _, err = s.AddMember(ctx, g.ID, u.ID, "root", now)
		check(err)
	}
	t, owed, err := s.AddTransfer(ctx, store.Transfer{Transfer: groupcast.Transfer{
		GroupID: g.ID, State: groupcast.TransferWaiting, CreatedAt: now,
	}})
	check(err)
	return t.No, owed
}

func BenchmarkTenThousandDevices(b *testing.B) {
	s, _ := fresh(b)
	no, owed := many(b, s, 10_000)
	if len(owed) != 10_000 {
		b.Fatal(len(owed))
	}
	b.Run("list deliveries", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Deliveries(b.Context(), no, groupcast.Window{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list devices", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Devices(b.Context(), "", groupcast.Window{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("update all", func(b *testing.B) {
		for i := range owed {
			owed[i].State, owed[i].Bar = groupcast.DeliveryReceiving, make([]byte, 64)
		}
		for b.Loop() {
			if err := s.UpdateDeliveries(b.Context(), owed, time.UnixMicro(1)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list transfers", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Transfers(b.Context(), groupcast.TransferFilter{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("entitled", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Entitled(b.Context(), no, owed[77].DeviceID); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("close one", func(b *testing.B) {
		i := 0
		for b.Loop() {
			if i == len(owed) {
				b.Skip("all are closed")
			}
			if _, err := s.CloseDelivery(b.Context(), store.Closing{
				Transfer: no, Device: owed[i].DeviceID, State: groupcast.DeliveryVerified,
			}, time.UnixMicro(1)); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}

// What a start and an end bring: everybody is handed the keys, everybody's receipt comes.
func BenchmarkAllAtOnce(b *testing.B) {
	const devices = 400
	each := func(b *testing.B, owed []groupcast.Delivery, f func(d groupcast.Delivery) error) {
		var wg sync.WaitGroup
		for _, d := range owed {
			wg.Go(func() {
				if err := f(d); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	for b.Loop() {
		b.StopTimer()
		s, _ := fresh(b)
		no, owed := many(b, s, devices)
		session := protocol.NewSessionID()
		b.StartTimer()
		each(b, owed, func(d groupcast.Delivery) error {
			return s.AddHandouts(b.Context(), []store.Handout{{Transfer: no, Session: session, Version: 1, Device: d.DeviceID}},
				time.UnixMicro(1))[0]
		})
		each(b, owed, func(d groupcast.Delivery) error {
			_, err := s.CloseDelivery(b.Context(), store.Closing{
				Transfer: no, Device: d.DeviceID, State: groupcast.DeliveryVerified, Receipt: make([]byte, 300),
			}, time.UnixMicro(1))
			return err
		})
	}
}
