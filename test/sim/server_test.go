package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/seal"
)

// server carries out what the schedule decides: it makes sessions and offers, tells the schedule what
// devices and sessions say, and keeps what must outlive a crash in its book.
type server struct {
	w        *world
	key      seal.SigningKey
	verify   seal.VerifyKey
	id       protocol.ServerID
	group    protocol.GroupID
	moods    *rand.Rand
	book     // what a crash leaves
	*process // and what it takes; nil: the server is down
	past     []groupcast.Offered
	sessions int
}

// process is one life of the server.
type process struct {
	sched    *schedule.Scheduler
	runs     map[protocol.SessionID]*session
	direct   map[protocol.TransferNo]*directOffer
	given    map[deliveryKey]given // the offer that each device works on
	streams  map[int]*stream
	planning map[protocol.TransferNo]bool
	todo     []schedule.Action // of a turn, in this order
	awake    bool              // the next turn is under way
	timer    uint64
	turns    int // at one moment
	turned   time.Time
}

// directOffer vouches for a transfer over HTTPS; no session belongs to it.
type directOffer struct {
	number  protocol.OfferNo
	session protocol.SessionID
	offered groupcast.Offered
	version uint64
}

// given is an offer that a device was given.
type given struct {
	session protocol.SessionID
	offered *groupcast.Offered
}

type deliveryKey struct {
	no  protocol.TransferNo
	dev int
}

// maxTurns bounds how often the schedule may find something to do at one moment.
const maxTurns = 2000

func newServer(w *world) *server {
	seed := make([]byte, 32)
	w.bytes(seed)
	key, err := seal.SigningKeyFromSeed(seed)
	if err != nil {
		panic(err)
	}
	s := &server{
		w: w, key: key, verify: key.Public(), id: protocol.ServerID{1}, group: protocol.GroupID{2},
		moods: rand.New(rand.NewPCG(w.seed, 40_000)), book: book{version: 1, open: map[protocol.OfferNo]bool{}},
	}
	for _, d := range w.plan.devices {
		s.members, s.rooms = append(s.members, true), append(s.rooms, d.room)
	}
	s.start()
	return s
}

// start brings back what is open: sessions are never resumed, and what was offered is void.
func (s *server) start() {
	s.process = &process{
		sched: schedule.New(s.w.plan.timing), runs: map[protocol.SessionID]*session{},
		direct: map[protocol.TransferNo]*directOffer{}, given: map[deliveryKey]given{}, streams: map[int]*stream{},
		planning: map[protocol.TransferNo]bool{},
	}
	clear(s.open)
	s.lastOffer += protocol.OfferNo(1<<16 + s.moods.Uint64N(1<<20)) // so that no two lives number theirs alike
	s.sched.Pause(s.unconfirmed)
	for _, t := range s.transfers {
		if t.closed == "" {
			s.sched.SettleBy(s.now().Add(s.w.plan.settle))
			s.put(t, false)
		}
	}
	s.poke()
}

// put puts an open transfer with what is owed of it under the schedule.
func (s *server) put(t *transfer, now bool) {
	s.sched.Add(groupcast.Transfer{No: t.no, GroupID: s.group, Hold: t.hold, Via: s.w.plan.transfers[t.no-1].via}, now)
	for i := range t.deliveries {
		s.owe(t, i)
	}
	s.poke()
}

func (s *server) owe(t *transfer, i int) {
	d := &t.deliveries[i]
	if !d.owed() {
		return
	}
	s.sched.Owe(t.no, deviceID(i))
	if !d.later.IsZero() {
		s.sched.LeaveOut(t.no, deviceID(i), d.later)
	}
	if d.state == groupcast.DeliveryRefused && d.refusal.Final() {
		s.sched.RefusedForGood(s.now(), t.no, deviceID(i), d.reason)
	}
}

func (s *server) now() time.Time { return s.w.clock.Now() }

func (s *server) up() bool { return s.process != nil }

// later does something unless the server crashes first.
func (s *server) later(d time.Duration, f func()) {
	life := s.process
	s.w.clock.After(d, func() {
		if life != nil && s.process == life {
			f()
		}
	})
}

// change tells the schedule something, and lets it look again.
func (s *server) change(f func(sch *schedule.Scheduler, now time.Time)) {
	f(s.sched, s.now())
	s.poke()
}

