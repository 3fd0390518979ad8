package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/units"
)

// serveOptions are the flags of `serve`.
type serveOptions struct {
	listen, ifi, maxRate string
	cert, key            string
	sources, names       []string
	resetAdmin           bool
	newDatabase          bool
	ttl                  int
	gather, gatherMax    time.Duration
	retrySpace           string
	retryBytes           uint64
	reserve              string
	reserveBytes         int64
	auditKeep            string
	auditAge             time.Duration
}

func (a *app) serve() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
		Long: `Runs until stopped. The first start makes the server's keys and its database. There is no
default password: whoever runs the server is its administrator on this machine, without a
login; the first start also gives a one-time link to make an administrator who logs in.`,
		Example: "  groupcast serve\n  groupcast serve --listen 10.0.0.1:7440 --interface eth1 --max-rate 800M\n  groupcast serve --source /srv/images     # administrators elsewhere may send what lies there",
		RunE:    func(c *cobra.Command, _ []string) error { return a.runServe(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "0.0.0.0:7440", "address for HTTPS (TCP) and feedback (UDP); 0.0.0.0 stands for all of the machine, of IPv6 too")
	f.StringVar(&o.ifi, "interface", "", "network interface to send from, by name or address (default: that of --listen, else the route to the group)")
	f.StringVar(&o.maxRate, "max-rate", "auto", "bits a second for all transfers together: 800M")
	f.StringVar(&o.cert, "cert", "", "certificate (PEM) for browsers; clients go by the fingerprint")
	f.StringVar(&o.key, "key", "", "its key (PEM)")
	f.StringArrayVar(&o.sources, "source", nil, "folder whose files administrators may send over the network; repeatable")
	f.StringArrayVar(&o.names, "name", nil, "name or address by which browsers reach this server; repeatable")
	f.BoolVar(&o.resetAdmin, "reset-admin", false, "give a new one-time link for an administrator (from a terminal only)")
	f.BoolVar(&o.newDatabase, "new-database", false, "begin with an empty database beside the server's keys: the one that was here is lost and there is no backup")
	f.IntVar(&o.ttl, "ttl", 1, "how many routers multicast may cross, plus one")
	f.DurationVar(&o.gather, "gather", 10*time.Second, "wait so long for further devices before pending files go out")
	f.StringVar(&o.retrySpace, "retry-space", "20GiB", "disk that uploads may take after their transfer ended badly, so that it can be retried")
	f.StringVar(&o.reserve, "reserve", "", "space that uploads and copies leave free on the disk (default: the larger of 1 GiB and 5 %, at most a tenth of the disk)")
	f.StringVar(&o.auditKeep, "audit-keep", "730d", "how long the audit log stays in the database; older entries go to files in the folder audit")
	f.DurationVar(&o.gatherMax, "gather-max", time.Minute, "and at most so long in all")
	return c
}

func (a *app) runServe(ctx context.Context, o serveOptions) (err error) {
	if o.resetAdmin && !isTerminal(a.out) {
		return groupcast.Errorf(groupcast.EForbidden, "--reset-admin works from a terminal only").WithHint("start the server by hand once: groupcast serve --reset-admin")
	}
	again, end := a.stayUp()
	defer end()
	if o.retryBytes, err = units.ParseSize(o.retrySpace); err != nil {
		return err
	}
	if o.auditAge, err = units.ParseDuration(o.auditKeep); err != nil {
		return err
	}
	if o.reserve != "" {
		n, err := units.ParseSize(o.reserve)
		if err != nil {
			return err
		}
		if o.reserveBytes = int64(n); n == 0 {
			o.reserveBytes = -1 // none
		}
	}
	h, err := a.openHome()
	if err != nil {
		return err
	}
	defer func() { err = disk.InWords(err) }()
	s, err := openHouse(ctx, h, o, a.logger())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := a.announce(ctx, h, s, o); err != nil {
		return err
	}
	return s.run(ctx, again)
}

