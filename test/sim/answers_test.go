package sim

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

var (
	errNotOwed     = groupcast.Errorf(groupcast.ENotFound, "nothing of that transfer is owed to this device")
	errSessionOver = groupcast.Errorf(groupcast.EConflict, "that session is over")
	errUnconfirmed = groupcast.Errorf(groupcast.EUnconfirmed, "nobody confirmed the memberships")
	errClosed      = groupcast.Errorf(groupcast.EClosed, "nothing of that transfer is owed to this device any more")
	errPaused      = groupcast.Errorf(groupcast.EUnavailable, "the server was restored and nobody confirmed it yet")
)

// maxShare is how many times a transfer's size one delivery may ask for over HTTPS (F4).
const maxShare = 3

// attach opens a device's stream, which ends the one that it had.
func (s *server) attach(i int) *stream {
	if old := s.streams[i]; old != nil {
		s.w.count("stream: replaced")
		old.end()
	}
	st := &stream{d: s.w.devices[i], server: s.process}
	s.streams[i] = st
	speaks := groupcast.Spoken()
	st.put(groupcast.AgentEvent{Kind: groupcast.AgentHello, Server: &speaks})
	s.change(func(sch *schedule.Scheduler, now time.Time) { sch.Attached(now, deviceID(i), schedule.Here) })
	return st
}

// left comes when the server notices that a stream broke.
func (s *server) left(i int, st *stream) {
	if s.streams[i] == st {
		delete(s.streams, i)
		s.change(func(sch *schedule.Scheduler, now time.Time) { sch.Detached(now, deviceID(i)) })
	}
}

// state is everything that an agent needs to know.
func (s *server) state(i int) groupcast.AgentState {
	out := groupcast.AgentState{Now: s.now(), Device: groupcast.Device{Name: "d"}, Offers: s.offersFor(i)}
	if s.members[i] {
		out.Groups = []groupcast.AgentGroup{{ID: s.group, Name: groupName, Address: groupAddress}}
	}
	for _, t := range s.transfers {
		if t.closed == "" && !t.hold && t.deliveries[i].owed() {
			out.Owed = append(out.Owed, t.no)
		}
	}
	out.OwedComplete = !s.sched.Paused()
	return out
}

// handout is what a device gets over TLS: the keys of a session, or the word to fetch over HTTPS.
type handout struct {
	https   bool
	secret  seal.Secret
	key     seal.Secret
	id      protocol.FeedbackID
	first   wire.Sync
	started bool
}

// ready answers an offer.
func (s *server) ready(i int, r groupcast.Ready) (handout, error) {
	if r.Refused != "" {
		return handout{}, s.refuse(i, r)
	}
	t, version, err := s.entitled(r.Transfer, i)
	if err != nil {
		return handout{}, err
	}
	h, err := s.handOut(t, i, r, version)
	switch {
	case err != nil:
		s.w.count("hand-out: refused")
	case h.https:
		s.w.count("hand-out: to be fetched over HTTPS")
	default:
		s.w.count("hand-out: given")
	}
	return h, err
}

// handOut gives a session's keys to a device that was entitled at a membership version.
func (s *server) handOut(t *transfer, i int, r groupcast.Ready, version uint64) (handout, error) {
	dev, run := deviceID(i), s.runs[r.Session]
	ok := run != nil && run.transfer == t && !run.stopped && version >= run.version
	switch {
	case s.sched.Paused():
		return handout{}, errUnconfirmed
	case !ok && s.mayFetch(t, i, r.Session):
		s.change(func(sch *schedule.Scheduler, now time.Time) { sch.Fetching(now, t.no, dev) })
		return handout{https: true}, nil
	case !ok:
		return handout{}, errSessionOver
	case !r.LacksAll && len(r.Lacks) == 0:
		s.change(func(sch *schedule.Scheduler, now time.Time) { sch.Stored(now, t.no, dev) })
		return handout{https: true}, nil
	}
	h := run.attach(i, r.Lacks, r.LacksAll)
	taken := s.sched.Ready(s.now(), t.no, r.Session, dev, blocksOf(t, r))
	s.poke()
	if !taken {
		run.forget(i)
		return handout{https: true}, nil
	}
	return h, nil
}