func (s *server) poke() {
	if !s.awake {
		s.awake = true
		s.later(0, s.turn)
	}
}

// turn takes the steps that are due. What they change may make others due.
func (s *server) turn() {
	s.awake = false
	if len(s.todo) > 0 {
		return // carryOn comes back here
	}
	if s.turned != s.now() {
		s.turned, s.turns = s.now(), 0
	}
	if s.turns++; s.turns > maxTurns {
		s.w.fail("the schedule finds something to do for the %d. time at one moment", s.turns)
		return
	}
	s.todo = s.sched.Pump(s.now())
	s.consistent()
	if len(s.todo) > 0 {
		s.carryOn()
		return
	}
	s.arm()
}

func (s *server) carryOn() {
	if len(s.todo) == 0 {
		s.poke()
		return
	}
	s.later(s.hesitation(s.todo[0].Kind), func() {
		next := s.todo[0]
		s.todo = s.todo[1:]
		s.take(next)
		if s.up() {
			s.carryOn()
		}
	})
}

// hesitation is how long a step takes: what is told meanwhile comes between the schedule's word and its
// deed. A session takes longest: its content is opened.
func (s *server) hesitation(kind schedule.ActionKind) time.Duration {
	if !chance(s.moods, 0.15) {
		return 0
	}
	s.w.count("server: a step took a while")
	if kind == schedule.OpenSession {
		return within(s.moods, 300*time.Millisecond)
	}
	return within(s.moods, 30*time.Millisecond)
}

// arm lets the schedule look again when something is due, and now and then in any case.
func (s *server) arm() {
	s.timer++
	timer := s.timer
	wait := time.Minute
	if next, some := s.sched.Next(s.now()); some {
		wait = min(wait, next.Sub(s.now()))
	}
	s.later(wait, func() {
		if s.timer == timer && !s.awake {
			s.turn()
		}
	})
}

// take carries out one step.
func (s *server) take(a schedule.Action) {
	s.w.note("action", uint64(a.Kind), uint64(a.Transfer), uint64(len(a.Devices)))
	for _, dev := range a.Devices {
		s.w.note("  for", uint64(indexOf(dev)))
	}
	switch a.Kind {
	case schedule.OpenSession:
		s.openSession(a)
	case schedule.OfferSession:
		if r := s.runs[a.Session]; r != nil {
			s.w.count("session: offered late")
			s.send(a.Transfer, a.Devices, r.offer.Session, r.offered)
		}
	case schedule.BeginSession:
		if r := s.runs[a.Session]; r != nil && !r.stopped && !r.begun {
			r.begin()
		}
	case schedule.OfferHTTPS:
		s.offerDirect(a)
	case schedule.DetachDevices:
		if r := s.runs[a.Session]; r != nil {
			for _, dev := range a.Devices {
				r.forget(indexOf(dev))
			}
		}
	case schedule.CloseSession:
		if r := s.runs[a.Session]; r != nil {
			r.stop()
		}
	default:
		s.w.fail("the schedule asks for %d, which nobody here can do", a.Kind)
	}
}

// running gives the session whose packets go to the group; nil if none does.
func (s *server) running() *session {
	if !s.up() {
		return nil
	}
	for _, r := range s.runs { // consistent says that there is one at most
		if !r.stopped && r.begun {
			return r
		}
	}
	return nil
}

// runFor gives the session of a transfer that a device can take part in.
func (s *server) runFor(no protocol.TransferNo, i int) *session {
	r, _ := s.sched.RunOf(no, deviceID(i))
	return s.runs[r.Session]
}

// sorted gives the running sessions in an order that does not depend on chance.
func (s *server) sorted() []*session {
	var out []*session
	for _, r := range s.runs {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *session) int { return a.index - b.index })
	return out
}

// crash forgets sessions, connections and everything that the schedule knows.
func (s *server) crash() {
	if !s.up() {
		return
	}
	s.w.count("fault: server crash")
	s.w.note("server crash")
	for _, r := range s.sorted() {
		r.stopped = true
		r.collect()
	}
	for _, st := range s.attached() {
		st.fall()
	}
	s.process = nil
	s.w.clock.After(span01(s.w.rnd, 50, 1500), s.start)
}

// attached lists the streams that are open as far as the server knows.
func (s *server) attached() (out []*stream) {
	for i := range s.w.devices {
		if st := s.streams[i]; st != nil {
			out = append(out, st)
		}
	}
	return out
}
