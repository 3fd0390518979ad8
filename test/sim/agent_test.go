package sim

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool"
)

// announceEvery is how often an announcement by multicast is looked at.
const announceEvery = 10 * time.Second

// agent is one process of a device: the loop, and what carries out what it wants done.
type agent struct {
	loop       *loop.Loop
	lanes      lanes
	works      map[protocol.TransferNo]*work
	listening  []*work // those that take part in a session, in the order in which they began
	shared     *spool.Shared
	stream     *stream // nil: none, as far as the device knows
	attaching  bool
	tries      int
	trusted    bool // the server's key is known
	announced  time.Time
	performing bool
	timer      uint64
}

func newAgent(d *device) *agent {
	chances := rand.New(rand.NewPCG(d.w.seed, uint64(50_000+1000*d.life+d.i)))
	return &agent{
		lanes: lanes{}, works: map[protocol.TransferNo]*work{}, shared: spool.NewShared(),
		loop: loop.New(loop.Config{
			Records: d, Speaks: groupcast.Spoken(), Address: "server", Dir: "/",
			Random: func(n time.Duration) time.Duration { return within(chances, n) },
		}),
	}
}

// tell hands the loop something that happened, and does what it wants done.
func (d *device) tell(what func(l *loop.Loop, now time.Time)) {
	if !d.alive {
		return
	}
	what(d.loop, d.w.clock.Now())
	d.perform()
}

// perform does what the loop wants done, until it wants nothing more.
func (d *device) perform() {
	a := d.agent
	if a.performing {
		return // it goes on where it began
	}
	a.performing = true
	for all := a.loop.Take(); len(all) > 0; all = a.loop.Take() {
		for _, action := range all {
			if d.act(action); d.agent != a || !d.alive {
				return
			}
		}
	}
	a.performing = false
	a.timer++
	timer := a.timer
	d.w.clock.At(a.loop.Next(d.w.clock.Now()), func() {
		if d.agent == a && a.timer == timer && d.alive {
			d.tell((*loop.Loop).Due)
		}
	})
}

// act does one thing. What takes the network is begun here and answered later.
func (d *device) act(action loop.Action) {
	switch do := action.(type) {
	case loop.ReadState:
		d.readState(do.Number)
	case loop.JoinGroup:
		d.loop.Joined(do.Group.ID)
	case loop.LeaveGroup:
		d.w.count("device: left the group")
	case loop.Begin:
		d.begin(do)
	case loop.Stop:
		if k := d.works[do.Transfer]; k != nil {
			d.stop(k)
		}
	case loop.Look:
		d.look(do)
	case loop.Sweep:
		d.sweep(do.Keep)
	case loop.Forget:
		maps.DeleteFunc(d.taken, func(no protocol.TransferNo, _ protocol.OfferNo) bool { return !do.Keep(no) })
		maps.DeleteFunc(d.topTaken, func(no protocol.TransferNo, _ protocol.OfferNo) bool { return !do.Keep(no) })
	case loop.Say:
		d.w.note("said "+do.Line.Kind+": "+do.Line.Text, uint64(d.i))
	case loop.Note:
		d.w.note("noted "+do.Text, uint64(d.i))
	default:
		d.say(action)
	}
}

// say does what only tells the server something.
func (d *device) say(action loop.Action) {
	switch do := action.(type) {
	case loop.Refuse:
		d.refuse(do)
	case loop.Resume:
		r := &groupcast.AgentReport{Transfer: do.Transfer, Path: groupcast.PathHTTPS, Reason: "it can be taken now"}
		d.post(lane{transferCalls, do.Transfer}, "", r, func(err error) {
			gone := groupcast.ErrorCode(err) == groupcast.ENotFound
			d.tell(func(l *loop.Loop, _ time.Time) { l.Resumed(do.Transfer, !gone) })
		})
	case loop.SendReceipt:
		d.sendReceipt(do.Transfer)
	case loop.MeasureSpace:
		d.w.clock.After(0, func() { d.tell(func(l *loop.Loop, now time.Time) { l.Space(now, 1<<40) }) })
	case loop.TellSpace:
		d.post(lane{kind: deviceCalls}, "space", &groupcast.AgentReport{FreeBytes: do.Free}, nil)
	case loop.TellMTU:
		d.post(lane{kind: deviceCalls}, "mtu", &groupcast.AgentReport{MTU: 1500}, nil)
	default:
		d.w.fail("device %d: the loop asks for %T, which nobody here can do", d.i, action)
	}
}

// post tells the server something of a delivery, in its turn.
func (d *device) post(at lane, name string, r *groupcast.AgentReport, then func(error)) {
	d.lanes.post(at, queued{name: name, report: r, do: func(done func(func())) {
		d.call(func(answer func(error)) { answer(d.w.server.report(d.i, *r)) }, func(err error) {
			done(func() {
				if then != nil {
					then(err)
				}
			})
		})
	}})
}

