package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
)

// Check asks devices over the control channel and over multicast.
func (s *Server) Check(
	ctx context.Context, p groupcast.Principal, q groupcast.CheckQuery, told func(groupcast.CheckResult),
) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	n := 0
	err := s.reach.Check(ctx, q, func(r groupcast.CheckResult) { n++; told(r) })
	if err == nil {
		s.audit(ctx, p, "check", strings.TrimSpace(q.Group+" "+q.User), fmt.Sprintf("%d devices", n))
	}
	return err
}

// ProbesHeard is a device's answer.
func (s *Server) ProbesHeard(_ context.Context, p groupcast.Principal, a groupcast.ProbeAnswer) error {
	d, err := mustAgent(p)
	if err != nil {
		return err
	}
	return s.reach.Heard(d.ID, a)
}
