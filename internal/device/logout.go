package device

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
)

// LoggedOut is how a logout went.
type LoggedOut struct {
	Untold error  // why the server was not told; nil: it was, or this is a copy
	Copied string // the device that stays there, because another machine uses it
}

// LogOut makes the server forget this device, and this machine the server.
func (m Machine) LogOut(ctx context.Context) (LoggedOut, error) {
	var out LoggedOut
	h, login, err := m.LoggedIn()
	if err != nil && groupcast.ErrorCode(err) != groupcast.EInternal { // a damaged login is forgotten
		return out, err
	}
	damaged := err != nil
	switch {
	case damaged:
		out.Untold = errors.New("the server was not informed")
	case m.usedElsewhere(ctx, h, login):
		out.Copied = login.DeviceName
	default:
		out.Untold = m.tellLogout(ctx, login)
	}
	if err := errors.Join(h.ForgetLogin(), removeIfThere(keyPath(h)), removeIfThere(nextKeyPath(h))); err != nil {
		return out, err
	}
	if !damaged && mayLogIn(h) == nil { // a receiver that runs does it itself when it ends
		m.forgetServer(ctx, h, login.Fingerprint)
	}
	return out, nil
}

// tellLogout ends the device at the server, by whichever of its tokens still works.
func (m Machine) tellLogout(ctx context.Context, login home.Login) error {
	var err error
	for _, token := range []home.Token{login.CLIToken, login.AgentToken} {
		client, newErr := m.Client(login, string(token))
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

// Inbox is what came to this machine, the newest first.
func Inbox(ctx context.Context, h home.Home, group string, limit int) ([]ledger.Entry, error) {
	if _, err := os.Stat(LedgerPath(h)); errors.Is(err, os.ErrNotExist) {
		return nil, nil // nothing was ever received here
	}
	l, err := ledger.Open(ctx, LedgerPath(h), time.Now)
	if err != nil {
		return nil, err
	}
	entries, err := l.Inbox(ctx, group, limit)
	return entries, errors.Join(err, l.Close())
}

// forgetServer deletes what is half received of a server that this machine is not logged in to
// any more. What cannot be deleted now is no reason to stay logged in.
func (m Machine) forgetServer(ctx context.Context, h home.Home, server protocol.ServerID) {
	if _, err := os.Stat(LedgerPath(h)); err != nil {
		return // nothing was ever received here
	}
	l, err := ledger.Open(ctx, LedgerPath(h), time.Now)
	if err == nil {
		err = errors.Join(agent.Forget(ctx, l, server), l.Close())
	}
	if err != nil {
		m.Warn("what was half received is still there: " + err.Error())
	}
}
