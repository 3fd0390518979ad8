package receiver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Bounds of an agent's hearing.
const (
	maxReceivers = 64 // sessions at once
	maxListeners = 16 // sockets: more than 20 groups need more than one
	readMessages = 16 // buffers of 64 KiB per socket
	maxShare     = 6  // sessions that share the pool's memory; more take as much each

	// ANNOUNCE and PROBE handed over a second (security.md I7): from where the server sends, and from
	// elsewhere. Their signatures are checked after that, so that whoever sends wrong ones uses it up.
	plainPerSec  = 250
	plainOthers  = 50
	knownSources = 16 // addresses that sessions came from
)

// ErrTooMany says that an agent's bound of sessions is reached.
var ErrTooMany = errors.New("too many sessions or devices at once")

// EndpointConfig says how an agent hears groups.
type EndpointConfig struct {
	Interface string     // name or address; empty: the one that routes to Server
	Server    netip.Addr // the server's address as the control connection has it; Follow takes over another
	// OnPlain hears ANNOUNCE and PROBE packets (unchecked; copy what you keep); so many a second are
	// handed over, and not less of the server's for what others send. It must not block.
	OnPlain func(packet []byte, group netip.Addr)
	// Drop, for tests and the demo: the packets it says true to are lost on arrival. It is
	// called from one goroutine per socket. See Loss.
	Drop func(protocol.PacketNumber) bool
	Log  *slog.Logger // nil: none
}

// Loss drops a share of the packets at random, the same ones for the same seed.
func Loss(percent float64, seed uint64) func(protocol.PacketNumber) bool {
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(seed, seed))
	return func(protocol.PacketNumber) bool {
		mu.Lock()
		defer mu.Unlock()
		return rnd.Float64()*100 < percent
	}
}

// Endpoint is one agent's hearing: sockets shared by all its sessions, which are told apart
// by session tag.
type Endpoint struct {
	cfg   EndpointConfig
	drops drops.Counter

	mu        sync.Mutex
	closed    bool
	listeners []*ear
	joins     map[join]*joined
	server    netip.Addr
	route     mcast.Interface // to the server; zero: none is known
	returned  map[int]bool    // cards to join anew on, once there is a way to the server
	readers   sync.WaitGroup
	plain     *rate.Limiter // of what comes from the server's addresses …
	others    *rate.Limiter // … and from others
	sources   []netip.Addr

	tags      sync.RWMutex
	receivers map[protocol.SessionTag]*Receiver
}

// ear is one socket and the port it is bound to.
type ear struct {
	*mcast.Listener
	port uint16
	four bool
}

type join struct {
	group  netip.AddrPort
	source netip.Addr
}

type joined struct {
	count      int
	ear        *ear
	interfaces []mcast.Interface
}

// OpenEndpoint prepares the endpoint; sockets open with the first group on them.
func OpenEndpoint(cfg EndpointConfig) (*Endpoint, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	i := &Endpoint{
		cfg: cfg, joins: make(map[join]*joined), plain: rate.NewLimiter(plainPerSec, plainPerSec),
		others: rate.NewLimiter(plainOthers, plainOthers), receivers: make(map[protocol.SessionTag]*Receiver), server: cfg.Server.Unmap(),
		returned: map[int]bool{},
	}
	i.route, _ = mcast.RouteTo(i.server) // none now: Follow finds one
	_, err := i.interfaces(netip.Addr{})
	return i, err
}

// Run waits for ctx to end and closes the endpoint.
func (i *Endpoint) Run(ctx context.Context) error {
	<-ctx.Done()
	return i.Close()
}

// Close closes the sockets and waits for their readers.
func (i *Endpoint) Close() error {
	i.mu.Lock()
	i.closed = true
	for _, e := range i.listeners {
		e.Close() // ends its reader; nothing is left to lose
	}
	i.listeners = nil
	i.mu.Unlock()
	i.readers.Wait()
	return nil
}

