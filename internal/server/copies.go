package server

import (
	"context"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// idleBefore is how long a copy's device is quiet before it is given to the same machine again
// (docs/adr/0011-copied-homes.md).
const idleBefore = 10 * time.Minute

// errCopied says to an agent that it shares its login with another machine.
var errCopied = groupcast.Errorf(groupcast.ECopied,
	"another machine that runs now uses this login: the home of one was copied to the other").
	WithHint("start `groupcast receive` without --same-device: it gets a device of its own")

// sole decides whether a process may have its device's stream: not while another process has it and
// answers, and not if another one had it in between, because both then run. The second one gets an error,
// and asks for a device of its own.
func (s *Server) sole(ctx context.Context, d groupcast.Device, say groupcast.Attach, from string) error {
	if say.Instance == "" {
		return nil // an older agent: the newer stream ends the one before
	}
	held, returned := s.agents.Standing(d.ID, say)
	switch {
	case held:
		if !s.reach.Answers(ctx, d.ID) {
			return ctx.Err() // a stream that nobody reads any more: it ends
		}
	case !returned || say.Keep:
		return nil
	}
	if s.agents.NoteRival(d.ID, say.Instance) {
		s.log.Warn("one login is used by several machines: a home was copied", "device", d.User+"/"+d.Name, "from", from)
		s.audit(ctx, groupcast.Principal{User: groupcast.User{Name: d.User}, From: from}, "device.copied", d.User+"/"+d.Name,
			fmt.Sprintf("used by %d machines", s.agents.Machines(d.ID)))
		s.events.Publish(groupcast.Event{
			Kind: groupcast.EventDevice, User: d.User, Text: d.Name + ": used by several machines",
		})
	}
	return errCopied
}

// Fork makes a device for a machine with a copied home.
func (s *Server) Fork(ctx context.Context, p groupcast.Principal, f groupcast.Fork) (groupcast.LoggedIn, error) {
	d, err := mustAgent(p)
	if err != nil {
		return groupcast.LoggedIn{}, err
	}
	if len(f.PublicKey) != 32 || len(f.Device) > 256 || len(f.OS) > 256 || len(f.Version) > 256 ||
		len(f.Machine) > groupcast.MaxAttachField || len(f.Instance) > groupcast.MaxAttachField {
		return groupcast.LoggedIn{}, groupcast.Errorf(groupcast.EInvalid, "the request for a device of its own is malformed")
	}
	if err := s.proven(d, p.SignIn, f.Nonce, f.PublicKey, f.Signature); err != nil {
		return groupcast.LoggedIn{}, err
	}
	fresh, err := s.copyOf(ctx, p, d, f)
	if err != nil {
		return groupcast.LoggedIn{}, err
	}
	s.agents.ForgetRival(d.ID, f.Instance)
	out := groupcast.LoggedIn{User: p.User, Device: fresh}
	if out.AgentToken, err = s.giveToken(ctx, p.User, p.From, fresh.ID, groupcast.ScopeAgent, time.Time{}); err != nil {
		return groupcast.LoggedIn{}, err
	}
	return out, s.copyLogin(ctx, p, f.CLIToken, &out)
}

// copyOf finds or makes the device: the same key or the same machine gets the same one again, so
// that a disk that is reset at each boot makes one device and not one a day.
func (s *Server) copyOf(
	ctx context.Context, p groupcast.Principal, d groupcast.Device, f groupcast.Fork,
) (groupcast.Device, error) {
	again, err := s.store.DeviceByKey(ctx, p.User.ID, f.PublicKey)
	if err == nil || groupcast.ErrorCode(err) != groupcast.ENotFound {
		return again, err
	}
	copied := store.Copy{Of: d.ID, Machine: f.Machine}
	known, err := s.store.Copies(ctx, copied)
	if err != nil {
		return groupcast.Device{}, err
	}
	for _, k := range known {
		if s.agents.Has(k.ID) || s.now().Sub(k.LastSeen) < idleBefore {
			continue
		}
		err := s.delivery.Owe(func() ([]groupcast.Delivery, error) {
			return s.store.RekeyDevice(ctx, k.ID, f.PublicKey, s.now())
		})
		if err != nil {
			return k, err
		}
		s.audit(ctx, p, "device.rekey", k.User+"/"+k.Name, "the copy of "+d.Name+" on the same machine")
		return k, nil
	}
	var fresh groupcast.Device
	err = s.delivery.Owe(func() (owed []groupcast.Delivery, err error) {
		fresh, owed, err = s.store.AddCopy(ctx, groupcast.Device{
			ID: protocol.NewDeviceID(), UserID: p.User.ID, User: p.User.Name, Name: deviceName(f.Device),
			PublicKey: f.PublicKey, OS: f.OS, Version: f.Version, LastSeen: s.now(), Address: p.From,
			Path: groupcast.PathUnknown,
		}, copied, s.now())
		return owed, err
	})
	if err != nil {
		return fresh, err
	}
	s.audit(ctx, p, "device.copy", p.User.Name+"/"+fresh.Name,
		"device "+fresh.ID.String()+", its home is a copy of that of "+d.Name)
	s.newDevice(ctx, fresh, "new device, a copy of "+d.Name)
	return fresh, nil
}

// copyLogin gives the copy a login of the command line as good as the one it holds, so that
// neither ends the other's.
func (s *Server) copyLogin(ctx context.Context, p groupcast.Principal, token string, out *groupcast.LoggedIn) error {
	if token == "" {
		return nil
	}
	t, u, _, err := s.store.FindToken(ctx, auth.HashToken(token), s.now())
	if groupcast.ErrorCode(err) == groupcast.ENotFound {
		return nil
	}
	if err != nil || u.ID != p.User.ID || t.Scope != groupcast.ScopeCLI {
		return err
	}
	out.CLIExpires = t.Expires
	out.CLIToken, err = s.giveToken(ctx, u, p.From, out.Device.ID, groupcast.ScopeCLI, t.Expires)
	return err
}
