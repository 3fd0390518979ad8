package sim

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// Sabotage is a fault put into the drivers on purpose: the oracles must notice it.
type Sabotage string

// The sabotages.
const (
	None             Sabotage = ""
	SkipDigest       Sabotage = "skip the digest check"
	ReuseParity      Sabotage = "reuse a parity row"
	LoseJournalTail  Sabotage = "lose the journal's tail"
	AcceptOldOffer   Sabotage = "accept an old offer"
	SkipBarrier      Sabotage = "skip the barrier before rename"
	IgnoreRemoval    Sabotage = "ignore a removal"
	RedrawPacketKeys Sabotage = "use a packet number twice"
	DecideCancelled  Sabotage = "decide on a cancelled read"
	ErrorIsEdit      Sabotage = "take a read error for an edit"
	TakeOlderOffer   Sabotage = "take an older offer of a transfer"
	HideLost         Sabotage = "call what is left of a transfer all of it"
	KeepCancelled    Sabotage = "go on with what is cancelled"
	OweTheGroup      Sabotage = "owe the whole group what is for some"
)

// Sabotages are those that are kept.
var Sabotages = []Sabotage{
	SkipDigest, ReuseParity, LoseJournalTail, AcceptOldOffer, SkipBarrier, IgnoreRemoval, RedrawPacketKeys,
	DecideCancelled, ErrorIsEdit,
	TakeOlderOffer, HideLost, KeepCancelled,
}

// traced prints the trace of a run, but for its packets.
var traced = os.Getenv("GROUPCAST_SIM_TRACE") != ""

// patience is how long after the last fault everyone may take: a pause between two tries may be five
// minutes, and a device that is connected and not heard of is left after two.
const patience = 20 * time.Minute

// settled is how long after that everyone may take to tidy up.
const settled = 12 * time.Second

// Result is what became of a run.
type Result struct {
	Seed   uint64
	Err    error // the first thing that must not happen, or nil
	Trace  uint64
	Counts Counts
	Took   time.Duration // in virtual time
	Story  string        // of the plan, for who looks for a failure
}

// world is one run.
type world struct {
	seed     uint64
	plan     plan
	sabotage Sabotage
	clock    *netsim.Clock
	start    time.Time
	rnd      *rand.Rand
	detours  *rand.Rand // of offers that come late, so that the rest of a seed stays
	counts   Counts
	trace    hash.Hash64
	server   *server
	devices  []*device
	err      error
	calm     bool      // the faults are over
	wire     uint64    // bytes that sessions sent
	forged   int       // packets
	line     time.Time // when the line of the catch-up is free

	leftBehind map[int]bool // devices
}

// Run plays one seed.
func Run(seed uint64, s Sabotage) Result { return play(seed, draw(seed), s).result() }

// play runs a plan to its end.
func play(seed uint64, p plan, s Sabotage) *world {
	w := &world{
		seed: seed, plan: p, sabotage: s, clock: netsim.NewClock(),
		rnd: rand.New(rand.NewPCG(seed, 1)), detours: rand.New(rand.NewPCG(seed, 20_000)), counts: newCounts(),
		leftBehind: map[int]bool{}, trace: fnv.New64a(),
	}
	w.start = w.clock.Now()
	w.server = newServer(w)
	for i := range w.plan.devices {
		w.devices = append(w.devices, newDevice(w, i))
	}
	w.schedule()
	end := w.start.Add(w.plan.until + patience)
	w.run(end)
	w.judge()
	w.collect()
	return w
}

// run lets everything happen until all is done and tidied up, or the end.
func (w *world) run(end time.Time) {
	for over := false; !over; {
		for w.err == nil && !w.finished() && w.clock.Step(end) {
		}
		if w.server.up() {
			w.server.hint() // what came back with a crash goes when the state is read
		}
		for rest := w.clock.Now().Add(settled); w.err == nil && w.clock.Step(rest); {
		}
		over = w.err != nil || w.finished() || !w.clock.Now().Before(end) // somebody may have been admitted late
	}
}

func (w *world) result() Result {
	return Result{
		Seed: w.seed, Err: w.err, Trace: w.trace.Sum64(), Counts: w.counts,
		Took: w.clock.Now().Sub(w.start), Story: w.story(),
	}
}

// fail notes the first violation; the run ends with it.
func (w *world) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("at %v: "+format, append([]any{w.clock.Now().Sub(w.start)}, args...)...)
	}
}

func (w *world) count(what string) {
	if _, known := w.counts[what]; !known {
		panic("not in the list of occasions: " + what)
	}
	w.counts[what]++
}

// note puts something into the trace.
func (w *world) note(what string, numbers ...uint64) {
	var b [8]byte
	w.trace.Write([]byte(what))
	if traced && what != "data" && what != "sync" {
		fmt.Printf("%12v %s %v\n", w.clock.Now().Sub(w.start), what, numbers)
	}
	for _, n := range append(numbers, uint64(w.clock.Now().Sub(w.start))) {
		binary.BigEndian.PutUint64(b[:], n)
		w.trace.Write(b[:])
	}
}

func (w *world) at(d time.Duration, f func()) { w.clock.At(w.start.Add(d), f) }

