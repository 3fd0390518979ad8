package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/relays"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	cliTokenLife  = 30 * 24 * time.Hour
	tokenUnused   = 90 * 24 * time.Hour  // then a token is void (C7); a receiver's is asleep
	machineUnused = 730 * 24 * time.Hour // then a receiver's login ends, unless it is owed something
	maxDeviceName = 64
)

// Login checks a password and makes the device with its tokens.
func (s *Server) Login(ctx context.Context, from string, l groupcast.Login) (groupcast.LoggedIn, error) {
	if err := checkLogin(l); err != nil {
		return groupcast.LoggedIn{}, err
	}
	u, err := s.checkPassword(ctx, from, l.User, l.Password)
	if err != nil {
		return groupcast.LoggedIn{}, err
	}
	if err := s.logins.Again(u.ID, s.now()); err != nil {
		return groupcast.LoggedIn{}, err
	}
	p := groupcast.Principal{User: u, Scope: groupcast.ScopeCLI, From: from}
	out := groupcast.LoggedIn{User: u, CLIExpires: s.now().Add(cliTokenLife)}
	if out.Server, err = s.Name(ctx); err != nil {
		return groupcast.LoggedIn{}, err
	}
	if len(l.PublicKey) > 0 {
		if out.Device, err = s.deviceOf(ctx, p, l); err != nil {
			return groupcast.LoggedIn{}, err
		}
		if out.AgentToken, err = s.giveToken(ctx, u, from, out.Device.ID, groupcast.ScopeAgent, time.Time{}); err != nil {
			return groupcast.LoggedIn{}, err
		}
	}
	if out.CLIToken, err = s.giveToken(ctx, u, from, out.Device.ID, groupcast.ScopeCLI, out.CLIExpires); err != nil {
		return groupcast.LoggedIn{}, err
	}
	s.audit(ctx, p, "login", u.Name, out.Device.Name)
	return out, nil
}

// checkLogin refuses programs that do not speak this server's protocol, and says which would.
func checkLogin(l groupcast.Login) error {
	switch {
	case l.ControlVersion != groupcast.ControlVersion || l.WireVersion != protocol.Version:
		return groupcast.Errorf(groupcast.EInvalid, "this server speaks control version %d and wire version %d, "+
			"the client %d and %d",
			groupcast.ControlVersion, protocol.Version, l.ControlVersion, l.WireVersion).
			WithHint("install groupcast %s on both", groupcast.Version)
	case len(l.PublicKey) != 0 && len(l.PublicKey) != 32:
		return groupcast.Errorf(groupcast.EInvalid, "the device's public key has %d bytes instead of 32", len(l.PublicKey))
	case len(l.User) > 256 || len(l.OS) > 256 || len(l.Version) > 256:
		return groupcast.Errorf(groupcast.EInvalid, "the login is too long")
	}
	return nil
}

var errWrongPassword = groupcast.Errorf(groupcast.EUnauthorized, "the login ID or the password is wrong").
	WithHint("an administrator can set a new password, or enable an account that is disabled").
	WithNext(groupcast.Next{Step: groupcast.StepPassword})

// checkPassword takes the same steps, and as long, for names that do not exist (C5).
func (s *Server) checkPassword(ctx context.Context, from, name string, pw groupcast.Password) (groupcast.User, error) {
	u, hash, err := s.store.Credentials(ctx, name)
	known := err == nil
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		return u, err
	}
	ok, err := s.passwords.Verify(ctx, from, name, pw, string(hash))
	if err != nil {
		return u, err
	}
	if ok && known && !u.Disabled {
		return u, nil
	}
	object := "unknown " + s.nameHash(name)
	if known {
		object = name
	}
	s.record.Refused(ctx, "login.failed", object, from)
	return groupcast.User{}, errWrongPassword
}

// nameHash stands for a name that is not an account: people type passwords there (G1).
func (s *Server) nameHash(name string) string {
	mac := hmac.New(sha256.New, s.nameKey[:])
	mac.Write([]byte(name))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// deviceOf finds the device of a key again or makes it; a new one is owed what is pending.
func (s *Server) deviceOf(ctx context.Context, p groupcast.Principal, l groupcast.Login) (groupcast.Device, error) {
	d, err := s.store.DeviceByKey(ctx, p.User.ID, l.PublicKey)
	if err == nil {
		d.OS, d.Version, d.LastSeen, d.Address = l.OS, l.Version, s.now(), p.From
		return d, s.store.UpdateDevices(ctx, []groupcast.Device{d})
	}
	if groupcast.ErrorCode(err) != groupcast.ENotFound {
		return d, err
	}
	err = s.delivery.Owe(func() (owed []groupcast.Delivery, err error) {
		d, owed, err = s.store.AddDevice(ctx, groupcast.Device{
			ID: protocol.NewDeviceID(), UserID: p.User.ID, User: p.User.Name, Name: deviceName(l.Device),
			PublicKey: l.PublicKey, OS: l.OS, Version: l.Version, Address: p.From, Path: groupcast.PathUnknown,
		}, s.now())
		return owed, err
	})
	if err != nil {
		return d, err
	}
	s.audit(ctx, p, "device.add", p.User.Name+"/"+d.Name, "device "+d.ID.String())
	s.newDevice(ctx, d, "new device")
	return d, nil
}

// deviceName makes a host name fit to be shown anywhere.
func deviceName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, r < 0x21, r > 0x7e, strings.ContainsRune(`/\'"<>&`, r):
			return '-'
		}
		return r
	}, s)
	if s == "" {
		return "device"
	}
	return s[:min(len(s), maxDeviceName)]
}

