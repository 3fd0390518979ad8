package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/spool"
)

// Bounds of the HTTPS catch-up.
const (
	fetchBlocks = 64 // of one request
	firstFetch  = 2  // the same when a group fell silent, to begin with
	heardLately = time.Second
	fetchTries  = 5
	reportEvery = time.Second
	commitSoon  = 100 * time.Millisecond // between commits, at least
	commitLate  = time.Second            // and at most
	commitShare = 9                      // times as long as a commit took nothing is committed
)

// catchUp fetches every block that is missing.
func (t *plain) catchUp(ctx context.Context) error {
	stop := t.commitAlong(ctx)
	defer stop()
	g := t.staging()
	for try := 0; g.Missing() > 0; try++ {
		before := g.Missing()
		err := t.fetchRanges(ctx, g.Has().Missing(maxLacks), t.putNeeded)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errNotNeeded) || err == nil && g.Missing() < before {
			try = -1 // one look names maxLacks runs at most
			continue
		}
		if err == nil {
			return nil
		}
		if g.Missing() < before {
			try = 0
		}
		if try >= fetchTries || !passing(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try+1) * 500 * time.Millisecond):
		}
	}
	return nil
}

func passing(err error) bool {
	switch groupcast.ErrorCode(err) {
	case groupcast.EUnavailable, groupcast.EExhausted, groupcast.EInternal:
		return spool.Hindrance(err) == nil
	}
	return false
}

// putBlock takes a block that was fetched.
type putBlock func(layout *manifest.Layout, b protocol.BlockNumber, data []byte) error

// put verifies a block and stores it.
func (t *plain) put(layout *manifest.Layout, b protocol.BlockNumber, data []byte) error {
	if !layout.Verify(b, data) {
		return groupcast.Errorf(groupcast.EInvalid, "block %d does not match the manifest", b)
	}
	return t.staging().WriteBlock(b, data)
}

// errNotNeeded ends a fetch: a file turned out not to fit on this disk, and its other blocks are
// not needed any more.
var errNotNeeded = errors.New("what was asked for is not needed any more")

func (t *plain) putNeeded(layout *manifest.Layout, b protocol.BlockNumber, data []byte) error {
	before := t.staging().Missing()
	if err := t.put(layout, b, data); err != nil {
		return err
	}
	if before-t.staging().Missing() > 1 {
		return errNotNeeded
	}
	return nil
}

