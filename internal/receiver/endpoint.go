package receiver

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Bounds of an endpoint.
const (
	maxReceivers = 64 // sessions at once
	maxSockets   = 16 // a socket holds about 20 groups
	readMessages = 16 // buffers of 64 KiB for each socket
	maxShare     = 6  // sessions that the memory for blocks is divided by; more than that exceed it

	// ANNOUNCE and PROBE packets handed over a second: from addresses of the server, and from all
	// others together. Signatures are checked only afterwards, so that forged packets count, too: with
	// two limits they cannot keep the server's from being handed over (security.md I7).
	plainPerSec  = 250
	plainOthers  = 50
	knownSources = 16 // addresses of sessions that are remembered as the server's
)

// ErrTooMany says that the endpoint has as many sessions as it may.
var ErrTooMany = errors.New("too many sessions or devices at once")

// EndpointConfig says how an agent receives from groups.
type EndpointConfig struct {
	Interface string     // name or address; empty: the one that routes to Server
	Server    netip.Addr // the server's address on the control connection; Reroute changes it
	// OnPlain is called with ANNOUNCE and PROBE packets, before their signatures are checked, at a
	// limited rate. It must not block and must copy what it keeps.
	OnPlain func(packet []byte, group netip.Addr)
	// Drop is for tests and the demo: packets for which it is true are dropped on arrival. It is called
	// from several goroutines. See Loss.
	Drop func(protocol.PacketNumber) bool
	Log  *slog.Logger // nil: none
}

// Loss makes a function for Drop that drops a share of the packets at random. The same seed gives the
// same sequence.
func Loss(percent float64, seed uint64) func(protocol.PacketNumber) bool {
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(seed, seed))
	return func(protocol.PacketNumber) bool {
		mu.Lock()
		defer mu.Unlock()
		return rnd.Float64()*100 < percent
	}
}

// Endpoint owns an agent's multicast sockets. All its sessions share them: each packet goes to the
// Receiver of its session tag. It is safe for concurrent use.
type Endpoint struct {
	cfg   EndpointConfig
	drops drops.Counter

	mu       sync.Mutex
	closed   bool
	sockets  []*socket
	joins    map[join]*joined
	server   netip.Addr
	route    mcast.Interface // to the server; zero: none is known
	returned map[int]bool    // interfaces that came back, by index: groups are joined on them anew
	readers  sync.WaitGroup
	plain    *rate.Limiter // of ANNOUNCE and PROBE packets from addresses of the server
	others   *rate.Limiter // of those from other addresses
	sources  []netip.Addr  // that sessions of the server came from

	tags      sync.RWMutex // guards receivers
	receivers map[protocol.SessionTag]*Receiver
}

// OpenEndpoint makes an endpoint. Sockets are opened when groups are joined.
func OpenEndpoint(cfg EndpointConfig) (*Endpoint, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	e := &Endpoint{
		cfg: cfg, joins: make(map[join]*joined), plain: rate.NewLimiter(plainPerSec, plainPerSec),
		others:    rate.NewLimiter(plainOthers, plainOthers),
		receivers: make(map[protocol.SessionTag]*Receiver), server: cfg.Server.Unmap(), returned: map[int]bool{},
	}
	e.route, _ = mcast.RouteTo(e.server) // no route now: Reroute finds one later
	_, err := e.interfaces(netip.Addr{})
	return e, err
}

// Close closes the sockets and waits for their readers.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	e.closed = true
	for _, s := range e.sockets {
		s.Close() // this ends its reader
	}
	e.sockets = nil
	e.mu.Unlock()
	e.readers.Wait()
	return nil
}

// Notes are warnings for people, with what to do (for example: the receive buffer is too small).
func (e *Endpoint) Notes() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, s := range e.sockets {
		if note := s.BufferNote(); note != "" && len(out) == 0 {
			out = append(out, note)
		}
	}
	return out
}

// Drops counts packets that no session took, by reason.
func (e *Endpoint) Drops() map[string]uint64 { return e.drops.Counts() }

// add hands packets of the session's tag to r until remove.
func (e *Endpoint) add(r *Receiver) error {
	e.addSource(r.offer.source)
	e.tags.Lock()
	defer e.tags.Unlock()
	if len(e.receivers) >= maxReceivers {
		return ErrTooMany
	}
	if e.receivers[r.offer.tag] != nil {
		return fmt.Errorf("session %s runs already", r.offer.tag)
	}
	e.receivers[r.offer.tag] = r
	return nil
}

// share is the number of sessions, with one more, that the memory for incomplete blocks is divided by.
func (e *Endpoint) share() int {
	e.tags.RLock()
	defer e.tags.RUnlock()
	return min(1+len(e.receivers), maxShare)
}

func (e *Endpoint) remove(r *Receiver) {
	e.tags.Lock()
	defer e.tags.Unlock()
	delete(e.receivers, r.offer.tag)
}

func (e *Endpoint) receiver(tag protocol.SessionTag) *Receiver {
	e.tags.RLock()
	defer e.tags.RUnlock()
	return e.receivers[tag]
}

// running lists the sessions.
func (e *Endpoint) running() []*Receiver {
	e.tags.RLock()
	defer e.tags.RUnlock()
	out := make([]*Receiver, 0, len(e.receivers))
	for _, r := range e.receivers {
		out = append(out, r)
	}
	return out
}
