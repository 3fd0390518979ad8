package sender

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// maxSessions is the most sessions that an endpoint runs at once.
const maxSessions = 256

// ErrTooMany says that the endpoint has as many sessions or devices as it may.
var ErrTooMany = errors.New("too many sessions or devices at once")

// EndpointConfig says where a server sends from and where it receives feedback.
type EndpointConfig struct {
	Interface string         // name or address; empty: the one that routes to the group
	Feedback  netip.AddrPort // UDP, usually 0.0.0.0:7440 or [::]:7440; port 0: any
	MaxRate   uint64         // bytes a second for all sessions of the interface; 0: none
	TTL       int            // 0: 1
}

// Endpoint is what all sessions of one server share: a link for each interface, the feedback socket
// with the keys of all devices, and the division of each interface's rate. It is safe for concurrent use.
type Endpoint struct {
	cfg      EndpointConfig
	feedback *mcast.Feedback
	demux    feedbackDemux

	mu      sync.Mutex
	links   map[mcast.Interface]*mcast.Link // an interface with a new address is another key
	maximum uint64                          // bytes a second of a link; 0: no limit
	tags    map[protocol.SessionTag]bool
	running map[*mcast.Link]map[*Sender]bool // sessions that run, by link
	users   map[*mcast.Link]int              // sessions that have acquired a link
}

// ErrInterface says that the network interface of a session takes no packets any more.
var ErrInterface = errors.New("the network interface is gone or down")

// OpenEndpoint opens the feedback socket. Links are opened when they are first needed.
func OpenEndpoint(cfg EndpointConfig) (*Endpoint, error) {
	if cfg.TTL == 0 {
		cfg.TTL = 1
	}
	f, err := mcast.ListenFeedback(cfg.Feedback)
	if err != nil {
		return nil, err
	}
	return &Endpoint{
		cfg: cfg, feedback: f, demux: newFeedbackDemux(), maximum: cfg.MaxRate,
		links:   make(map[mcast.Interface]*mcast.Link),
		tags:    make(map[protocol.SessionTag]bool),
		running: make(map[*mcast.Link]map[*Sender]bool),
		users:   make(map[*mcast.Link]int),
	}, nil
}

// Run reads feedback until ctx ends. Without it sessions receive no feedback by UDP.
func (e *Endpoint) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { e.feedback.Close() })
	defer stop()
	// One byte more than allowed: a packet that is too long must not be cut to a length that is allowed.
	buf := make([]byte, protocol.FeedbackOverhead+format2.FeedbackBodyBytes+1)
	for {
		n, _, err := e.feedback.Read(buf)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("hearing feedback: %w", err)
		}
		if err == nil {
			e.demux.handle(buf[:n])
		}
	}
}

// Close closes the sockets. The sessions have to be over.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	errs := []error{e.feedback.Close()}
	for i, l := range e.links {
		errs = append(errs, l.Close())
		delete(e.links, i)
	}
	if err := errors.Join(errs...); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// FeedbackPort is the UDP port of the feedback socket; offers name it.
func (e *Endpoint) FeedbackPort() uint16 { return e.feedback.Port() }

// SendPlain sends one ANNOUNCE or PROBE packet, signed by the caller, to a group.
func (e *Endpoint) SendPlain(ctx context.Context, group netip.AddrPort, packet []byte) error {
	l, err := e.link(group.Addr())
	if err != nil {
		return err
	}
	return l.WriteTrain(ctx, group, packet, len(packet))
}

// Drops counts feedback packets that were not used, by reason.
func (e *Endpoint) Drops() map[string]uint64 { return e.demux.drops.Counts() }

// link gives the link to a group and opens it if necessary.
func (e *Endpoint) link(group netip.Addr) (*mcast.Link, error) {
	ifi, err := e.interfaceFor(group)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.linkOn(ifi, group)
}

// linkOn gives the link of an interface. When it opens one, it closes unused links of the same
// interface with an earlier address. The lock is held.
func (e *Endpoint) linkOn(ifi mcast.Interface, group netip.Addr) (*mcast.Link, error) {
	ifi.Running = false // the cable makes no difference: the link stays the same
	l := e.links[ifi]
	if l == nil {
		var err error
		if l, err = mcast.OpenLink(ifi, e.cfg.TTL); err != nil {
			return nil, err
		}
		for was, old := range e.links {
			if e.users[old] == 0 && (was.Index == ifi.Index || was.Name == ifi.Name) {
				_ = old.Close() // nothing waits in it
				delete(e.links, was)
			}
		}
		e.links[ifi] = l
	}
	if !l.Source(group).IsValid() {
		return nil, fmt.Errorf("interface %s has no address of the family of %s", l.Interface.Name, group)
	}
	return l, nil
}