// blocksOf counts the blocks that a device has already.
func blocksOf(t *transfer, r groupcast.Ready) int {
	if r.LacksAll {
		return 0
	}
	blocks := len(t.content.manifest.Blocks)
	for _, lack := range r.Lacks {
		blocks -= int(lack.Count)
	}
	return max(blocks, 0)
}

// mayFetch says whether a device was told to fetch a transfer over HTTPS. Who answers that after a word
// that it cannot, or did not come through with it, can do it now.
func (s *server) mayFetch(t *transfer, i int, id protocol.SessionID) bool {
	d, _ := s.sched.Delivery(t.no, deviceID(i))
	switch d.State {
	case schedule.StateHTTPS, schedule.StateStored, schedule.StateSilent:
		return true
	case schedule.StateRefused, schedule.StatePaused:
		last, stands := s.gave(t, i, id)
		return last && stands
	default:
		return false
	}
}

// gave says whether a session's offer is the last of a transfer that a device was given, and whether it
// stands: the session runs, or who fetches over HTTPS goes by it.
func (s *server) gave(t *transfer, i int, id protocol.SessionID) (last, stands bool) {
	g, found := s.given[deliveryKey{t.no, i}]
	direct := s.direct[t.no]
	return found && g.session == id, s.runs[id] != nil || direct != nil && direct.session == id
}

// owes says whether a device is owed a transfer right now, was offered it by this process, and nothing
// holds it back.
func (s *server) owes(no protocol.TransferNo, i int) bool {
	_, owed := s.sched.Delivery(no, deviceID(i))
	_, offered := s.given[deliveryKey{no, i}]
	return owed && offered && !s.sched.Paused() && !s.sched.Held(no)
}

// refuse notes why a device cannot take a transfer.
func (s *server) refuse(i int, r groupcast.Ready) error {
	t, _, err := s.entitled(r.Transfer, i)
	if err != nil {
		return err
	}
	if _, offered := s.given[deliveryKey{t.no, i}]; !offered {
		s.w.count("device: refused what it was not offered")
		return nil // it is about an earlier try
	}
	last, stands := s.gave(t, i, r.Session)
	if !last && (r.Kind == groupcast.RefusedOld || r.Session != protocol.SessionID{}) {
		s.w.count("device: refused what was replaced")
		return nil // it was overtaken on its way
	}
	if r.Kind == groupcast.RefusedOld {
		if !stands {
			s.w.count("device: refused what is over")
			s.change(func(sch *schedule.Scheduler, now time.Time) { sch.Overtaken(now, t.no, deviceID(i)) })
			return nil
		}
		s.w.fail("device %d refuses the offer of transfer %d that stands: %s", i, t.no, r.Refused)
		return nil
	}
	s.w.count("device: refused for " + string(r.Kind))
	d := &t.deliveries[i]
	d.state, d.reason, d.refusal = groupcast.DeliveryRefused, r.Refused, r.Kind
	s.change(func(sch *schedule.Scheduler, now time.Time) {
		if r.Kind.Final() {
			sch.RefusedForGood(now, t.no, deviceID(i), r.Refused)
			return
		}
		sch.Refused(now, t.no, deviceID(i), r.Refused)
	})
	return nil
}

// report is what an agent tells of a delivery over HTTPS.
func (s *server) report(i int, r groupcast.AgentReport) error {
	if r.Transfer == 0 {
		return nil
	}
	if !s.owes(r.Transfer, i) {
		return errNotOwed
	}
	dev := deviceID(i)
	if r.Reason != "" && s.sched.LookedAgain(r.Transfer, dev) {
		s.w.count("device: tried again with space")
		s.poke()
		return nil
	}
	s.sched.Heard(s.now(), r.Transfer, dev)
	if len(r.Feedback) > 0 {
		return s.feedback(i, r)
	}
	if r.Path == groupcast.PathHTTPS && r.Reason != "" {
		s.w.count("device: stumbled")
		s.change(func(sch *schedule.Scheduler, now time.Time) {
			if !sch.Stumbled(now, r.Transfer, dev, r.Reason, r.Bytes) {
				sch.Behind(now, r.Transfer, dev, r.Reason, false)
			}
		})
	}
	return nil
}

