package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/device"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// wireVersion is that of the data plane.
const wireVersion = protocol.Version

// Exit codes.
const (
	exitDone  = 0
	exitError = 1
	exitUsage = 2
	exitOwed  = 3 // the command worked, and someone is still owed
)

// app is what every command has at hand.
type app struct {
	args    []string
	home    string // --home
	verbose bool
	terminal.Streams
}

// errOwed ends a command with exitOwed, without words: they have been said.
var errOwed = errors.New("someone is still owed")

var errNoJSON = errors.New("the menu is for humans: it has no --json")

// usageError is what cobra found wrong with flags and arguments.
type usageError struct{ error }

// Main runs the command line and gives the exit code.
func Main(args []string, in io.Reader, out, errs io.Writer) int {
	_ = home.NoCoreDumps() // where the system has no such limit, there is nothing to set
	checked := terminal.NewOutput(out)
	a := &app{args: args, Streams: terminal.Streams{In: in, Out: checked, Err: errs}}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := a.root()
	root.SetArgs(args)
	code := a.exit(root.ExecuteContext(ctx))
	if err := checked.Failed(); err != nil && (code == exitDone || code == exitOwed) {
		code = a.exit(err)
	}
	return code
}

// exit says an error in words and maps it to the exit code.
func (a *app) exit(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errOwed):
		return exitOwed
	case errors.As(err, &usage):
		fmt.Fprintf(a.Err, "groupcast: %s\n", ui.Clean(err.Error()))
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(a.Err, "groupcast: interrupted")
		return exitError
	}
	a.sayError(err)
	return exitError
}

func (a *app) sayError(err error) {
	var e *groupcast.Error
	if !errors.As(err, &e) {
		fmt.Fprintf(a.Err, "groupcast: %s\n", ui.Clean(err.Error()))
		return
	}
	fmt.Fprintf(a.Err, "groupcast: %s\n", ui.Clean(e.Message))
	if hint := ui.Hint(e); hint != "" {
		fmt.Fprintf(a.Err, "     next: %s\n", ui.Clean(hint))
	}
	if a.verbose && e.Err != nil {
		fmt.Fprintf(a.Err, "    cause: %s\n", ui.Clean(e.Err.Error()))
	}
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
		"folder for all that this machine keeps (default $GROUPCAST_HOME, else ~/.groupcast)")
	flags.BoolVar(&a.JSON, "json", false, "print JSON")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say more, and the cause of errors")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
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
	add("admin", a.serve(), a.user(), a.deviceCommand(), a.group(), a.member(), a.request(), a.pending(), a.send(),
		a.uploadCommand(), a.transfer(), a.check(), a.audit(), a.savings(), a.backup(), a.restore())
	add("receiver", a.login(), a.logout(), a.passwd(), a.groups(), a.join(), a.leave(), a.receive(), a.inbox(), a.logins())
	add("any", a.menu(), a.demo(), a.doctor(), a.verify(), a.version())
	root.InitDefaultHelpCmd()
	wrapArgs(root)
	return root
}

// wrapArgs makes complaints about arguments usage errors, and says the usage with them.
func wrapArgs(c *cobra.Command) {
	if c.HasSubCommands() && !c.Runnable() {
		c.Args, c.RunE = cobra.ArbitraryArgs, nounAlone
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{fmt.Errorf("%w\n  usage: %s\n  help:  %s --help", err, c.UseLine(), c.CommandPath())}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// nounAlone is a noun without its verb: help; or with a verb it does not have: a mistake.
func nounAlone(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	return usageError{fmt.Errorf("unknown command %q for %q\n  help:  %s --help", args[0], c.CommandPath(),
		c.CommandPath())}
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "The version of this program and of its protocols", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := map[string]any{"version": groupcast.Version, "control": groupcast.ControlVersion, "wire": wireVersion}
			if a.JSON {
				return a.PrintJSON(v)
			}
			fmt.Fprintf(a.Out, "groupcast %s (control protocol %d, data protocol %d)\n", groupcast.Version,
				groupcast.ControlVersion, wireVersion)
			return nil
		},
	}
}

// machine is this machine, as a device or as the server's.
func (a *app) machine() device.Machine {
	return device.Machine{Home: a.home, Warn: a.warn, Note: func(text string) { fmt.Fprintln(a.Err, text) }}
}

func (a *app) warn(text string) { fmt.Fprintln(a.Err, "groupcast: warning:", ui.Clean(text)) }

// logger writes the log of a daemon to standard error.
func (a *app) logger() *slog.Logger {
	level := slog.LevelInfo
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(tint.NewTextHandler(
		a.Err,
		&tint.Options{
			Level:      level,
			TimeFormat: time.TimeOnly,
			NoColor:    !terminal.IsTerminal(a.Err) || os.Getenv("NO_COLOR") != "",
		},
	))
}
