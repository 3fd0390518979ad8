package device

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/seal"
)

// receiveAs runs the agent. Where this home is a copy of another machine's, it becomes a device of
// its own first, or as soon as the server sees both at once (docs/adr/0011-copied-homes.md); with
// same its user says that it is the machine that logged in.
func (m Machine) receiveAs(
	ctx context.Context, h home.Home, login home.Login, cfg agent.Config, same, sharedDir bool,
) (err error) {
	defer func() {
		if ctx.Err() != nil && (errors.Is(err, context.Canceled) || groupcast.ErrorCode(err) == groupcast.ECopied) {
			err = nil // it was asked to stop while it waited
		}
	}()
	machine := home.ThisMachine()
	cfg.Attach = groupcast.Attach{Instance: rand.Text(), Boot: machine.Boot, Keep: same}
	if h.CopiedTo(machine) && !same {
		if login, err = m.becomeItself(ctx, h, login, cfg, machine); err != nil {
			return err
		}
	}
	if err := h.KnowMachine(machine, false); err != nil {
		cfg.Log.Warn("this machine is not noted in its home", "err", err)
	}
	var pause apiclient.Backoff
	for said := false; ; {
		err := m.runAgent(ctx, h, login, cfg, sharedDir)
		if groupcast.ErrorCode(err) != groupcast.ECopied || ctx.Err() != nil || same && (cfg.Once || cfg.GiveUp) {
			return err
		}
		if !same {
			if login, err = m.becomeItself(ctx, h, login, cfg, machine); err != nil {
				return err
			}
			continue
		}
		if !said {
			said = true
			tellWarning(cfg, err.Error()+"; this one waits until it is alone")
		}
		if pause.Wait(ctx) != nil {
			return nil
		}
	}
}

func tellWarning(cfg agent.Config, text string) {
	if cfg.Say != nil {
		cfg.Say(agent.Line{At: time.Now(), Kind: "warning", Text: text})
	}
}

// becomeItself gives this machine a device of its own, and waits for a server that is away.
func (m Machine) becomeItself(
	ctx context.Context, h home.Home, login home.Login, cfg agent.Config, at home.Machine,
) (home.Login, error) {
	var pause apiclient.Backoff
	for said := ""; ; {
		next, err := m.fork(ctx, h, login, cfg, at)
		if err == nil {
			tellWarning(cfg, fmt.Sprintf("this home was copied from another machine, which is device %s: this machine is "+
				"device %s from now on", login.DeviceName, next.DeviceName))
			return next, nil
		}
		if ctx.Err() != nil || cfg.Once || cfg.GiveUp || !stillLoggedIn(h, login) {
			return login, err
		}
		if text := err.Error(); text != said {
			said = text
			tellWarning(cfg, "this home was copied from another machine and has no device of its own yet: "+text+
				"; it tries again by itself")
		}
		if err := pause.Wait(ctx); err != nil {
			return login, err
		}
	}
}

// fork asks the server for a device of this machine's own and takes over its key and login. It may
// break off anywhere and be done again: the new key is kept first, and the server knows it again.
func (m Machine) fork(
	ctx context.Context, h home.Home, login home.Login, cfg agent.Config, at home.Machine,
) (home.Login, error) {
	old, err := loadDeviceKey(h)
	if err != nil {
		return login, err
	}
	key, err := nextKey(h)
	if err != nil {
		return login, err
	}
	client, err := m.Client(login, string(login.AgentToken))
	if err != nil {
		return login, err
	}
	defer client.Close()
	in, err := askFork(ctx, client, old, key, login, at, cfg.Attach.Instance)
	if err != nil {
		return login, err
	}
	if err := forgetReceipts(ctx, h, login); err != nil {
		return login, err
	}
	next := login
	next.Device, next.DeviceName, next.Key = in.Device.ID, in.Device.Name, hex.EncodeToString(key.Public().Bytes())
	next.AgentToken, next.CLIToken, next.CLIExpires = home.Token(in.AgentToken), home.Token(in.CLIToken), in.CLIExpires
	if in.CLIToken == "" {
		next.CLIExpires = time.Unix(1, 0).UTC() // it ran out before
	}
	if err := errors.Join(h.SaveLogin(next), finishFork(h)); err != nil {
		return login, err
	}
	return next, h.KnowMachine(at, true)
}