// Join hears a group even while no session runs on it (ANNOUNCE, PROBE). Joins are counted.
// The source matters for source-specific groups only.
func (i *Endpoint) Join(group netip.AddrPort, source netip.Addr) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := joinKey(group, source)
	if j := i.joins[key]; j != nil {
		j.count++
		return nil
	}
	interfaces, err := i.interfaces(source)
	if err != nil {
		return err
	}
	j, err := i.enter(key, interfaces)
	if err != nil {
		return err
	}
	i.joins[key] = j
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
func (i *Endpoint) Leave(group netip.AddrPort, source netip.Addr) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := joinKey(group, source)
	j := i.joins[key]
	if j == nil {
		return nil
	}
	if j.count--; j.count > 0 {
		return nil
	}
	delete(i.joins, key)
	var errs []error
	for _, ifi := range j.interfaces {
		errs = append(errs, j.ear.Leave(ifi, key.group.Addr(), key.source))
	}
	return errors.Join(errs...)
}

// interfaces are those that a group may be heard on: the one named, or the one that routes
// to the server. On the server's own machine packets may come by any, so there it is all.
func (i *Endpoint) interfaces(source netip.Addr) ([]mcast.Interface, error) {
	if i.cfg.Interface != "" {
		one, err := mcast.InterfaceByName(i.cfg.Interface)
		return []mcast.Interface{one}, err
	}
	if isLocal(i.server) || source.IsValid() && isLocal(source) {
		return mcast.Interfaces()
	}
	one, err := mcast.InterfaceFor(i.server)
	return []mcast.Interface{one}, err
}

func isLocal(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	_, err := mcast.InterfaceByName(a.WithZone("").String())
	return a.IsValid() && err == nil
}

