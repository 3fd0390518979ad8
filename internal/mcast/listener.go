package mcast

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Sizes of receiving.
const (
	BufferBytes   = 64 << 10 // one read: the kernel merges datagrams up to this
	receiveBuffer = 8 << 20  // asked for; the kernel may grant less
)

// ErrGroupsFull says that the socket can join no more groups; open another one.
var ErrGroupsFull = errors.New("the socket cannot join more groups")

// Message is one read: one datagram, or several of Segment bytes each (the last may be
// shorter) that the kernel merged.
type Message struct {
	Buffer  []byte // of BufferBytes, the caller's
	N       int    // bytes read
	Segment int
	From    netip.AddrPort
	To      netip.Addr // the destination; invalid where the system does not tell
	Marked  bool       // a queue on the way was filling up (RFC 3168 CE); false where the system does not tell
}

// Listener hears groups of one family on one port. Several listeners, in one process or
// several, may share the port: each hears what it has joined. Join and Leave are safe for
// concurrent use, ReadBatch is for one goroutine.
type Listener struct {
	conn   *net.UDPConn
	member membership
	reader reader

	mu     sync.Mutex
	joined map[netip.Addr]int // group → joins in force, over all interfaces and sources

	granted  int // bytes of receive buffer
	overruns atomic.Uint32
}

// membership is what ipv4.PacketConn and ipv6.PacketConn have in common.
type membership interface {
	JoinGroup(*net.Interface, net.Addr) error
	LeaveGroup(*net.Interface, net.Addr) error
	JoinSourceSpecificGroup(*net.Interface, net.Addr, net.Addr) error
	LeaveSourceSpecificGroup(*net.Interface, net.Addr, net.Addr) error
}

// Listen binds the port for groups of the family of group.
func Listen(group netip.AddrPort) (*Listener, error) {
	family, bind := "udp4", "0.0.0.0"
	if !group.Addr().Unmap().Is4() {
		family, bind = "udp6", "::"
	}
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		var err error
		return errors.Join(rc.Control(func(fd uintptr) { err = reuse(fd) }), err)
	}}
	pc, err := lc.ListenPacket(context.Background(), family, netip.AddrPortFrom(netip.MustParseAddr(bind), group.Port()).
		String())
	if err != nil {
		return nil, fmt.Errorf("hearing groups on UDP port %d: %w", group.Port(), err)
	}
	l := &Listener{conn: pc.(*net.UDPConn), joined: make(map[netip.Addr]int)}
	if family == "udp4" {
		l.member = ipv4.NewPacketConn(pc)
	} else {
		l.member = ipv6.NewPacketConn(pc)
	}
	if err := prepareListen(l, family == "udp6"); err != nil {
		pc.Close()
		return nil, fmt.Errorf("hearing groups on UDP port %d: %w", group.Port(), err)
	}
	return l, nil
}

// Join hears group on an interface; with a source and a source-specific address, from that
// source only.
func (l *Listener) Join(ifi Interface, group, source netip.Addr) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := &net.UDPAddr{IP: group.AsSlice()}
	var err error
	if SourceSpecific(group) && source.IsValid() {
		err = l.member.JoinSourceSpecificGroup(ifi.net(), g, &net.UDPAddr{IP: source.AsSlice()})
	} else {
		err = l.member.JoinGroup(ifi.net(), g)
	}
	if isNoBuffers(err) {
		return ErrGroupsFull
	}
	if err != nil {
		return fmt.Errorf("joining %s on %s: %w", group, ifi.Name, err)
	}
	l.joined[group.Unmap()]++
	return nil
}

// Leave takes a Join with the same arguments back.
func (l *Listener) Leave(ifi Interface, group, source netip.Addr) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.joined[group.Unmap()]--; l.joined[group.Unmap()] <= 0 {
		delete(l.joined, group.Unmap())
	}
	g := &net.UDPAddr{IP: group.AsSlice()}
	if SourceSpecific(group) && source.IsValid() {
		return l.member.LeaveSourceSpecificGroup(ifi.net(), g, &net.UDPAddr{IP: source.AsSlice()})
	}
	return l.member.LeaveGroup(ifi.net(), g)
}

// SourceSpecific says whether group is in the ranges of RFC 4607.
func SourceSpecific(group netip.Addr) bool {
	group = group.Unmap()
	if group.Is4() {
		return group.As4()[0] == 232
	}
	b := group.As16()
	return b[0] == 0xff && b[1]&0xf0 == 0x30
}

// ReadBatch fills messages and says how many; it waits for the first. Those that were sent
// to groups this listener did not join are left out.
func (l *Listener) ReadBatch(messages []Message) (int, error) {
	for {
		n, err := l.reader.read(l, messages)
		if err != nil {
			return 0, err
		}
		if n = l.ours(messages[:n]); n > 0 {
			return n, nil
		}
	}
}

// ours moves what was sent to joined groups to the front.
func (l *Listener) ours(messages []Message) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for i := range messages {
		if to := messages[i].To; to.IsValid() && l.joined[to] == 0 {
			continue
		}
		messages[n], messages[i] = messages[i], messages[n]
		n++
	}
	return n
}

// Overruns is how many datagrams this socket dropped since it was opened because they were
// not read in time.
func (l *Listener) Overruns() uint32 { return l.overruns.Load() }

// BufferNote says in words, with the next step, that the receive buffer is too small; it is
// empty if all is well.
func (l *Listener) BufferNote() string {
	if l.granted >= receiveBuffer/2 {
		return ""
	}
	return fmt.Sprintf("the receive buffer is %d KiB, bursts may be lost: run `sysctl -w net.core.rmem_max=%d` as root",
		l.granted>>10, receiveBuffer)
}

// Close ends a waiting ReadBatch.
func (l *Listener) Close() error { return l.conn.Close() }
