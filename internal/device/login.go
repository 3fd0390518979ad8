package device

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Login is what a login takes: what is known, and how to ask for the rest.
type Login struct {
	Address string // of the server
	Trust   string // its fingerprint, whole; empty: it is compared, unless it is known
	User    string
	Device  string // a name for this machine; empty: its host name

	Compare  func(found protocol.ServerID, address string) error // by what the server's screen shows
	AskUser  func() (string, error)
	Password func(user string) (groupcast.Password, error)
}

// LoggedIn is what a login came to. It never holds the tokens.
type LoggedIn struct {
	User        string            `json:"user"`
	Device      groupcast.Device  `json:"device"`
	Server      string            `json:"server"`
	ServerName  string            `json:"server_name"` // what it is called
	Fingerprint protocol.ServerID `json:"fingerprint"`
}

// LogIn makes this machine a device of a user. Nothing is asked for or sent before the server's fingerprint
// is checked.
func (m Machine) LogIn(ctx context.Context, l Login) (LoggedIn, error) {
	h, err := m.OpenHome()
	if err != nil {
		return LoggedIn{}, err
	}
	hostPort, err := apiclient.ParseAddress(l.Address)
	if err != nil {
		return LoggedIn{}, err
	}
	l.Address = "https://" + hostPort
	if err := mayLogIn(h); err != nil {
		return LoggedIn{}, err
	}
	id, err := trusted(ctx, h, l)
	if err != nil {
		return LoggedIn{}, err
	}
	if l.User == "" {
		if l.User, err = l.AskUser(); err != nil {
			return LoggedIn{}, err
		}
	}
	pw, err := l.Password(l.User)
	if err != nil {
		return LoggedIn{}, err
	}
	return m.enrol(ctx, h, id, pw, l)
}

// mayLogIn refuses to change the login below an agent that runs with it.
func mayLogIn(h home.Home) error {
	lock, err := h.Lock(home.RoleAgent)
	if groupcast.ErrorCode(err) == groupcast.EConflict {
		return groupcast.Errorf(groupcast.EConflict, "`groupcast receive` runs with this login").WithHint("stop it first")
	}
	if err != nil {
		return err
	}
	return lock.Release()
}

// trusted decides which fingerprint is trusted, before a login ID or password is sent (security.md C2): the
// pinned one, the given one, or the one that the user compared.
func trusted(ctx context.Context, h home.Home, l Login) (protocol.ServerID, error) {
	var want protocol.ServerID
	if l.Trust != "" {
		var err error
		if want, err = pki.ParseFingerprint(l.Trust); err != nil {
			return want, err
		}
	}
	known, err := h.LoadLogin()
	pinned := err == nil && known.Server == l.Address
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		return want, err
	}
	found, err := fetchFingerprint(ctx, l.Address)
	switch {
	case err != nil:
		return found, err
	case pinned && found != known.Fingerprint:
		return found, groupcast.Errorf(groupcast.EForbidden,
			"%s has another fingerprint than the one this machine trusts: it may be somebody else", l.Address).
			WithHint("compare with what `groupcast serve` prints; if the server was set up anew: `groupcast logout`, then log " +
				"in")
	case l.Trust != "" && found != want:
		return found, groupcast.Errorf(groupcast.EForbidden, "the server's fingerprint is not the one given with --trust").
			WithHint("compare with what `groupcast serve` prints; nothing was sent to %s", l.Address)
	case l.Trust != "" || pinned:
		return found, nil
	}
	return found, l.Compare(found, l.Address)
}

// enrol makes this machine a device of the user.
func (m Machine) enrol(
	ctx context.Context, h home.Home, id protocol.ServerID, pw groupcast.Password, l Login,
) (LoggedIn, error) {
	before, beforeErr := h.LoadLogin()
	key, err := deviceKeyFor(h, id, l.User)
	if err != nil {
		return LoggedIn{}, err
	}
	if l.Device == "" {
		if l.Device, err = os.Hostname(); err != nil || l.Device == "" {
			l.Device = "device"
		}
	}
	client, err := apiclient.New(apiclient.Config{Address: l.Address, Pin: m.pin(home.Login{Fingerprint: id})})
	if err != nil {
		return LoggedIn{}, err
	}
	defer client.Close()
	in, err := m.patiently(ctx, client, groupcast.Login{
		User: l.User, Password: pw, Device: l.Device, PublicKey: key.Public().Bytes(),
		OS:      runtime.GOOS + "/" + runtime.GOARCH,
		Version: groupcast.Version, ControlVersion: groupcast.ControlVersion, WireVersion: protocol.Version,
	})
	if err != nil {
		return LoggedIn{}, err
	}
	err = h.SaveLogin(home.Login{
		Server: l.Address, Fingerprint: id, User: in.User.Name, Device: in.Device.ID, DeviceName: in.Device.Name,
		AgentToken: home.Token(in.AgentToken), CLIToken: home.Token(in.CLIToken), CLIExpires: in.CLIExpires,
	})
	if err := errors.Join(err, h.KnowMachine(home.ThisMachine(), true)); err != nil {
		return LoggedIn{}, err
	}
	if beforeErr == nil && before.Fingerprint != id {
		m.forgetServer(ctx, h, before.Fingerprint)
	}
	return LoggedIn{in.User.Name, in.Device, l.Address, in.Server, id}, nil
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

func (m Machine) patiently(
	ctx context.Context, client *apiclient.Client, l groupcast.Login,
) (groupcast.LoggedIn, error) {
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
			m.Note("the server is busy with other logins, waiting")
		}
		select {
		case <-ctx.Done():
			return in, ctx.Err()
		case <-time.After(pause):
		}
	}
}
