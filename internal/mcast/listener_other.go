//go:build !linux

package mcast

import (
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

func prepareListen(l *Listener, six bool) error {
	// Windows does not report the destination; the session tag alone decides there.
	switch p := l.member.(type) {
	case *ipv4.PacketConn:
		_ = p.SetControlMessage(ipv4.FlagDst, true)
	case *ipv6.PacketConn:
		_ = p.SetControlMessage(ipv6.FlagDst, true)
	}
	if l.conn.SetReadBuffer(receiveBuffer) == nil {
		l.granted = receiveBuffer
	}
	l.reader.six = six
	return nil
}

// reader reads one datagram at a time.
type reader struct {
	six bool
	oob [128]byte
}

func (r *reader) read(l *Listener, messages []Message) (int, error) {
	m := &messages[0]
	n, oobn, _, from, err := l.conn.ReadMsgUDPAddrPort(m.Buffer, r.oob[:])
	if err != nil {
		return 0, err
	}
	m.N, m.Segment = n, n
	m.From = netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())
	m.To = r.destination(oobn)
	return 1, nil
}

func (r *reader) destination(n int) netip.Addr {
	var to netip.Addr
	if r.six {
		var cm ipv6.ControlMessage
		if cm.Parse(r.oob[:n]) == nil {
			to, _ = netip.AddrFromSlice(cm.Dst)
		}
	} else {
		var cm ipv4.ControlMessage
		if cm.Parse(r.oob[:n]) == nil {
			to, _ = netip.AddrFromSlice(cm.Dst)
		}
	}
	return to.Unmap()
}
