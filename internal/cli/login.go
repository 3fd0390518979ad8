package cli

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// loginOptions are the flags of `login`.
type loginOptions struct {
	user, trust, device string
	stdin               bool
}

func (a *app) login() *cobra.Command {
	var o loginOptions
	c := &cobra.Command{
		Use: "login https://HOST:PORT --user NAME", Short: "Log this machine in to a server", Args: cobra.ExactArgs(1),
		Long: `Asks for the server's fingerprint and the password. The fingerprint is what ` + "`groupcast serve`" + `
prints: type its first 20 characters as you read them there, so that nobody in between gets
the password. Scripts give the whole fingerprint with --trust.`,
		Example: "  groupcast login https://10.0.0.1:7440 --user alice\n" +
			"  groupcast login https://10.0.0.1:7440 --user alice --trust 9f2c…64 hex digits… --password-stdin < pw",
		RunE: func(c *cobra.Command, args []string) error { return a.logIn(c.Context(), args[0], o) },
	}
	c.Flags().StringVar(&o.user, "user", "", "login ID (asked for if not given)")
	c.Flags().StringVar(&o.trust, "trust", "", "the server's fingerprint, whole")
	c.Flags().StringVar(&o.device, "device", "", "name of this machine (default: its host name)")
	c.Flags().BoolVar(&o.stdin, "password-stdin", false, "read the password from standard input")
	return c
}

func (a *app) logIn(ctx context.Context, address string, o loginOptions) error {
	h, err := a.openHome()
	if err != nil {
		return err
	}
	hostPort, err := apiclient.ParseAddress(address)
	if err != nil {
		return err
	}
	address = "https://" + hostPort
	if err := a.mayLogIn(h); err != nil {
		return err
	}
	id, err := a.trusted(ctx, h, address, o.trust)
	if err != nil {
		return err
	}
	if o.user == "" {
		if o.user, err = a.Ask("Login ID"); err != nil {
			return err
		}
	}
	pw, err := a.Password(o.stdin, "Password of "+o.user)
	if err != nil {
		return err
	}
	return a.enroll(ctx, h, address, id, pw, o)
}

// mayLogIn refuses to change the login below an agent that runs with it.
func (a *app) mayLogIn(h home.Home) error {
	lock, err := h.Lock(home.RoleAgent)
	if groupcast.ErrorCode(err) == groupcast.EConflict {
		return groupcast.Errorf(groupcast.EConflict, "`groupcast receive` runs with this login").WithHint("stop it first")
	}
	if err != nil {
		return err
	}
	return lock.Release()
}

// trusted settles whose fingerprint is believed, before a login ID or password is sent
// (security.md C2): the one that is pinned, the one --trust gives, or the one a human typed.
func (a *app) trusted(ctx context.Context, h home.Home, address, trust string) (protocol.ServerID, error) {
	var want protocol.ServerID
	if trust != "" {
		var err error
		if want, err = pki.ParseFingerprint(trust); err != nil {
			return want, err
		}
	}
	known, err := h.LoadLogin()
	pinned := err == nil && known.Server == address
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		return want, err
	}
	found, err := fetchFingerprint(ctx, address)
	switch {
	case err != nil:
		return found, err
	case pinned && found != known.Fingerprint:
		return found, groupcast.Errorf(groupcast.EForbidden,
			"%s has another fingerprint than the one this machine trusts: it may be somebody else", address).
			WithHint("compare with what `groupcast serve` prints; if the server was set up anew: `groupcast logout`, then log " +
				"in")
	case trust != "" && found != want:
		return found, groupcast.Errorf(groupcast.EForbidden, "the server's fingerprint is not the one given with --trust").
			WithHint("compare with what `groupcast serve` prints; nothing was sent to %s", address)
	case trust != "" || pinned:
		return found, nil
	}
	return found, a.typed(found, address)
}

