package sender

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// maxSessions bounds the sessions that one endpoint runs at once.
const maxSessions = 256

// ErrTooMany says that a bound of the endpoint is reached.
var ErrTooMany = errors.New("too many sessions or devices at once")

// EndpointConfig says where a server sends from and where it hears feedback.
type EndpointConfig struct {
	Interface string         // name or address; empty: the one that routes to the group
	Feedback  netip.AddrPort // UDP, usually 0.0.0.0:7440 or [::]:7440; port 0: any
	MaxRate   uint64         // bytes a second for all sessions of the interface; 0: none
	TTL       int            // 0: 1
	Log       *slog.Logger   // nil: none
}

// Endpoint is what all sessions of one server share: a link per interface, the feedback
// socket with its table of keys, the shares of each interface.
type Endpoint struct {
	cfg      EndpointConfig
	feedback *mcast.Feedback
	desk     desk

	mu     sync.Mutex
	links  map[mcast.Interface]*mcast.Link // an interface whose address changed is another one
	most   uint64                          // bytes a second of a link; 0: no limit
	tags   map[protocol.SessionTag]bool
	shares map[*mcast.Link]map[*Sender]bool // the sessions that run
	users  map[*mcast.Link]int              // sessions that hold a link
}

// ErrInterface says that the network interface that a session sends by takes nothing any more.
var ErrInterface = errors.New("the network interface is gone or down")

// OpenEndpoint opens the feedback socket; links follow with the first session on them.
func OpenEndpoint(cfg EndpointConfig) (*Endpoint, error) {
	if cfg.TTL == 0 {
		cfg.TTL = 1
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	f, err := mcast.ListenFeedback(cfg.Feedback)
	if err != nil {
		return nil, err
	}
	return &Endpoint{
		cfg: cfg, feedback: f, desk: newDesk(), most: cfg.MaxRate,
		links:  make(map[mcast.Interface]*mcast.Link),
		tags:   make(map[protocol.SessionTag]bool),
		shares: make(map[*mcast.Link]map[*Sender]bool),
		users:  make(map[*mcast.Link]int),
	}, nil
}

// Run reads feedback until ctx ends. It is needed for sessions to hear anything.
func (s *Endpoint) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.feedback.Close() })
	defer stop()
	// One byte more than allowed, so that what is too long does not look as if it fitted.
	buf := make([]byte, protocol.MaxFeedbackPacket+1)
	for {
		n, _, err := s.feedback.Read(buf)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("hearing feedback: %w", err)
		}
		if err == nil {
			s.desk.handle(buf[:n])
		}
	}
}

// Close closes the sockets; sessions have to be over before.
func (s *Endpoint) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := []error{s.feedback.Close()}
	for i, l := range s.links {
		errs = append(errs, l.Close())
		delete(s.links, i)
	}
	if err := errors.Join(errs...); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// FeedbackPort is the UDP port that offers carry.
func (s *Endpoint) FeedbackPort() uint16 { return s.feedback.Port() }

// Source is the address that packets to the group come from: offers sign it.
func (s *Endpoint) Source(group netip.AddrPort) (netip.Addr, error) {
	l, err := s.link(group.Addr())
	if err != nil {
		return netip.Addr{}, err
	}
	return l.Source(group.Addr()), nil
}

// InterfaceName is the interface that packets to the group leave by.
func (s *Endpoint) InterfaceName(group netip.AddrPort) (string, error) {
	l, err := s.link(group.Addr())
	if err != nil {
		return "", err
	}
	return l.Interface.Name, nil
}

// SendPlain sends one ANNOUNCE or PROBE packet, signed by the caller, to a group.
func (s *Endpoint) SendPlain(ctx context.Context, group netip.AddrPort, packet []byte) error {
	l, err := s.link(group.Addr())
	if err != nil {
		return err
	}
	return l.WriteTrain(ctx, group, packet, len(packet))
}

// Drops counts feedback packets that were not used, by reason.
func (s *Endpoint) Drops() map[string]uint64 { return s.desk.drops.Counts() }

// link gives the link that leads to a group and opens it if need be.
func (s *Endpoint) link(group netip.Addr) (*mcast.Link, error) {
	ifi, err := s.choose(group)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.linkOn(ifi, group)
}

