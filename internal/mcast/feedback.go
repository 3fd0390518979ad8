package mcast

import (
	"fmt"
	"net"
	"net/netip"
)

const feedbackBuffer = 4 << 20 // the queue of feedback: some 4,096 packets

// Feedback is the server's socket for reports and NACKs. It never answers.
type Feedback struct{ conn *net.UDPConn }

// ListenFeedback binds the server's UDP port, without address reuse: no other process can share it.
func ListenFeedback(addr netip.AddrPort) (*Feedback, error) {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(everywhere(addr)))
	if err != nil {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	}
	if err != nil {
		return nil, fmt.Errorf("hearing feedback on UDP %s: %w", addr, err)
	}
	_ = c.SetReadBuffer(feedbackBuffer) // the kernel may grant less
	return &Feedback{conn: c}, nil
}

// everywhere makes all addresses of one family those of both.
func everywhere(addr netip.AddrPort) netip.AddrPort {
	if addr.Addr().IsUnspecified() {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), addr.Port())
	}
	return addr
}

// Read waits for one packet; longer ones are cut to buf.
func (f *Feedback) Read(buf []byte) (int, netip.AddrPort, error) {
	n, from, err := f.conn.ReadFromUDPAddrPort(buf)
	return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

// Port is the port that is bound.
func (f *Feedback) Port() uint16 { return uint16(f.conn.LocalAddr().(*net.UDPAddr).Port) }

// Close ends a waiting Read.
func (f *Feedback) Close() error { return f.conn.Close() }

// Reporter is an agent's socket to the server's feedback port.
type Reporter struct{ conn *net.UDPConn }

// DialFeedback connects to the server's feedback port from a port of the kernel's choice.
func DialFeedback(server netip.AddrPort) (*Reporter, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return nil, fmt.Errorf("feedback to %s: %w", server, err)
	}
	return &Reporter{conn: c}, nil
}

// Send sends one packet. An error is of no consequence beyond a count: an earlier packet
// may have met a closed port.
func (r *Reporter) Send(packet []byte) error {
	_, err := r.conn.Write(packet)
	return err
}

// Close closes the socket.
func (r *Reporter) Close() error { return r.conn.Close() }
