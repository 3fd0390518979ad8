package sim

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

// Waits of the model's schedule.
const (
	tickEvery = 50 * time.Millisecond
	askFor    = 100 * time.Millisecond // a session waits so long for answers
	maxRuns   = 3                      // multicast runs of a delivery, then HTTPS
)

// server is a small model of the server's control plane: members, offers with numbers and
// floors, hand-outs, deliveries. What stands here is durable, except sessions and places.
type server struct {
	w         *world
	up        bool
	key       seal.SigningKey
	verify    seal.VerifyKey
	id        protocol.ServerID
	group     protocol.GroupID
	members   []bool
	version   uint64
	offerNo   protocol.OfferNo
	open      map[protocol.OfferNo]bool
	transfers []*transfer
	past      []signedOffer
	session   *session
	reopen    time.Time // no session before
	sessions  int
}

type signedOffer struct {
	number           protocol.OfferNo
	bytes, signature []byte
}

type transfer struct {
	no         protocol.TransferNo
	content    *content
	first      *content   // before files of it changed; nil: none did
	deliveries []delivery // by device
}

type delivery struct {
	owed    bool
	result  string
	place   place
	runs    int
	https   bool      // for good
	refused bool      // for space
	at      time.Time // of the receipt
}

type place uint8

const (
	idle place = iota
	asked
	multicast
	alone // over HTTPS
)

func newServer(w *world) *server {
	seed := make([]byte, 32)
	w.bytes(seed)
	key, err := seal.SigningKeyFromSeed(seed)
	if err != nil {
		panic(err)
	}
	s := &server{
		w: w, up: true, key: key, verify: key.Public(), id: protocol.ServerID{1}, group: protocol.GroupID{2},
		version: 1, open: map[protocol.OfferNo]bool{},
	}
	for range w.plan.devices {
		s.members = append(s.members, true)
	}
	return s
}

// add promises a transfer to the members there are.
func (s *server) add(p transferPlan) {
	t := &transfer{
		no: protocol.TransferNo(len(s.transfers) + 1), content: makeContent(s.w.rnd, p, s.w.plan.symbol),
		deliveries: make([]delivery, len(s.members)),
	}
	for i, in := range s.members {
		t.deliveries[i].owed = in
	}
	s.transfers = append(s.transfers, t)
}

func (s *server) transfer(no protocol.TransferNo) *transfer { return s.transfers[no-1] }

// settled says whether nobody who is honest and a member is owed anything.
func (s *server) settled() bool {
	for _, t := range s.transfers {
		for i := range t.deliveries {
			if t.deliveries[i].owed && !s.w.devices[i].plan.liar {
				return false
			}
		}
	}
	return true
}

// tick opens sessions and offers the running one to who comes late.
func (s *server) tick() {
	s.w.clock.After(tickEvery, s.tick)
	if !s.up {
		return
	}
	for _, t := range s.transfers {
		s.serveAlone(t)
	}
	switch {
	case s.session == nil && !s.w.clock.Now().Before(s.reopen):
		s.openNext()
	case s.session != nil:
		s.offer(s.session, s.waiting(s.session.transfer))
		s.session.endIfEmpty()
	}
}

// waiting lists the devices that are here and owed a transfer by multicast.
func (s *server) waiting(t *transfer) (out []int) {
	for i := range t.deliveries {
		l := &t.deliveries[i]
		if l.owed && l.place == idle && !l.https && !l.refused && s.w.devices[i].attached {
			out = append(out, i)
		}
	}
	return out
}

// serveAlone tells those whom multicast does not serve to fetch.
func (s *server) serveAlone(t *transfer) {
	for i := range t.deliveries {
		l := &t.deliveries[i]
		if l.owed && l.https && l.place == idle && !l.refused && s.w.devices[i].attached {
			s.alone(t, i)
		}
	}
}

func (s *server) alone(t *transfer, i int) {
	s.w.count("device: alone over HTTPS")
	t.deliveries[i].place = alone
	d := s.w.devices[i]
	o := s.sign(t, nil)
	bring := func() { d.fetchAlone(o.bytes, o.signature) }
	d.tell(bring)
	s.detour(d, bring)
}

// openNext chooses a transfer: mostly the oldest, so that older ones meet newer ones on disk.
func (s *server) openNext() {
	var ready []*transfer
	for _, t := range s.transfers {
		if len(s.waiting(t)) > 0 {
			ready = append(ready, t)
		}
	}
	if len(ready) == 0 {
		return
	}
	t := ready[0]
	if chance(s.w.rnd, 0.4) {
		t = ready[s.w.rnd.IntN(len(ready))]
	}
	who := s.waiting(t)
	if len(who) == 1 && chance(s.w.rnd, 0.5) {
		s.alone(t, who[0])
		return
	}
	s.session = newSession(s, t)
	s.offer(s.session, who)
}

func (s *server) offer(run *session, devices []int) {
	for _, i := range devices {
		run.transfer.deliveries[i].place = asked
		d, o := s.w.devices[i], run.signed
		bring := func() { d.offered(o.bytes, o.signature) }
		d.tell(bring)
		s.detour(d, bring)
	}
}

