package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/daemon"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// announce prints what one needs to know of a server that has just started.
func (a *app) announce(ctx context.Context, h home.Home, s *daemon.Server, reset bool) error {
	called, err := s.Name(ctx)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintLine(map[string]any{
			"name": called, "fingerprint": s.ID(), "certificate": s.CertificateFingerprint(), "addresses": s.Addresses(),
			"data": h.Dir(home.RoleServer),
		})
	}
	fmt.Fprintf(a.Out, "groupcast %s, server %s\n\n", groupcast.Version, ui.Name(called))
	fmt.Fprintf(a.Out, "Address:     %s\n", strings.Join(s.Addresses(), "\n             "))
	fmt.Fprintf(a.Out, "Fingerprint: %s\n", s.ID())
	fmt.Fprintf(a.Out, "             compare its beginning, as pages and `groupcast login` show it: %s\n",
		pki.Compared(s.ID()))
	fmt.Fprintf(a.Out, "Certificate: %s  (what a browser shows)\n", s.CertificateFingerprint())
	fmt.Fprintf(a.Out, "Data:        %s\n", h.Dir(home.RoleServer))
	links, offered, err := s.OfferFirstAdmin(ctx, reset)
	if err != nil || !offered {
		return err
	}
	return a.firstAdmin(s, links)
}

// here is what one who runs the server can do without a browser.
const here = `Or without a browser, in a second terminal on this machine, where you are an administrator already:
  groupcast group create lab-a
  groupcast user add NAME [--role admin]

`

// firstAdmin shows the one-time links on a terminal; anywhere else, where a journal would keep them, they are written
// into the home (rule C3).
func (a *app) firstAdmin(s *daemon.Server, links daemon.FirstLinks) error {
	fmt.Fprint(a.Out, "\nNext: make the first administrator. ")
	if links.Here == "" {
		fmt.Fprintf(a.Out, "This program was built without the web interface.\n\n%s", here)
		return nil
	}
	if terminal.IsTerminal(a.Out) {
		fmt.Fprintf(a.Out, "%s\n%s", linksText(links), here)
		return nil
	}
	path, err := s.WriteFirstLink(linksText(links))
	switch {
	case disk.Trouble(err) != nil:
		fmt.Fprintf(a.Out, "The one-time link for a browser could not be written: %s; start the server again when there is "+
			"room.\n\n%s", disk.Trouble(err).Message, here)
		return nil
	case err != nil:
		return err
	}
	fmt.Fprintf(a.Out, "The link for a browser (once, within 15 minutes) is in\n  %s\n\n%s", path, here)
	return nil
}

func linksText(links daemon.FirstLinks) string {
	return fmt.Sprintf(`Open this in a browser on this machine (once, within 15 minutes):
  %s
In a browser elsewhere (it warns: go on only if its certificate dialog shows the Certificate above):
  %s
`, links.Here, links.Elsewhere)
}