// enter joins on a socket that has room, on as many of the interfaces as will have it.
func (i *Endpoint) enter(key join, interfaces []mcast.Interface) (*joined, error) {
	for n := 0; ; n++ {
		e, err := i.ear(key.group, n)
		if err != nil {
			return nil, err
		}
		j := &joined{count: 1, ear: e}
		var errs []error
		for _, ifi := range interfaces {
			if !ifi.Source(key.group.Addr()).IsValid() {
				continue
			}
			if err := e.Join(ifi, key.group.Addr(), key.source); err != nil {
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

// ear gives the n-th socket of the group's family and port and opens it if there is none.
func (i *Endpoint) ear(group netip.AddrPort, n int) (*ear, error) {
	four := group.Addr().Is4()
	for _, e := range i.listeners {
		if e.port == group.Port() && e.four == four {
			if n == 0 {
				return e, nil
			}
			n--
		}
	}
	if i.closed || len(i.listeners) >= maxListeners {
		return nil, fmt.Errorf("joining %s: %w", group, mcast.ErrGroupsFull)
	}
	l, err := mcast.Listen(group)
	if err != nil {
		return nil, err
	}
	e := &ear{Listener: l, port: group.Port(), four: four}
	i.listeners = append(i.listeners, e)
	i.readers.Go(func() { i.read(e) })
	if note := l.BufferNote(); note != "" && len(i.listeners) == 1 {
		i.cfg.Log.Warn(note)
	}
	return e, nil
}

// Notes are warnings in words with the next step (receive buffer too small …).
func (i *Endpoint) Notes() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []string
	for _, e := range i.listeners {
		if note := e.BufferNote(); note != "" && len(out) == 0 {
			out = append(out, note)
		}
	}
	return out
}

// Drops counts packets that no session took, by reason.
func (i *Endpoint) Drops() map[string]uint64 { return i.drops.Counts() }

// add gives the packets of a tag to r until remove.
func (i *Endpoint) add(r *Receiver) error {
	i.sends(r.source)
	i.tags.Lock()
	defer i.tags.Unlock()
	if len(i.receivers) >= maxReceivers {
		return ErrTooMany
	}
	if i.receivers[r.offer.Tag] != nil {
		return fmt.Errorf("session %s runs already", r.offer.Tag)
	}
	i.receivers[r.offer.Tag] = r
	return nil
}

// share is how many sessions the memory for half-received blocks is for, with one more.
func (i *Endpoint) share() int {
	i.tags.RLock()
	defer i.tags.RUnlock()
	return min(1+len(i.receivers), maxShare)
}

func (i *Endpoint) remove(r *Receiver) {
	i.tags.Lock()
	defer i.tags.Unlock()
	delete(i.receivers, r.offer.Tag)
}

func (i *Endpoint) receiver(tag protocol.SessionTag) *Receiver {
	i.tags.RLock()
	defer i.tags.RUnlock()
	return i.receivers[tag]
}

// read reads one socket until it is closed. Packets are opened and placed right here: what
// this goroutine does not keep up with waits in the socket's buffer, which is bounded and
// counts what it drops.
func (i *Endpoint) read(e *ear) {
	messages := make([]mcast.Message, readMessages)
	for n := range messages {
		messages[n].Buffer = make([]byte, mcast.BufferBytes)
	}
	for {
		n, err := e.ReadBatch(messages)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(readPause) // an interface that goes away must not spin
			continue
		}
		now := time.Now()
		for m := range messages[:n] {
			i.split(now, e, &messages[m])
		}
	}
}

const readPause = 10 * time.Millisecond

// split hands the packets of a message over in runs of one session.
func (i *Endpoint) split(now time.Time, e *ear, m *mcast.Message) {
	if m.Segment <= 0 {
		return
	}
	for b := m.Buffer[:m.N]; len(b) > 0; {
		first := b[:min(m.Segment, len(b))]
		kind, tag, ok := peek(first)
		if !ok || kind == wire.KindAnnounce || kind == wire.KindProbe {
			i.other(now, first, ok, m)
			b = b[len(first):]
			continue
		}
		end := run(b, m.Segment, tag)
		if r := i.receiver(tag); r != nil {
			r.packets(arrival{m.From, m.Segment, m.Marked, e.Overruns()}, b[:end])
		} else {
			i.drops.Add(drops.Tag)
		}
		b = b[end:]
	}
}

// peek reads kind and tag; ok says that they may be ours.
func peek(p []byte) (wire.Kind, protocol.SessionTag, bool) {
	if len(p) < protocol.MinSyncPacket || p[0]>>4 != protocol.Version {
		return 0, 0, false
	}
	return wire.Kind(p[0] & 0xF), protocol.SessionTag(binary.BigEndian.Uint32(p[1:])), true
}

// run is how many bytes from the start of b belong to packets of one tag.
func run(b []byte, segment int, tag protocol.SessionTag) int {
	end := min(segment, len(b))
	for end < len(b) {
		next := b[end:min(end+segment, len(b))]
		if kind, t, ok := peek(next); !ok || t != tag || kind == wire.KindAnnounce || kind == wire.KindProbe {
			break
		}
		end += len(next)
	}
	return end
}

// other takes what belongs to no session.
func (i *Endpoint) other(now time.Time, p []byte, ours bool, m *mcast.Message) {
	if !ours || i.cfg.OnPlain == nil || !plain(p) || !i.mayHand(now, m.From.Addr().Unmap()) {
		i.drops.Add(drops.Kind)
		return
	}
	i.cfg.OnPlain(p, m.To)
}

// plain says whether a packet has the form of an ANNOUNCE or a PROBE.
func plain(p []byte) bool {
	_, announce := wire.ParseAnnounce(p)
	_, probe := wire.ParseProbe(p)
	return announce == nil || probe == nil
}

// mayHand takes a packet off the budget of where it comes from.
func (i *Endpoint) mayHand(now time.Time, from netip.Addr) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if from == i.server || slices.Contains(i.sources, from) {
		return i.plain.AllowN(now, 1)
	}
	return i.others.AllowN(now, 1)
}

// sends notes an address that a session of the server comes from.
func (i *Endpoint) sends(from netip.Addr) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if slices.Contains(i.sources, from) {
		return
	}
	if len(i.sources) == knownSources {
		i.sources = i.sources[1:]
	}
	i.sources = append(i.sources, from)
}