// acquireLink gives a session the link to a group; it stays open until releaseLink.
func (e *Endpoint) acquireLink(group netip.Addr) (*mcast.Link, error) {
	ifi, err := e.interfaceFor(group)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	l, err := e.linkOn(ifi, group)
	if err == nil {
		e.users[l]++
	}
	return l, err
}

func (e *Endpoint) releaseLink(l *mcast.Link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users[l]--; e.users[l] <= 0 {
		delete(e.users, l)
	}
}

// A group of each address family: what holds for it holds for all groups of the family.
var (
	anyGroup4 = netip.MustParseAddr("239.192.0.1")
	anyGroup6 = netip.MustParseAddr("ff15::1")
)

// OnlySix says that groups need IPv6 addresses, because this host has no IPv4 address to send from.
func (e *Endpoint) OnlySix() bool { return !e.carries(anyGroup4) && e.carries(anyGroup6) }

// Out names the interface that packets to groups leave by; an error says that there is none at present.
func (e *Endpoint) Out() (string, error) {
	group := anyGroup4
	if e.OnlySix() {
		group = anyGroup6
	}
	ifi, err := e.interfaceFor(group)
	return ifi.Name, err
}

// carries says whether packets to groups of this address family leave this machine.
func (e *Endpoint) carries(group netip.Addr) bool {
	ifi, err := e.interfaceFor(group)
	return err == nil && !ifi.Loopback && ifi.Source(group).IsValid()
}

// interfaceFor gives the interface of the configuration; else the one with the address that feedback
// is received at, if that is one address; else the one that routes lead to.
func (e *Endpoint) interfaceFor(group netip.Addr) (mcast.Interface, error) {
	switch {
	case e.cfg.Interface != "":
		return mcast.InterfaceByName(e.cfg.Interface)
	case !e.cfg.Feedback.Addr().IsUnspecified():
		return mcast.InterfaceFor(e.cfg.Feedback.Addr())
	}
	return mcast.InterfaceFor(group)
}

// newTag draws a tag that no other session of this endpoint has, until freeTag.
func (e *Endpoint) newTag() (protocol.SessionTag, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.tags) >= maxSessions {
		return 0, ErrTooMany
	}
	for {
		var b [4]byte
		rand.Read(b[:])
		if tag := protocol.SessionTag(binary.BigEndian.Uint32(b[:])); !e.tags[tag] {
			e.tags[tag] = true
			return tag, nil
		}
	}
}

func (e *Endpoint) freeTag(tag protocol.SessionTag) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.tags, tag)
}

// addSession and removeSession keep the sessions of a link: each of N may use one Nth of its rate.
func (e *Endpoint) addSession(x *Sender) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running[x.link] == nil {
		e.running[x.link] = make(map[*Sender]bool)
	}
	e.running[x.link][x] = true
	e.divideRate(x.link)
}

func (e *Endpoint) removeSession(x *Sender) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.running[x.link], x)
	e.divideRate(x.link)
}

// rateOf is the sum of the rates of the sessions that share a link.
func (e *Endpoint) rateOf(l *mcast.Link) (sum uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for x := range e.running[l] {
		sum += x.rate.Load()
	}
	return sum
}

// SetMaxRate changes the rate that all sessions of an interface may use together, in bytes a second;
// 0: no limit.
func (e *Endpoint) SetMaxRate(bytesPerSec uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.maximum == bytesPerSec {
		return
	}
	e.maximum = bytesPerSec
	for l := range e.running {
		e.divideRate(l)
	}
}

func (e *Endpoint) maxRate() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.maximum
}

// divideRate gives each running session of a link its part of rate and memory.
func (e *Endpoint) divideRate(l *mcast.Link) {
	n := uint64(len(e.running[l]))
	for x := range e.running[l] {
		if e.maximum > 0 {
			x.setShare(max(e.maximum/n, 1))
		} else {
			x.setShare(0)
		}
		x.packetizer.cache.setMost(cacheBytes / int(n))
	}
}
