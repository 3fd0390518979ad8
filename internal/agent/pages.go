package agent

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	pagesPause = time.Second     // between two requests for pages of which the first brought none
	pagesWait  = 5 * time.Second // a server holds a request for pages at least so long before it brings none
)

// catchUp fetches pages and blocks over HTTPS until everything is here: the blocks of a page while the next pages
// are asked for, which come as fast as the server reads.
func (t *paged) catchUp(whole context.Context) error {
	stop := commitAlong(whole, t.onDisk())
	defer stop()
	ctx, cancel := context.WithCancelCause(whole)
	came := make(chan struct{}, 1)
	var following sync.WaitGroup
	following.Go(func() {
		if err := t.followPages(ctx, came); err != nil {
			cancel(err)
		}
	})
	err := t.fetchKnown(ctx, came)
	cause := context.Cause(ctx)
	cancel(nil)
	following.Wait()
	if whole.Err() != nil {
		return whole.Err()
	}
	if cause != nil {
		return cause
	}
	return err
}

// followPages fetches pages until the final one is here. came is told of each.
func (t *paged) followPages(ctx context.Context, came chan<- struct{}) error {
	g := t.staging()
	tell := func() {
		select {
		case came <- struct{}{}:
		default: // it is told already
		}
	}
	defer tell()
	for !g.Final() {
		before, asked := g.Verified(), time.Now()
		err := t.keepTrying(ctx, tryPause, func() int { return -int(g.Verified()) }, func() error {
			_, err := t.fetchPages(ctx, t.addPage)
			return err
		})
		if err != nil {
			return err
		}
		tell()
		if g.Verified() == before && time.Since(asked) < pagesWait {
			if err := pause(ctx, pagesPause); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetchKnown fetches the blocks whose digests are known, until there are no more.
func (t *paged) fetchKnown(ctx context.Context, came <-chan struct{}) error {
	g := pagedStaging{t.staging()}
	for empty := 0; g.Missing() > 0; empty++ {
		before, final := g.Missing(), g.Final()
		if wanted := g.Wanted(maxLacks); len(wanted) > 0 {
			err := t.keepTrying(ctx, tryPause, g.Missing, func() error {
				return t.fetchStream(ctx, missingOf(wanted, g.Have()), t.putBlock)
			})
			if err != nil {
				return err
			}
		}
		switch {
		case g.Missing() < before:
			empty = 0
		case !final: // a page that comes says more: that files are void, too
			if err := t.await(ctx, came); err != nil {
				return err
			}
			empty = 0
		case empty >= fetchTries:
			return groupcast.Errorf(groupcast.EUnavailable, "the server gives no blocks of transfer %d any more",
				t.offer.Transfer)
		default:
			if err := pause(ctx, time.Duration(empty)*tryPause); err != nil {
				return err
			}
		}
	}
	return nil
}

// await waits for a page.
func (t *paged) await(ctx context.Context, came <-chan struct{}) error {
	select {
	case <-came:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// addPage takes a page that came outside a session. One that is not the server's may come right the next time.
func (t *paged) addPage(raw []byte) error {
	_, err := t.staging().AddPage(raw)
	var fault *pages.Fault
	if errors.As(err, &fault) && !fault.Final() {
		return groupcast.Errorf(groupcast.EUnavailable, "a page of transfer %d came as another than the server signed",
			t.offer.Transfer).Wrap(err)
	}
	return err
}

// fetchPages fetches the pages after those that are verified, as many as the server has, and hands each over.
func (t *paged) fetchPages(ctx context.Context, take func(raw []byte) error) (n int, err error) {
	from := t.staging().Verified()
	body, err := t.inTurn(ctx, func() (io.ReadCloser, error) {
		return t.agent.cfg.Client.Pages(ctx, t.offer.Transfer, from)
	})
	if err != nil {
		return 0, err
	}
	defer body.Close()
	in := bufio.NewReader(body)
	for left := int64(t.offer.Pages) - int64(from); left > 0; left-- {
		raw, err := apiclient.ReadPage(in)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, groupcast.Errorf(groupcast.EUnavailable, "the pages were cut off after %d", n).Wrap(err)
		}
		if err := take(raw); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// putBlock verifies a block of the stream that came outside a session, and stores it.
func (t *paged) putBlock(b protocol.BlockNumber, data []byte) error {
	right, err := t.staging().WriteBlock(uint32(b), data)
	if err == nil && !right {
		return groupcast.Errorf(groupcast.EInvalid, "block %d is not what its page says", b)
	}
	return err
}

// fetchStream fetches ranges of blocks of the stream, hands each block over and reports to the server now and then.
func (t *paged) fetchStream(
	ctx context.Context, ranges []protocol.Range, put func(b protocol.BlockNumber, data []byte) error,
) error {
	reported := time.Now()
	for _, r := range ranges {
		for first := r.First; first < r.End(); first += fetchBlocks {
			run := protocol.Range{First: first, Count: min(fetchBlocks, uint32(r.End()-first))}
			err := t.fetchStreamRun(ctx, run, func(b protocol.BlockNumber, data []byte) error {
				if time.Since(reported) > reportEvery {
					reported = time.Now()
					t.report(ctx, "")
				}
				return put(b, data)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// fetchStreamRun fetches blocks that follow one another.
func (t *paged) fetchStreamRun(
	ctx context.Context, asked protocol.Range, put func(b protocol.BlockNumber, data []byte) error,
) error {
	body, err := t.inTurn(ctx, func() (io.ReadCloser, error) {
		return t.agent.cfg.Client.Stream(ctx, t.offer.Transfer, asked.First, asked.Count)
	})
	if err != nil {
		return err
	}
	defer body.Close()
	cut := t.staging().Cut()
	length := func(b protocol.BlockNumber) int {
		_, n := cut.Block(uint32(b))
		return n
	}
	return apiclient.ReadBlocks(body, asked, length, put)
}
