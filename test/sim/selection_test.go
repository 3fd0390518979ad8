package sim

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// pick is for whom of the group a transfer is: those in its rooms, or all if it names none, but for some devices.
type pick struct {
	rooms, except []int
}

func (p pick) all() bool { return len(p.rooms)+len(p.except) == 0 }

func (p pick) takes(i, room int) bool {
	return (len(p.rooms) == 0 || slices.Contains(p.rooms, room)) && !slices.Contains(p.except, i)
}

// labelPlan gives a device another label, which changes nothing of what is owed.
type labelPlan struct {
	at           time.Duration
	device, room int
}

// passesOver says that a transfer was never for a device.
func (t *transfer) passesOver(i int) bool { return t != nil && !t.may[i] }

// passedOver: who was never owed a transfer has nothing of it, neither files nor what is half received, and was never
// told of it.
func (d *device) passedOver() {
	s, err := d.openSpool()
	if err != nil {
		d.w.fail("device %d: open the spool: %v", d.i, err)
		return
	}
	staged, err := s.Stagings()
	if err != nil {
		d.w.fail("device %d: %v", d.i, err)
	}
	for _, t := range d.w.server.transfers {
		if !t.passesOver(d.i) {
			continue
		}
		if !t.pick.all() {
			d.w.count("selection: passed over")
		}
		if d.topTaken[t.no] > 0 || slices.Contains(staged, t.no) {
			d.w.fail("device %d has taken an offer of transfer %d, which is not for it", d.i, t.no)
		}
		for _, path := range slices.Sorted(maps.Keys(t.full().files)) {
			if d.ledger.Paths[path].Transfer == t.no {
				d.w.fail("device %d has %s of transfer %d, which is not for it", d.i, path, t.no)
			}
		}
	}
}

// cameLater counts what open transfers are, and are not, for a device that came.
func (s *server) cameLater(i int) {
	for _, t := range s.transfers {
		switch {
		case t.closed != "" || t.pick.all():
		case t.may[i]:
			s.w.count("selection: who came belongs to it")
		default:
			s.w.count("selection: who came does not")
		}
	}
}

// narrow makes transfers of a plan be for some, gives devices labels that change, and lets some of them come later.
func (p *plan) narrow(r *rand.Rand) {
	const rooms = 3
	n := len(p.devices)
	for i := range p.devices {
		p.devices[i].room = r.IntN(rooms)
		if chance(r, 0.3) {
			p.labels = append(p.labels, labelPlan{within(r, p.until), i, r.IntN(rooms)})
		}
	}
	for i := range p.transfers {
		t := &p.transfers[i]
		if chance(r, 0.6) {
			t.pick.rooms = append(t.pick.rooms, r.IntN(rooms))
		}
		if chance(r, 0.3) {
			t.pick.except = append(t.pick.except, r.IntN(n))
		}
	}
	for range r.IntN(3) { // who comes later was not there from the beginning
		m := removalPlan{device: r.IntN(n)}
		m.back = 1 + within(r, p.until)
		p.removals = append(p.removals, m)
	}
	at := within(r, p.until) // the server starts again with what it wrote
	p.crashes = append(p.crashes, at)
}

// TestSelections plays seeds in which transfers are for some of the group: whoever belongs to one gets it, also who
// comes later, and nobody else learns of it.
func TestSelections(t *testing.T) {
	total := newCounts()
	for seed := *first; seed < *first+uint64(*seeds)/3; seed++ {
		p := draw(seed)
		p.narrow(rand.New(rand.NewPCG(seed, 0x53)))
		w := play(seed, p, None)
		if total.add(w.counts); w.err != nil {
			t.Fatalf("seed %d: %v", seed, w.err)
		}
	}
	for _, what := range []string{
		"selection: passed over", "selection: who came belongs to it", "selection: who came does not",
		"eavesdropper: packet that stays closed",
	} {
		if *seeds >= 100 && total[what] == 0 {
			t.Errorf("never occurred: %s", what)
		}
	}
}

// TestAStrangerWhoIsOwedIsNoticed: what TestSelections looks for is found if it is there.
func TestAStrangerWhoIsOwedIsNoticed(t *testing.T) {
	p := battlefield(6, 12, 8, 0.05, 60_000, assault{})
	p.until, p.https = 3*time.Second, 0
	p.transfers = []transferPlan{{blocks: 12, k: 8, files: 6, pick: pick{rooms: []int{1}}}}
	for i := range p.devices {
		p.devices[i].room = i % 2
	}
	if w := play(7, p, None); w.err != nil {
		t.Fatalf("as it should be: %v", w.err)
	}
	if w := play(7, p, OweTheGroup); w.err == nil {
		t.Error("a device that is not selected got the transfer, and nobody noticed")
	}
}