// typed has a human type the fingerprint from the server's screen: there is no yes to press.
func (a *app) typed(found protocol.ServerID, address string) error {
	if !terminal.IsTerminal(a.In) {
		return groupcast.Errorf(groupcast.EForbidden,
			"the fingerprint of %s is not known, and there is no terminal to ask at", address).
			WithHint("read it from what `groupcast serve` prints and give it with --trust FINGERPRINT")
	}
	fmt.Fprintf(a.Err, "This machine does not know %s yet.\nOn the server's screen, `groupcast serve` shows its "+
		"fingerprint.\n", ui.Name(address))
	for tries := 1; ; tries++ {
		text, err := a.Ask(fmt.Sprintf("Type its first %d characters, or more, as you read them there", pki.TypedHex))
		if err != nil {
			return err
		}
		compared := pki.CompareTyped(found, text)
		switch {
		case compared == pki.TypedRight:
			return nil
		case tries < typedTries && compared == pki.TypedShort:
			fmt.Fprintf(a.Err, "That is too short: it takes %d characters to tell this server from another.\n", pki.TypedHex)
		case tries < typedTries:
			fmt.Fprintln(a.Err, "That is not the fingerprint of what answers. Read it once more.")
		case compared == pki.TypedShort:
			return groupcast.Errorf(groupcast.EInvalid, "that is too short for a fingerprint").
				WithHint("type %d characters or more; nothing was sent to %s", pki.TypedHex, address)
		default:
			return groupcast.Errorf(groupcast.EForbidden, "that is not the fingerprint of what answers at %s", address).
				WithHint("read it again from the server's screen; if it is right, somebody else answers: nothing was sent")
		}
	}
}

// typedTries is how often a human may mistype a fingerprint.
const typedTries = 3

// enroll makes this machine a device of the user.
func (a *app) enroll(
	ctx context.Context, h home.Home, address string, id protocol.ServerID, pw groupcast.Password, o loginOptions,
) error {
	before, beforeErr := h.LoadLogin()
	key, err := a.deviceKeyFor(h, id, o.user)
	if err != nil {
		return err
	}
	if o.device == "" {
		if o.device, err = os.Hostname(); err != nil || o.device == "" {
			o.device = "device"
		}
	}
	client, err := apiclient.New(apiclient.Config{Address: address, Pin: a.pin(home.Login{Fingerprint: id})})
	if err != nil {
		return err
	}
	defer client.Close()
	in, err := a.patiently(ctx, client, groupcast.Login{
		User: o.user, Password: pw, Device: o.device, PublicKey: key.Public().Bytes(),
		OS:      runtime.GOOS + "/" + runtime.GOARCH,
		Version: groupcast.Version, ControlVersion: groupcast.ControlVersion, WireVersion: wireVersion,
	})
	if err != nil {
		return err
	}
	err = h.SaveLogin(home.Login{
		Server: address, Fingerprint: id, User: in.User.Name, Device: in.Device.ID, DeviceName: in.Device.Name,
		AgentToken: home.Token(in.AgentToken), CLIToken: home.Token(in.CLIToken), CLIExpires: in.CLIExpires,
	})
	if err := errors.Join(err, h.KnowMachine(home.ThisMachine(), true)); err != nil {
		return err
	}
	if beforeErr == nil && before.Fingerprint != id {
		a.forgetServer(ctx, h, before.Fingerprint)
	}
	type said struct { // never the tokens
		User        string            `json:"user"`
		Device      groupcast.Device  `json:"device"`
		Server      string            `json:"server"`
		Fingerprint protocol.ServerID `json:"fingerprint"`
	}
	return a.One(said{in.User.Name, in.Device, address, id},
		"logged in to %s as %s, device %s\nnext: groupcast groups, groupcast join GROUP, groupcast receive", address,
		in.User.Name, in.Device.Name)
}

// How long a login waits in all: where the server asks for a moment after a mistyped password, and
// where it is busy with the logins of others.
const (
	loginPause = 4 * time.Second
	busyPause  = 3 * time.Minute
	// brokenPause is for connections that are cut: so many at once are let in of one address.
	brokenPause = 20 * time.Second
)

func fetchFingerprint(ctx context.Context, address string) (protocol.ServerID, error) {
	for started := time.Now(); ; {
		id, err := apiclient.FetchFingerprint(ctx, address)
		if !apiclient.Broken(err) || time.Since(started) > brokenPause {
			return id, err
		}
		select {
		case <-ctx.Done():
			return id, ctx.Err()
		case <-time.After(time.Second/2 + rand.N(2*time.Second)):
		}
	}
}

