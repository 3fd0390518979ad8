package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/door"
	"github.com/groupcast/groupcast/internal/keyed"
	"github.com/groupcast/groupcast/internal/listen"
	"github.com/groupcast/groupcast/internal/ready"
)

// Config says what to serve and where.
type Config struct {
	Service groupcast.Service
	Calls   keyed.Store            // remembers calls with an idempotency key
	Listen  string                 // HTTPS, as IP:port; ":0" picks a port
	TLS     *tls.Config            // the server's certificates, chosen by name
	Knows   func(host string) bool // is it a name or address of the certificates? others are misdirected (W4)
	Socket  string                 // path of the Unix socket; empty: none
	Root    http.Handler           // what "/" shows; nil: a page in words
	Ready   func() error           // why the server answers no calls at present; nil: it always does
	Log     *slog.Logger
	Limits  door.Limits // zero: door.Default
}

// Times and sizes of connections (security.md C6).
const (
	headerTimeout = 5 * time.Second // of the handshake too
	idleTimeout   = 2 * time.Minute
	writeStall    = 30 * time.Second // an answer's next piece has so long to get out …
	writeLeast    = 1 << 10          // … and a large one as many seconds as it has times so many bytes …
	writeMost     = 2 * time.Minute  // … within bounds
	maxHeader     = 16 << 10
	maxStreams    = 100
	drainTime     = 5 * time.Second // for running requests at the end
)

// Server answers on the HTTPS port and on the Unix socket.
type Server struct {
	log     *slog.Logger
	https   *http.Server
	local   *http.Server // nil without a socket
	port    net.Listener
	socket  net.Listener
	closing context.CancelFunc // ends the streams
}

// Listen opens the port and the socket; Serve answers on them. An error says why one cannot be opened.
func Listen(cfg Config) (*Server, error) {
	if cfg.Limits == (door.Limits{}) {
		cfg.Limits = door.Default
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	port, err := listen.Port(cfg.Listen)
	if err != nil {
		return nil, err
	}
	closing, end := context.WithCancel(context.Background())
	s := &Server{log: cfg.Log, port: door.New(port, cfg.Limits), closing: end}
	if cfg.Socket != "" {
		if s.socket, err = listen.Socket(cfg.Socket); err != nil {
			return nil, errors.Join(err, port.Close())
		}
	}
	handler := newHandler(cfg, closing)
	s.https = s.httpServer(dressed(cfg.Log, measured(ownHosts(cfg.Knows, handler))), door.WithConn)
	s.https.TLSConfig = cfg.TLS.Clone()
	s.local = s.httpServer(dressed(cfg.Log, handler), func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, keyLocal, true)
	})
	return s, nil
}

// Serve listens and serves until ctx ends.
func Serve(ctx context.Context, cfg Config) error {
	s, err := Listen(cfg)
	if err != nil {
		return err
	}
	return s.Serve(ctx)
}

// Addr is where the HTTPS port is, for ":0".
func (s *Server) Addr() net.Addr { return s.port.Addr() }

// Serve answers until ctx ends, then closes the event streams and lets running requests
// finish for a moment.
func (s *Server) Serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return served(s.https.ServeTLS(s.port, "", ""), "the HTTPS port") })
	if s.socket != nil {
		g.Go(func() error { return served(s.local.Serve(s.socket), "the local socket") })
	}
	g.Go(func() error {
		<-ctx.Done()
		s.stop()
		return nil
	})
	return g.Wait()
}

func served(err error, what string) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", what, err)
}

// stop ends the streams at once and everything else within drainTime. It outlives the
// context that stopped it.
func (s *Server) stop() {
	s.closing()
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	for _, srv := range []*http.Server{s.https, s.local} {
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close() // it took longer than drainTime: clients see their requests cut off
		}
	}
}

// Close closes what Listen opened if Serve was not called. After Serve it does nothing.
func (s *Server) Close() error {
	var errs []error
	for _, l := range []net.Listener{s.port, s.socket} {
		if l == nil {
			continue
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Server) httpServer(h http.Handler, conn func(context.Context, net.Conn) context.Context) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       conn,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// newHandler serves the API and the web interface, on the port and on the socket.
func newHandler(cfg Config, closing context.Context) http.Handler {
	mux := http.NewServeMux()
	newAPI(cfg, mux, closing)
	root := cfg.Root
	if root == nil {
		root = http.HandlerFunc(plainPage)
	}
	mux.Handle("/", root)
	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(crossOrigin))
	return csrf.Handler(ready.Gate(prefix, cfg.Ready, refuse, mux))
}

func refuse(w http.ResponseWriter, _ *http.Request, err error) {
	known := groupcast.Errorf(groupcast.EUnavailable, "the server does no work at present")
	_ = errors.As(err, &known) // else in these words
	writeProblem(w, problem(known))
}

// dressed adds the access log and the security headers.
func dressed(log *slog.Logger, h http.Handler) http.Handler {
	return accessLog(log, securityHeaders(h))
}

// measured limits the rate of requests on connections without a login.
func measured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !door.MayAsk(r.Context()) {
			w.Header().Set("Connection", "close")
			writeProblem(w,
				problem(groupcast.Errorf(groupcast.EExhausted, "too many requests without a login come from this address").
					WithHint("try again in a few seconds")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func crossOrigin(w http.ResponseWriter, _ *http.Request) {
	writeProblem(w, problem(groupcast.Errorf(groupcast.EForbidden, "the request comes from another web site").
		WithHint("use the server's own pages")))
}
