// Package device is this machine as a device of a user: it logs in to a server and out again, keeps
// the device's key, runs its agent, and becomes a device of its own where its home is a copy.
package device

import (
	"os"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/pki"
)

// Machine is this machine, by the home that it keeps everything in.
type Machine struct {
	Home string            // a folder; empty: $GROUPCAST_HOME, else ~/.groupcast
	Warn func(text string) // of what does not stop what was asked for
	Note func(text string) // what it waits for
}

// OpenHome finds the home and checks that it is private.
func (m Machine) OpenHome() (home.Home, error) { return home.Open(m.Home) }

// Admin gives a client for an administrator's commands: the server on this machine if one
// runs with this home, else the one this machine is logged in to.
func (m Machine) Admin() (*apiclient.Client, error) {
	h, err := home.Find(m.Home)
	if err != nil {
		return nil, err
	}
	if fi, err := os.Lstat(h.Socket()); err == nil && fi.Mode()&os.ModeSocket != 0 {
		return apiclient.Local(h.Socket()), nil
	}
	c, err := m.Own()
	if groupcast.ErrorCode(err) == groupcast.ENotFound {
		return nil, groupcast.Errorf(groupcast.EUnavailable,
			"no server runs with the home %s, and this machine is not logged in to one", h.Path()).
			WithHint("start one with `groupcast serve`, or `groupcast login https://HOST:7440 --user NAME`")
	}
	return c, err
}

// Own gives a client with the token of the login on this machine.
func (m Machine) Own() (*apiclient.Client, error) {
	_, login, err := m.LoggedIn()
	if err != nil {
		return nil, err
	}
	if !login.CLIExpires.IsZero() && time.Now().After(login.CLIExpires) {
		return nil, groupcast.Errorf(groupcast.EUnauthorized, "the login of %s on this machine has run out", login.User).
			WithHint("log in again: groupcast login %s --user %s (receiving goes on without it)", login.Server, login.User)
	}
	return m.Client(login, string(login.CLIToken))
}

// LoggedIn gives the home and its login.
func (m Machine) LoggedIn() (home.Home, home.Login, error) {
	h, err := m.OpenHome()
	if err != nil {
		return h, home.Login{}, err
	}
	login, err := h.LoadLogin()
	return h, login, err
}

// Client gives a client of the server of a login, with one of its tokens.
func (m Machine) Client(login home.Login, token string) (*apiclient.Client, error) {
	return apiclient.New(apiclient.Config{Address: login.Server, Pin: m.pin(login), Token: apiclient.Token(token)})
}

func (m Machine) pin(login home.Login) pki.Pin {
	return pki.Pin{
		ID: login.Fingerprint, LastSeen: login.LastSeen,
		Warn: m.Warn,
	}
}
