package tenure_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/tenure"
)

var (
	first = flag.Uint64("first", 0, "first seed")
	seeds = flag.Uint64("seeds", 60, "how many seeds")
)

const (
	tick    = 50 * time.Millisecond
	minutes = 8 * time.Minute // of each run
	quiet   = time.Minute     // at its end, in which everything works
	timeout = 5 * time.Second // after which a node gives up waiting for an answer
)

// sabotage is what a run does wrong on purpose.
type sabotage struct {
	noFence    bool // writes are taken whatever their epoch
	fromAnswer bool // a lease is counted from when the answer came
	noWait     bool // a node takes over as soon as it has looked
	stopsClock bool // clocks stand still while their machine sleeps
}

// world is one database and some nodes, with everything between them that can go wrong.
type world struct {
	rng     *rand.Rand
	wrong   sabotage
	now     time.Duration
	row     tenure.Row
	away    time.Duration // the database answers nobody until then
	nodes   []*node
	onTheir []message // to the database
	writes  int
}

type node struct {
	name    string
	machine *tenure.Machine
	rate    float64
	clock   time.Duration
	asleep  time.Duration // until then
	cut     time.Duration // nothing gets through until then
	waiting bool          // for an answer
	sent    time.Duration // by its own clock
	serial  int
	answers []message
}

// message is on its way to the database, or back.
type message struct {
	at     time.Duration
	from   *node
	serial int
	step   tenure.Step // Nothing: a write
	epoch  uint64
	seen   tenure.Row
	good   bool
}

func newWorld(seed uint64, wrong sabotage) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 4)), wrong: wrong}
	for i := range 3 {
		name := fmt.Sprintf("n%d", i)
		w.nodes = append(w.nodes, &node{
			name: name, machine: tenure.New(name), rate: 0.99 + 0.02*w.rng.Float64(),
			clock: time.Duration(w.rng.Int64N(int64(time.Hour))),
		})
	}
	return w
}

func (w *world) chance(every time.Duration) bool { return w.rng.Int64N(int64(every/tick)) == 0 }

func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d))) }

// delay is short most of the time.
func (w *world) delay() time.Duration {
	if w.rng.IntN(8) == 0 {
		return w.upTo(timeout)
	}
	return w.upTo(100 * time.Millisecond)
}

func (w *world) run() error {
	for w.now < minutes {
		w.now += tick
		if w.now < minutes-quiet {
			w.trouble()
		}
		if err := w.database(); err != nil {
			return err
		}
		for _, n := range w.nodes {
			w.turn(n)
		}
		if err := w.oneActive(); err != nil {
			return err
		}
	}
	active := 0
	for _, n := range w.nodes {
		if n.machine.State(n.clock) == tenure.Active {
			active++
		}
	}
	if active != 1 {
		return fmt.Errorf("after a quiet minute %d nodes are active", active)
	}
	if w.writes == 0 {
		return fmt.Errorf("nothing was written")
	}
	return nil
}

func (w *world) trouble() {
	if w.chance(3 * time.Minute) {
		w.away = w.now + w.upTo(time.Minute)
	}
	for _, n := range w.nodes {
		switch {
		case w.chance(2 * time.Minute):
			n.asleep = w.now + w.upTo(time.Minute)
		case w.chance(2 * time.Minute):
			n.cut = w.now + w.upTo(40*time.Second)
		case w.chance(4 * time.Minute): // it is killed and starts again
			n.machine, n.waiting, n.serial = tenure.New(n.name), false, n.serial+1
			n.asleep = w.now + w.upTo(20*time.Second)
		case w.chance(10*time.Minute) && n.machine.Epoch() != 0 && n.machine.Epoch() == w.row.Epoch:
			w.row.Free = true // it stops in good order
			n.machine, n.waiting, n.serial = tenure.New(n.name), false, n.serial+1
			n.asleep = w.now + w.upTo(20*time.Second)
		}
	}
}

func (w *world) oneActive() error {
	who := ""
	for _, n := range w.nodes {
		if w.now < n.asleep || n.machine.State(n.clock) != tenure.Active {
			continue
		}
		if who != "" {
			return fmt.Errorf("at %v %s and %s both hold themselves for the active one", w.now, who, n.name)
		}
		who = n.name
	}
	return nil
}

