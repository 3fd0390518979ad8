package server

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
)

// mustAdmin lets administrators pass: never an agent's token, whatever the user's role (C7).
func mustAdmin(p groupcast.Principal) error {
	if p.Admin() {
		return nil
	}
	return groupcast.Errorf(groupcast.EForbidden, "this needs an administrator").
		WithHint("log in as one").WithNext(groupcast.Next{Step: groupcast.StepAdmin})
}

// mustUser lets people pass who act for themselves: a login, not an agent's token.
func mustUser(p groupcast.Principal) error {
	switch {
	case p.Local:
		return groupcast.Errorf(groupcast.EForbidden, "the local administrator has no account").
			WithHint("log in to act as a user").WithNext(groupcast.Next{Step: groupcast.StepLogin})
	case p.User.ID == "" || p.User.Disabled:
		return groupcast.Errorf(groupcast.EUnauthorized, "nobody is logged in").WithHint("log in").
			WithNext(groupcast.Next{Step: groupcast.StepLogin})
	case p.Scope == groupcast.ScopeAgent:
		return groupcast.Errorf(groupcast.EForbidden, "a receiver's token reaches the receiver's part only")
	}
	return nil
}

// mustAgent lets agents pass and gives their device.
func mustAgent(p groupcast.Principal) (groupcast.Device, error) {
	if p.Local || p.Scope != groupcast.ScopeAgent || p.Device == nil || p.User.Disabled {
		return groupcast.Device{}, groupcast.Errorf(groupcast.EForbidden, "only a receiver's token reaches this")
	}
	return *p.Device, nil
}

// mayName says which files of the server's disk may be named: any by the local administrator, over the
// network only those below a --source folder (C11).
func (s *Server) mayName(p groupcast.Principal) content.Allowed {
	return content.Allowed{Any: p.Local, Below: s.cfg.Sources}
}

// audit writes an entry of the audit log, after the change.
func (s *Server) audit(ctx context.Context, p groupcast.Principal, action, object, detail string) {
	s.record.Add(ctx, p, action, object, detail)
}
