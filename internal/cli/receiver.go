package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/config"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/session"
)

// asUser wraps a command that a receiver's user gives.
func (a *app) asUser(run func(c *cobra.Command, client *apiclient.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		client, err := a.mine()
		if err != nil {
			return err
		}
		defer client.Close()
		return run(c, client, args)
	}
}

func (a *app) logout() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "End this machine's login and forget the server's fingerprint", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			home, login, err := a.loggedIn()
			if err != nil {
				return err
			}
			client, err := a.client(login, string(login.AgentToken))
			if err != nil {
				return err
			}
			defer client.Close()
			if err := client.Logout(c.Context()); err != nil {
				fmt.Fprintf(a.err, "groupcast: warning: the server was not told (%s); an administrator can revoke the device\n", clean(err.Error()))
			}
			if err := home.ForgetLogin(); err != nil {
				return err
			}
			return a.one(map[string]string{"logged_out": login.User}, "%s is logged out here; received files stay", login.User)
		},
	}
}

func (a *app) passwd() *cobra.Command {
	var stdin bool
	c := &cobra.Command{
		Use: "passwd", Short: "Change your own password", Args: cobra.NoArgs,
		Long: "Changes your own password. With --password-stdin the old one and the new one are read from standard input, a line each.",
		RunE: a.asUser(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			old, err := a.password(stdin, "Password now")
			if err != nil {
				return err
			}
			fresh, err := a.newPassword(stdin, "you")
			if err != nil {
				return err
			}
			if err := client.ChangePassword(c.Context(), groupcast.PasswordChange{Old: old, New: fresh}); err != nil {
				return err
			}
			return a.one(map[string]bool{"changed": true}, "password changed")
		}),
	}
	c.Flags().BoolVar(&stdin, "password-stdin", false, "read old and new from standard input")
	return c
}

func (a *app) groups() *cobra.Command {
	var mine bool
	c := &cobra.Command{
		Use: "groups", Short: "The groups on offer, and how you stand to them", Args: cobra.NoArgs,
		Example: "  groupcast groups\n  groupcast groups --mine",
		RunE: a.asUser(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			groups, err := client.GroupsOnOffer(c.Context(), mine)
			if err != nil {
				return err
			}
			return list(a, groups, yes(mine, "you are in no group and have asked for none: groupcast groups", "no groups are on offer"), "GROUP|YOU|SINCE|ADDRESS", offerRow)
		}),
	}
	c.Flags().BoolVar(&mine, "mine", false, "only those you are in or have asked for")
	return c
}

func (a *app) join() *cobra.Command {
	var text string
	c := &cobra.Command{
		Use: "join GROUP", Short: "Ask to join a group", Args: cobra.ExactArgs(1),
		RunE: a.asUser(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			r, err := client.Join(c.Context(), args[0], text)
			if err != nil {
				return err
			}
			return a.one(r, "asked to join %s; an administrator decides. `groupcast receive` takes part the moment he approves", r.Group)
		}),
	}
	c.Flags().StringVar(&text, "text", "", "a word to the administrator (at most 280 characters)")
	return c
}

func (a *app) leave() *cobra.Command {
	return &cobra.Command{
		Use: "leave GROUP", Short: "Leave a group, or take a request back", Args: cobra.ExactArgs(1),
		RunE: a.asUser(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if err := client.Leave(c.Context(), args[0]); err != nil {
				return err
			}
			return a.one(map[string]string{"left": args[0]}, "left %s; received files stay", args[0])
		}),
	}
}

func (a *app) inbox() *cobra.Command {
	var group string
	var limit int
	c := &cobra.Command{
		Use: "inbox", Short: "What came to this machine, when, with digest", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			home, err := a.openHome()
			if err != nil {
				return err
			}
			book, err := openLedger(c.Context(), home)
			if err != nil {
				return err
			}
			defer book.Close()
			entries, err := book.Inbox(c.Context(), group, limit)
			if err != nil {
				return err
			}
			return list(a, entries, "nothing has come yet", "WHEN|GROUP|FILE|SIZE|OUTCOME|SHA-256", func(e ledger.Entry) []string {
				outcome := e.Outcome
				if e.Reason != "" {
					outcome += ": " + e.Reason
				}
				return []string{e.At.Local().Format("2006-01-02 15:04:05"), e.Group, e.Name, size(e.Size), outcome, e.Digest.String()}
			})
		},
	}
	c.Flags().StringVar(&group, "group", "", "of this group only")
	c.Flags().IntVar(&limit, "limit", 100, "at most so many")
	return c
}

func openLedger(ctx context.Context, home config.Home) (*ledger.Ledger, error) {
	dir, err := home.Folder(config.RoleAgent)
	if err != nil {
		return nil, err
	}
	return ledger.Open(ctx, filepath.Join(dir, "ledger.sqlite"), time.Now)
}

// receiveFlags are the flags of `receive`.
type receiveFlags struct {
	dir, iface, reserve, maxSize string
	once, shared                 bool
	drop                         float64
}