// turn is a node's.
func (w *world) turn(n *node) {
	asleep := w.now < n.asleep
	if !asleep || !w.wrong.stopsClock {
		n.clock += time.Duration(float64(tick) * n.rate)
	}
	if asleep {
		return
	}
	if n.waiting && n.clock-n.sent > timeout {
		n.waiting = false
		n.serial++
		n.machine.Failed(n.clock)
	}
	late := n.answers[:0]
	for _, a := range n.answers {
		if a.at > w.now {
			late = append(late, a)
		} else if a.serial == n.serial && n.waiting {
			n.waiting = false
			w.answer(n, a)
		}
	}
	n.answers = late
	if n.machine.State(n.clock) == tenure.Active && w.chance(time.Second) {
		at := w.now + w.upTo(time.Second)
		if w.rng.IntN(4) == 0 {
			at += w.upTo(40 * time.Second) // it was about to be committed when its machine was stopped
		}
		w.onTheir = append(w.onTheir, message{at: at, from: n, epoch: n.machine.Epoch()})
	}
	w.act(n)
}

func (w *world) act(n *node) {
	if n.waiting {
		return
	}
	step, _ := n.machine.Next(n.clock)
	if step == tenure.Look && w.wrong.noWait && n.machine.Seen() != (tenure.Row{}) {
		step = tenure.Take
	}
	if step == tenure.Nothing {
		return
	}
	n.waiting, n.sent = true, n.clock
	n.serial++
	if w.now >= n.cut {
		w.onTheir = append(w.onTheir, message{
			at: w.now + w.delay(), from: n, serial: n.serial, step: step,
			epoch: n.machine.Epoch(), seen: n.machine.Seen(),
		})
	}
}

func (w *world) answer(n *node, a message) {
	sent := n.sent
	if w.wrong.fromAnswer {
		sent = n.clock
	}
	switch {
	case a.good && a.step == tenure.Take:
		n.machine.Took(sent, a.epoch)
	case a.good && a.step == tenure.Renew:
		n.machine.Renewed(sent)
	default:
		n.machine.Saw(n.clock, a.seen)
	}
}

// database does what has arrived.
func (w *world) database() error {
	late := w.onTheir[:0]
	for _, m := range w.onTheir {
		switch {
		case m.at > w.now:
			late = append(late, m)
		case w.now < w.away:
		case m.step != tenure.Nothing:
			w.ownership(m)
		case m.epoch == w.row.Epoch || w.wrong.noFence:
			if m.epoch != w.row.Epoch {
				return fmt.Errorf("at %v %s wrote in epoch %d, and the epoch is %d", w.now, m.from.name, m.epoch, w.row.Epoch)
			}
			w.writes++
		}
	}
	w.onTheir = late
	return nil
}

func (w *world) ownership(m message) {
	switch {
	case m.step == tenure.Take && m.seen == w.row:
		m.good = true
		w.row = tenure.Row{Node: m.from.name, Epoch: w.row.Epoch + 1}
	case m.step == tenure.Renew && m.epoch == w.row.Epoch && !w.row.Free:
		m.good = true
		w.row.Beat++
	}
	m.seen, m.epoch = w.row, w.row.Epoch
	if w.now >= m.from.cut && w.rng.IntN(20) != 0 {
		m.at = w.now + w.delay()
		m.from.answers = append(m.from.answers, m)
	}
}

func TestSeeds(t *testing.T) {
	for seed := *first; seed < *first+*seeds; seed++ {
		if err := newWorld(seed, sabotage{}).run(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestSabotage breaks each rule on purpose: the simulation has to notice.
func TestSabotage(t *testing.T) {
	for name, wrong := range map[string]sabotage{
		"writes are not fenced":                   {noFence: true},
		"a lease is counted from the answer":      {fromAnswer: true},
		"a node takes over without waiting":       {noWait: true},
		"the clock stands still during a suspend": {stopsClock: true},
	} {
		found := 0
		for seed := range uint64(600) {
			if newWorld(seed, wrong).run() != nil {
				found++
			}
		}
		t.Logf("%s: noticed in %d of 600 runs", name, found)
		if found == 0 {
			t.Errorf("%s, and no run notices", name)
		}
	}
}
