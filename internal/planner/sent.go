package planner

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
)

// sent is what a plan is for, as it is compared with what is being sent already.
type sent struct {
	entries int
	covers  func(older string) (covers bool, read int, err error) // whether it has every path of some content
	end     func()
}

// drop ends comparing. There may be nothing to compare.
func (s *sent) drop() {
	if s != nil && s.end != nil {
		s.end()
	}
}

// named is what is sent by its paths, which are in order.
func (p *Planner) named(ctx context.Context, paths []string) *sent {
	return &sent{entries: len(paths), covers: func(older string) (bool, int, error) {
		return p.cfg.Content.CoversPaths(ctx, paths, older)
	}}
}

// listed finds what paths on the server's disk have. They may have a million files, so that the list of these is on
// the disk, too, until it is compared.
func (p *Planner) listed(
	ctx context.Context, may content.Allowed, q groupcast.PlanQuery, out *groupcast.SendPlan,
) (*sent, error) {
	n := groupcast.NewTransfer{Paths: q.Paths, Exclude: q.Exclude}
	b, err := p.cfg.Content.Sketch(ctx, n, may)
	if err != nil {
		return nil, err
	}
	leaveOut(out, b.LeftOut.Entries, b.LeftOut.Count)
	out.Files, out.Folders, out.Bytes, out.Known = b.Files, b.Folders, min(b.Bytes, maxPlanBytes), true
	covers := func(older string) (bool, int, error) { return p.cfg.Content.Covers(ctx, b.Content, older) }
	return &sent{b.Files + b.Folders, covers, func() { _ = p.cfg.Content.Drop(b, n) }}, nil // what is left is swept
}
