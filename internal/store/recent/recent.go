// Package recent stands before a store and makes few transactions of many. What was seen of devices lately
// (when, from which address, by which path, with how much room) waits in memory until Flush, which a crash
// may forestall. Deliveries that end at the same time, and keys that are handed out at the same time, are
// written together before anybody hears that they are. Everything else goes to the store at once.
package recent

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/batch"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// maxSeen bounds the devices that are kept in memory; one more writes all of them.
const maxSeen = 50_000

// Store is a store that keeps the changes of UpdateDevices until Flush. Reads of devices have them.
type Store struct {
	store.Store
	mu   sync.Mutex
	seen map[protocol.DeviceID]sight
	last uint64

	closings *batch.Calls[closing, store.Closed]
	handouts *batch.Calls[handout, error]
}

// sight is what was seen of a device, and which one it was.
type sight struct {
	device groupcast.Device
	number uint64
}

var _ store.Store = (*Store)(nil)

// New puts a memory before a store.
func New(s store.Store) *Store {
	return &Store{
		Store: s, seen: map[protocol.DeviceID]sight{}, closings: batch.New(closeAll(s)), handouts: batch.New(addAll(s)),
	}
}

// UpdateDevices keeps what was seen of devices.
func (s *Store) UpdateDevices(ctx context.Context, devices []groupcast.Device) error {
	s.mu.Lock()
	for _, d := range devices {
		s.last++
		s.seen[d.ID] = sight{d, s.last}
	}
	full := len(s.seen) > maxSeen
	s.mu.Unlock()
	if full {
		return s.Flush(ctx)
	}
	return nil
}

// Flush writes what was seen since it was called last.
func (s *Store) Flush(ctx context.Context) error {
	s.mu.Lock()
	written := maps.Clone(s.seen)
	s.mu.Unlock()
	if len(written) == 0 {
		return nil
	}
	devices := make([]groupcast.Device, 0, len(written))
	for _, w := range written {
		devices = append(devices, w.device)
	}
	if err := s.Store.UpdateDevices(ctx, devices); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.seen, func(id protocol.DeviceID, now sight) bool { return written[id].number == now.number })
	return nil
}

// Backup writes what waits, too.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	return s.Store.Backup(ctx, path)
}

// renew puts what was seen lately over what the store holds of a device.
func (s *Store) renew(d *groupcast.Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, seen := s.seen[d.ID]
	if !seen {
		return
	}
	n := now.device
	d.Address, d.Path, d.FreeBytes, d.LossPercent = n.Address, n.Path, n.FreeBytes, n.LossPercent
	d.DiskBytes, d.ReserveBytes = n.DiskBytes, n.ReserveBytes
	d.Clock, d.OS, d.Version, d.Wire = n.Clock, n.OS, n.Version, n.Wire
	if d.Path == "" {
		d.Path = groupcast.PathUnknown
	}
	if n.LastSeen.After(d.LastSeen) {
		d.LastSeen = n.LastSeen.Truncate(time.Microsecond).UTC() // as the store would give it back
	}
}

func (s *Store) renewAll(devices []groupcast.Device) []groupcast.Device {
	for i := range devices {
		s.renew(&devices[i])
	}
	return devices
}

// Device gives a device by its ID.
func (s *Store) Device(ctx context.Context, id protocol.DeviceID) (groupcast.Device, error) {
	d, err := s.Store.Device(ctx, id)
	s.renew(&d)
	return d, err
}

// DeviceByKey finds a user's device by its public key.
func (s *Store) DeviceByKey(ctx context.Context, userID string, publicKey []byte) (groupcast.Device, error) {
	d, err := s.Store.DeviceByKey(ctx, userID, publicKey)
	s.renew(&d)
	return d, err
}

// Devices lists a user's devices, or everyone's.
func (s *Store) Devices(
	ctx context.Context, userID string, w groupcast.Window,
) (groupcast.Page[groupcast.Device], error) {
	page, err := s.Store.Devices(ctx, userID, w)
	page.Rows = s.renewAll(page.Rows)
	return page, err
}

// Copies lists the devices that were made as copies of one on a machine.
func (s *Store) Copies(ctx context.Context, c store.Copy) ([]groupcast.Device, error) {
	devices, err := s.Store.Copies(ctx, c)
	return s.renewAll(devices), err
}

// FindToken gives a token with its user.
func (s *Store) FindToken(
	ctx context.Context, hash store.TokenHash, now time.Time,
) (store.Token, groupcast.User, *groupcast.Device, error) {
	t, u, d, err := s.Store.FindToken(ctx, hash, now)
	if d != nil {
		s.renew(d)
	}
	return t, u, d, err
}
