package mcast

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Limits of a train (one call's worth of packets).
const (
	MaxTrainBytes    = 65_507 // a UDP datagram's worth: the kernel's limit for segmented sends
	MaxTrainSegments = 64     // older kernels' limit
	sendBuffer       = 4 << 20
	stallTimeout     = 500 * time.Millisecond
	fullPause        = time.Millisecond
	ecnCapable       = 2 // ECT(0) of RFC 3168: a queue may mark packets instead of dropping them
)

// ErrStalled says that the socket took nothing for a while (cable out?); the same bytes may
// be tried again.
var ErrStalled = errors.New("the network interface takes no packets")

// Link sends to groups over one interface; multicast loopback is on, so that a receiver on
// this machine hears like any other. It is safe for concurrent use.
type Link struct {
	Interface Interface
	v4, v6    *sendSocket
}

// OpenLink opens a socket per family that the interface has an address of.
func OpenLink(ifi Interface, ttl int) (*Link, error) {
	l := &Link{Interface: ifi}
	var err4, err6 error
	if ifi.Addr4.IsValid() {
		l.v4, err4 = openSend4(ifi, ttl)
	}
	if ifi.Addr6.IsValid() {
		l.v6, err6 = openSend6(ifi, ttl)
	}
	if l.v4 == nil && l.v6 == nil {
		return nil, fmt.Errorf("sending on %s: %w", ifi.Name, errors.Join(err4, err6))
	}
	return l, nil
}

// Source is the address that packets to group come from, invalid if the interface has none
// of the family.
func (l *Link) Source(group netip.Addr) netip.Addr {
	if l.socket(group) == nil {
		return netip.Addr{}
	}
	return l.Interface.Source(group)
}

// SourcePort is the port that packets to group come from; 0 if the interface has no address of the family.
func (l *Link) SourcePort(group netip.Addr) uint16 {
	s := l.socket(group)
	if s == nil {
		return 0
	}
	return s.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

func (l *Link) socket(group netip.Addr) *sendSocket {
	if group.Unmap().Is4() {
		return l.v4
	}
	return l.v6
}

// WriteTrain sends the packets that lie one after the other in train, each of size bytes but
// the last, which may be shorter. It returns when the kernel has taken them all; a retry
// inside sends the same bytes again.
func (l *Link) WriteTrain(ctx context.Context, group netip.AddrPort, train []byte, size int) error {
	s := l.socket(group.Addr())
	if s == nil {
		return fmt.Errorf("%s has no address of the family of %s", l.Interface.Name, group)
	}
	for len(train) > 0 {
		n := min(len(train), MaxTrainBytes/size*size, MaxTrainSegments*size)
		if err := s.write(ctx, group, train[:n], size); err != nil {
			return err
		}
		train = train[n:]
	}
	return nil
}

// QueuedBytes is what the kernel still holds of what was written.
func (l *Link) QueuedBytes() int {
	n := 0
	for _, s := range []*sendSocket{l.v4, l.v6} {
		if s != nil {
			n += s.queued()
		}
	}
	return n
}

// Segmented says whether the kernel cuts trains for us.
func (l *Link) Segmented() bool {
	return l.v4 != nil && l.v4.segment.Load() || l.v6 != nil && l.v6.segment.Load()
}

// Close closes the sockets.
func (l *Link) Close() error {
	var errs []error
	for _, s := range []*sendSocket{l.v4, l.v6} {
		if s != nil {
			errs = append(errs, s.conn.Close())
		}
	}
	return errors.Join(errs...)
}

// sendSocket is one family's socket.
type sendSocket struct {
	conn    *net.UDPConn
	segment atomic.Bool // the kernel cuts (UDP_SEGMENT)
	outq    outq

	mu       sync.Mutex // of what follows: the way without UDP_SEGMENT
	batch    func([]ipv4.Message) (int, error)
	messages []ipv4.Message
}

func openSend4(ifi Interface, ttl int) (*sendSocket, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ifi.Addr4.AsSlice()})
	if err != nil {
		return nil, err
	}
	p := ipv4.NewPacketConn(c)
	err = errors.Join(p.SetMulticastInterface(ifi.net()), p.SetMulticastTTL(ttl), p.SetMulticastLoopback(true))
	_ = p.SetTOS(ecnCapable) // without it packets are dropped where they could be marked
	return newSend(c, err, func(m []ipv4.Message) (int, error) { return p.WriteBatch(m, 0) })
}

func openSend6(ifi Interface, ttl int) (*sendSocket, error) {
	laddr := &net.UDPAddr{IP: ifi.Addr6.AsSlice()}
	if ifi.Addr6.IsLinkLocalUnicast() {
		laddr.Zone = ifi.Name
	}
	c, err := net.ListenUDP("udp6", laddr)
	if err != nil {
		return nil, err
	}
	p := ipv6.NewPacketConn(c)
	err = errors.Join(p.SetMulticastInterface(ifi.net()), p.SetMulticastHopLimit(ttl), p.SetMulticastLoopback(true))
	_ = p.SetTrafficClass(ecnCapable)
	return newSend(c, err, func(m []ipv4.Message) (int, error) { return p.WriteBatch(m, 0) })
}

func newSend(c *net.UDPConn, err error, batch func([]ipv4.Message) (int, error)) (*sendSocket, error) {
	if err != nil {
		c.Close()
		return nil, err
	}
	s := &sendSocket{conn: c, batch: batch, messages: make([]ipv4.Message, MaxTrainSegments)}
	for i := range s.messages {
		s.messages[i].Buffers = make([][]byte, 1)
	}
	_ = c.SetWriteBuffer(sendBuffer) // capped by the kernel: less only means fewer bytes queued
	s.segment.Store(prepareSend(c, s))
	return s, nil
}

// write sends one train within the limits, by the kernel's cutting if it can.
func (s *sendSocket) write(ctx context.Context, group netip.AddrPort, train []byte, size int) error {
	if s.segment.Load() && len(train) > size {
		err := s.retry(ctx, func() error { return s.writeSegmented(group, train, size) })
		if !cannotSegment(err) {
			return err
		}
		if !tooLong(err) {
			s.segment.Store(false)
		}
	}
	if len(train) <= size {
		return s.retry(ctx, func() error {
			_, err := s.conn.WriteToUDPAddrPort(train, group)
			return err
		})
	}
	return s.writeSingly(ctx, group, train, size)
}

// retry repeats a send that the full queue refused; the bytes stay the same, so that no
// packet number is ever sealed twice (security.md K1).
func (s *sendSocket) retry(ctx context.Context, send func() error) error {
	deadline := time.Now().Add(stallTimeout)
	if err := s.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	for {
		err := send()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errTimeout):
			return ErrStalled
		case !queueFull(err):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return ErrStalled
		}
		time.Sleep(fullPause)
	}
}

// writeSingly sends datagram by datagram, in batches where the system has them.
func (s *sendSocket) writeSingly(ctx context.Context, group netip.AddrPort, train []byte, size int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	addr := net.UDPAddrFromAddrPort(group)
	n := 0
	for ; len(train) > 0; n++ {
		k := min(size, len(train))
		s.messages[n].Buffers[0], s.messages[n].Addr = train[:k], addr
		train = train[k:]
	}
	left := s.messages[:n]
	return s.retry(ctx, func() error {
		for len(left) > 0 {
			k, err := s.batch(left)
			left = left[max(k, 0):]
			if err != nil {
				return err
			}
		}
		return nil
	})
}