// fetchRanges fetches ranges of blocks, passes each block to put and reports to the server now and then:
// on a slow connection, or during a multicast session, a range may take minutes.
func (t *plain) fetchRanges(ctx context.Context, ranges []protocol.Range, put putBlock) error {
	layout := t.staging().Layout()
	reported := time.Now()
	telling := func(layout *manifest.Layout, b protocol.BlockNumber, data []byte) error {
		if err := put(layout, b, data); err != nil {
			return err
		}
		if time.Since(reported) > reportEvery {
			reported = time.Now()
			t.report(ctx, "")
		}
		return nil
	}
	for _, r := range ranges {
		for first := max(r.First, layout.FirstStream()); first < r.End(); first += fetchBlocks {
			n := min(fetchBlocks, uint32(r.End()-first))
			if err := t.fetchRun(ctx, layout, first, n, telling); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *plain) fetchRun(
	ctx context.Context, layout *manifest.Layout, first protocol.BlockNumber, n uint32, put putBlock,
) error {
	body, err := t.inTurn(ctx, func() (io.ReadCloser, error) {
		return t.agent.cfg.Client.Blocks(ctx, t.offer.Transfer, first, n)
	})
	if err != nil {
		return err
	}
	defer body.Close()
	buf := make([]byte, layout.Longest())
	for b := first; b < first+protocol.BlockNumber(n); b++ {
		length, known := layout.Length(b)
		if !known {
			return fmt.Errorf("fetch block %d: there is no such block", b)
		}
		if _, err := io.ReadFull(body, buf[:length]); err != nil {
			return groupcast.Errorf(groupcast.EUnavailable, "the catch-up was cut off at block %d", b).Wrap(err)
		}
		if err := put(layout, b, buf[:length]); err != nil {
			return err
		}
	}
	return nil
}

// commitAlong moves files to their names while others are still fetched. The returned function ends it;
// a commit that runs is completed.
func (t *plain) commitAlong(work context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(work)
	var done sync.WaitGroup
	done.Go(func() {
		next := time.NewTimer(commitSoon)
		defer next.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-next.C:
				wait, err := commitNow(work, t.staging())
				if err != nil {
					return // the last commit says why
				}
				next.Reset(wait)
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

// commitNow commits what is whole and says how long to wait until the next time: files come
// to their names while others still come, but the disk's barriers take a tenth of the time, while
// that is less than one in commitLate.
func commitNow(ctx context.Context, g staging) (wait time.Duration, err error) {
	start := time.Now()
	_, err = g.Commit(ctx)
	return min(max(commitShare*time.Since(start), commitSoon), commitLate), err
}

// side is what goes over HTTPS beside a session: catch-up of single blocks, of everything
// when nothing is heard, and feedback that UDP does not carry.
type side struct {
	ctx      context.Context
	whole    context.Context // of the work on the transfer: a commit goes on when the session is over
	transfer *plain
	fail     context.CancelCauseFunc
	wanted   *wanted
	told     bool // that somebody forges packets
	bodies   chan []byte
	done     sync.WaitGroup
	stop     context.CancelFunc
}

func newSide(ctx, whole context.Context, t *plain, fail context.CancelCauseFunc) *side {
	ctx, stop := context.WithCancel(ctx)
	blocks := 1 + int(t.offer.ManifestBlocks) + int(t.offer.Blocks)
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

func (s *side) start(r *receiver.Receiver) {
	s.done.Go(func() { s.run(r) })
	s.done.Go(s.postBodies)
}

func (s *side) wait() {
	s.stop()
	s.done.Wait()
}

func (s *side) run(r *receiver.Receiver) {
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
			if err := s.serve(r, f); err != nil && s.ctx.Err() == nil {
				s.fail(err)
				return
			}
		case <-commits.C:
			s.tellForged(r)
			wait := commitSoon
			if r.Status().Manifest {
				wait, _ = commitNow(s.whole, s.transfer.staging()) // the last commit says why it cannot
			}
			commits.Reset(wait)
		}
	}
}

// serve fetches what was asked for and hands it to the session, which counts it.
func (s *side) serve(r *receiver.Receiver, f fetchable) error {
	t := s.transfer
	t.report(s.ctx, f.reason)
	if !r.Status().Manifest {
		raw, err := t.fetchRaw(s.ctx)
		if err != nil {
			return err
		}
		if err := r.SupplyManifest(raw); err != nil {
			return err
		}
	}
	if f.all {
		if err := s.supplyAll(r); err != nil {
			return err
		}
	}
	return s.supply(r, f.ranges)
}

// supplyAll fetches everything that is missing, a little at a time to begin with: if the group is
// heard again, it was the network that was away, and the session brings the rest to all at once.
func (s *side) supplyAll(r *receiver.Receiver) error {
	g := s.transfer.staging()
	before, n := -1, uint32(firstFetch)
	silent := func() bool { return time.Since(r.Status().Heard) > heardLately }
	for ; g.Missing() > 0 && g.Missing() != before && silent(); n = min(2*n, fetchBlocks) {
		before = g.Missing()
		if err := s.supply(r, firstOf(g.Has().Missing(maxLacks), n)); err != nil {
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
func (s *side) supply(r *receiver.Receiver, ranges []protocol.Range) error {
	put := func(_ *manifest.Layout, b protocol.BlockNumber, data []byte) error { return r.Supply(b, data) }
	for try := 0; ; try++ {
		err := s.transfer.fetchRanges(s.ctx, missingOf(ranges, s.transfer.staging().Has()), put)
		if err == nil || s.ctx.Err() != nil || try == fetchTries || !passing(err) {
			return err
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(time.Duration(try+1) * 200 * time.Millisecond):
		}
	}
}

// missingOf gives the parts of ranges that are not there.
func missingOf(ranges []protocol.Range, has *protocol.BlockSet) []protocol.Range {
	left := protocol.NewBlockSet(has.Len())
	for _, r := range ranges {
		left.AddRange(r)
	}
	for b, ok := left.Next(0); ok; b, ok = left.Next(b + 1) {
		if has.Has(b) {
			left.Remove(b)
		}
	}
	return left.Members()
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
