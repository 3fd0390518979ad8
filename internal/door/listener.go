// Package door lets connections in: so many of an address, of all addresses of a kind, and of those of which nobody has
// logged in yet. It is the listener below TLS. Who logs in on a connection is told to it, and the requests of
// connections without a login have a rate.
package door

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/tcp"
)

// Limits keep a flood of connections away from the processors (security.md C6).
type Limits struct {
	PerSecond  float64 // new connections of one address a second …
	Burst      int     // … and at once
	AllSecond  float64 // new connections of all addresses of a lane a second
	PerAddress int     // connections of one address of which nobody has logged in yet
	Waiting    int     // the same of all addresses of a lane: the oldest makes room for the next
}

// Default are those of docs/security.md.
var Default = Limits{PerSecond: 20, Burst: 100, AllSecond: 200, PerAddress: 64, Waiting: 1024}

// Bounds of what is remembered of addresses, and of requests without a login.
const (
	maxPeers = 4096
	knownFor = time.Hour // an address with a login keeps its own lane for so long

	asksSecond = 200  // requests of one address before login a second …
	asksBurst  = 1000 // … and at once: pages with all their parts
	laneSecond = 1000 // the same of all addresses of a lane
)

// loggedIn bounds the connections with a login, per user.
func loggedIn() auth.Bounds {
	return auth.Bounds{What: "connections", All: 16_384, Each: 2048, Admins: 1024}
}

// Listener limits new connections, by address. It wraps the TCP listener, below TLS.
type Listener struct {
	net.Listener
	limits Limits
	users  *auth.Share // connections with a login

	mu      sync.Mutex
	peers   map[netip.Prefix]*peer
	unknown *lane // addresses without a recent login
	known   *lane // addresses with one: a flood from others does not keep them out
	admins  *lane // of administrators: a flood from members does not keep them out
}

// lane has the limits that addresses of a kind share.
type lane struct {
	rate    *rate.Limiter // of new connections
	asks    *rate.Limiter // of requests before login
	waiting *list.List    // before login, the oldest first
}

// peer is an IPv4 address or an IPv6 /64.
type peer struct {
	rate, asks *rate.Limiter
	open       int // connections before login
	known      time.Time
	admin      time.Time
}

// New lets the connections of a listener in.
func New(l net.Listener, limits Limits) *Listener {
	d := &Listener{Listener: l, limits: limits, users: auth.NewShare(loggedIn()), peers: map[netip.Prefix]*peer{}}
	for _, at := range []**lane{&d.unknown, &d.known, &d.admins} {
		*at = &lane{
			rate.NewLimiter(rate.Limit(limits.AllSecond), limits.Burst), rate.NewLimiter(laneSecond, laneSecond),
			list.New(),
		}
	}
	return d
}

// Accept waits for a connection within the limits; others are reset.
func (d *Listener) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		who := addressPrefix(c.RemoteAddr())
		if d.enter(who, time.Now()) {
			tcp.Prompt(c)
			g := &conn{Conn: c, limiter: d, who: who}
			if oldest := d.enqueue(g, time.Now()); oldest != nil {
				_ = oldest.Close() // it had its time to log in
			}
			return g, nil
		}
		tcp.Refuse(c)
	}
}

func (d *Listener) enter(who netip.Prefix, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.peers[who]
	if v == nil {
		if len(d.peers) >= maxPeers && !d.forgetOne(now) {
			return false
		}
		v = &peer{
			rate: rate.NewLimiter(rate.Limit(d.limits.PerSecond), d.limits.Burst),
			asks: rate.NewLimiter(asksSecond, asksBurst),
		}
		d.peers[who] = v
	}
	if v.open >= d.limits.PerAddress || !v.rate.AllowN(now, 1) || !d.laneOf(v, now).rate.AllowN(now, 1) {
		return false
	}
	v.open++
	return true
}

// laneOf gives the lane of a peer; the lock is held.
func (d *Listener) laneOf(v *peer, now time.Time) *lane {
	switch {
	case v == nil:
		return d.unknown
	case now.Sub(v.admin) < knownFor:
		return d.admins
	case now.Sub(v.known) < knownFor:
		return d.known
	}
	return d.unknown
}

