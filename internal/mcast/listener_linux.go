package mcast

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	readBatch = 16  // messages a system call
	oobBytes  = 160 // destination, segment size, drop counter, congestion mark
	ceMark    = 3   // RFC 3168, of two bits
)

// reuse lets several receivers of one machine bind the group's port: each gets a copy of
// what is multicast. SO_REUSEPORT would hand each datagram to one of them only.
func reuse(fd uintptr) error {
	return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
}

func isNoBuffers(err error) bool { return errors.Is(err, unix.ENOBUFS) }

func prepareListen(l *Listener, six bool) error {
	rc, err := l.conn.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := rc.Control(func(fd uintptr) { inner = l.setOptions(int(fd), six) }); err != nil {
		return err
	}
	l.reader.init(rc)
	return inner
}

func (l *Listener) setOptions(fd int, six bool) error {
	if six {
		// Without it the socket hears groups that other processes joined.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0)
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1); err != nil {
			return err
		}
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0)
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1); err != nil {
			return err
		}
	}
	// Niceties: older kernels do without.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVTOS, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
		l.granted = n / 2 // the kernel doubles for its own book-keeping
	}
	return nil
}

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// reader reads batches with recvmmsg. Nothing is allocated per datagram, which x/net's
// ReadBatch does for every address.
type reader struct {
	rc    syscall.RawConn
	hdrs  [readBatch]mmsghdr
	iovs  [readBatch]unix.Iovec
	names [readBatch]unix.RawSockaddrInet6 // holds the IPv4 one too
	oobs  [readBatch][oobBytes]byte
	want  int
	got   int
	errno syscall.Errno
	call  func(fd uintptr) bool
}

func (r *reader) init(rc syscall.RawConn) {
	r.rc = rc
	// It never waits, so the scheduler need not hear of it: with Syscall6 every call of an agent
	// that is idle in between would wake the runtime's watchdog thread.
	r.call = func(fd uintptr) bool {
		n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.hdrs[0])),
			uintptr(r.want), unix.MSG_DONTWAIT, 0, 0)
		r.got, r.errno = int(n), errno
		return errno != syscall.EAGAIN && errno != syscall.EINTR
	}
}

func (r *reader) read(l *Listener, messages []Message) (int, error) {
	r.want = min(len(messages), readBatch)
	for i := range r.want {
		r.iovs[i].Base = &messages[i].Buffer[0]
		r.iovs[i].SetLen(len(messages[i].Buffer))
		h := &r.hdrs[i].hdr
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&r.names[i])), unix.SizeofSockaddrInet6
		h.Iov = &r.iovs[i]
		h.SetIovlen(1)
		h.Control = &r.oobs[i][0]
		h.SetControllen(oobBytes)
	}
	err := r.rc.Read(r.call)
	runtime.KeepAlive(messages)
	if err != nil {
		return 0, err
	}
	if r.errno != 0 {
		return 0, r.errno
	}
	for i := range r.got {
		r.describe(l, i, &messages[i])
	}
	return r.got, nil
}

func (r *reader) describe(l *Listener, i int, m *Message) {
	m.N = int(r.hdrs[i].n)
	m.Segment, m.To, m.Marked = m.N, netip.Addr{}, false
	m.From = address(&r.names[i])
	oob := r.oobs[i][:min(int(r.hdrs[i].hdr.Controllen), oobBytes)]
	for len(oob) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
		n := int(h.Len)
		if n < unix.SizeofCmsghdr || n > len(oob) {
			return
		}
		l.control(int(h.Level), int(h.Type), oob[unix.CmsgLen(0):n], m)
		oob = oob[min(unix.CmsgSpace(n-unix.CmsgLen(0)), len(oob)):]
	}
}

// control takes one control message.
func (l *Listener) control(level, kind int, data []byte, m *Message) {
	switch {
	case level == unix.IPPROTO_UDP && kind == unix.UDP_GRO && len(data) >= 4:
		if n := int(int32(binary.NativeEndian.Uint32(data))); n > 0 {
			m.Segment = n
		}
	case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= 12:
		m.To = netip.AddrFrom4([4]byte(data[8:12]))
	case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(data) >= 16:
		m.To = netip.AddrFrom16([16]byte(data[:16]))
	case level == unix.IPPROTO_IP && kind == unix.IP_TOS && len(data) >= 1:
		m.Marked = data[0]&ceMark == ceMark
	case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_TCLASS && len(data) >= 4:
		m.Marked = binary.NativeEndian.Uint32(data)&ceMark == ceMark
	case level == unix.SOL_SOCKET && kind == unix.SO_RXQ_OVFL && len(data) >= 4:
		l.overruns.Store(binary.NativeEndian.Uint32(data))
	}
}

func address(raw *unix.RawSockaddrInet6) netip.AddrPort {
	port := (*[2]byte)(unsafe.Pointer(&raw.Port))
	p := binary.BigEndian.Uint16(port[:])
	if raw.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), p)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(raw.Addr), p)
}