func (a *app) patiently(ctx context.Context, client *apiclient.Client, l groupcast.Login) (groupcast.LoggedIn, error) {
	started, said := time.Now(), false
	for {
		in, err := client.Login(ctx, l)
		pause, most := time.Second, loginPause
		switch code := groupcast.ErrorCode(err); {
		case apiclient.Broken(err):
			pause, most = pause/2+rand.N(2*time.Second), brokenPause
		case code == groupcast.EBusy:
			pause, most = pause/2+rand.N(2*time.Second), busyPause // those who wait do not come back together
		case code == groupcast.EExhausted:
		default:
			return in, err
		}
		if err == nil || time.Since(started) > most {
			return in, err
		}
		if most == busyPause && !said {
			said = true
			fmt.Fprintln(a.Err, "the server is busy with other logins, waiting")
		}
		select {
		case <-ctx.Done():
			return in, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func keyPath(h home.Home) string {
	return filepath.Join(h.Dir(home.RoleAgent), "device.key")
}

// deviceKeyFor gives the key of this device: the one it has, if the login is the same user's at
// the same server, else a new one, so that no server can tell two logins are one machine.
func (a *app) deviceKeyFor(h home.Home, id protocol.ServerID, user string) (seal.SigningKey, error) {
	known, err := h.LoadLogin()
	if err == nil && known.Fingerprint == id && known.User == user && !h.CopiedTo(home.ThisMachine()) {
		if key, err := loadDeviceKey(h); err == nil {
			return key, nil
		}
	}
	if _, err := h.Folder(home.RoleAgent); err != nil {
		return seal.SigningKey{}, err
	}
	key := seal.NewSigningKey()
	return key, durable.WriteFile(keyPath(h), key.Seed())
}

func loadDeviceKey(h home.Home) (seal.SigningKey, error) {
	if err := finishFork(h); err != nil {
		return seal.SigningKey{}, err
	}
	seed, err := home.ReadPrivate(keyPath(h), 64)
	if err != nil {
		return seal.SigningKey{}, err
	}
	return seal.SigningKeyFromSeed(seed)
}

func (a *app) logout() *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Log this machine out: the server forgets the device, this machine the server",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			h, login, err := a.loggedIn()
			if err != nil && groupcast.ErrorCode(err) != groupcast.EInternal { // a damaged login is forgotten
				return err
			}
			told := errors.New("not told")
			shared := err == nil && a.usedElsewhere(c.Context(), h, login)
			if err == nil && !shared {
				told = a.tellLogout(c.Context(), login)
			}
			if err := errors.Join(h.ForgetLogin(), removeIfThere(keyPath(h)), removeIfThere(nextKeyPath(h))); err != nil {
				return err
			}
			if err == nil && a.mayLogIn(h) == nil { // a receiver that runs does it itself when it ends
				a.forgetServer(c.Context(), h, login.Fingerprint)
			}
			if shared {
				fmt.Fprintf(a.Err, "groupcast: device %s stays at the server: another machine, of whose home this one is a copy, "+
					"uses it\n", ui.Name(login.DeviceName))
			} else if told != nil {
				fmt.Fprintln(a.Err, "groupcast: warning: the server was not told:",
					ui.Clean(told.Error())+"; its administrator can revoke the device")
			}
			return a.One(map[string]any{"logged_out": true, "server_told": told == nil}, "logged out")
		},
	}
}

// tellLogout ends the device at the server, by whichever of its tokens still works.
func (a *app) tellLogout(ctx context.Context, login home.Login) error {
	var err error
	for _, token := range []home.Token{login.CLIToken, login.AgentToken} {
		client, newErr := a.client(login, string(token))
		if newErr != nil {
			return newErr
		}
		err = client.Logout(ctx)
		client.Close()
		if code := groupcast.ErrorCode(err); err == nil || code != groupcast.EUnauthorized && code != groupcast.EForbidden {
			return err
		}
	}
	return err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (a *app) passwd() *cobra.Command {
	var stdin bool
	c := &cobra.Command{
		Use: "passwd", Short: "Change your own password", Args: cobra.NoArgs,
		Example: "  groupcast passwd\n  printf 'old\\nnew\\n' | groupcast passwd --password-stdin",
		RunE: a.asUser(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			old, err := a.Password(stdin, "Present password")
			if err != nil {
				return err
			}
			next, err := a.NewPassword(stdin, "you")
			if err != nil {
				return err
			}
			if err := client.ChangePassword(c.Context(), groupcast.PasswordChange{Old: old, New: next}); err != nil {
				return err
			}
			return a.One(map[string]bool{"changed": true},
				"the password is changed; command lines (this one, too) and browsers have to log in again with it, receiving "+
					"goes on")
		}),
	}
	c.Flags().BoolVar(
		&stdin,
		"password-stdin",
		false,
		"read the old and the new password, a line each, from standard input",
	)
	return c
}

// asUser wraps a command of somebody who is logged in.
func (a *app) asUser(
	run func(c *cobra.Command, client *apiclient.Client, args []string) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		client, err := a.own()
		if err != nil {
			return err
		}
		defer client.Close()
		return run(c, client, args)
	}
}
