package server

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/planner"
)

// PlanTransfer says what a transfer to groups would meet.
func (s *Server) PlanTransfer(
	ctx context.Context, p groupcast.Principal, q groupcast.PlanQuery,
) (groupcast.SendPlan, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.SendPlan{}, err
	}
	if err := planner.Check(&q); err != nil {
		return groupcast.SendPlan{}, err
	}
	asked := groupcast.NewTransfer{Upload: "x", Hold: q.Hold, Now: q.Now, Rate: q.Rate, Via: q.Via}
	if err := checkTransfer(&asked); err != nil {
		return groupcast.SendPlan{}, err
	}
	return s.planner.Plan(ctx, q, s.mayName(p))
}

// planning is what plans are made of.
func (s *Server) planning() planner.Config {
	return planner.Config{
		Store: s.store, Content: s.content, Agents: s.agents, Engine: s.delivery, Fits: s.cfg.Room.Fits,
		MaxRate: s.cfg.MaxRate, GatherMax: timingOf(s.cfg).GatherMax, Now: s.now,
	}
}