// detour brings an offer once more, after others: as the state does that was asked for before
// them and comes after.
func (s *server) detour(d *device, bring func()) {
	if s.w.calm || !chance(s.w.detours, 0.15) {
		return
	}
	s.w.clock.After(within(s.w.detours, 3*time.Second), func() {
		s.w.count("fault: offer came late")
		d.tell(bring)
	})
}

// crash forgets sessions and connections.
func (s *server) crash() {
	if !s.up {
		return
	}
	s.w.count("fault: server crash")
	s.w.note("server crash")
	s.up = false
	s.drop()
	clear(s.open)
	for _, d := range s.w.devices {
		d.cut()
	}
	s.w.clock.After(span01(s.w.rnd, 50, 1500), func() {
		s.up = true
		for _, d := range s.w.devices {
			d.attachSoon()
		}
	})
}

// drop stops the running session at once: nothing more is sealed under its key.
func (s *server) drop() {
	if s.session == nil {
		return
	}
	s.session.stopped = true
	s.session.collect()
	delete(s.open, s.session.signed.number)
	s.free(s.session.transfer)
	s.session = nil
}

// free takes the places of a transfer back.
func (s *server) free(t *transfer) {
	for i := range t.deliveries {
		if l := &t.deliveries[i]; l.place == asked || l.place == multicast {
			l.place = idle
		}
	}
}

// remove ends a membership (security.md K2): the session goes on as a new one.
func (s *server) remove(i int) {
	if !s.members[i] {
		return
	}
	s.w.count("fault: removal")
	s.w.note("removed", uint64(i))
	s.members[i] = false
	s.version++
	for _, t := range s.transfers {
		t.deliveries[i].owed = false
	}
	if s.session != nil && s.w.sabotage != IgnoreRemoval {
		s.w.count("session: stopped for a removal")
		if s.session.begun {
			s.w.count("fault: removal in mid-session")
		}
		s.drop()
		s.reopen = s.w.clock.Now().Add(span01(s.w.rnd, 200, 1000))
	}
	if d := s.w.devices[i]; d.attached {
		d.tell(d.abandon)
	}
}

// admit makes a member again, who is owed what is open.
func (s *server) admit(i int) {
	if s.members[i] {
		return
	}
	s.w.count("fault: admitted again")
	s.members[i] = true
	s.version++
	if s.session != nil {
		s.session.version = s.version // nobody lost a right: the session may go on
	}
	for _, t := range s.transfers {
		l := &t.deliveries[i]
		if open := !s.done(t); open && l.result == "" {
			*l = delivery{owed: true}
		}
	}
}

func (s *server) done(t *transfer) bool {
	for i := range t.deliveries {
		if t.deliveries[i].owed {
			return false
		}
	}
	return true
}

// entitled is the check of every hand-out and every block (security.md K9, C8).
func (s *server) entitled(no protocol.TransferNo, i int) bool {
	return s.up && int(no) <= len(s.transfers) && no > 0 && s.members[i] && s.transfer(no).deliveries[i].owed
}

// retrySpace asks those anew who refused for space.
func (s *server) retrySpace() {
	for _, t := range s.transfers {
		for i := range t.deliveries {
			if l := &t.deliveries[i]; l.refused {
				s.w.count("device: tried again with space")
				l.refused, l.place = false, idle
			}
		}
	}
}

// connected says that a device's stream opened: what it was doing is asked anew.
func (s *server) connected(i int) {
	for _, t := range s.transfers {
		l := &t.deliveries[i]
		l.place = idle
		if s.session != nil && s.session.transfer == t {
			s.session.forget(i)
		}
	}
}

// refusal says that a device cannot take a transfer now.
func (s *server) refusal(no protocol.TransferNo, i int) {
	if s.entitled(no, i) {
		l := &s.transfer(no).deliveries[i]
		l.refused, l.place = !s.w.calm, idle
		if s.session != nil && s.session.transfer.no == no {
			s.session.forget(i)
		}
	}
}

// remind tells a device that followed an offer of the past what it was doing.
func (s *server) remind(no protocol.TransferNo, i int) {
	if s.entitled(no, i) && s.transfer(no).deliveries[i].place == alone {
		d, o := s.w.devices[i], s.sign(s.transfer(no), nil)
		d.tell(func() { d.catchUp(no, o) })
	}
}

// putOff says that a device does something else first.
func (s *server) putOff(no protocol.TransferNo, i int) {
	if l := &s.transfer(no).deliveries[i]; l.place == alone {
		l.place = idle
	}
}

// receipt closes a delivery.
func (s *server) receipt(no protocol.TransferNo, i int, result string) {
	l := &s.transfer(no).deliveries[i]
	if !l.owed {
		return
	}
	if s.lacks(s.transfer(no), i) {
		result = "incomplete"
	}
	s.w.count("receipt: " + result)
	s.w.note("receipt "+result, uint64(no), uint64(i))
	l.owed, l.result, l.at = false, result, s.w.clock.Now()
	if s.session != nil && s.session.transfer.no == no {
		s.session.complete(i)
	}
	if s.done(s.transfer(no)) {
		s.w.count("transfer: done")
	}
}
