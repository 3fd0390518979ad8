//go:build linux

package attacker

import (
	"encoding/binary"
	"net/netip"
	"syscall"
)

// spoofer sends UDP packets with any source address and port, over IPv4.
type spoofer struct {
	fd     int
	to     syscall.SockaddrInet4
	packet []byte
}

const (
	ipHeader  = 20
	udpHeader = 8
)

// newSpoofer opens a raw socket; what it sends to a group is not heard on this host itself.
func newSpoofer(from, to netip.AddrPort) (*spoofer, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_RAW)
	if err != nil {
		return nil, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, syscall.IP_MULTICAST_LOOP, 0); err != nil {
		return nil, err
	}
	s := &spoofer{fd: fd, packet: make([]byte, ipHeader+udpHeader, 2048)}
	s.to.Addr = to.Addr().Unmap().As4()
	src := from.Addr().Unmap().As4()
	h := s.packet
	h[0], h[8], h[9] = 0x45, 1, syscall.IPPROTO_UDP
	if !to.Addr().IsMulticast() {
		h[8] = 64
	}
	copy(h[12:], src[:])
	copy(h[16:], s.to.Addr[:])
	binary.BigEndian.PutUint16(h[ipHeader:], from.Port())
	binary.BigEndian.PutUint16(h[ipHeader+2:], to.Port())
	return s, nil
}

// send sends one packet. The UDP checksum is left out, which IPv4 allows; the kernel fills in
// the header's length and checksum.
func (s *spoofer) send(payload []byte) error {
	s.packet = append(s.packet[:ipHeader+udpHeader], payload...)
	binary.BigEndian.PutUint16(s.packet[2:], uint16(len(s.packet)))
	binary.BigEndian.PutUint16(s.packet[ipHeader+4:], uint16(udpHeader+len(payload)))
	return syscall.Sendto(s.fd, s.packet, 0, &s.to)
}

func (s *spoofer) close() { _ = syscall.Close(s.fd) }
