package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
)

// sidePause is how long is waited beside a session before what broke is tried again; each further time so much longer.
const sidePause = 200 * time.Millisecond

// side is what goes over HTTPS beside a session: catch-up of single blocks, of everything
// when nothing is heard, and feedback that UDP does not carry.
type side struct {
	ctx      context.Context
	whole    context.Context // of the work on the transfer: a commit goes on when the session is over
	transfer *transfer
	session  session
	fail     context.CancelCauseFunc
	wanted   *wanted
	told     bool // that somebody forges packets
	bodies   chan []byte
	done     sync.WaitGroup
	stop     context.CancelFunc
}

// session is what a side serves: a session of either format, and how its blocks are fetched.
type session interface {
	Status() receiver.Status
	// promise fetches over HTTPS what is promised, and hands it to the session.
	promise(ctx context.Context) error
	// missing are blocks of the session that are not here and can be fetched, in so many runs at most.
	missing(runs int) []protocol.Range
	// fetch fetches what is missing of blocks of the session, and hands it over.
	fetch(ctx context.Context, ranges []protocol.Range) error
}

// newSide makes the side of a session of so many blocks.
func newSide(ctx, whole context.Context, t *transfer, blocks int, fail context.CancelCauseFunc) *side {
	ctx, stop := context.WithCancel(ctx)
	return &side{
		ctx: ctx, whole: whole, transfer: t, fail: fail, wanted: newWanted(blocks), bodies: make(chan []byte, 1), stop: stop,
	}
}

// fetch asks for blocks. The machine does not ask for them again.
func (s *side) fetch(ranges []protocol.Range, reason string) { s.wanted.add(ranges, false, reason) }

func (s *side) silent(reason string) { s.wanted.add(nil, true, reason) }

// feedback takes what UDP does not carry. While a body waits the next is dropped: the machine asks again.
func (s *side) feedback(body []byte) {
	select {
	case s.bodies <- append([]byte(nil), body...):
	default:
	}
}

func (s *side) start(on session) {
	s.session = on
	s.done.Go(s.run)
	s.done.Go(s.postBodies)
}

func (s *side) wait() {
	s.stop()
	s.done.Wait()
}

func (s *side) run() {
	commits := time.NewTimer(commitSoon)
	defer commits.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.wanted.some:
			f, ok := s.wanted.take()
			if !ok {
				continue
			}
			if err := s.serve(f); err != nil && s.ctx.Err() == nil {
				s.fail(err)
				return
			}
		case <-commits.C:
			s.tellForged()
			wait := commitSoon
			if s.session.Status().Manifest {
				wait, _ = commitNow(s.whole, s.transfer.form.onDisk()) // the last commit says why it cannot
			}
			commits.Reset(wait)
		}
	}
}

// serve fetches what was asked for and hands it to the session, which counts it.
func (s *side) serve(f fetchable) error {
	s.transfer.report(s.ctx, f.reason)
	if !s.session.Status().Manifest {
		if err := s.session.promise(s.ctx); err != nil {
			return err
		}
	}
	if f.all {
		if err := s.supplyAll(); err != nil {
			return err
		}
	}
	return s.supply(f.ranges)
}

// supplyAll fetches everything that is missing, a little at a time to begin with: if the group is
// heard again, it was the network that was away, and the session brings the rest to all at once.
func (s *side) supplyAll() error {
	g := s.transfer.form.onDisk()
	before, n := -1, uint32(firstFetch)
	silent := func() bool { return time.Since(s.session.Status().Heard) > heardLately }
	for ; g.Missing() > 0 && g.Missing() != before && silent(); n = min(2*n, fetchBlocks) {
		before = g.Missing()
		if err := s.supply(firstOf(s.session.missing(maxLacks), n)); err != nil {
			return err
		}
		s.transfer.path = groupcast.PathHTTPS
	}
	if g.Missing() > 0 {
		s.transfer.path = groupcast.PathMulticast
	}
	return nil
}

// firstOf cuts ranges off after n blocks.
func firstOf(ranges []protocol.Range, n uint32) []protocol.Range {
	for i := range ranges {
		if ranges[i].Count >= n {
			ranges[i].Count = n
			return ranges[:i+1]
		}
		n -= ranges[i].Count
	}
	return ranges
}

// supply fetches what is missing of ranges and hands it to the session; what breaks is tried again.
func (s *side) supply(ranges []protocol.Range) error {
	left := s.transfer.form.onDisk().Missing
	return s.transfer.keepTrying(s.ctx, sidePause, left, func() error { return s.session.fetch(s.ctx, ranges) })
}

// postBodies posts feedback beside what is fetched: none of the two waits for the other.
func (s *side) postBodies() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case body := <-s.bodies:
			s.post(body)
		}
	}
}

func (s *side) post(body []byte) {
	r := groupcast.AgentReport{Transfer: s.transfer.offer.Transfer, Path: groupcast.PathMulticast, Feedback: body}
	r.FreeBytes, r.DiskBytes, r.Reserve = s.transfer.agent.room()
	err := s.transfer.agent.cfg.Client.Report(s.ctx, r)
	if err != nil && !errors.Is(err, context.Canceled) {
		s.transfer.agent.cfg.Log.Debug("feedback not posted", "err", err)
	}
}
