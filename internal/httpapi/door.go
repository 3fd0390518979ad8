package httpapi

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
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

// DefaultLimits are those of docs/security.md.
var DefaultLimits = Limits{PerSecond: 20, Burst: 100, AllSecond: 200, PerAddress: 64, Waiting: 1024}

// Bounds of what the door remembers, and of what is asked before a login.
const (
	maxVisitors = 4096
	knownFor    = time.Hour // an address with a login keeps its own lane for so long

	asksSecond = 200  // requests of one address before login a second …
	asksBurst  = 1000 // … and at once: pages with all their parts
	laneSecond = 1000 // the same of all addresses of a lane
)

// loggedIn bounds the connections of those who logged in, per user.
func loggedIn() auth.Bounds {
	return auth.Bounds{What: "connections", All: 16_384, Each: 2048, Admins: 1024}
}

// door lets connections in, by address. It wraps the TCP listener, below TLS.
type door struct {
	net.Listener
	limits Limits
	users  *auth.Share // connections with a login

	mu       sync.Mutex
	visitors map[netip.Prefix]*visitor
	unknown  *lane // for addresses nobody logged in from lately
	known    *lane // so that a flood does not lock those out that work here
	admins   *lane // nor members together those who can do something about it
}

// lane is what addresses of a kind have together.
type lane struct {
	rate   *rate.Limiter // of new connections
	asks   *rate.Limiter // of requests before login
	guests *list.List    // before login, the oldest first
}

// visitor is an IPv4 address or an IPv6 /64.
type visitor struct {
	rate, asks *rate.Limiter
	open       int // connections before login
	known      time.Time
	admin      time.Time
}

func newDoor(l net.Listener, limits Limits) *door {
	d := &door{Listener: l, limits: limits, users: auth.NewShare(loggedIn()), visitors: map[netip.Prefix]*visitor{}}
	for _, at := range []**lane{&d.unknown, &d.known, &d.admins} {
		*at = &lane{rate.NewLimiter(rate.Limit(limits.AllSecond), limits.Burst), rate.NewLimiter(laneSecond, laneSecond),
			list.New()}
	}
	return d
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
			g := &guest{Conn: c, door: d, who: who}
			if oldest := d.seat(g, time.Now()); oldest != nil {
				_ = oldest.Close() // it had its time to log in
			}
			return g, nil
		}
		tcp.Refuse(c)
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
		v = &visitor{
			rate: rate.NewLimiter(rate.Limit(d.limits.PerSecond), d.limits.Burst),
			asks: rate.NewLimiter(asksSecond, asksBurst),
		}
		d.visitors[who] = v
	}
	if v.open >= d.limits.PerAddress || !v.rate.AllowN(now, 1) || !d.laneOf(v, now).rate.AllowN(now, 1) {
		return false
	}
	v.open++
	return true
}

// laneOf gives the lane of a visitor; the lock is held.
func (d *door) laneOf(v *visitor, now time.Time) *lane {
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

// seat puts a guest into its lane and gives the one that has to go for it, if one has.
func (d *door) seat(g *guest, now time.Time) *guest {
	d.mu.Lock()
	defer d.mu.Unlock()
	g.lane = d.laneOf(d.visitors[g.who], now)
	g.seat = g.lane.guests.PushBack(g)
	if d.limits.Waiting == 0 || g.lane.guests.Len() <= d.limits.Waiting {
		return nil
	}
	return g.lane.guests.Front().Value.(*guest)
}

// mayAsk says whether an address may make one more request without a login.
func (d *door) mayAsk(g *guest, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.visitors[g.who]
	return (v == nil || v.asks.AllowN(now, 1)) && g.lane.asks.AllowN(now, 1)
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

// stand takes a guest out of its lane.
func (d *door) stand(g *guest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.seat != nil {
		g.lane.guests.Remove(g.seat)
		g.seat = nil
	}
}

// administers notes that an administrator works at an address.
func (d *door) administers(who netip.Prefix, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v := d.visitors[who]; v != nil {
		v.admin = now
	}
}

// guest is a connection that was let in.
type guest struct {
	net.Conn
	door *door
	who  netip.Prefix
	lane *lane
	seat *list.Element // in its lane, before login
	met  atomic.Bool   // its first bytes were looked at

	doubted atomic.Bool // it came with a token that is none

	mu     sync.Mutex
	out    bool   // no longer counted among those before login
	closed bool   // nothing of it is counted any more
	user   string // whose connection it is since a login
}

// Close closes the connection and gives its place free.
func (g *guest) Close() error {
	g.mu.Lock()
	out, closed, user := g.out, g.closed, g.user
	g.out, g.closed = true, true
	g.mu.Unlock()
	switch {
	case closed:
	case !out:
		g.door.stand(g)
		g.door.leave(g.who, false, time.Now())
	default:
		g.door.users.Give(user)
	}
	return g.Conn.Close()
}

// admitted notes that somebody is logged in on this connection, and refuses when they have too many.
func (g *guest) admitted(p groupcast.Principal) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.out {
		return nil
	}
	if err := g.door.users.Take(context.Background(), p.User.ID, auth.RankOf(p)); err != nil {
		return err
	}
	g.out, g.user = true, p.User.ID
	g.door.stand(g)
	g.door.leave(g.who, true, time.Now())
	if p.Admin() {
		g.door.administers(g.who, time.Now())
	}
	return nil
}

// asks says whether the connection may make a request: one with a login may.
func (g *guest) asks() bool {
	g.mu.Lock()
	trusted := g.out && !g.doubted.Load()
	g.mu.Unlock()
	return trusted || g.door.mayAsk(g, time.Now())
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

// admitted notes that somebody is logged in on the connection of a request.
func admitted(ctx context.Context, p groupcast.Principal) error {
	if g, ok := ctx.Value(keyConn).(*guest); ok {
		return g.admitted(p)
	}
	return nil
}

// doubted notes that the connection of a request came with a token that is none.
func doubted(ctx context.Context) {
	if g, ok := ctx.Value(keyConn).(*guest); ok {
		g.doubted.Store(true)
	}
}

// measured refuses requests of connections without a login that come too fast.
func measured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g, ok := r.Context().Value(keyConn).(*guest); ok && !g.asks() {
			w.Header().Set("Connection", "close")
			writeProblem(w,
				problem(groupcast.Errorf(groupcast.EExhausted, "too many requests without a login come from this address").
					WithHint("try again in a few seconds")))
			return
		}
		next.ServeHTTP(w, r)
	})
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
