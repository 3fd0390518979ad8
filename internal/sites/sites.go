// Package sites says which sites there are and which devices are in them, and moves devices from one to another.
package sites

import (
	"context"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// Store is what is needed of the store. Package store says what each does.
type Store interface {
	Sites(ctx context.Context) ([]store.Site, error)
	Placed(ctx context.Context) (map[protocol.DeviceID]protocol.SiteID, error)
	Device(ctx context.Context, id protocol.DeviceID) (groupcast.Device, error)
	DeviceSite(ctx context.Context, dev protocol.DeviceID) (site protocol.SiteID, moves uint64, err error)
	MoveDevice(ctx context.Context, dev protocol.DeviceID, to protocol.SiteID, moves uint64) error
}

// Sites answers for a server.
type Sites struct {
	Store Store
	// Agents knows the devices that are attached now.
	Agents interface {
		Devices(match func(groupcast.Device) bool) []protocol.DeviceID
	}
	// Place tells the schedule where a device is, as the store has it already.
	Place func(dev protocol.DeviceID, site protocol.SiteID)

	moving sync.Mutex // held while a device is moved: the schedule hears of moves in their order
}

// Find gives the site of a name.
func (s *Sites) Find(ctx context.Context, name string) (store.Site, error) {
	return Named(ctx, s.Store, name)
}

// Named gives the site of a name.
func Named(
	ctx context.Context, in interface {
		Sites(ctx context.Context) ([]store.Site, error)
	}, name string,
) (store.Site, error) {
	all, err := in.Sites(ctx)
	if err != nil {
		return store.Site{}, err
	}
	for _, one := range all {
		if one.Name == name {
			return one, nil
		}
	}
	return store.Site{}, unknown(name)
}

func unknown(name string) error {
	return groupcast.Errorf(groupcast.ENotFound, "no site %s", name)
}

// Of gives the site of a name out of a list.
func Of(all []groupcast.Site, name string) (groupcast.Site, error) {
	for _, one := range all {
		if one.Name == name {
			return one, nil
		}
	}
	return groupcast.Site{}, unknown(name)
}

// List describes all sites; devices is how many there are at all.
func (s *Sites) List(ctx context.Context, devices int) ([]groupcast.Site, error) {
	all, err := s.Store.Sites(ctx)
	if err != nil {
		return nil, err
	}
	placed, err := s.Store.Placed(ctx)
	if err != nil {
		return nil, err
	}
	in, active := map[protocol.SiteID]int{{}: devices - len(placed)}, map[protocol.SiteID]int{}
	for _, site := range placed {
		in[site]++
	}
	for _, dev := range s.Agents.Devices(nil) {
		active[placed[dev]]++ // the zero one for those that are not in it
	}
	out := make([]groupcast.Site, len(all))
	for i, one := range all {
		own := one.Site == protocol.SiteID{}
		out[i] = groupcast.Site{
			Name: one.Name, Own: own, Multicast: own, Devices: max(in[one.Site], 0), Active: active[one.Site],
		}
	}
	return out, nil
}

// Names fills in at devices in which sites they are.
func (s *Sites) Names(ctx context.Context, devices []groupcast.Device) error {
	placed, err := s.Store.Placed(ctx)
	if err != nil || len(placed) == 0 {
		return err
	}
	all, err := s.Store.Sites(ctx)
	names := map[protocol.SiteID]string{}
	for _, one := range all {
		names[one.Site] = one.Name
	}
	for i := range devices {
		if site, found := placed[devices[i].ID]; found {
			devices[i].Site = names[site]
		}
	}
	return err
}

// Put moves devices into a site. It gives what became of each, as result says it of a device and an error, and the
// names of those that are there now.
func (s *Sites) Put(
	ctx context.Context, devices []protocol.DeviceID, to store.Site,
	result func(groupcast.Device, error) groupcast.DeviceResult,
) (out []groupcast.DeviceResult, done []string) {
	for _, id := range devices {
		d, err := s.Store.Device(ctx, id)
		if err == nil {
			err = s.Move(ctx, id, to.Site)
		}
		d.ID = id
		r := result(d, err)
		if err == nil {
			r.Site = to.Name
			done = append(done, r.Who())
		}
		out = append(out, r)
	}
	return out, done
}

// Move puts a device into a site, with what it is owed.
func (s *Sites) Move(ctx context.Context, dev protocol.DeviceID, to protocol.SiteID) error {
	s.moving.Lock()
	defer s.moving.Unlock()
	from, moves, err := s.Store.DeviceSite(ctx, dev)
	if err != nil || from == to {
		return err
	}
	if err := s.Store.MoveDevice(ctx, dev, to, moves); err != nil {
		return err
	}
	s.Place(dev, to)
	return nil
}
