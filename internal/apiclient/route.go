package apiclient

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"sync"
)

// lastConn is the connection that calls and the event stream ran over last: its other end has
// shown that it is the pinned server.
type lastConn struct {
	mu   sync.Mutex
	conn net.Conn
}

func (l *lastConn) trace(req *http.Request) *http.Request {
	return req.WithContext(httptrace.WithClientTrace(req.Context(),
		&httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.conn = i.Conn
		}}))
}

func (l *lastConn) get() net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}

// Route gives the two ends of the connection to the pinned server, as it is or was last; false
// before the first.
func (c *Client) Route() (local, server netip.AddrPort, ok bool) {
	conn := c.last.get()
	if conn == nil {
		return local, server, false
	}
	from, tcp := conn.LocalAddr().(*net.TCPAddr)
	to, too := conn.RemoteAddr().(*net.TCPAddr)
	if !tcp || !too {
		return local, server, false
	}
	return unmapped(from), unmapped(to), true
}

func unmapped(a *net.TCPAddr) netip.AddrPort {
	p := a.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// Reconnect gives up the connection of calls and event stream, which is known to lead nowhere:
// what runs over it fails at once, and what comes next opens another.
func (c *Client) Reconnect() {
	conn := c.last.get()
	if s, ok := conn.(*tls.Conn); ok {
		conn = s.NetConn() // no farewell: nobody would hear it
	}
	if conn != nil {
		_ = conn.Close()
	}
}