// enqueue adds a connection to its lane. It returns the oldest one if that has to be closed for it, else nil.
func (d *Listener) enqueue(g *conn, now time.Time) *conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	g.lane = d.laneOf(d.peers[g.who], now)
	g.queued = g.lane.waiting.PushBack(g)
	if d.limits.Waiting == 0 || g.lane.waiting.Len() <= d.limits.Waiting {
		return nil
	}
	return g.lane.waiting.Front().Value.(*conn)
}

// mayAsk says whether an address may make one more request without a login.
func (d *Listener) mayAsk(g *conn, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.peers[g.who]
	return (v == nil || v.asks.AllowN(now, 1)) && g.lane.asks.AllowN(now, 1)
}

// forgetOne drops a peer that has no connection, if possible one without a login. false: all have one.
func (d *Listener) forgetOne(now time.Time) bool {
	var candidate netip.Prefix
	for who, v := range d.peers {
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
	delete(d.peers, candidate)
	return true
}

// leave uncounts a connection before login; known says that it logged in.
func (d *Listener) leave(who netip.Prefix, known bool, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.peers[who]
	if v == nil {
		return
	}
	v.open--
	if known {
		v.known = now
	}
}

// dequeue takes a connection out of its lane.
func (d *Listener) dequeue(g *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.queued != nil {
		g.lane.waiting.Remove(g.queued)
		g.queued = nil
	}
}

// administers notes that an administrator logged in from an address.
func (d *Listener) administers(who netip.Prefix, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v := d.peers[who]; v != nil {
		v.admin = now
	}
}

// conn is a connection that was accepted.
type conn struct {
	net.Conn
	limiter *Listener
	who     netip.Prefix
	lane    *lane
	queued  *list.Element // in its lane, before login
	met     atomic.Bool   // its first bytes were examined

	doubted atomic.Bool // a request on it had an invalid token

	mu     sync.Mutex
	out    bool   // no longer counted among those before login
	closed bool   // nothing of it is counted any more
	user   string // ID of the user, since a login
}

// Close closes the connection and frees its place.
func (g *conn) Close() error {
	g.mu.Lock()
	out, closed, user := g.out, g.closed, g.user
	g.out, g.closed = true, true
	g.mu.Unlock()
	switch {
	case closed:
	case !out:
		g.limiter.dequeue(g)
		g.limiter.leave(g.who, false, time.Now())
	default:
		g.limiter.users.Give(user)
	}
	return g.Conn.Close()
}

// admitted counts the connection to a user who logged in, and refuses when that user has too many.
func (g *conn) admitted(p groupcast.Principal) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.out {
		return nil
	}
	if err := g.limiter.users.Take(context.Background(), p.User.ID, auth.RankOf(p)); err != nil {
		return err
	}
	g.out, g.user = true, p.User.ID
	g.limiter.dequeue(g)
	g.limiter.leave(g.who, true, time.Now())
	if p.Admin() {
		g.limiter.administers(g.who, time.Now())
	}
	return nil
}

// asks says whether the connection may make a request. One with a login always may.
func (g *conn) asks() bool {
	g.mu.Lock()
	trusted := g.out && !g.doubted.Load()
	g.mu.Unlock()
	return trusted || g.limiter.mayAsk(g, time.Now())
}

type contextKey struct{}

// WithConn keeps an accepted connection in the context of its requests.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if g, ok := c.(*conn); ok {
		return context.WithValue(ctx, contextKey{}, g)
	}
	return ctx
}

// Admitted counts the connection of a request to a user who logged in.
func Admitted(ctx context.Context, p groupcast.Principal) error {
	if g, ok := ctx.Value(contextKey{}).(*conn); ok {
		return g.admitted(p)
	}
	return nil
}

// Doubted notes that a request had an invalid token.
func Doubted(ctx context.Context) {
	if g, ok := ctx.Value(contextKey{}).(*conn); ok {
		g.doubted.Store(true)
	}
}

// MayAsk says whether one more request is within the rate of those without a login.
func MayAsk(ctx context.Context) bool {
	g, ok := ctx.Value(contextKey{}).(*conn)
	return !ok || g.asks()
}

// Waiting counts the connections without a login of addresses that nobody logged in from lately.
func (d *Listener) Waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.unknown.waiting.Len()
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