func (d *device) refuse(r loop.Refuse) {
	d.lanes.post(lane{transferCalls, r.Transfer}, queued{do: func(done func(func())) {
		d.call(func(answer func(error)) {
			_, err := d.w.server.ready(d.i, groupcast.Ready{
				Transfer: r.Transfer, Session: r.Session, Refused: r.Reason, Kind: r.Kind,
			})
			answer(err)
		}, func(error) { done(nil) })
	}})
}

// readState reads the state; an earlier reading that is under way is given up.
func (d *device) readState(number uint64) {
	d.lanes.renew(lane{kind: stateCalls}, queued{do: func(done func(func())) {
		var state groupcast.AgentState
		d.call(func(answer func(error)) {
			state = d.w.server.state(d.i)
			answer(nil)
		}, func(err error) {
			done(func() { d.stateRead(number, state, err) })
		})
	}})
}

func (d *device) stateRead(number uint64, state groupcast.AgentState, err error) {
	d.tell(func(l *loop.Loop, now time.Time) {
		if err != nil {
			d.w.count("state: not read")
			l.StateFailed(now, number, "")
			return
		}
		d.trusted = true
		d.w.note("state", uint64(d.i), uint64(len(state.Offers)), uint64(len(state.Owed)))
		l.State(now, number, state)
	})
}

// hearEvent takes an event off the stream.
func (d *device) hearEvent(e groupcast.AgentEvent) {
	d.w.note("hears "+string(e.Kind), uint64(d.i), uint64(e.Transfer))
	d.tell(func(l *loop.Loop, now time.Time) { l.Heard(now, e) })
}

// heardAnnounce takes the word, by multicast, that there is an offer.
func (d *device) heardAnnounce(n protocol.OfferNo) {
	now := d.w.clock.Now()
	if !d.alive || !d.trusted || now.Sub(d.announced) < announceEvery {
		return
	}
	d.announced = now
	d.w.count("device: heard an announcement")
	d.tell(func(l *loop.Loop, now time.Time) { l.Announced(now, n) })
}

// Read gives an offer if the server signed it.
func (d *device) Read(o groupcast.Offered) (loop.Offer, error) {
	if !d.trusted {
		return loop.Offer{}, loop.ErrNoKey
	}
	offer, err := seal.VerifyOffer(d.w.server.verify, o.Offer, o.Signature)
	if err != nil {
		d.w.fail("device %d: a genuine offer does not verify: %v", d.i, err)
	}
	return loop.PlainOffer(offer), err
}

// Admit is the gate; what it lets pass is durable before anything else happens.
func (d *device) Admit(o loop.Offer, _ groupcast.Offered) error {
	gate := recv.Gate{Server: d.w.server.id, Group: d.w.server.group, Floor: d.floor, Taken: d.taken[o.Transfer]}
	switch d.w.sabotage {
	case AcceptOldOffer:
		gate.Floor, gate.Taken = 0, 0
	case TakeOlderOffer:
		gate.Taken = 0
	default: // the other faults are elsewhere
	}
	floor, err := gate.Admit(*o.Plain)
	switch {
	case err != nil && o.Number < d.floor:
		d.w.count("offer: refused as old")
	case err != nil && o.Number < d.taken[o.Transfer]:
		d.w.count("offer: refused as older than one taken")
	case err != nil:
		d.w.fail("device %d: a genuine offer is refused: %v", d.i, err)
	}
	if err != nil {
		return loop.NotAdmitted{Why: err}
	}
	d.floor = max(d.floor, floor)
	d.taken[o.Transfer] = o.Number
	d.admitted(*o.Plain)
	return nil
}

// kept is a receipt in the ledger: it is sent until the server took it.
type kept struct {
	outcome groupcast.DeliveryState
	root    protocol.Digest
}

// KeepReceipt keeps a receipt.
func (d *device) KeepReceipt(o loop.Offer, out loop.Outcome) (bool, error) {
	d.receipts[o.Transfer] = kept{out.State, o.Content}
	d.roots[o.Transfer] = o.Content
	return true, nil
}

// Receipts are the transfers of which a receipt is kept.
func (d *device) Receipts() ([]protocol.TransferNo, error) {
	return slices.Sorted(maps.Keys(d.receipts)), nil
}

// sendReceipt sends the receipt that is kept for a transfer.
func (d *device) sendReceipt(no protocol.TransferNo) {
	r, known := d.receipts[no]
	d.lanes.post(lane{receiptCalls, no}, queued{do: func(done func(func())) {
		sent := func(fate loop.Fate) {
			done(func() { d.tell(func(l *loop.Loop, now time.Time) { l.ReceiptSent(now, no, fate) }) })
		}
		if !known {
			d.w.clock.After(0, func() { sent(loop.Over) })
			return
		}
		d.call(func(answer func(error)) { answer(d.w.server.receipt(no, d.i, r.root, r.outcome)) }, func(err error) {
			fate := fateOf(err)
			if fate == loop.Over {
				delete(d.receipts, no)
			}
			sent(fate)
		})
	}})
}

func fateOf(err error) loop.Fate {
	if err == nil {
		return loop.Over
	}
	switch groupcast.ErrorCode(err) {
	case groupcast.EClosed:
		return loop.Over
	case groupcast.EUnavailable:
		return loop.Unheard
	}
	return loop.Refused
}