func (s *Server) giveToken(
	ctx context.Context, u groupcast.User, from string, dev protocol.DeviceID, scope groupcast.Scope, expires time.Time,
) (string, error) {
	token, hash := auth.NewToken()
	now := s.now()
	return token, s.store.AddToken(ctx, store.Token{
		Hash: hash, UserID: u.ID, Device: dev, Scope: scope, CreatedAt: now, LastUsed: now, Expires: expires, Address: from,
	})
}

// Authenticate finds the principal behind a token.
func (s *Server) Authenticate(ctx context.Context, from, token string) (groupcast.Principal, error) {
	if relays.IsToken(token) {
		return s.Calls.Authenticate(ctx, from, token)
	}
	hash := auth.HashToken(token)
	t, u, d, err := s.store.FindToken(ctx, hash, s.now())
	if groupcast.ErrorCode(err) == groupcast.ENotFound || (err == nil && (u.Disabled || s.idle(t) || s.asleep(t))) {
		return groupcast.Principal{}, errOver
	}
	if err != nil {
		return groupcast.Principal{}, err
	}
	s.uses.Note(t, s.now())
	return groupcast.Principal{User: u, Device: d, Scope: t.Scope, From: from, SignIn: auth.TokenID(hash)}, nil
}

var errOver = groupcast.Errorf(groupcast.EUnauthorized, "this login is no longer valid").
	WithHint("log in again").WithNext(groupcast.Next{Step: groupcast.StepLogin})

// Logout ends the principal's device; a browser's sign-in; or, without either, the user's
// logins of that kind.
func (s *Server) Logout(ctx context.Context, p groupcast.Principal) error {
	if p.Local || p.User.ID == "" {
		return groupcast.Errorf(groupcast.EInvalid, "the local administrator has no login to end")
	}
	if p.Device != nil {
		return s.endDevice(ctx, p, *p.Device, "logout", "logged out")
	}
	if p.Scope == groupcast.ScopeWeb && p.SignIn != "" {
		return s.EndSignIn(ctx, p, p.SignIn)
	}
	if err := s.store.DeleteTokens(ctx, p.User.ID, p.Scope, store.TokenHash{}); err != nil {
		return err
	}
	s.events.End(ofUser(p.User.ID), errLoggedOut)
	s.audit(ctx, p, "logout", p.User.Name, "")
	return nil
}

var errLoggedOut = groupcast.Errorf(groupcast.EUnauthorized, "logged out")

// ChangePassword changes one's own password; logins end, but for agents and the browser that asks.
func (s *Server) ChangePassword(ctx context.Context, p groupcast.Principal, c groupcast.PasswordChange) error {
	if err := mustUser(p); err != nil {
		return err
	}
	if _, err := s.checkPassword(ctx, p.From, p.User.Name, c.Old); err != nil {
		return err
	}
	var this store.Token
	if p.Scope == groupcast.ScopeWeb {
		var err error
		if this, err = s.signIn(ctx, p.User, p.SignIn); err != nil {
			return err
		}
	}
	if err := s.setPassword(ctx, p.User.ID, c.New, this.Hash); err != nil {
		return err
	}
	s.audit(ctx, p, "user.password", p.User.Name, "changed by himself")
	return nil
}

// Me returns the principal.
func (s *Server) Me(ctx context.Context, p groupcast.Principal) (groupcast.Me, error) {
	if !p.Local && p.User.ID == "" {
		return groupcast.Me{}, groupcast.Errorf(groupcast.EUnauthorized, "nobody is logged in")
	}
	if p.Device != nil {
		d := *p.Device
		s.agents.Describe(&d)
		p.Device = &d
	}
	called, err := s.Name(ctx)
	return groupcast.Me{User: p.User, Device: p.Device, Local: p.Local, Admin: p.Admin(), Server: called}, err
}
