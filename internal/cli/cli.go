package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/device"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/relaycli"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/watch"
)

// app is what every command has at hand.
type app struct {
	args    []string
	home    string // --home
	config  string // --config
	verbose bool
	terminal.Streams
}

var errNoJSON = errors.New("the menu is for humans: it has no --json")

// Main runs the command line and gives the exit code.
func Main(args []string, in io.Reader, out, errs io.Writer) int {
	_ = home.NoCoreDumps() // where the system has no such limit, there is nothing to set
	checked := terminal.NewOutput(out)
	a := &app{args: args, Streams: terminal.Streams{In: in, Out: checked, Err: errs}}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := a.root()
	root.SetArgs(args)
	a.JSON = slices.Contains(args, "--json") // what is wrong with the flags is said in JSON, too
	err := root.ExecuteContext(ctx)
	if lost := checked.Failed(); lost != nil && (err == nil || errors.Is(err, shell.ErrOwed) || errors.Is(lost, err)) {
		err = lost // whatever else there was to say: it could not be printed
	}
	return shell.Exit(&a.Streams, err, a.verbose)
}

// Commands is the command line without streams, for those who only read its texts.
func Commands() *cobra.Command {
	return (&app{Streams: terminal.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}}).root()
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "groupcast",
		Short: "Send files to groups of machines: one encrypted copy on the wire for all of them",
		Long: `groupcast sends files from a server to groups of receivers by encrypted UDP multicast:
one copy on the wire however many receive it, repaired, verified, accounted for machine by machine.

  groupcast demo                      see it work on this machine, in a minute
  groupcast serve                     start a server
  groupcast login https://HOST:7440   on each receiver, then: groupcast receive`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetIn(a.In)
	flags := root.PersistentFlags()
	flags.StringVar(&a.home, "home", "",
		"`FOLDER` for all that this machine keeps (default $GROUPCAST_HOME, else ~/.groupcast)")
	flags.StringVar(
		&a.config, "config", "", "`FILE` with settings (default $GROUPCAST_CONFIG, else config.toml in the home)",
	)
	flags.BoolVar(&a.JSON, "json", false, "print JSON")
	flags.BoolVarP(&a.Quiet, "quiet", "q", false, "print what was asked for and errors, nothing else")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say more, and the cause of errors")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return a.settle(c) }
	root.SetFlagErrorFunc(shell.BadFlag)
	root.Version = versionText()
	root.SetHelpCommandGroupID("any")
	root.SetCompletionCommandGroupID("any")
	root.AddGroup(
		&cobra.Group{ID: "admin", Title: "On the server, or as its administrator:"},
		&cobra.Group{ID: "receiver", Title: "On a receiver:"},
		&cobra.Group{ID: "any", Title: "Anywhere:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("admin", a.serve(), a.serverCommand(), a.user(),
		a.deviceCommand(), a.site(), relaycli.App{Streams: &a.Streams, Machine: a.machine, Verbose: &a.verbose}.Command(),
		a.group(), a.member(), a.request(), a.pending(),
		a.send(), a.uploadCommand(), a.transfer(), a.check(), a.audit(), a.savings(), a.backup(), a.restore(),
		a.databaseCommand())
	add("receiver", a.login(), a.logout(), a.passwd(), a.groups(), a.join(), a.leave(), a.receive(), a.inbox(), a.logins())
	add("any", a.menu(), a.demo(), a.doctor(), a.verify(), a.version())
	root.InitDefaultHelpCmd()
	shell.WrapArgs(root)
	shell.WrapFlags(root, terminal.Width(a.Out))
	a.completes(root)
	a.completesFlags(root)
	return root
}

// machine is this machine, as a device or as the server's.
func (a *app) machine() device.Machine {
	return device.Machine{Home: a.home, Warn: a.warn, Note: a.note}
}

// view prints transfers of a server.
func (a *app) view(client *apiclient.Client) watch.View {
	return watch.View{Streams: &a.Streams, Client: client}
}

// sure asks before something is lost.
func (a *app) sure(c *cobra.Command, loss string, args ...any) error {
	return shell.Sure(&a.Streams, c, loss, args...)
}

// note says what is worth knowing and no result; not with --quiet.
func (a *app) note(text string) {
	if !a.Quiet {
		fmt.Fprintln(a.Err, text)
	}
}

func (a *app) warn(text string) { fmt.Fprintln(a.Err, "groupcast: warning:", ui.Clean(text)) }
