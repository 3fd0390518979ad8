package mcast

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

var errTimeout = os.ErrDeadlineExceeded

// outq asks how much of a socket's output the kernel still holds, without allocating.
type outq struct {
	ask   func(fd uintptr)
	conn  interface{ Control(func(uintptr)) error }
	bytes atomic.Int64
}

// prepareSend switches on what this kernel has, and says whether it cuts trains.
func prepareSend(c *net.UDPConn, s *sendSocket) bool {
	rc, err := c.SyscallConn()
	if err != nil {
		return false
	}
	q := &s.outq
	q.conn = rc
	q.ask = func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			q.bytes.Store(int64(n))
		}
	}
	segments := false
	_ = rc.Control(func(fd uintptr) {
		// Without RECVERR the kernel hides that its own queue dropped a datagram.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
		_, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		segments = err == nil
	})
	return segments
}

func (s *sendSocket) queued() int {
	if s.outq.ask == nil || s.outq.conn.Control(s.outq.ask) != nil {
		return 0
	}
	return int(s.outq.bytes.Load())
}

const segmentSpace = 24 // CmsgSpace(2) on 64 bit; less on 32

// call is one sendmsg of a train. Calls are used again: what they hold would be allocated for
// every train otherwise.
type call struct {
	train []byte
	oob   [segmentSpace]byte
	to4   unix.SockaddrInet4
	to6   unix.SockaddrInet6
	six   bool
	err   error
	send  func(fd uintptr)
}

var calls = sync.Pool{New: func() any {
	c := new(call)
	c.send = c.sendmsg
	return c
}}

func (c *call) sendmsg(fd uintptr) {
	to := unix.Sockaddr(&c.to4)
	if c.six {
		to = &c.to6
	}
	c.err = unix.Sendmsg(int(fd), c.train, c.oob[:unix.CmsgSpace(2)], to, 0)
}

// address says where to; the interface is the socket's.
func (c *call) address(group netip.AddrPort) {
	a := group.Addr().Unmap()
	c.six = a.Is6()
	if c.six {
		c.to6 = unix.SockaddrInet6{Port: int(group.Port()), Addr: a.As16()}
		return
	}
	c.to4 = unix.SockaddrInet4{Port: int(group.Port()), Addr: a.As4()}
}

// segment asks the kernel to cut the train into datagrams of size bytes.
func (c *call) segment(size int) {
	oob := c.oob[:]
	word := unix.SizeofCmsghdr - 8 // the length field: 4 or 8 bytes
	if word == 8 {
		binary.NativeEndian.PutUint64(oob, uint64(unix.CmsgLen(2)))
	} else {
		binary.NativeEndian.PutUint32(oob, uint32(unix.CmsgLen(2)))
	}
	binary.NativeEndian.PutUint32(oob[word:], unix.IPPROTO_UDP)
	binary.NativeEndian.PutUint32(oob[word+4:], unix.UDP_SEGMENT)
	binary.NativeEndian.PutUint16(oob[unix.CmsgLen(0):], uint16(size))
}

// writeSegmented avoids the lock that lets only one goroutine at a time write to a net.UDPConn: with a
// virtual switch, the system call for a train takes until every receiver has it.
func (s *sendSocket) writeSegmented(group netip.AddrPort, train []byte, size int) error {
	c := calls.Get().(*call)
	defer calls.Put(c)
	c.train = train
	c.address(group)
	c.segment(size)
	err := s.outq.conn.Control(c.send)
	c.train = nil
	if err != nil {
		return err
	}
	return c.err
}

// cannotSegment lists what kernels, drivers and tunnels answer that cannot cut.
func cannotSegment(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL) ||
		errors.Is(err, unix.ENOPROTOOPT) || errors.Is(err, unix.EOPNOTSUPP) || tooLong(err)
}

func tooLong(err error) bool { return errors.Is(err, unix.EMSGSIZE) }

func queueFull(err error) bool {
	return errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOMEM)
}
