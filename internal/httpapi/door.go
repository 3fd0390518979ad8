package httpapi

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast/internal/tcp"
)

// Limits keep a flood of connections away from the processors (security.md C6).
type Limits struct {
	PerSecond  float64 // new connections of one address a second …
	Burst      int     // … and at once
	AllSecond  float64 // new connections of all addresses a second
	PerAddress int     // connections of one address of which nobody has logged in yet
}

// DefaultLimits are those of docs/security.md.
var DefaultLimits = Limits{PerSecond: 20, Burst: 100, AllSecond: 200, PerAddress: 64}

// Bounds of what the door remembers.
const (
	maxVisitors = 4096
	knownFor    = time.Hour // an address with a login keeps its own lane for so long
)

// door lets connections in, by address. It wraps the TCP listener, below TLS.
type door struct {
	net.Listener
	limits Limits

	mu       sync.Mutex
	visitors map[netip.Prefix]*visitor
	unknown  *rate.Limiter // for addresses nobody logged in from lately
	known    *rate.Limiter // so that a flood does not lock those out that work here
}

// visitor is an IPv4 address or an IPv6 /64.
type visitor struct {
	rate  *rate.Limiter
	open  int // connections before login
	known time.Time
}

func newDoor(l net.Listener, limits Limits) *door {
	all := rate.Limit(limits.AllSecond)
	return &door{Listener: l, limits: limits, visitors: map[netip.Prefix]*visitor{},
		unknown: rate.NewLimiter(all, limits.Burst), known: rate.NewLimiter(all, limits.Burst)}
}

// Accept waits for a connection that may come in; others are closed without a word.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		who := addressPrefix(c.RemoteAddr())
		if d.enter(who, time.Now()) {
			tcp.Prompt(c)
			return &guest{Conn: c, door: d, who: who}, nil
		}
		_ = c.Close() // it is refused; there is nobody to tell
	}
}

func (d *door) enter(who netip.Prefix, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.visitors[who]
	if v == nil {
		if len(d.visitors) >= maxVisitors && !d.forgetOne(now) {
			return false
		}
		v = &visitor{rate: rate.NewLimiter(rate.Limit(d.limits.PerSecond), d.limits.Burst)}
		d.visitors[who] = v
	}
	all := d.unknown
	if now.Sub(v.known) < knownFor {
		all = d.known
	}
	if v.open >= d.limits.PerAddress || !v.rate.AllowN(now, 1) || !all.AllowN(now, 1) {
		return false
	}
	v.open++
	return true
}

// forgetOne drops a visitor that is not here, rather one that nobody knows.
func (d *door) forgetOne(now time.Time) bool {
	var candidate netip.Prefix
	for who, v := range d.visitors {
		if v.open > 0 {
			continue
		}
		candidate = who
		if now.Sub(v.known) >= knownFor {
			break
		}
	}
	if !candidate.IsValid() {
		return false
	}
	delete(d.visitors, candidate)
	return true
}

// leave takes a connection out of the count of those before login; known says that it had one.
func (d *door) leave(who netip.Prefix, known bool, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.visitors[who]
	if v == nil {
		return
	}
	v.open--
	if known {
		v.known = now
	}
}

// guest is a connection that was let in.
type guest struct {
	net.Conn
	door *door
	who  netip.Prefix
	out  atomic.Bool // no longer counted
	met  atomic.Bool // its first bytes were looked at
}

// Close closes the connection and gives its place free.
func (g *guest) Close() error {
	if g.out.CompareAndSwap(false, true) {
		g.door.leave(g.who, false, time.Now())
	}
	return g.Conn.Close()
}

func (g *guest) admitted() {
	if g.out.CompareAndSwap(false, true) {
		g.door.leave(g.who, true, time.Now())
	}
}

// withConn keeps the connection in the context of its requests.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if g, ok := c.(*guest); ok {
		return context.WithValue(ctx, keyConn, g)
	}
	return ctx
}

// admitted notes that somebody is logged in on this connection.
func admitted(ctx context.Context) {
	if g, ok := ctx.Value(keyConn).(*guest); ok {
		g.admitted()
	}
}

// addressPrefix is what counts as one address: an IPv4 address or an IPv6 /64.
func addressPrefix(a net.Addr) netip.Prefix {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 128)
	}
	ip := t.AddrPort().Addr().Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 128)
	}
	return p
}
