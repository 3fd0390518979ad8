package cli

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/config"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
)

type loginFlags struct {
	user, trust, device string
	stdin               bool
}

func (a *app) login() *cobra.Command {
	var f loginFlags
	c := &cobra.Command{
		Use: "login https://HOST:PORT --user NAME", Short: "Log this machine in to a server and pin its fingerprint", Args: cobra.ExactArgs(1),
		Long: `Asks the server for its fingerprint, has you compare it with what ` + "`groupcast serve`" + ` prints on the
server's own screen, and only then sends login ID and password. In a script, give the fingerprint
with --trust and the password with --password-stdin.`,
		Example: "  groupcast login https://lab-server:7440 --user alice\n  groupcast login https://10.0.0.1:7440 --user pc07 --password-stdin --trust 4be1… < secret",
		RunE:    func(c *cobra.Command, args []string) error { return a.runLogin(c.Context(), args[0], f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.user, "user", "", "login ID")
	fl.StringVar(&f.trust, "trust", "", "the server's fingerprint, for scripts")
	fl.StringVar(&f.device, "device", "", "name of this machine (default: its host name)")
	fl.BoolVar(&f.stdin, "password-stdin", false, "read the password from standard input")
	return c
}

func (a *app) runLogin(ctx context.Context, address string, f loginFlags) error {
	home, err := a.openHome()
	if err != nil {
		return err
	}
	if f.user == "" {
		return usageError{fmt.Errorf("who? add --user NAME")}
	}
	address, err = apiclient.ParseAddress(address)
	if err != nil {
		return err
	}
	known, err := home.LoadLogin()
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		return err
	}
	pin, err := a.agreeOnPin(ctx, address, f, known)
	if err != nil {
		return err
	}
	pw, err := a.password(f.stdin, "Password of "+f.user)
	if err != nil {
		return err
	}
	return a.logIn(ctx, home, address, pin, f, pw)
}

// agreeOnPin finds the fingerprint that login ID and password may be sent to (security.md C2):
// the one known from before, the one given, or the one a human compared.
func (a *app) agreeOnPin(ctx context.Context, address string, f loginFlags, known config.Login) (protocol.ServerID, error) {
	if f.trust != "" {
		want, err := pki.ParseFingerprint(f.trust)
		if err != nil {
			return want, err
		}
		if known.Server == address && known.Fingerprint != want {
			return want, changedFingerprint(address)
		}
		return want, a.confirmPin(ctx, address, want)
	}
	if known.Server == address {
		return known.Fingerprint, a.confirmPin(ctx, address, known.Fingerprint)
	}
	if f.stdin || !isTerminal(a.in) {
		return protocol.ServerID{}, groupcast.Errorf(groupcast.EInvalid, "the server's fingerprint is not known here, and there is nobody to compare it").
			WithHint("read it on the server's screen (`Fingerprint: …`) and pass it with --trust FINGERPRINT")
	}
	id, err := apiclient.FetchFingerprint(ctx, address)
	if err != nil {
		return id, err
	}
	fmt.Fprintf(a.err, "%s shows this fingerprint:\n\n  %s\n\nCompare it with what `groupcast serve` prints on the server's own screen.\n", address, pki.FormatFingerprint(id))
	typed, err := a.ask("Type its first four groups as you read them THERE")
	if err != nil {
		return id, err
	}
	if !pki.MatchesTyped(id, typed) {
		return id, groupcast.Errorf(groupcast.EForbidden, "that is not the fingerprint of the server that answers").
			WithHint("nothing was sent. Look again; if it differs, somebody else answers at %s", address)
	}
	return id, nil
}

// confirmPin says at once, before a password is asked for, that another server answers.
func (a *app) confirmPin(ctx context.Context, address string, want protocol.ServerID) error {
	have, err := apiclient.FetchFingerprint(ctx, address)
	if err != nil {
		return err
	}
	if have != want {
		return groupcast.Errorf(groupcast.EForbidden, "the fingerprint does not match: %s is not the server you trust", address).
			WithHint("nothing was sent. Compare with `Fingerprint:` on the server's screen; it shows %s…", pki.ShortFingerprint(have))
	}
	return nil
}

func changedFingerprint(address string) error {
	return groupcast.Errorf(groupcast.EForbidden, "this machine knows another fingerprint of %s", address).
		WithHint("if the server was set up anew, `groupcast logout` forgets the old one")
}

func (a *app) logIn(ctx context.Context, home config.Home, address string, pin protocol.ServerID, f loginFlags, pw groupcast.Password) error {
	key, err := deviceKey(home)
	if err != nil {
		return err
	}
	login := config.Login{Server: address, Fingerprint: pin, User: f.user}
	client, err := a.client(login, "")
	if err != nil {
		return err
	}
	defer client.Close()
	in, err := client.Login(ctx, groupcast.Login{
		User: f.user, Password: pw, Device: hostName(f.device), PublicKey: key.Public().Bytes(), OS: runtime.GOOS + "/" + runtime.GOARCH,
		Version: groupcast.Version, ControlVersion: groupcast.ControlVersion, WireVersion: wireVersion,
	})
	if err != nil {
		return err
	}
	login.Device, login.DeviceName = in.Device.ID, in.Device.Name
	login.AgentToken, login.CLIToken, login.CLIExpires = config.Token(in.AgentToken), config.Token(in.CLIToken), in.CLIExpires
	if err := home.SaveLogin(login); err != nil {
		return err
	}
	in.AgentToken, in.CLIToken = "", "" // they are on disk, and nowhere else
	return a.one(in, "logged in as %s on %s; next: groupcast groups, groupcast join GROUP, groupcast receive", in.User.Name, in.Device.Name)
}

func hostName(given string) string {
	if given != "" {
		return given
	}
	if h, err := os.Hostname(); err == nil {
		return h
	}
	return "device"
}
