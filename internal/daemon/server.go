// Package daemon is a whole server in one value: it opens a home's keys and database, the sockets and
// the web interface, runs them and closes them. It decides nothing about files or members.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/httpapi"
	"github.com/groupcast/groupcast/internal/packs"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/server"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/stored"
	"github.com/groupcast/groupcast/internal/web"
)

// Server is a whole server, wired: what `serve` runs and `demo` runs inside itself.
type Server struct {
	authority *pki.Authority
	server    *server.Server
	http      *httpapi.Server
	setUp     *httpapi.SetUp // of the first start, where the web interface is built in
	endpoint  *sender.Endpoint
	packs     *packs.Keeper // of the bucket with uploads; nil: there is none
	folder    string        // that the server has in the home
	database  database
	member    *member // nil: it shares its database with nobody
	log       *slog.Logger
	closers   []func() error
}

// Open opens a server's home and all that it listens on. An error says why it cannot.
func Open(ctx context.Context, h home.Home, o Options, log *slog.Logger) (s *Server, err error) {
	log, kept := watchTroubles(log)
	s = &Server{folder: h.Dir(home.RoleServer), log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	lock, err := h.Lock(home.RoleServer)
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, lock.Release)
	room, err := disk.Open(s.folder, o.Reserve, log) // first: what is kept of a full disk lets the rest open
	if err != nil {
		return s, err
	}
	db, err := s.openState(ctx, o, room)
	if err != nil {
		return s, err
	}
	ifi, err := s.openEndpoint(o)
	if err != nil {
		return s, err
	}
	sources, err := folders(o.Sources)
	if err != nil {
		return s, err
	}
	seen, err := s.witnesses(h, o)
	if err != nil {
		return s, err
	}
	keeper, err := s.openContent(ctx, o)
	if err != nil {
		return s, err
	}
	machine, _ := os.Hostname() // without one the addresses must do
	s.server, err = server.New(server.Config{
		Home: h.Path(), Dir: s.folder, Witnesses: seen, Store: db, Identity: s.authority,
		Passwords: auth.NewPasswords(time.Now),
		Endpoint:  s.endpoint, Interface: ifi, Sources: sources, Gather: o.Gather, GatherMax: o.GatherMax,
		MaxRate: o.MaxRate / 8, RetrySpace: o.RetrySpace, AuditKeep: o.AuditKeep, Room: room, Keeper: keeper,
		Log: log, Settled: s.ForgetFirstLink, Machine: machine, Certificate: s.authority.LeafFingerprint,
		About: (&about{folder: s.folder, state: s.database, maxRate: o.MaxRate, server: s, kept: kept}).tell,
	})
	if err != nil {
		return s, err
	}
	s.http, err = httpapi.Listen(httpapi.Config{
		Service: s.server, Calls: db, Listen: o.Listen, TLS: s.authority.ServerTLS(), Knows: s.authority.KnowsHost,
		Socket: h.Socket(), Root: web.Handler(), Ready: s.member.ready, Log: log,
	})
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, s.http.Close)
	return s, nil
}

// openState opens the server's keys and its database, which belong together.
func (s *Server) openState(ctx context.Context, o Options, room *disk.Room) (store.Store, error) {
	where, err := databaseOf(s.folder, o.Database)
	if err != nil {
		return nil, err
	}
	whose, err := bind(ctx, s.folder, where, o.NewDatabase)
	if err != nil {
		return nil, err
	}
	s.authority, err = pki.Open(pki.Options{
		Folder: s.folder, Hosts: pki.LocalHosts(o.Names...), CertFile: o.Cert, KeyFile: o.Key,
	})
	if err != nil {
		return nil, err
	}
	if c, is := where.(*cluster); is {
		c.turn = func(ctx context.Context) (*member, error) { return s.turn(ctx, o, c.address) }
	}
	db, err := where.open(ctx, room.Release)
	if err != nil {
		return nil, err
	}
	s.database = where
	if c, is := where.(*cluster); is {
		s.member = c.member
	}
	s.closers = append(s.closers, db.Close)
	return db, whose.tie(ctx, db, s.authority.ID())
}

// openContent opens the bucket that the bytes of uploads go to; nil: there is none.
func (s *Server) openContent(ctx context.Context, o Options) (stored.Keeper, error) {
	if o.Content == "" {
		return nil, nil
	}
	k, err := packs.Open(ctx, packs.Options{
		Address: o.Content, Dir: s.folder, Server: s.authority.ID().String(), Log: s.log,
	})
	if err != nil {
		return nil, err
	}
	s.packs = k
	s.closers = append(s.closers, k.Close)
	return k, nil
}

