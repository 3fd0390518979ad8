package device

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/ledger"
)

// Receive runs the agent of this device until ctx ends. With same its user says that this is the
// machine that logged in, whatever it looks like; with shared that others may write to its folder.
func (m Machine) Receive(ctx context.Context, cfg agent.Config, same, shared bool) (err error) {
	h, login, err := m.LoggedIn()
	if err != nil {
		return err
	}
	lock, err := h.Lock(home.RoleAgent)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	return m.receiveAs(ctx, h, login, cfg, same, shared)
}

// runAgent opens what an agent needs and runs it.
func (m Machine) runAgent(
	ctx context.Context, h home.Home, login home.Login, cfg agent.Config, sharedDir bool,
) (err error) {
	if cfg.Key, err = loadDeviceKey(h); err != nil {
		return groupcast.Errorf(groupcast.EInternal, "this machine's device key cannot be read").
			WithHint("`groupcast logout`, then log in again").Wrap(err)
	}
	cfg.Ledger, err = ledger.Open(ctx, LedgerPath(h), time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cfg.Ledger.Close()) }()
	if err := receiveDir(ctx, cfg, sharedDir); err != nil {
		return err
	}
	cfg.Client, err = m.Client(login, string(login.AgentToken))
	if err != nil {
		return err
	}
	defer cfg.Client.Close()
	cfg.Address, cfg.Server, cfg.Device = login.Server, login.Fingerprint, login.Device
	cfg.VerifySigning = m.pin(login).VerifySigningLeaf
	cfg.Seen = func(t time.Time) {
		if err := h.SaveSeen(t); err != nil {
			cfg.Log.Debug("the server's time was not kept", "err", err)
		}
	}
	cfg.LoggedIn = func() bool { return stillLoggedIn(h, login) }
	g, err := agent.New(cfg)
	if err != nil {
		return err
	}
	return g.Run(ctx)
}

// stillLoggedIn says whether this machine has the login still: it was neither ended nor made
// again here. A file that cannot be read says nothing.
func stillLoggedIn(h home.Home, login home.Login) bool {
	now, err := h.LoadLogin()
	if err != nil {
		return groupcast.ErrorCode(err) != groupcast.ENotFound
	}
	return now.Device == login.Device && now.AgentToken == login.AgentToken
}

// LedgerPath is where a home keeps what was received.
func LedgerPath(h home.Home) string {
	return filepath.Join(h.Dir(home.RoleAgent), "ledger.sqlite")
}
