package sim

import (
	"math/rand/v2"
	"slices"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
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
// with offers of its own.
func (s *server) replan(r *rand.Rand) {
	var open []*transfer
	for _, t := range s.transfers {
		if !s.done(t) && len(t.content.files) > 1 {
			open = append(open, t)
		}
	}
	if !s.up || len(open) == 0 {
		return
	}
	t := open[r.IntN(len(open))]
	next := t.content.without(r)
	if next == nil {
		return
	}
	s.w.count("fault: files changed at the server")
	s.w.note("replanned", uint64(t.no), uint64(len(next.files)))
	if s.session != nil && s.session.transfer == t {
		s.w.count("fault: files changed in mid-session")
		s.drop()
		s.reopen = s.w.clock.Now().Add(within(r, s.w.plan.until/10))
	}
	if t.first == nil {
		t.first = t.content
	}
	t.content = next
	for i := range t.deliveries {
		t.deliveries[i].place = idle
	}
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

// serves says whether the server still has the content that a work is about.
func (s *server) serves(k *work) bool {
	return s.transfer(k.no).content.root() == k.offer.IndexDigest
}

// lacks says whether a device's receipt is for less than was promised.
func (s *server) lacks(t *transfer, i int) bool {
	return s.w.sabotage != HideLost && t.first != nil && s.w.devices[i].roots[t.no] != t.first.root()
}

// named: what a device lacks for the server's sake, its delivery says.
func (d *device) named(t *transfer) {
	files := d.delivered()
	for path := range t.full().files {
		if d.gaveWay(path, t.no) || slices.Contains(files, groupName+"/"+path) {
			continue
		}
		if t.deliveries[d.i].result != "incomplete" {
			d.w.fail("device %d: transfer %d is %s, and %s is not there", d.i, t.no, t.deliveries[d.i].result, path)
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
