package receiver

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/groupcast/groupcast/internal/mcast"
)

// socket is a multicast socket, with the port and the address family that it is bound to.
type socket struct {
	*mcast.Listener
	port uint16
	ipv4 bool
}

// join is what is joined: a group, and for a source-specific group the source.
type join struct {
	group  netip.AddrPort
	source netip.Addr
}

// joined says by which socket and on which interfaces a join is in force.
type joined struct {
	count      int // Join without Leave
	socket     *socket
	interfaces []mcast.Interface
}

// Join joins a group, also without a session, for its ANNOUNCE and PROBE packets. Joins are counted:
// each needs a Leave. The source matters for source-specific groups only.
func (e *Endpoint) Join(group netip.AddrPort, source netip.Addr) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := joinKey(group, source)
	if j := e.joins[key]; j != nil {
		j.count++
		return nil
	}
	interfaces, err := e.interfaces(source)
	if err != nil {
		return err
	}
	j, err := e.joinOn(key, interfaces)
	if err != nil {
		return err
	}
	e.joins[key] = j
	return nil
}

func joinKey(group netip.AddrPort, source netip.Addr) join {
	group = netip.AddrPortFrom(group.Addr().Unmap(), group.Port())
	if !mcast.SourceSpecific(group.Addr()) {
		source = netip.Addr{}
	}
	return join{group, source}
}

// Leave takes one Join back.
func (e *Endpoint) Leave(group netip.AddrPort, source netip.Addr) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := joinKey(group, source)
	j := e.joins[key]
	if j == nil {
		return nil
	}
	if j.count--; j.count > 0 {
		return nil
	}
	delete(e.joins, key)
	var errs []error
	for _, ifi := range j.interfaces {
		errs = append(errs, j.socket.Leave(ifi, key.group.Addr(), key.source))
	}
	return errors.Join(errs...)
}

// interfaces are those to join a group on: the one of the configuration, or the one that routes to
// the server. On the server's own machine packets may come by any interface, so there it is all.
func (e *Endpoint) interfaces(source netip.Addr) ([]mcast.Interface, error) {
	if e.cfg.Interface != "" {
		one, err := mcast.InterfaceByName(e.cfg.Interface)
		return []mcast.Interface{one}, err
	}
	if isLocal(e.server) || source.IsValid() && isLocal(source) {
		return mcast.Interfaces()
	}
	one, err := mcast.InterfaceFor(e.server)
	return []mcast.Interface{one}, err
}

func isLocal(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	_, err := mcast.InterfaceByName(a.WithZone("").String())
	return a.IsValid() && err == nil
}

// joinOn joins on a socket that has room, on those of the interfaces that accept it. Without any it
// fails.
func (e *Endpoint) joinOn(key join, interfaces []mcast.Interface) (*joined, error) {
	for n := 0; ; n++ {
		s, err := e.socketFor(key.group, n)
		if err != nil {
			return nil, err
		}
		j := &joined{count: 1, socket: s}
		var errs []error
		for _, ifi := range interfaces {
			if !ifi.Source(key.group.Addr()).IsValid() {
				continue
			}
			if err := s.Join(ifi, key.group.Addr(), key.source); err != nil {
				errs = append(errs, err)
				continue
			}
			j.interfaces = append(j.interfaces, ifi)
		}
		if len(j.interfaces) > 0 {
			return j, nil
		}
		if err := errors.Join(errs...); !errors.Is(err, mcast.ErrGroupsFull) {
			return nil, fmt.Errorf("joining %s: %w", key.group, errors.Join(err, mcast.ErrNoInterface))
		}
	}
}

// socketFor gives the n-th socket of the group's address family and port, and opens it if necessary.
func (e *Endpoint) socketFor(group netip.AddrPort, n int) (*socket, error) {
	ipv4 := group.Addr().Is4()
	for _, s := range e.sockets {
		if s.port == group.Port() && s.ipv4 == ipv4 {
			if n == 0 {
				return s, nil
			}
			n--
		}
	}
	if e.closed || len(e.sockets) >= maxSockets {
		return nil, fmt.Errorf("joining %s: %w", group, mcast.ErrGroupsFull)
	}
	l, err := mcast.Listen(group)
	if err != nil {
		return nil, err
	}
	s := &socket{Listener: l, port: group.Port(), ipv4: ipv4}
	e.sockets = append(e.sockets, s)
	e.readers.Go(func() { e.read(s) })
	if note := l.BufferNote(); note != "" && len(e.sockets) == 1 {
		e.cfg.Log.Warn(note)
	}
	return s, nil
}

// Reroute notes the server's present address and looks up the interface that leads there. Groups are
// joined on that interface and left on others, and feedback is sent by it. On interfaces that
// returned (by index; 0: any) all groups are joined again. It says whether address or interface
// changed. An error names the groups that could not be joined; the next call tries them again.
func (e *Endpoint) Reroute(server netip.Addr, returned map[int]bool) (moved bool, err error) {
	server = server.Unmap()
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return false, nil
	}
	maps.Copy(e.returned, returned)
	route, noRoute := mcast.RouteTo(server)
	if noRoute != nil && e.cfg.Interface == "" {
		e.mu.Unlock()
		return false, nil // the earlier interface may come back
	}
	moved = e.server != server || noRoute == nil && e.route != route
	again := moved || e.returned[0] || e.returned[route.Index]
	e.server = server
	if noRoute == nil {
		e.route = route
	}
	err = e.move(e.returned)
	clear(e.returned)
	e.mu.Unlock()
	if again {
		for _, r := range e.running() {
			r.redial(server)
		}
	}
	return moved, err
}

// move joins every group on the interfaces it now belongs on; the lock is held.
func (e *Endpoint) move(returned map[int]bool) error {
	var errs []error
	for key, j := range e.joins {
		want, err := e.interfaces(key.source)
		if err != nil && e.cfg.Interface == "" {
			continue
		}
		if err := j.move(key, want, returned); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// move leaves the group on interfaces that are not wanted any more, and joins it on those that are.
func (j *joined) move(key join, want []mcast.Interface, returned map[int]bool) error {
	group := key.group.Addr()
	var kept []mcast.Interface
	for _, have := range j.interfaces {
		same := func(w mcast.Interface) bool { return w.Index == have.Index && w.Source(group).IsValid() }
		if !returned[0] && !returned[have.Index] && slices.ContainsFunc(want, same) {
			kept = append(kept, have)
			continue
		}
		_ = j.socket.Leave(have, group, key.source) // the interface may be gone
	}
	var errs []error
	for _, w := range want {
		there := slices.ContainsFunc(kept, func(k mcast.Interface) bool { return k.Index == w.Index })
		if there || !w.Source(group).IsValid() {
			continue
		}
		if err := j.socket.Join(w, group, key.source); err != nil {
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

// Route is the interface that leads to the server; zero if none is known.
func (e *Endpoint) Route() mcast.Interface {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.route
}
