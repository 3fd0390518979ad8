package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/httpapi"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/server"
	"github.com/groupcast/groupcast/internal/session"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/units"
	"github.com/groupcast/groupcast/internal/web"
)

// house is a whole server, wired: what `serve` runs and `demo` runs inside itself.
type house struct {
	authority *pki.Authority
	server    *server.Server
	http      *httpapi.Server
	setUp     *httpapi.SetUp // of the first start, where the web interface is built in
	station   *session.Station
	maxRate   uint64 // bytes a second; 0: no limit
	log       *slog.Logger
	closers   []func() error
}

// openHouse opens a server's home and its doors. An error says what is in the way.
func openHouse(ctx context.Context, h home.Home, o serveOptions, log *slog.Logger) (s *house, err error) {
	s = &house{log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	lock, err := h.Lock(home.RoleServer)
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, lock.Release)
	dir := h.Dir(home.RoleServer)
	room, err := disk.Open(dir, o.reserveBytes, log) // first: what is kept of a full disk lets the rest open
	if err != nil {
		return s, err
	}
	whose, err := bind(ctx, dir, o.newDatabase)
	if err != nil {
		return s, err
	}
	s.authority, err = pki.Open(pki.Options{Folder: dir, Hosts: pki.LocalHosts(o.names...), CertFile: o.cert, KeyFile: o.key})
	if err != nil {
		return s, err
	}
	db, err := sqlite.OpenWith(ctx, filepath.Join(dir, databaseFile), room.Release)
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, db.Close)
	if err := whose.tie(ctx, db, s.authority.ID()); err != nil {
		return s, err
	}
	ifi, err := s.openStation(o, log)
	if err != nil {
		return s, err
	}
	sources, err := folders(o.sources)
	if err != nil {
		return s, err
	}
	s.server, err = server.New(server.Config{
		Home: h.Path(), Dir: dir, Store: db, Identity: s.authority, Passwords: auth.NewPasswords(time.Now), Station: s.station,
		Interface: ifi, Sources: sources, Gather: o.gather, GatherMax: o.gatherMax, MaxRate: s.maxRate, RetrySpace: o.retryBytes, AuditKeep: o.auditAge, Room: room, Log: log,
		Settled: func() error { return forgetFirstLink(dir) },
	})
	if err != nil {
		return s, err
	}
	s.http, err = httpapi.Listen(httpapi.Config{
		Service: s.server, Listen: o.listen, TLS: s.authority.ServerTLS(), Knows: s.authority.KnowsHost, Socket: h.Socket(), Root: web.Handler(), Log: log,
	})
	return s, err
}

// openStation opens what data leaves by and says the interface's name.
func (s *house) openStation(o serveOptions, log *slog.Logger) (string, error) {
	at, err := listenAt(o.listen)
	if err != nil {
		return "", err
	}
	bits, err := units.ParseRate(o.maxRate)
	if err != nil {
		return "", err
	}
	if o.ifi == "" && !at.Addr().IsUnspecified() {
		o.ifi = at.Addr().String()
	}
	s.maxRate = bits / 8
	s.station, err = session.OpenStation(session.StationConfig{Interface: o.ifi, Feedback: at, MaxRate: s.maxRate, TTL: o.ttl, Log: log})
	if errors.Is(err, syscall.EADDRINUSE) {
		return "", groupcast.Errorf(groupcast.EConflict, "another program already uses UDP port %d", at.Port()).
			WithHint("stop it (`ss -lunp 'sport = :%d'` names it) or choose another port with `--listen`", at.Port()).Wrap(err)
	}
	if err != nil {
		return "", groupcast.Errorf(groupcast.EInvalid, "cannot open the feedback port at %s", at).
			WithHint("is it an address of this machine? `--listen 0.0.0.0:7440` listens on all").Wrap(err)
	}
	s.closers = append(s.closers, s.station.Close)
	ifi, err := s.station.Out()
	if err == nil {
		return ifi, nil
	}
	if o.ifi != "" && !namesCard(o.ifi) {
		return "", groupcast.Errorf(groupcast.EInvalid, "there is no network interface %s to send from", o.ifi).
			WithHint("name another with --interface; `groupcast doctor` lists them").Wrap(err)
	}
	log.Warn("there is no network interface to send from at present; it is looked for with each transfer", slog.Any("err", err))
	return o.ifi, nil
}

// namesCard says that there is a card of this name, whether it has an address yet or not.
func namesCard(name string) bool {
	_, err := net.InterfaceByName(name)
	return err == nil
}

// openSetUp opens the plain page on loopback that makes the first administrator.
func (s *house) openSetUp(log *slog.Logger) error {
	pages := web.Handler()
	if pages == nil {
		return nil
	}
	var err error
	s.setUp, err = httpapi.ListenSetUp(httpapi.SetUpConfig{Service: s.server, Root: pages, SignIn: s.addresses()[0], Log: log})
	if err == nil {
		s.closers = append(s.closers, func() error {
			_ = s.setUp.Close() // it is closed already if it was served
			return nil
		})
	}
	return err
}

// run serves until ctx ends or a part fails. With each signal of again it reads the certificate for
// browsers anew.
func (s *house) run(ctx context.Context, again <-chan os.Signal) error {
	s.warnOfSite()
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
	all.Go(func() error { return s.station.Run(ctx) })
	all.Go(func() error { return s.server.Run(ctx) })
	all.Go(func() error { return s.http.Serve(ctx) })
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
func (s *house) reload() {
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
func (s *house) warnOfSite() {
	if text := s.authority.SiteWarning(); text != "" {
		s.log.Warn(text)
	}
}

// close gives back in the opposite order what was opened.
func (s *house) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// loopback is how this machine calls itself.
func loopback() string {
	for _, ip := range pki.LocalHosts().Addrs {
		if ip.Is4() && ip.IsLoopback() {
			return ip.String()
		}
	}
	return "::1"
}

// addresses are the URLs under which the server can be reached.
func (s *house) addresses() []string {
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
