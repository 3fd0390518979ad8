package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
)

// Check asks devices over the control channel and over multicast.
func (s *Server) Check(
	ctx context.Context, p groupcast.Principal, q groupcast.CheckQuery,
) ([]groupcast.CheckResult, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	results, err := s.reach.Check(ctx, q)
	if err != nil {
		return nil, err
	}
	s.audit(ctx, p, "check", strings.TrimSpace(q.Group+" "+q.User), fmt.Sprintf("%d devices", len(results)))
	return results, nil
}

// ProbesHeard is a device's answer.
func (s *Server) ProbesHeard(_ context.Context, p groupcast.Principal, a groupcast.ProbeAnswer) error {
	d, err := mustAgent(p)
	if err != nil {
		return err
	}
	return s.reach.Heard(d.ID, a)
}