func (a *app) receive() *cobra.Command {
	var f receiveFlags
	c := &cobra.Command{
		Use: "receive", Short: "Receive: stay connected, write verified files to DIR/GROUP/path", Args: cobra.NoArgs,
		Long: `Stays up and connected, takes part in every group this user is a member of from the moment he
is approved, and writes files to DIR/GROUP/path once every byte is verified. It can be stopped
and started at any time: it goes on where it was. Run it as a service in a login's own home.`,
		Example: "  groupcast receive\n  groupcast receive --dir /srv/inbox --interface eth1\n  groupcast receive --once --json",
		RunE:    func(c *cobra.Command, _ []string) error { return a.runAgent(c.Context(), f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.dir, "dir", "", "where files go (default ~/Groupcast)")
	fl.StringVar(&f.iface, "interface", "", "network card for multicast (default: the one that routes to the server)")
	fl.StringVar(&f.reserve, "reserve", "", "space to leave free, e.g. 500M (default: the larger of 1 GiB and 5 %)")
	fl.StringVar(&f.maxSize, "max-size", "", "refuse transfers larger than this")
	fl.BoolVar(&f.once, "once", false, "end after one transfer")
	fl.BoolVar(&f.shared, "shared-dir", false, "DIR may be writable by others")
	fl.Float64Var(&f.drop, "drop", 0, "for tests: lose this percentage of multicast packets on arrival")
	if err := fl.MarkHidden("drop"); err != nil {
		panic("cli: internal error: " + err.Error())
	}
	return c
}

func (a *app) runAgent(ctx context.Context, f receiveFlags) error {
	home, login, err := a.loggedIn()
	if err != nil {
		return err
	}
	lock, err := home.Lock(config.RoleAgent)
	if err != nil {
		return err
	}
	defer lock.Release() //nolint:errcheck // the process ends
	cfg, err := a.agentConfig(ctx, home, login, f)
	if err != nil {
		return err
	}
	defer cfg.Ledger.Close()
	defer cfg.Client.Close()
	ag, err := agent.New(cfg)
	if err != nil {
		return err
	}
	if err := ag.Run(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		fmt.Fprintln(a.err, "groupcast: stopped; what is half received is kept")
	}
	return nil
}

func (a *app) agentConfig(ctx context.Context, home config.Home, login config.Login, f receiveFlags) (agent.Config, error) {
	cfg := agent.Config{
		Address: login.Server, Server: login.Fingerprint, Device: login.Device, Interface: f.iface, Once: f.once,
		VerifySigning: a.pin(login).VerifySigningLeaf, Log: a.logger(), Say: a.sayLine,
		Seen: func(t time.Time) { _ = home.SaveSeen(t) }, // a convenience for wrong clocks
	}
	if f.drop > 0 {
		cfg.Drop = session.Loss(f.drop, uint64(os.Getpid()))
	}
	var err error
	if cfg.Dir, err = receiveDir(f.dir, f.shared); err != nil {
		return cfg, err
	}
	if cfg.Reserve, cfg.MaxSize, err = sizes(f); err != nil {
		return cfg, err
	}
	if cfg.Key, err = deviceKey(home); err != nil {
		return cfg, err
	}
	if cfg.Ledger, err = openLedger(ctx, home); err != nil {
		return cfg, err
	}
	cfg.Client, err = a.client(login, string(login.AgentToken))
	return cfg, err
}

func sizes(f receiveFlags) (reserve int64, most uint64, err error) {
	if f.reserve != "" {
		n, err := config.ParseSize(f.reserve)
		if err != nil {
			return 0, 0, err
		}
		if reserve = int64(n); n == 0 {
			reserve = -1
		}
	}
	if f.maxSize != "" {
		most, err = config.ParseSize(f.maxSize)
	}
	return reserve, most, err
}

// receiveDir gives the folder for files; one that others may write into is refused, for they
// could plant links there (security.md L2).
func receiveDir(dir string, shared bool) (string, error) {
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", groupcast.Errorf(groupcast.EInvalid, "no home folder is known here").WithHint("say where files go: --dir DIR").Wrap(err)
		}
		dir = filepath.Join(home, "Groupcast")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("folder %s: %w", dir, err)
	}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return "", groupcast.Errorf(groupcast.EInvalid, "the folder %s cannot be made", abs).WithHint("name one that this user may write: --dir DIR").Wrap(err)
	}
	fi, err := os.Stat(abs)
	if err != nil {
		return "", fmt.Errorf("folder %s: %w", abs, err)
	}
	if othersWrite(fi) && !shared {
		return "", groupcast.Errorf(groupcast.EInvalid, "other users may write into %s", abs).WithHint("chmod o-w,g-w it, or say --shared-dir")
	}
	return abs, nil
}

// deviceKey is the key pair that receipts are signed with, made at the first login.
func deviceKey(home config.Home) (seal.SigningKey, error) {
	dir, err := home.Folder(config.RoleAgent)
	if err != nil {
		return seal.SigningKey{}, err
	}
	path := filepath.Join(dir, "device.key")
	seed, err := config.ReadPrivate(path, 64)
	if err == nil {
		return seal.SigningKeyFromSeed(seed)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return seal.SigningKey{}, err
	}
	key := seal.NewSigningKey()
	return key, durable.WriteFile(path, key.Seed())
}

// sayLine prints what the agent tells.
func (a *app) sayLine(l agent.Line) {
	if a.json {
		if text, err := json.Marshal(l); err == nil {
			fmt.Fprintln(a.out, string(text))
		}
		return
	}
	fmt.Fprintf(a.out, "%s  %s\n", l.At.Format(time.TimeOnly), clean(l.Text))
}