// linkOn opens the link of an interface, and closes those that stand for what it was before; the
// lock is held.
func (s *Endpoint) linkOn(ifi mcast.Interface, group netip.Addr) (*mcast.Link, error) {
	ifi.Running = false // a cable that was out makes no other interface
	l := s.links[ifi]
	if l == nil {
		var err error
		if l, err = mcast.OpenLink(ifi, s.cfg.TTL); err != nil {
			return nil, err
		}
		for was, old := range s.links {
			if s.users[old] == 0 && (was.Index == ifi.Index || was.Name == ifi.Name) {
				_ = old.Close() // nothing waits in it
				delete(s.links, was)
			}
		}
		s.links[ifi] = l
	}
	if !l.Source(group).IsValid() {
		return nil, fmt.Errorf("interface %s has no address of the family of %s", l.Interface.Name, group)
	}
	return l, nil
}

// hold gives a session the link to a group, until it releases it.
func (s *Endpoint) hold(group netip.Addr) (*mcast.Link, error) {
	ifi, err := s.choose(group)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.linkOn(ifi, group)
	if err == nil {
		s.users[l]++
	}
	return l, err
}

func (s *Endpoint) release(l *mcast.Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[l]--; s.users[l] <= 0 {
		delete(s.users, l)
	}
}

// Groups of the two families, which stand for all.
var (
	someGroup4 = netip.MustParseAddr("239.192.0.1")
	someGroup6 = netip.MustParseAddr("ff15::1")
)

// OnlySix says that groups have to have IPv6 addresses: this host has no IPv4 to send from.
func (s *Endpoint) OnlySix() bool { return !s.Carries(someGroup4) && s.Carries(someGroup6) }

// Out names the interface that groups are sent by; an error says that there is none at present.
func (s *Endpoint) Out() (string, error) {
	group := someGroup4
	if s.OnlySix() {
		group = someGroup6
	}
	ifi, err := s.choose(group)
	return ifi.Name, err
}

// Carries says whether groups of the family of group can be reached beyond this machine.
func (s *Endpoint) Carries(group netip.Addr) bool {
	ifi, err := s.choose(group)
	return err == nil && !ifi.Loopback && ifi.Source(group).IsValid()
}

// choose follows --interface, else the address the server listens on, if it is a certain
// one, else the route.
func (s *Endpoint) choose(group netip.Addr) (mcast.Interface, error) {
	switch {
	case s.cfg.Interface != "":
		return mcast.InterfaceByName(s.cfg.Interface)
	case !s.cfg.Feedback.Addr().IsUnspecified():
		return mcast.InterfaceFor(s.cfg.Feedback.Addr())
	}
	return mcast.InterfaceFor(group)
}

// newTag draws a tag that no live session of this endpoint uses; dropTag frees it.
func (s *Endpoint) newTag() (protocol.SessionTag, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tags) >= maxSessions {
		return 0, ErrTooMany
	}
	for {
		var b [4]byte
		rand.Read(b[:])
		if tag := protocol.SessionTag(binary.BigEndian.Uint32(b[:])); !s.tags[tag] {
			s.tags[tag] = true
			return tag, nil
		}
	}
}

func (s *Endpoint) dropTag(tag protocol.SessionTag) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tags, tag)
}

// enter and leave keep the shares of a link: each running session may use max/N of it.
func (s *Endpoint) enter(x *Sender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shares[x.link] == nil {
		s.shares[x.link] = make(map[*Sender]bool)
	}
	s.shares[x.link][x] = true
	s.share(x.link)
}

func (s *Endpoint) leave(x *Sender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shares[x.link], x)
	s.share(x.link)
}

// rateOf is the sum of the rates of the sessions that share a link.
func (s *Endpoint) rateOf(l *mcast.Link) (sum uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for x := range s.shares[l] {
		sum += x.rate.Load()
	}
	return sum
}

// SetMaxRate changes what the sessions of an interface may use together, in bytes a second; 0:
// no limit.
func (s *Endpoint) SetMaxRate(bytesPerSec uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most == bytesPerSec {
		return
	}
	s.most = bytesPerSec
	for l := range s.shares {
		s.share(l)
	}
}

func (s *Endpoint) maxRate() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

func (s *Endpoint) share(l *mcast.Link) {
	n := uint64(len(s.shares[l]))
	for x := range s.shares[l] {
		if s.most > 0 {
			x.setShare(max(s.most/n, 1))
		} else {
			x.setShare(0)
		}
		x.builder.cache.setLimit(cacheBytes / int(n))
	}
}
