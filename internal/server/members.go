package server

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Members lists who is in a group.
func (s *Server) Members(
	ctx context.Context, p groupcast.Principal, group string, w groupcast.Window,
) (out groupcast.Page[groupcast.Member], err error) {
	if err := mustAdmin(p); err != nil {
		return out, err
	}
	g, err := s.store.Group(ctx, group)
	if err != nil {
		return out, err
	}
	out, err = s.store.Members(ctx, g.ID, w)
	for i, m := range out.Rows {
		out.Rows[i].Active = s.agents.Count(m.UserID)
	}
	return out, err
}

// AddMember makes a user a member without a request.
func (s *Server) AddMember(ctx context.Context, p groupcast.Principal, group, user string) (groupcast.Member, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Member{}, err
	}
	g, u, err := s.groupAndUser(ctx, group, user)
	if err != nil {
		return groupcast.Member{}, err
	}
	var m groupcast.Member
	err = s.admit(g.Name, u, func() (owed []groupcast.Delivery, err error) {
		m, owed, err = s.store.AddMember(ctx, g.ID, u.ID, p.Actor(), s.now())
		return owed, err
	})
	if err != nil {
		return m, err
	}
	s.audit(ctx, p, "member.add", group, user)
	m.Active = s.agents.Count(u.ID)
	return m, nil
}

func (s *Server) groupAndUser(ctx context.Context, group, user string) (groupcast.Group, groupcast.User, error) {
	g, err := s.store.Group(ctx, group)
	if err != nil {
		return g, groupcast.User{}, err
	}
	u, err := s.store.User(ctx, user)
	return g, u, err
}

// admit lets a new member take part at once in what is running or pending.
func (s *Server) admit(group string, u groupcast.User, change func() ([]groupcast.Delivery, error)) error {
	if err := s.delivery.Owe(change); err != nil {
		return err
	}
	s.agents.HintUser(u.ID)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventMember, Group: group, User: u.Name, Text: "added"})
	return nil
}

// RemoveMember ends a membership and answers when nothing more is sealed for the user.
func (s *Server) RemoveMember(ctx context.Context, p groupcast.Principal, group, user string) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	g, u, err := s.groupAndUser(ctx, group, user)
	if err != nil {
		return err
	}
	return s.endMembership(ctx, p, g, u, "member.remove", "no longer a member")
}

// endMembership is the order of security.md K2: committed, cut off, stopped; then the answer.
func (s *Server) endMembership(
	ctx context.Context, p groupcast.Principal, g groupcast.Group, u groupcast.User, action, reason string,
) error {
	err := s.exclude(func() (delivery.Exclusion, error) {
		return delivery.Exclusion{User: u.ID, Groups: []protocol.GroupID{g.ID}},
			s.store.RemoveMember(ctx, g.ID, u.ID, s.now())
	})
	if err != nil {
		return err
	}
	s.agents.HintUser(u.ID)
	s.audit(ctx, p, action, g.Name, u.Name)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventMember, Group: g.Name, User: u.Name, Text: reason})
	return nil
}

// exclude also ends the event streams of a user, if over says why.
func (s *Server) exclude(change func() (delivery.Exclusion, error)) error {
	var x delivery.Exclusion
	err := s.delivery.Exclude(func() (_ delivery.Exclusion, err error) {
		x, err = change()
		return x, err
	})
	if err != nil || x.Over == nil {
		return err
	}
	s.events.End(func(p groupcast.Principal) bool {
		return !p.Local && p.User.ID == x.User && (x.Device == nil || (p.Device != nil && p.Device.ID == *x.Device))
	}, x.Over)
	return nil
}

// barred is the error that streams end with.
func barred(reason string) error {
	return groupcast.Errorf(groupcast.EUnauthorized, "%s", reason).WithHint("ask an administrator")
}
