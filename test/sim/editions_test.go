package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/wire"
)

// planChanges lets files change or go at the server while they are sent. They have a chance of
// their own, so that the rest of a seed stays.
func (w *world) planChanges() {
	r := rand.New(rand.NewPCG(w.seed, 30_000))
	if !chance(r, 0.4) {
		return
	}
	for range 1 + r.IntN(3) {
		w.at(within(r, w.plan.until), func() { w.server.replan(r) })
	}
}

// replan takes files out of an open transfer: it goes on as another content under its number,
// with offers of its own. Planning takes a while, in which nothing of it is sent.
func (s *server) replan(r *rand.Rand) {
	if !s.up() {
		return
	}
	var open []*transfer
	for _, t := range s.transfers {
		if t.closed == "" && t.owed() > 0 && len(t.content.files) > 1 && !s.planning[t.no] {
			open = append(open, t)
		}
	}
	if len(open) == 0 {
		return
	}
	t := open[r.IntN(len(open))]
	next := t.content.without(r)
	if next == nil {
		return
	}
	s.w.count("fault: files changed at the server")
	s.w.note("replanned", uint64(t.no), uint64(len(next.files)))
	if run := s.running(); run != nil && run.transfer == t {
		s.w.count("fault: files changed in mid-session")
	}
	s.planning[t.no] = true
	s.change(func(sch *schedule.Scheduler, now time.Time) { sch.Replan(now, t.no, "it is planned anew") })
	s.later(within(r, s.w.plan.until/10), func() { s.renew(t, next) })
}

// renew gives a transfer its new content: offers of the old one are void.
func (s *server) renew(t *transfer, next *content) {
	delete(s.planning, t.no)
	if t.closed == "" {
		if t.first == nil {
			t.first = t.content
		}
		t.content = next
		for i := range t.deliveries {
			t.deliveries[i].refusal = ""
		}
		if d := s.direct[t.no]; d != nil {
			delete(s.open, d.number)
			delete(s.direct, t.no)
		}
	}
	s.change(func(sch *schedule.Scheduler, _ time.Time) {
		sch.Resumed(t.no)
		sch.Renewed(t.no)
	})
}

// full is what was promised at first: every file that any content of the transfer has.
func (t *transfer) full() *content {
	if t.first != nil {
		return t.first
	}
	return t.content
}

// without is the content less some of its files, cut anew; nil if nothing would be left.
func (c *content) without(r *rand.Rand) *content {
	next := &content{files: map[string][]byte{}}
	share := r.Float64()
	m := &manifest.Manifest{}
	for _, f := range c.manifest.Files {
		if f.Kind == manifest.KindFile {
			if chance(r, share) {
				continue
			}
			next.files[f.Path] = c.files[f.Path]
			next.stream = append(next.stream, c.files[f.Path]...)
		}
		m.Files = append(m.Files, f)
	}
	if len(next.stream) == 0 || len(next.files) == len(c.files) {
		return nil
	}
	for at := 0; at < len(next.stream); {
		n := min(len(next.stream)-at, 1+r.IntN(c.layout.Longest()))
		next.at = append(next.at, at)
		m.Blocks = append(m.Blocks, manifest.Block{Length: uint32(n), Digest: manifest.LeafDigest(next.stream[at : at+n])})
		at += n
	}
	if err := m.Check(); err != nil {
		panic("the simulation made a manifest that is none: " + err.Error())
	}
	next.manifest = m
	next.layout, next.encoded = manifest.LayoutOf(m)
	return next
}

// root names the content.
func (c *content) root() protocol.Digest {
	var o wire.Offer
	c.layout.Fill(&o)
	return o.IndexDigest
}

// lacks says whether a receipt for a content is for less than was promised.
func (s *server) lacks(t *transfer, root protocol.Digest) bool {
	return s.w.sabotage != HideLost && t.first != nil && root != t.first.root()
}

// named: what a device lacks for the server's sake, its delivery says.
func (d *device) named(t *transfer) {
	files := d.delivered()
	for path := range t.full().files {
		if d.gaveWay(path, t.no) || slices.Contains(files, groupName+"/"+path) {
			continue
		}
		if t.deliveries[d.i].state != groupcast.DeliveryIncomplete {
			d.w.fail("device %d: transfer %d is %s, and %s is not there", d.i, t.no, t.deliveries[d.i].state, path)
			return
		}
	}
}

// got is the content that a device's receipt of a transfer is for.
func (d *device) got(t *transfer) *content {
	if t.first != nil && d.roots[t.no] == t.first.root() {
		return t.first
	}
	return t.content
}