// openEndpoint opens what data leaves by and says the interface's name.
func (s *Server) openEndpoint(o Options) (string, error) {
	at, err := listenAt(o.Listen)
	if err != nil {
		return "", err
	}
	if o.Interface == "" && !at.Addr().IsUnspecified() {
		o.Interface = at.Addr().String()
	}
	s.endpoint, err = sender.OpenEndpoint(sender.EndpointConfig{
		Interface: o.Interface, Feedback: at, MaxRate: o.MaxRate / 8, TTL: o.TTL,
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		return "", groupcast.Errorf(groupcast.EConflict, "another program already uses UDP port %d", at.Port()).
			WithHint("stop it (`ss -lunp 'sport = :%d'` names it) or choose another port with `--listen`", at.Port()).Wrap(err)
	}
	if err != nil {
		return "", groupcast.Errorf(groupcast.EInvalid, "cannot open the feedback port at %s", at).
			WithHint("is it an address of this machine? `--listen 0.0.0.0:7440` listens on all").Wrap(err)
	}
	s.closers = append(s.closers, s.endpoint.Close)
	ifi, err := s.endpoint.Out()
	if err == nil {
		return ifi, nil
	}
	if o.Interface != "" && !namesCard(o.Interface) {
		return "", groupcast.Errorf(groupcast.EInvalid, "there is no network interface %s to send from", o.Interface).
			WithHint("name another with --interface; `groupcast doctor` lists them").Wrap(err)
	}
	s.log.Warn("there is no network interface to send from at present; it is looked for with each transfer",
		"err", err)
	return o.Interface, nil
}

// namesCard says that there is a card of this name, whether it has an address yet or not.
func namesCard(name string) bool {
	_, err := net.InterfaceByName(name)
	return err == nil
}

// Run serves until ctx ends or a part fails. With each signal of again it reads the certificate for
// browsers again.
func (s *Server) Run(ctx context.Context, again <-chan os.Signal) error {
	s.warnOfSite()
	if err := s.server.Resume(ctx); err != nil {
		return err
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-again:
				s.reload()
			}
		}
	})
	if s.member != nil {
		all.Go(func() error { return s.member.replaced(ctx) })
	}
	all.Go(func() error { return s.endpoint.Run(ctx) })
	all.Go(func() error { return s.server.Run(ctx) })
	all.Go(func() error { return s.http.Serve(ctx) })
	if s.packs != nil {
		all.Go(func() error { return s.packs.Run(ctx) })
	}
	if s.setUp != nil {
		all.Go(func() error { return s.setUp.Serve(ctx) })
	}
	err := all.Wait()
	if errors.Is(err, context.Canceled) {
		return nil // it was asked to stop
	}
	return err
}

// reload takes a renewed certificate; one that cannot be used leaves the one before.
func (s *Server) reload() {
	if err := s.authority.Reload(); err != nil {
		s.log.Error("the certificate is not read anew; the one before stays", "err", err)
		return
	}
	if !s.authority.HasSite() {
		s.log.Info("SIGHUP: without --cert there is nothing to read anew")
		return
	}
	s.log.Info("read anew on SIGHUP: --cert and --key")
	s.warnOfSite()
}

// warnOfSite says that browsers will refuse the certificate. Receivers do not look at it.
func (s *Server) warnOfSite() {
	if text := s.authority.SiteWarning(); text != "" {
		s.log.Warn(text)
	}
}

// Close gives back in the opposite order what was opened.
func (s *Server) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// Name is what the server is called.
func (s *Server) Name(ctx context.Context) (string, error) { return s.server.Name(ctx) }

// ID is the server's fingerprint, by which receivers know it.
func (s *Server) ID() protocol.ServerID { return s.authority.ID() }

// CertificateFingerprint is what a browser shows of the server's certificate.
func (s *Server) CertificateFingerprint() protocol.Digest { return s.authority.LeafFingerprint() }

// loopback is how this machine calls itself.
func loopback() string {
	for _, ip := range pki.LocalHosts().Addrs {
		if ip.Is4() && ip.IsLoopback() {
			return ip.String()
		}
	}
	return "::1"
}

// Addresses are the URLs under which the server can be reached.
func (s *Server) Addresses() []string {
	at := s.http.Addr().(*net.TCPAddr)
	if !at.IP.IsUnspecified() {
		return []string{fmt.Sprintf("https://%s", at)}
	}
	var out []string
	for _, ip := range pki.LocalHosts().Addrs {
		if ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.Is6() && at.IP.To4() != nil {
			continue
		}
		out = append(out, "https://"+net.JoinHostPort(ip.String(), fmt.Sprint(at.Port)))
	}
	if len(out) == 0 {
		out = []string{"https://" + net.JoinHostPort(loopback(), fmt.Sprint(at.Port))}
	}
	return out
}
