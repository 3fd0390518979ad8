package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/config"
	"github.com/groupcast/groupcast/internal/httpapi"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/server"
	"github.com/groupcast/groupcast/internal/session"
	"github.com/groupcast/groupcast/internal/store/sqlite"

	"time"
)

type serveFlags struct {
	listen, iface, maxRate, cert, key string
	sources, names                    []string
	ttl                               int
	resetAdmin                        bool
	gather, gatherMax                 time.Duration
}

func (a *app) serve() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use: "serve", Short: "Start the server", Args: cobra.NoArgs,
		Long: `Starts the server in the foreground. The first start makes its CA and database. Whoever runs
it is administrator on this machine: use the other commands in a second terminal. From other
machines, administrators log in; the first one is made here (` + "`groupcast user add NAME --role admin`" + `)
or by the one-time link that the first start prints.`,
		Example: "  groupcast serve\n  groupcast serve --listen 10.0.0.1:7440 --interface eth1 --max-rate 800M",
		RunE:    func(c *cobra.Command, _ []string) error { return a.runServer(c.Context(), f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.listen, "listen", "0.0.0.0:7440", "address for the API (TCP) and for feedback (UDP)")
	fl.StringVar(&f.iface, "interface", "", "network card for multicast (default: the one that routes to the group)")
	fl.StringVar(&f.maxRate, "max-rate", "", "at most this fast, all transfers of a card together: 800M (bits a second)")
	fl.IntVar(&f.ttl, "ttl", 1, "how many routers multicast may cross, plus one")
	fl.StringVar(&f.cert, "cert", "", "certificate that browsers see (PEM); receivers never accept it")
	fl.StringVar(&f.key, "key", "", "its key (PEM)")
	fl.StringSliceVar(&f.names, "name", nil, "further DNS names or addresses of this server, for browsers")
	fl.StringSliceVar(&f.sources, "source", nil, "folder whose files administrators may send from afar by path")
	fl.BoolVar(&f.resetAdmin, "reset-admin", false, "print a one-time link for a new administrator although there is one")
	fl.DurationVar(&f.gather, "gather", 0, "how long a gather window waits for the next device (default 10s)")
	fl.DurationVar(&f.gatherMax, "gather-max", 0, "and at most (default 60s)")
	return c
}

func (a *app) runServer(ctx context.Context, f serveFlags) error {
	home, err := a.openHome()
	if err != nil {
		return err
	}
	lock, err := home.Lock(config.RoleServer)
	if err != nil {
		return err
	}
	defer lock.Release() //nolint:errcheck // the process ends
	r, err := a.assemble(ctx, home, f)
	if err != nil {
		return err
	}
	defer r.close()
	if err := a.greet(ctx, home, r, f); err != nil {
		return err
	}
	err = r.run(ctx)
	fmt.Fprintln(a.err, "groupcast: stopped; open transfers go on at the next start")
	return err
}

// running is a server with everything it stands on.
type running struct {
	authority *pki.Authority
	store     *sqlite.Store
	station   *session.Station
	service   *server.Server
	door      *httpapi.Server
}

// assemble wires the server; what was opened is closed again if a later piece fails.
func (a *app) assemble(ctx context.Context, home config.Home, f serveFlags) (r *running, err error) {
	dir, err := home.Folder(config.RoleServer)
	if err != nil {
		return nil, err
	}
	listen, err := listenAddr(f.listen)
	if err != nil {
		return nil, err
	}
	var most uint64
	if f.maxRate != "" {
		if most, err = config.ParseRate(f.maxRate); err != nil {
			return nil, err
		}
	}
	log := a.logger()
	r = &running{}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if r.store, err = sqlite.Open(ctx, filepath.Join(dir, "db.sqlite")); err != nil {
		return nil, err
	}
	if r.authority, err = pki.Open(pki.Options{Folder: dir, Hosts: pki.LocalHosts(f.names...), CertFile: f.cert, KeyFile: f.key}); err != nil {
		return nil, err
	}
	if r.station, err = openStation(session.StationConfig{Interface: f.iface, Feedback: listen, MaxRate: most / 8, TTL: f.ttl, Log: log}); err != nil {
		return nil, err
	}
	r.service, err = server.New(server.Config{
		Home: home.Path(), Dir: dir, Store: r.store, Identity: r.authority, Passwords: auth.NewPasswords(time.Now), Station: r.station,
		Interface: f.iface, Sources: f.sources, Gather: f.gather, GatherMax: f.gatherMax, Log: log,
	})
	if err != nil {
		return nil, err
	}
	r.door, err = httpapi.Listen(httpapi.Config{
		Service: r.service, Listen: listen.String(), TLS: r.authority.ServerTLS(), Knows: r.authority.KnowsHost, Socket: home.Socket(), Log: log,
	})
	return r, err
}

