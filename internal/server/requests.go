package server

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/groupcast/groupcast"
)

// GroupsOnOffer lists what a user may ask for or is in.
func (s *Server) GroupsOnOffer(
	ctx context.Context, p groupcast.Principal, mine bool,
) ([]groupcast.GroupOnOffer, error) {
	if err := mustUser(p); err != nil {
		return nil, err
	}
	return s.store.GroupsOnOffer(ctx, p.User.ID, mine)
}

// Join asks to become a member.
func (s *Server) Join(ctx context.Context, p groupcast.Principal, group, text string) (groupcast.JoinRequest, error) {
	if err := mustUser(p); err != nil {
		return groupcast.JoinRequest{}, err
	}
	if utf8.RuneCountInString(text) > maxDescription {
		return groupcast.JoinRequest{}, groupcast.Errorf(groupcast.EInvalid,
			"the message is longer than %d characters", maxDescription)
	}
	if err := s.wishes.Again(p.User.ID, s.now()); err != nil {
		return groupcast.JoinRequest{}, err
	}
	// Users who know the name of an unlisted group can ask to join it.
	g, err := s.store.Group(ctx, group)
	if err != nil {
		return groupcast.JoinRequest{}, err
	}
	r, err := s.store.AddRequest(ctx, g.ID, p.User.ID, text, s.now())
	if err != nil {
		return r, err
	}
	s.audit(ctx, p, "request.ask", group, p.User.Name)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventRequest, Group: group, User: p.User.Name, Text: "asks to join"})
	return r, nil
}

// Leave ends one's own membership, or takes one's request back.
func (s *Server) Leave(ctx context.Context, p groupcast.Principal, group string) error {
	if err := mustUser(p); err != nil {
		return err
	}
	if err := s.wishes.Again(p.User.ID, s.now()); err != nil {
		return err
	}
	g, err := s.store.Group(ctx, group)
	if err != nil {
		return err
	}
	err = s.endMembership(ctx, p, g, p.User, "member.leave", "left")
	if groupcast.ErrorCode(err) != groupcast.ENotFound {
		return err
	}
	if err := s.store.WithdrawRequest(ctx, g.ID, p.User.ID); err != nil {
		return groupcast.Errorf(groupcast.ENotFound, "you are not in the group %q and have not asked to be", group).
			WithHint("look at your groups").WithNext(groupcast.Next{Step: groupcast.StepMyGroups}).Wrap(err)
	}
	s.audit(ctx, p, "request.withdraw", group, p.User.Name)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventRequest, Group: group, User: p.User.Name, Text: "withdrawn"})
	return nil
}

// Requests lists the join requests of a state.
func (s *Server) Requests(
	ctx context.Context, p groupcast.Principal, state groupcast.RequestState, w groupcast.Window,
) (out groupcast.Page[groupcast.JoinRequest], err error) {
	if err := mustAdmin(p); err != nil {
		return out, err
	}
	return s.store.Requests(ctx, state, w)
}

// Approve makes the one who asked a member.
func (s *Server) Approve(
	ctx context.Context, p groupcast.Principal, group, user string,
) (groupcast.JoinRequest, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.JoinRequest{}, err
	}
	if strings.Contains(user, "/") {
		return s.approveDevice(ctx, p, group, user)
	}
	g, u, err := s.groupAndUser(ctx, group, user)
	if err != nil {
		return groupcast.JoinRequest{}, err
	}
	var r groupcast.JoinRequest
	err = s.admit(g.Name, u, func() (owed []groupcast.Delivery, err error) {
		r, owed, err = s.store.ApproveRequest(ctx, g.ID, u.ID, p.Actor(), s.now())
		return owed, err
	})
	if err != nil {
		return r, err
	}
	s.audit(ctx, p, "request.approve", group, user)
	return r, nil
}

// Deny refuses a request.
func (s *Server) Deny(ctx context.Context, p groupcast.Principal, group, user string) (groupcast.JoinRequest, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.JoinRequest{}, err
	}
	if strings.Contains(user, "/") {
		return s.denyDevice(ctx, p, group, user)
	}
	g, u, err := s.groupAndUser(ctx, group, user)
	if err != nil {
		return groupcast.JoinRequest{}, err
	}
	r, err := s.store.DenyRequest(ctx, g.ID, u.ID, p.Actor(), s.now())
	if err != nil {
		return r, err
	}
	s.audit(ctx, p, "request.deny", group, user)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventRequest, Group: group, User: user, Text: "denied"})
	return r, nil
}