func (w *world) bytes(b []byte) {
	for i := range b {
		b[i] = byte(w.rnd.Uint32())
	}
}

func (w *world) secret() (s seal.Secret) { w.bytes(s[:]); return s }

// schedule sets up everything the plan draws.
func (w *world) schedule() {
	for _, t := range w.plan.transfers {
		w.at(t.at, w.server.add)
	}
	for _, do := range w.plan.deeds {
		w.at(do.at, func() { w.server.do(do) })
	}
	for _, at := range w.plan.crashes {
		w.at(at, w.server.crash)
	}
	for _, m := range w.plan.removals {
		w.at(m.at, func() { w.server.remove(m.device) })
		if m.back > 0 {
			w.at(m.back, func() { w.server.admit(m.device) })
		}
	}
	for _, l := range w.plan.labels {
		w.at(l.at, func() { w.server.rooms[l.device] = l.room })
	}
	for _, at := range w.plan.replays {
		w.at(at, w.replay)
	}
	if w.plan.garbage {
		w.at(within(w.rnd, w.plan.until), w.garbage)
	}
	if w.plan.forger >= 0 {
		w.at(0, w.devices[w.plan.forger].forge)
	}
	w.planChanges()
	w.at(w.plan.until, w.calmDown)
}

// calmDown ends the faults: from here on everyone must finish.
func (w *world) calmDown() {
	w.calm = true
	for _, d := range w.devices {
		d.down.Part(false)
		d.up.Part(false)
		d.disk.Capacity = 0
		d.away, d.stalled = time.Time{}, time.Time{}
		if !d.alive {
			d.restart()
		}
		d.attach()
	}
	w.server.do(deed{kind: deedConfirm})
}

// finished says whether every honest device that is a member has what it is owed.
func (w *world) finished() bool {
	s := w.server
	return w.calm && s.up() && len(s.transfers) == len(w.plan.transfers) && len(s.runs) == 0 && s.settled(w.devices)
}

// replay sends a device an offer that is old for it, as somebody could who restored the server's home.
func (w *world) replay() {
	d := w.devices[w.rnd.IntN(len(w.devices))]
	if len(w.server.past) == 0 || !d.alive {
		return
	}
	o := w.server.past[w.rnd.IntN(len(w.server.past))]
	offer, err := wire.ParseOffer(o.Offer)
	if err != nil || offer.Number >= d.floor && offer.Number > d.taken[offer.Transfer] {
		return
	}
	w.count("fault: old offer replayed")
	d.hearEvent(groupcast.AgentEvent{Kind: groupcast.AgentOffer, Offer: &o})
}

// garbage sends packets that nobody sealed.
func (w *world) garbage() {
	if w.calm {
		return
	}
	if s := w.server.running(); s != nil && s.newest != nil {
		w.count("fault: garbage")
		b := append([]byte(nil), s.newest.bytes...)
		b[w.rnd.IntN(len(b))] ^= byte(1 + w.rnd.IntN(255))
		w.broadcast(&packet{bytes: b, forged: true})
		noise := make([]byte, 1+w.rnd.IntN(200))
		w.bytes(noise)
		w.broadcast(&packet{bytes: noise, forged: true})
	}
	w.clock.After(within(w.rnd, 50*time.Millisecond), w.garbage)
}

// story says what a seed drew.
func (w *world) story() string {
	out := fmt.Sprintf("seed %d: %d devices, symbols of %d, rate %d", w.seed, len(w.devices), w.plan.symbol,
		w.plan.rate.Fixed)
	for _, t := range w.server.transfers {
		out += fmt.Sprintf("; transfer %d of %d blocks", t.no, len(t.content.manifest.Blocks))
	}
	return out
}

// unfinished tells who is owed what, for who looks for a failure.
func (w *world) unfinished() string {
	out := w.story()
	if w.server.up() {
		for _, s := range w.server.sorted() {
			out += fmt.Sprintf("\n  session %d of transfer %d: begun %v, %+v", s.index, s.transfer.no, s.begun,
				s.machine.Status())
		}
	}
	for _, t := range w.server.transfers {
		out += w.unfinishedOf(t)
	}
	return out
}

func (w *world) unfinishedOf(t *transfer) (out string) {
	for i, l := range t.deliveries {
		if !l.owed() || t.closed != "" {
			continue
		}
		d := w.devices[i]
		out += fmt.Sprintf("\n  transfer %d, device %d: %s, held %v, alive %v, attached %v, liar %v", t.no, i, l.state,
			t.hold, d.alive, d.stream != nil, d.plan.liar)
		if w.server.up() {
			at, _ := w.server.sched.Delivery(t.no, deviceID(i))
			run, _ := w.server.sched.RunOf(t.no, deviceID(i))
			out += fmt.Sprintf(", %+v in %+v", at, run)
		}
		if k := d.works[t.no]; k != nil {
			out += fmt.Sprintf(", all %v, fetching %v, staging %v", k.all, k.fetching, k.staging != nil)
			if k.machine != nil {
				out += fmt.Sprintf(", %+v", k.machine.Status())
			}
		}
	}
	return out
}
