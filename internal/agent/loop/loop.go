package loop

import (
	"maps"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// roundEvery is how often the loop looks at what may have changed without an event: the disk that
// transfers wait for, the room on it, groups that could not be joined, receipts that are due again.
const roundEvery = 5 * time.Second

// Records is what the loop asks of what the device keeps on its disk. It answers at once and without
// the network: what must outlive the process is kept when a method returns.
type Records interface {
	// Read gives an offer if the server signed it; ErrNoKey says that its key is not known yet.
	Read(o groupcast.Offered) (Offer, error)
	// Admit checks an offer's numbers and limits and keeps that it was taken. NotAdmitted is worth an
	// answer.
	Admit(offer Offer, o groupcast.Offered) error
	// KeepReceipt signs and keeps a receipt. One that is signed and could not be kept is sent all
	// the same.
	KeepReceipt(offer Offer, out Outcome) (kept bool, err error)
	// Receipts are the transfers of which a receipt is kept, in increasing order.
	Receipts() ([]protocol.TransferNo, error)
}

// Config is what a loop works with.
type Config struct {
	Records Records
	Speaks  groupcast.Speaks // the versions of this program
	Address string           // of the server, as it is shown
	Dir     string           // where files go, as it is shown
	Once    bool             // end after one transfer
	// Random gives a random time of less than n, which is more than 0.
	Random func(n time.Duration) time.Duration
}

// Loop holds what an agent knows and intends. It is not safe for concurrent use.
type Loop struct {
	cfg     Config
	actions []Action

	reading   reading
	groups    map[protocol.GroupID]groupcast.AgentGroup
	leftOut   map[protocol.GroupID]string // whose files this device does not take, and why
	joined    map[protocol.GroupID]bool
	transfers map[protocol.TransferNo]*transfer
	setbacks  map[protocol.TransferNo]*setback
	bad       map[protocol.TransferNo]badManifest
	looks     uint64 // the number of the newest look at the disk
	warned    bool   // of the clock
	noticed   notices
	foreign   string             // why nothing can be taken from the server that is connected: its version
	saidOld   protocol.SessionID // of the last offer that was too old to be taken
	receipts  receipts
	expected  expected

	space    uint64    // what the server was told last of the room on the disk
	spaceAt  time.Time // and when
	round    time.Time // when the next round is due
	finished bool      // with Once: a transfer is through
	leaving  bool
}

// transfer is one that is worked on, or that waits for the disk.
type transfer struct {
	offer   Offer
	offered groupcast.Offered
	group   groupcast.AgentGroup
	started time.Time
	path    groupcast.Path
	next    *groupcast.Offered // a newer offer, to begin when this one is over
	over    bool               // nothing of it is owed any more: what is half received goes
	waits   bool               // for the disk: nobody works on it
	refused bool               // it waited for the disk before this try: the server has a refusal of it
	need    uint64             // of one that waits or waited: the bytes that it still takes, as far as is known
	look    uint64             // then: the number of the look at the disk that is under way; 0: none
}

// New makes a loop that knows nothing yet.
func New(cfg Config) *Loop {
	return &Loop{
		cfg: cfg, groups: map[protocol.GroupID]groupcast.AgentGroup{}, joined: map[protocol.GroupID]bool{},
		transfers: map[protocol.TransferNo]*transfer{}, setbacks: map[protocol.TransferNo]*setback{},
		bad: map[protocol.TransferNo]badManifest{}, reading: newReading(),
		receipts: receipts{unsent: map[protocol.TransferNo]*unsent{}},
	}
}

// Take gives what is to be done, in this order.
func (l *Loop) Take() []Action {
	out := l.actions
	l.actions = nil
	return out
}

// numbers gives the transfers in order, which does not depend on chance.
func (l *Loop) numbers() []protocol.TransferNo { return slices.Sorted(maps.Keys(l.transfers)) }

func (l *Loop) act(a Action) { l.actions = append(l.actions, a) }

func (l *Loop) say(line Line) { l.act(Say{line}) }

// Next is when Due is to be called.
func (l *Loop) Next(now time.Time) time.Time {
	next := l.round
	if next.IsZero() {
		next = now.Add(roundEvery)
		l.round = next
	}
	for _, at := range []time.Time{l.expected.lookAt, l.receipts.turn} {
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	return next
}

// Due does what its time has come for.
func (l *Loop) Due(now time.Time) {
	if due(l.expected.lookAt, now) {
		l.lookForExpected(now)
	}
	if due(l.receipts.turn, now) {
		l.sendKept(now)
	}
	if !due(l.round, now) {
		return
	}
	l.round = now.Add(roundEvery)
	l.lookAtWaiting(now)
	l.lookAfterStumbled(now)
	if due(l.reading.retry, now) && !l.reading.underWay {
		l.readState(now, false)
	}
	if now.Sub(l.spaceAt) >= spaceEvery {
		l.act(MeasureSpace{})
	}
	l.rejoin()
	if due(l.receipts.again, now) {
		l.sendKept(now)
	}
}

func due(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// Heard takes an event of the server's stream.
func (l *Loop) Heard(now time.Time, e groupcast.AgentEvent) {
	if e.Kind == groupcast.AgentHello {
		l.judge(e.Server)
	}
	if l.foreign != "" && e.Kind != groupcast.AgentProbe {
		l.decline(e)
		return
	}
	switch e.Kind {
	case groupcast.AgentHello, groupcast.AgentHint:
		l.readState(now, e.Kind == groupcast.AgentHello)
	case groupcast.AgentOffer:
		if e.Offer != nil {
			l.hear(now, *e.Offer)
		}
	case groupcast.AgentProbe:
		l.act(AnswerProbe{e.Probe})
	case groupcast.AgentEnd:
		l.reading.touch(e.Transfer)
		t := l.transfers[e.Transfer]
		if e.Over {
			l.over(e.Transfer)
		} else if t != nil && e.Session != nil && t.offer.Session == *e.Session {
			t.refused = false // it is the server's word that nothing is done for now
			l.stop(t)
		}
	}
}

// over takes the word that nothing of a transfer is owed any more.
func (l *Loop) over(no protocol.TransferNo) {
	if t := l.transfers[no]; t != nil && !t.waits {
		t.ends() // what is half received goes when the work has ended
		l.stop(t)
		return
	}
	delete(l.transfers, no)
	l.sweepOne(no)
}

// ends says that nothing of a transfer is owed any more: an offer that came before is void.
func (t *transfer) ends() { t.over, t.next = true, nil }

func (l *Loop) sweepOne(no protocol.TransferNo) {
	l.act(Sweep{func(n protocol.TransferNo) bool { return n != no }})
}

func (l *Loop) stop(t *transfer) {
	if !t.waits {
		l.act(Stop{t.offer.Transfer})
	}
}

// Ended takes what became of the work on a transfer.
func (l *Loop) Ended(now time.Time, no protocol.TransferNo, out Outcome) {
	t := l.transfers[no]
	if t == nil {
		return
	}
	delete(l.transfers, no)
	l.reading.touch(no)
	t.path = out.Path
	switch {
	case out.State == groupcast.DeliveryRefused:
		l.setBack(now, t, out)
		l.finished = l.finished || l.cfg.Once && lasting(out.Kind)
	case out.State != "":
		delete(l.setbacks, no)
		l.deliverReceipt(now, t, out)
		l.say(t.line(now, out))
		l.finished = l.finished || l.cfg.Once
	case out.Failed != "":
		l.stumbled(now, t, out.Failed)
	}
	if out.State == "" && t.refused {
		l.transfers[no] = t.waiting() // the server thinks so, too, and would not ask again
	}
	switch {
	case t.next != nil:
		l.take(now, *t.next)
	case t.over:
		delete(l.transfers, no)
		l.sweepOne(no)
	}
	l.endIfFinished()
}

// Leave says that the agent ends: receipts that only wait for their turn are sent now.
func (l *Loop) Leave(now time.Time) {
	l.leaving = true
	if len(l.receipts.unsent) > l.receipts.sending {
		l.sendKept(now)
	}
}

// Busy says whether the answer to a receipt is still awaited.
func (l *Loop) Busy() bool { return l.receipts.sending > 0 || len(l.receipts.queue) > 0 }

// endIfFinished ends an agent that has received its one transfer, after its receipt.
func (l *Loop) endIfFinished() {
	if l.finished && !l.leaving && !l.Busy() {
		l.act(End{})
	}
}
