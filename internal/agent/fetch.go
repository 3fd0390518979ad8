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
	stop := commitAlong(ctx, t.onDisk())
	defer stop()
	g := t.staging()
	for before := -1; g.Missing() > 0 && g.Missing() != before; { // one look names maxLacks runs at most
		before = g.Missing()
		err := t.keepTrying(ctx, tryPause, g.Missing, func() error {
			err := t.fetchRanges(ctx, g.Has().Missing(maxLacks), t.putNeeded)
			if errors.Is(err, errNotNeeded) {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// keepTrying repeats what breaks for a passing reason, each time after a pause that is longer by its first. Nothing is
// given up while there is less left each time.
func (t *transfer) keepTrying(ctx context.Context, first time.Duration, left func() int, once func() error) error {
	for try := 1; ; try++ {
		before := left()
		err := once()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case left() < before:
			try = 1
		case try > fetchTries || !passing(err):
			return err
		}
		if err := pause(ctx, time.Duration(try)*first); err != nil {
			return err
		}
	}
}

// tryPause is how long is waited before what broke is tried again; each further time so much longer.
const tryPause = 500 * time.Millisecond

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
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
func commitAlong(work context.Context, g staging) (stop func()) {
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
				wait, err := commitNow(work, g)
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
	err = g.Commit(ctx)
	return min(max(commitShare*time.Since(start), commitSoon), commitLate), err
}
