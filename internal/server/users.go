package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// AddUser makes an account.
func (s *Server) AddUser(ctx context.Context, p groupcast.Principal, n groupcast.NewUser) (groupcast.User, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.User{}, err
	}
	u, err := s.makeUser(ctx, n)
	if err != nil {
		return groupcast.User{}, err
	}
	s.settled(ctx)
	s.audit(ctx, p, "user.add", u.Name, "role "+string(u.Role))
	s.events.Publish(groupcast.Event{Kind: groupcast.EventUser, User: u.Name, Text: "added"})
	return u, nil
}

func (s *Server) makeUser(ctx context.Context, n groupcast.NewUser) (groupcast.User, error) {
	if n.Role == "" {
		n.Role = groupcast.RoleMember
	}
	if err := checkName("user", n.Name); err != nil {
		return groupcast.User{}, err
	}
	if err := checkRole(n.Role); err != nil {
		return groupcast.User{}, err
	}
	hash, err := s.hash(ctx, n.Password)
	if err != nil {
		return groupcast.User{}, err
	}
	return s.store.AddUser(ctx, store.NewUser{Name: n.Name, Role: n.Role, Hash: hash}, s.now())
}

func checkRole(r groupcast.Role) error {
	if r == groupcast.RoleAdmin || r == groupcast.RoleMember {
		return nil
	}
	return groupcast.Errorf(groupcast.EInvalid, "there is no role %q", string(r)).WithHint("use admin or member")
}

// Users lists the accounts.
func (s *Server) Users(
	ctx context.Context, p groupcast.Principal, w groupcast.Window,
) (out groupcast.Page[groupcast.User], err error) {
	if err := mustAdmin(p); err != nil {
		return out, err
	}
	return s.store.Users(ctx, w)
}

// UpdateUser changes role, password, or whether the account is disabled.
func (s *Server) UpdateUser(
	ctx context.Context, p groupcast.Principal, name string, c groupcast.UserChange,
) (groupcast.User, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.User{}, err
	}
	u, err := s.store.User(ctx, name)
	if err != nil {
		return u, err
	}
	var did []string
	for _, change := range []func(context.Context, groupcast.User, groupcast.UserChange) (string, error){
		s.changeRole, s.resetPassword, s.changeDisabled,
	} {
		what, err := change(ctx, u, c)
		if err != nil {
			return u, err
		}
		if what != "" {
			did = append(did, what)
			s.audit(ctx, p, "user.update", name, what)
		}
	}
	if len(did) > 0 {
		s.settled(ctx)
		s.events.Publish(groupcast.Event{Kind: groupcast.EventUser, User: name, Text: strings.Join(did, ", ")})
	}
	return s.store.User(ctx, name)
}

func (s *Server) changeRole(ctx context.Context, u groupcast.User, c groupcast.UserChange) (string, error) {
	if c.Role == nil || *c.Role == u.Role {
		return "", nil
	}
	if err := checkRole(*c.Role); err != nil {
		return "", err
	}
	if err := s.store.SetRole(ctx, u.ID, *c.Role); err != nil {
		return "", err
	}
	if *c.Role != groupcast.RoleAdmin {
		s.events.End(ofUser(u.ID), errRoleChanged)
	}
	return "role " + string(*c.Role), nil
}

var errRoleChanged = groupcast.Errorf(groupcast.EForbidden, "your role was changed")

func ofUser(id string) func(groupcast.Principal) bool {
	return func(p groupcast.Principal) bool { return !p.Local && p.User.ID == id }
}

// resetPassword also ends the user's logins, because others may know the old password. Agents stay.
func (s *Server) resetPassword(ctx context.Context, u groupcast.User, c groupcast.UserChange) (string, error) {
	if c.Password == nil {
		return "", nil
	}
	if err := s.setPassword(ctx, u.ID, *c.Password, store.TokenHash{}); err != nil {
		return "", err
	}
	return "password set", nil
}

func (s *Server) setPassword(ctx context.Context, userID string, pw groupcast.Password, except store.TokenHash) error {
	hash, err := s.hash(ctx, pw)
	if err != nil {
		return err
	}
	if err := s.store.SetPassword(ctx, userID, hash); err != nil {
		return err
	}
	for _, scope := range []groupcast.Scope{groupcast.ScopeCLI, groupcast.ScopeWeb} {
		if err := s.store.DeleteTokens(ctx, userID, scope, except); err != nil {
			return err
		}
	}
	s.events.End(ofUser(userID), groupcast.Errorf(groupcast.EUnauthorized, "the password was changed").
		WithHint("log in again"))
	return nil
}

func (s *Server) changeDisabled(ctx context.Context, u groupcast.User, c groupcast.UserChange) (string, error) {
	if c.Disabled == nil || *c.Disabled == u.Disabled {
		return "", nil
	}
	if !*c.Disabled {
		return "enabled", s.delivery.Owe(func() ([]groupcast.Delivery, error) { return s.enable(ctx, u.ID) })
	}
	return "disabled", s.exclude(func() (x delivery.Exclusion, err error) {
		groups, err := s.store.GroupsOfUser(ctx, u.ID)
		if err != nil {
			return x, err
		}
		x = delivery.Exclusion{User: u.ID, Groups: groupIDs(groups), Over: barred("the account was disabled")}
		return x, s.store.SetDisabled(ctx, u.ID, true)
	})
}

// enable opens an account again, and gives what its devices are owed.
func (s *Server) enable(ctx context.Context, userID string) (all []groupcast.Delivery, err error) {
	if err := s.store.SetDisabled(ctx, userID, false); err != nil {
		return nil, err
	}
	devices, err := s.store.Devices(ctx, userID, groupcast.Window{})
	if err != nil {
		return nil, err
	}
	for _, d := range devices.Rows {
		owed, err := s.store.Owed(ctx, d.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, owed...)
	}
	return all, nil
}

func groupIDs(groups []groupcast.Group) []protocol.GroupID {
	out := make([]protocol.GroupID, 0, len(groups))
	for _, g := range groups {
		out = append(out, g.ID)
	}
	return out
}

// DeleteUser ends an account with everything it has.
func (s *Server) DeleteUser(ctx context.Context, p groupcast.Principal, name string) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	u, err := s.store.User(ctx, name)
	if err != nil {
		return err
	}
	var groups []protocol.GroupID
	err = s.exclude(func() (_ delivery.Exclusion, err error) {
		groups, err = s.store.DeleteUser(ctx, u.ID, s.now())
		return delivery.Exclusion{User: u.ID, Groups: groups, Over: barred("the account was deleted")}, err
	})
	if err != nil {
		return err
	}
	s.audit(ctx, p, "user.delete", name, fmt.Sprintf("was in %d groups", len(groups)))
	s.events.Publish(groupcast.Event{Kind: groupcast.EventUser, User: name, Text: "deleted"})
	return nil
}

// UserGroups lists a user's memberships and requests.
func (s *Server) UserGroups(ctx context.Context, p groupcast.Principal, name string) ([]groupcast.GroupOnOffer, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	u, err := s.store.User(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.store.GroupsOnOffer(ctx, u.ID, true)
}
