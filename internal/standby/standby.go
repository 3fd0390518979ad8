// Package standby answers for a server that stands by (docs/adr/0018-nodes.md). Connections of clients of groupcast,
// which ask for the server's internal name, are passed on to the active one as they are: what is in them stays between
// the two. So is feedback over UDP. Browsers and whoever watches the server are answered here: how it stands, and where
// the active one is.
package standby

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Config says what to answer, and with what.
type Config struct {
	TCP      net.Listener // Serve closes both
	UDP      net.PacketConn
	TLS      *tls.Config
	Internal func(name string) bool // is it the name that clients of groupcast ask for?
	Active   func() string          // HOST:PORT of the active server; empty: not known
	Log      *slog.Logger
}

const (
	helloTimeout = 5 * time.Second // for the first message of a connection
	dialTimeout  = 5 * time.Second
	maxHello     = 16 << 10
	maxPassed    = 20_000 // connections at the same time
	maxDatagram  = 2 << 10
	acceptPause  = time.Second // after a connection that could not be accepted
)

// Serve answers until ctx ends, and then ends all connections.
func Serve(ctx context.Context, cfg Config) error {
	s := &server{Config: cfg, own: newHandedOver(cfg.TCP.Addr()), room: make(chan struct{}, maxPassed)}
	web := &http.Server{
		Handler: http.HandlerFunc(s.answer), ReadHeaderTimeout: helloTimeout, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { _ = web.Serve(tls.NewListener(s.own, cfg.TLS.Clone())) }) // it ends with s.own
	all.Go(func() { s.passFeedback() })
	all.Go(func() {
		<-ctx.Done()
		_, _, _ = cfg.TCP.Close(), cfg.UDP.Close(), web.Close()
	})
	err := s.accept(ctx, &all)
	cancel()
	all.Wait()
	return err
}

type server struct {
	Config
	own  *handedOver
	room chan struct{}
}

func (s *server) accept(ctx context.Context, all *sync.WaitGroup) error {
	for {
		c, err := s.TCP.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil: // too many open files, for one: that passes
			s.Log.Warn("no connection was accepted; it is tried again", "err", err)
			if !pause(ctx) {
				return nil
			}
			continue
		}
		select {
		case s.room <- struct{}{}:
		default:
			_ = c.Close()
			continue
		}
		all.Go(func() {
			defer func() { <-s.room }()
			s.serve(ctx, c)
		})
	}
}

// pause waits a moment; false: ctx ended.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(acceptPause):
		return true
	}
}

// serve passes a connection on or keeps it.
func (s *server) serve(ctx context.Context, c net.Conn) {
	name, read, err := peek(c)
	if err != nil {
		_ = c.Close()
		return
	}
	back := &again{Conn: c, before: read}
	if !s.Internal(name) {
		s.own.give(ctx, back)
		return
	}
	defer back.Close()
	active := s.Active()
	if active == "" {
		return
	}
	there, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", active)
	if err != nil {
		s.Log.Debug("a call is not passed on: the active server does not answer", "address", active, "err", err)
		return
	}
	defer there.Close()
	stop := context.AfterFunc(ctx, func() { _, _ = back.Close(), there.Close() })
	defer stop()
	join(back, there)
}

// join passes bytes in both directions until both are through, or one of them fails.
func join(a, b net.Conn) {
	var all sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		all.Go(func() {
			_, err := io.Copy(way[1], way[0])
			half, can := way[1].(interface{ CloseWrite() error })
			if err != nil || !can || half.CloseWrite() != nil {
				_, _ = a.Close(), b.Close()
			}
		})
	}
	all.Wait()
}

// passFeedback passes datagrams on. Their sender is named in them, sealed.
func (s *server) passFeedback() {
	buffer := make([]byte, maxDatagram)
	for {
		n, _, err := s.UDP.ReadFrom(buffer)
		if err != nil {
			return
		}
		if to, err := net.ResolveUDPAddr("udp", s.Active()); err == nil && to.IP != nil {
			_, _ = s.UDP.WriteTo(buffer[:n], to) // what is lost is sent again
		}
	}
}

// answer is for browsers and for whoever watches the server.
func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	active := s.Active()
	where := "no other server is known to be active"
	if active != "" {
		where = "the server at " + active + " is the active one"
	}
	switch {
	case r.URL.Path == "/healthz":
		fmt.Fprintf(w, "standing by: %s\n", where)
	case r.URL.Path == "/readyz" || active == "":
		w.Header().Set("Retry-After", "5")
		http.Error(w, "standing by: "+where, http.StatusServiceUnavailable)
	default:
		http.Redirect(w, r, "https://"+active+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}
}

// again is a connection of which the beginning was read before.
type again struct {
	net.Conn
	before []byte
}

func (c *again) Read(b []byte) (int, error) {
	if len(c.before) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.before)
	c.before = c.before[n:]
	return n, nil
}

// CloseWrite says that nothing more comes.
func (c *again) CloseWrite() error {
	if half, can := c.Conn.(interface{ CloseWrite() error }); can {
		return half.CloseWrite()
	}
	return c.Close()
}

var errPeeked = errors.New("the name is known")

// peek reads the first message of a TLS connection and the name that it asks for.
func peek(c net.Conn) (name string, read []byte, err error) {
	if err := c.SetReadDeadline(time.Now().Add(helloTimeout)); err != nil {
		return "", nil, err
	}
	var kept bytes.Buffer
	known := false
	err = tls.Server(onlyReads{io.TeeReader(io.LimitReader(c, maxHello), &kept)}, &tls.Config{
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			name, known = h.ServerName, true
			return nil, errPeeked
		},
	}).HandshakeContext(context.Background())
	if !known {
		return "", nil, err
	}
	return name, kept.Bytes(), c.SetReadDeadline(time.Time{})
}

// onlyReads is a connection that answers nothing.
type onlyReads struct{ from io.Reader }

func (o onlyReads) Read(b []byte) (int, error)       { return o.from.Read(b) }
func (onlyReads) Write([]byte) (int, error)          { return 0, io.ErrClosedPipe }
func (onlyReads) Close() error                       { return nil }
func (onlyReads) LocalAddr() net.Addr                { return nil }
func (onlyReads) RemoteAddr() net.Addr               { return nil }
func (onlyReads) SetDeadline(time.Time) error        { return nil }
func (onlyReads) SetReadDeadline(t time.Time) error  { return nil }
func (onlyReads) SetWriteDeadline(t time.Time) error { return nil }

// handedOver is a listener for connections that were accepted elsewhere.
type handedOver struct {
	at    net.Addr
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func newHandedOver(at net.Addr) *handedOver {
	return &handedOver{at: at, conns: make(chan net.Conn), ended: make(chan struct{})}
}

func (h *handedOver) give(ctx context.Context, c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.ended:
		_ = c.Close()
	case <-ctx.Done():
		_ = c.Close()
	}
}

func (h *handedOver) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.ended:
		return nil, net.ErrClosed
	}
}

func (h *handedOver) Close() error {
	h.once.Do(func() { close(h.ended) })
	return nil
}

func (h *handedOver) Addr() net.Addr { return h.at }