// feedback hands a feedback body on that came over HTTPS.
func (s *server) feedback(i int, r groupcast.AgentReport) error {
	run := s.runFor(r.Transfer, i)
	if run == nil || run.byDevice[i] == (protocol.FeedbackID{}) {
		return errSessionOver
	}
	f, err := wire.ParseFeedback(r.Feedback)
	if err != nil {
		s.w.fail("feedback of device %d over HTTPS: %v", i, err)
		return nil
	}
	s.w.count("feedback: over HTTPS")
	run.heard(i, f)
	return nil
}

// manifest and blocks give what a device is owed, of the content that the transfer has now.
func (s *server) manifest(no protocol.TransferNo, i int) (*content, error) {
	t, _, err := s.entitled(no, i)
	if err != nil {
		return nil, err
	}
	if !s.owes(no, i) {
		return nil, errNotOwed
	}
	s.change(func(sch *schedule.Scheduler, now time.Time) { sch.Heard(now, no, deviceID(i)) })
	return t.content, s.within(t, i, len(t.content.encoded.Manifest))
}

func (s *server) blocks(no protocol.TransferNo, i int, blocks []protocol.BlockNumber) (*content, error) {
	t, _, err := s.entitled(no, i)
	if err != nil {
		return nil, err
	}
	if !s.owes(no, i) {
		return nil, errNotOwed
	}
	for _, b := range blocks {
		if int(b) >= t.content.layout.Blocks() {
			return nil, groupcast.Errorf(groupcast.EInvalid, "there is no block %d", b)
		}
		if err := s.within(t, i, len(t.content.block(b))); err != nil {
			return nil, err
		}
	}
	return t.content, nil
}

// within counts what a delivery asked for: one that asks for more than its share fails.
func (s *server) within(t *transfer, i, n int) error {
	c := t.content
	most := maxShare * uint64(len(c.stream)+len(c.encoded.Manifest)+protocol.BlockSize)
	if s.sched.Fetched(s.now(), t.no, deviceID(i), uint64(n)) <= most {
		return nil
	}
	s.w.fail("device %d asked for more than its share of transfer %d", i, t.no)
	s.close(t, i, groupcast.DeliveryFailed)
	return errNotOwed
}

// receipt closes a delivery.
func (s *server) receipt(no protocol.TransferNo, i int, root protocol.Digest, outcome groupcast.DeliveryState) error {
	t := s.known(no)
	if t == nil {
		return errClosed
	}
	d := &t.deliveries[i]
	full := t.first != nil && root == t.first.root()
	if root != t.content.root() && !full {
		s.w.count("receipt: of other content")
		if _, _, err := s.entitled(no, i); err == nil {
			s.change(func(sch *schedule.Scheduler, now time.Time) { sch.Overtaken(now, no, deviceID(i)) })
		}
		return s.noLongerOwed()
	}
	if _, _, err := s.entitled(no, i); err != nil {
		lacks := outcome.Delivered() && d.state == groupcast.DeliveryIncomplete
		if d.state == "" || t.hold || d.state != outcome && !lacks {
			s.w.count("receipt: too late")
			return s.noLongerOwed()
		}
		s.w.count("receipt: sent again")
		return nil
	}
	if s.lacks(t, root) {
		outcome = groupcast.DeliveryIncomplete
	}
	s.w.count("receipt: " + string(outcome))
	s.w.note("receipt "+string(outcome), uint64(no), uint64(i))
	s.close(t, i, outcome)
	return nil
}

// noLongerOwed tells an agent that a receipt is of no use any more; a server that waits for an
// administrator does not know that yet.
func (s *server) noLongerOwed() error {
	if s.sched.Paused() {
		return errPaused
	}
	return errClosed
}

// close ends a delivery, in the book first.
func (s *server) close(t *transfer, i int, state groupcast.DeliveryState) {
	d := &t.deliveries[i]
	d.state, d.at = state, s.now()
	if run := s.runFor(t.no, i); run != nil {
		run.complete(i)
	}
	delete(s.given, deliveryKey{t.no, i})
	s.change(func(sch *schedule.Scheduler, now time.Time) { sch.Settle(now, t.no, deviceID(i)) })
	if t.owed() == 0 {
		s.complete(t)
	}
}

// complete closes a transfer that nobody is owed any more.
func (s *server) complete(t *transfer) {
	s.w.count("transfer: done")
	t.closed = groupcast.TransferDone
	s.drop(t)
}