// announce prints what one needs to know of a server that has just started.
func (a *app) announce(ctx context.Context, h home.Home, s *house, o serveOptions) error {
	id := s.authority.ID()
	fmt.Fprintf(a.out, "Fingerprint: %s  (`groupcast login` asks for its first %d characters)\n", id, pki.TypedHex)
	fmt.Fprintf(a.out, "Certificate: %s  (what a browser shows)\n", s.authority.LeafFingerprint())
	fmt.Fprintf(a.out, "Address:     %s\nData:        %s\n", strings.Join(s.addresses(), ", "), h.Dir(home.RoleServer))
	// One of an earlier start is worth nothing, whether it was used or not.
	if err := forgetFirstLink(h.Dir(home.RoleServer)); err != nil {
		return err
	}
	token, err := s.server.OfferFirstAdmin(ctx, o.resetAdmin)
	if err != nil {
		return err
	}
	if token == "" {
		return nil
	}
	if err := s.openSetUp(a.logger()); err != nil {
		return err
	}
	return a.firstAdmin(h, firstLinks(s, token))
}

// firstLinks are the one-time links, for a browser on this machine first; none where the web
// interface is not built in.
func firstLinks(s *house, token string) string {
	if s.setUp == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "From a browser on this machine, once, within 15 minutes:\n  %s\n", s.setUp.Link(token))
	fmt.Fprintf(&b, "From a browser elsewhere (it warns: go on only if its certificate dialog shows the Certificate above):\n  %s/#/first/%s\n",
		s.addresses()[0], token)
	return b.String()
}

// firstAdmin shows the one-time links on a terminal; anywhere else, where a journal would keep
// them, they are written into the home (security.md C3).
func (a *app) firstAdmin(h home.Home, links string) error {
	fmt.Fprint(a.out, "\nThere is no administrator who logs in yet. On this machine you are one already:\n  groupcast group create lab-a\n  groupcast user add NAME [--role admin]\n")
	if links == "" {
		return nil
	}
	if isTerminal(a.out) {
		fmt.Fprintf(a.out, "%s\n", links)
		return nil
	}
	path := filepath.Join(h.Dir(home.RoleServer), firstLinkFile)
	if err := durable.WriteFile(path, []byte(links)); disk.Trouble(err) != nil {
		fmt.Fprintf(a.out, "The one-time link for a browser could not be written: %s; start the server again when there is room.\n\n", disk.Trouble(err).Message)
		return nil
	} else if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "From a browser, once, within 15 minutes: the link in\n  %s\n\n", path)
	return nil
}

// firstLinkFile holds the one-time link until somebody can administer.
const firstLinkFile = "first-admin-link"

func forgetFirstLink(dir string) error {
	err := os.Remove(filepath.Join(dir, firstLinkFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove a one-time link that is of no use any more: %w", err)
	}
	return durable.SyncFolder(dir)
}

// listenAt splits --listen into its address and port.
func listenAt(text string) (netip.AddrPort, error) {
	bad := func(err error) error {
		return groupcast.Errorf(groupcast.EInvalid, "--listen %q is not an address of this machine with a port", text).
			WithHint("write it as IP:PORT, for example 0.0.0.0:7440").Wrap(err)
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return netip.AddrPort{}, bad(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, bad(err)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, bad(err)
	}
	return netip.AddrPortFrom(addr, uint16(n)), nil
}

// folders makes --source folders absolute and checks them.
func folders(paths []string) ([]string, error) {
	out := make([]string, len(paths))
	for i, p := range paths {
		full, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("find --source %s: %w", p, err)
		}
		if info, err := os.Stat(full); err != nil || !info.IsDir() {
			return nil, groupcast.Errorf(groupcast.EInvalid, "--source %s is not a folder", p).WithHint("check the spelling").Wrap(err)
		}
		out[i] = full
	}
	return out, nil
}
