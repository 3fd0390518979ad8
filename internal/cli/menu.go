package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/device"
	"github.com/groupcast/groupcast/internal/menu"
	"github.com/groupcast/groupcast/internal/menu/tui"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
)

// greetPatience is how long the menu waits to learn who it works for; progressEvery is how
// often it shows how far what is received has come.
const (
	greetPatience = 10 * time.Second
	progressEvery = 250 * time.Millisecond
)

func (a *app) menu() *cobra.Command {
	var plain bool
	c := &cobra.Command{
		Use: "menu", Short: "Everything by numbers: the administrator's menu, the receiver's menu", Args: cobra.NoArgs,
		Long: `Shows a numbered menu with forms: the administrator's on the server's machine (or for a user who
is one), the receiver's where somebody is logged in. Who is both can switch.
Without a terminal it asks in plain lines and reads one answer a line until the input ends.`,
		Example: "  groupcast menu\n  groupcast menu --plain\n  printf '5\\n14\\n' | groupcast menu",
		RunE:    func(c *cobra.Command, _ []string) error { return a.runMenu(c.Context(), plain) },
	}
	c.Flags().BoolVar(&plain, "plain", false, "numbered prompts instead of screens")
	return c
}

func (a *app) runMenu(ctx context.Context, plain bool) error {
	if a.JSON {
		return shell.Misused(errNoJSON)
	}
	quiet := *a // nothing but the menu writes on its screen
	if plain = plain || !terminal.IsTerminal(a.In) || !terminal.IsTerminal(a.Out) || os.Getenv("TERM") == "dumb"; !plain {
		quiet.Err = io.Discard
	}
	d, err := quiet.ownMenu(ctx)
	if err != nil {
		return err
	}
	defer closeMenu(d)
	if !plain {
		return tui.Show(ctx, d, a.In, terminal.Unchecked(a.Out))
	}
	var secret func() (string, error)
	if terminal.IsTerminal(a.In) {
		secret = func() (string, error) {
			p, err := a.Password(false, "(not shown)")
			return string(p), err
		}
	}
	return menu.Prompts(ctx, d, a.In, a.Out, secret)
}

// ownMenu finds out which menus this machine has.
func (a *app) ownMenu(ctx context.Context) (*menu.Menu, error) {
	ctx, cancel := context.WithTimeout(ctx, greetPatience)
	defer cancel()
	d := &menu.Menu{Whose: map[menu.Role]string{}, Dir: device.DefaultDir(), Receive: a.receiveInMenu}
	home, err := a.machine().OpenHome()
	if err != nil {
		return nil, err
	}
	d.Uploads = home
	first, err := a.machine().Admin()
	if err != nil {
		return nil, err
	}
	var unheard error
	if first.IsLocal() {
		if me, err := first.Me(ctx); err == nil {
			d.Admin, d.Whose[menu.Administrator] = first, "the server "+me.Server+" on this machine"
		} else {
			unheard = err
			first.Close()
		}
	} else {
		first.Close()
	}
	if err := a.greet(ctx, d); err != nil && d.Admin == nil {
		if unheard != nil && groupcast.ErrorCode(err) == groupcast.ENotFound {
			return nil, unheard
		}
		return nil, err
	}
	return d, nil
}

// greet adds the menus of who is logged in on this machine.
func (a *app) greet(ctx context.Context, d *menu.Menu) error {
	own, err := a.machine().Own()
	if err != nil {
		return err
	}
	me, err := own.Me(ctx)
	if err != nil {
		own.Close()
		return err
	}
	whose := me.User.Name + " at " + me.Server + " (" + own.Address() + ")"
	d.Member, d.Whose[menu.Receiver] = own, whose
	if me.Admin && d.Admin == nil {
		d.Admin, d.Whose[menu.Administrator] = own, whose
	}
	return nil
}

func closeMenu(d *menu.Menu) {
	for _, c := range []*apiclient.Client{d.Admin, d.Member} {
		if c != nil {
			c.Close()
		}
	}
}

// receiveInMenu runs the agent in this process; its log has no place on the screen.
func (a *app) receiveInMenu(ctx context.Context, dir string, once bool, say func(agent.Line)) error {
	return a.receiveTelling(ctx, receiveOptions{dir: dir, once: once},
		agent.Config{Say: say, Progress: progressEvery, GiveUp: true, Log: slog.New(slog.DiscardHandler)})
}