// openStation opens the feedback port; its being taken has a cause that can be named.
func openStation(cfg session.StationConfig) (*session.Station, error) {
	s, err := session.OpenStation(cfg)
	if err != nil && portTaken(err) {
		return nil, groupcast.Errorf(groupcast.EConflict, "UDP port %d is already in use", cfg.Feedback.Port()).
			WithHint("another `groupcast serve` may run here; stop it, or choose another port: --listen :PORT").Wrap(err)
	}
	return s, err
}

func portTaken(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && strings.Contains(err.Error(), "address already in use") || strings.Contains(fmt.Sprint(err), "Only one usage")
}

func listenAddr(text string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return netip.AddrPort{}, groupcast.Errorf(groupcast.EInvalid, "--listen %s is no address", text).WithHint("write IP:PORT, as in --listen 0.0.0.0:7440").Wrap(err)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	addr, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return addr, groupcast.Errorf(groupcast.EInvalid, "--listen %s is no address", text).WithHint("write IP:PORT, as in --listen 0.0.0.0:7440").Wrap(err)
	}
	return addr, nil
}

func (r *running) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.station.Run(ctx) })
	g.Go(func() error { return r.service.Run(ctx) })
	g.Go(func() error { return r.door.Serve(ctx) })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (r *running) close() {
	if r.station != nil {
		_ = r.station.Close() // the process ends
	}
	if r.store != nil {
		_ = r.store.Close()
	}
}

// greet prints what somebody who has just started a server needs to know.
func (a *app) greet(ctx context.Context, home config.Home, r *running, f serveFlags) error {
	id := r.authority.ID()
	fmt.Fprintf(a.out, "groupcast %s serves on https://%s, data in %s\n", groupcast.Version, r.door.Addr(), home.Path())
	fmt.Fprintf(a.out, "Fingerprint: %s\n", id)
	fmt.Fprintf(a.out, "       also: %s   (what `groupcast login` asks to compare)\n", pki.FormatFingerprint(id))
	fmt.Fprintf(a.out, "Browser's certificate dialog (SHA-256): %s\n", r.authority.LeafFingerprint())
	if status, err := r.service.ServerStatus(ctx, groupcast.Principal{Local: true}); err == nil && status.Restored {
		fmt.Fprintln(a.out, "Restored from a backup: nothing is sent until you have looked at the memberships and run `groupcast restore --confirm`")
	}
	if f.resetAdmin && !isTerminal(a.out) {
		return groupcast.Errorf(groupcast.EInvalid, "--reset-admin works from a terminal only").WithHint("so that no unit file keeps it")
	}
	return a.offerAdmin(ctx, home, r, f)
}

// offerAdmin shows the one-time link of the first start: on a terminal, else in a private
// file, so that no journal keeps it (security.md C3).
func (a *app) offerAdmin(ctx context.Context, home config.Home, r *running, f serveFlags) error {
	token, err := r.service.OfferFirstAdmin(ctx, f.resetAdmin)
	if err != nil || token == "" {
		return err
	}
	_, port, _ := net.SplitHostPort(r.door.Addr().String())
	link := fmt.Sprintf("https://localhost:%s/#/first/%s", port, token)
	if isTerminal(a.out) {
		fmt.Fprintf(a.out, "First administrator: %s   (works once, for 15 minutes)\n", link)
		fmt.Fprintln(a.out, "   or, in another terminal here: groupcast user add NAME --role admin")
		return nil
	}
	path := filepath.Join(home.Dir(config.RoleServer), "first-admin-link")
	if err := os.WriteFile(path, []byte(link+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the one-time link: %w", err)
	}
	fmt.Fprintf(a.out, "First administrator: the one-time link is in %s; or: groupcast user add NAME --role admin\n", path)
	return nil
}
