package receiver

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/groupcast/groupcast/internal/mcast"
)

// Follow takes over where the server is now and by which card it is reached: joins move to that
// card, feedback leaves by it. On cards that returned everything is joined anew. It says whether
// the way is another one than before; an error names groups that cannot be heard now, and the next
// call tries them again.
func (i *Endpoint) Follow(server netip.Addr, returned map[int]bool) (moved bool, err error) {
	server = server.Unmap()
	i.mu.Lock()
	if i.closed {
		i.mu.Unlock()
		return false, nil
	}
	maps.Copy(i.returned, returned)
	route, noRoute := mcast.RouteTo(server)
	if noRoute != nil && i.cfg.Interface == "" {
		i.mu.Unlock()
		return false, nil // what there was may come back
	}
	moved = i.server != server || noRoute == nil && i.route != route
	again := moved || i.returned[0] || i.returned[route.Index]
	i.server = server
	if noRoute == nil {
		i.route = route
	}
	err = i.move(i.returned)
	clear(i.returned)
	i.mu.Unlock()
	if again {
		for _, r := range i.running() {
			r.redial(server)
		}
	}
	return moved, err
}

// move puts every join on the cards that it belongs on now; the lock is held.
func (i *Endpoint) move(returned map[int]bool) error {
	var errs []error
	for key, j := range i.joins {
		want, err := i.interfaces(key.source)
		if err != nil && i.cfg.Interface == "" {
			continue
		}
		if err := j.move(key, want, returned); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// move leaves cards that are not wanted any more, and joins those that are.
func (j *joined) move(key join, want []mcast.Interface, returned map[int]bool) error {
	group := key.group.Addr()
	var kept []mcast.Interface
	for _, have := range j.interfaces {
		same := func(w mcast.Interface) bool { return w.Index == have.Index && w.Source(group).IsValid() }
		if !returned[0] && !returned[have.Index] && slices.ContainsFunc(want, same) {
			kept = append(kept, have)
			continue
		}
		_ = j.ear.Leave(have, group, key.source) // the card may be gone
	}
	var errs []error
	for _, w := range want {
		there := slices.ContainsFunc(kept, func(k mcast.Interface) bool { return k.Index == w.Index })
		if there || !w.Source(group).IsValid() {
			continue
		}
		if err := j.ear.Join(w, group, key.source); err != nil {
			errs = append(errs, err)
			continue
		}
		kept = append(kept, w)
	}
	j.interfaces = kept
	if len(kept) == 0 {
		return fmt.Errorf("hearing %s: %w", key.group, errors.Join(append(errs, mcast.ErrNoInterface)...))
	}
	return nil
}

// running lists the sessions that hear.
func (i *Endpoint) running() []*Receiver {
	i.tags.RLock()
	defer i.tags.RUnlock()
	out := make([]*Receiver, 0, len(i.receivers))
	for _, r := range i.receivers {
		out = append(out, r)
	}
	return out
}

// Route is the card and the address by which the server is reached; zero if none is known.
func (i *Endpoint) Route() mcast.Interface {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.route
}