func askFork(
	ctx context.Context, client *apiclient.Client, old, key seal.SigningKey, login home.Login, at home.Machine,
	instance string,
) (groupcast.LoggedIn, error) {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = login.DeviceName
	}
	ask := func() (groupcast.LoggedIn, error) {
		challenge, err := client.Challenge(ctx, string(login.AgentToken))
		if err != nil {
			return groupcast.LoggedIn{}, err
		}
		public := key.Public().Bytes()
		return client.Fork(ctx, groupcast.Fork{
			Nonce:     challenge.Nonce,
			Signature: seal.SignProof(old, seal.Proof{Server: login.Fingerprint, Nonce: challenge.Nonce, NewKey: public}),
			PublicKey: public, Device: host, OS: runtime.GOOS + "/" + runtime.GOARCH, Version: groupcast.Version,
			Machine: at.Place, Instance: instance, CLIToken: string(login.CLIToken),
		})
	}
	in, err := ask()
	if groupcast.ErrorCode(err) == groupcast.EUnauthorized { // asleep, perhaps
		if client.Wake(ctx, func(nonce []byte) []byte {
			return seal.SignProof(old, seal.Proof{Server: login.Fingerprint, Nonce: nonce})
		}) == nil {
			return ask()
		}
	}
	return in, err
}

// forgetReceipts drops what was signed as the device that this machine no longer is.
func forgetReceipts(ctx context.Context, h home.Home, login home.Login) error {
	l, err := ledger.Open(ctx, LedgerPath(h), time.Now)
	if err != nil {
		return err
	}
	return errors.Join(l.ForgetReceipts(ctx, login.Fingerprint), l.Close())
}

func nextKeyPath(h home.Home) string {
	return filepath.Join(h.Dir(home.RoleAgent), "device.key.next")
}

// nextKey gives the key of the device that this machine is about to become.
func nextKey(h home.Home) (seal.SigningKey, error) {
	if seed, err := home.ReadPrivate(nextKeyPath(h), 64); err == nil {
		if key, err := seal.SigningKeyFromSeed(seed); err == nil {
			return key, nil
		}
	}
	key := seal.NewSigningKey()
	return key, durable.WriteFile(nextKeyPath(h), key.Seed())
}

// finishFork puts the next key in its place if the login is its device's already: a crash may have
// come between the two.
func finishFork(h home.Home) error {
	seed, err := home.ReadPrivate(nextKeyPath(h), 64)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := seal.SigningKeyFromSeed(seed)
	if err != nil {
		return removeIfThere(nextKeyPath(h)) // half-written: it was never used
	}
	login, err := h.LoadLogin()
	if err != nil || login.Key != hex.EncodeToString(key.Public().Bytes()) {
		return nil // not asked for yet, or not answered
	}
	if err := os.Rename(nextKeyPath(h), keyPath(h)); err != nil {
		return err
	}
	return durable.SyncFolder(h.Dir(home.RoleAgent))
}

// usedElsewhere says whether another machine uses this login: ending it would end that one.
func (m Machine) usedElsewhere(ctx context.Context, h home.Home, login home.Login) bool {
	if h.CopiedTo(home.ThisMachine()) {
		return true
	}
	lock, err := h.Lock(home.RoleAgent)
	if err != nil {
		return false // the one that is attached is this home's own
	}
	defer lock.Release() // it was only looked at
	for range 10 {       // the stream of a receiver that was just stopped ends in a moment
		active, err := m.deviceActive(ctx, login)
		if err != nil || !active {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(300 * time.Millisecond):
		}
	}
	return true
}

func (m Machine) deviceActive(ctx context.Context, login home.Login) (bool, error) {
	var err error
	for _, token := range []home.Token{login.CLIToken, login.AgentToken} {
		client, newErr := m.Client(login, string(token))
		if newErr != nil {
			return false, newErr
		}
		var me groupcast.Me
		me, err = client.Me(ctx)
		client.Close()
		if err == nil {
			return me.Device != nil && me.Device.ID == login.Device && me.Device.Active, nil
		}
	}
	return false, err
}
