package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/blockcache"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/units"
)

const (
	firstTry  = time.Second // until a further try, and each time so much longer …
	mostTries = 30          // … so many times
	pagesTurn = time.Second // between two requests for pages that brought none
)

// job fetches one transfer and holds it.
type job struct {
	relay  *Relay
	client *apiclient.Client
	order  groupcast.RelayOrder
	key    seal.VerifyKey
	space  *blockcache.Space
	hold   *blockcache.Hold
	cancel context.CancelFunc

	// What its goroutine knows, over all tries.
	cut  *skeleton.Cut
	book *pages.Book
	todo []blockcache.Block // that have a digest and were not fetched yet
	done uint64             // bytes of those that were

	mu      sync.Mutex
	total   uint64 // bytes that devices get: what is void, or zeros, is not fetched
	held    uint64
	whole   bool
	problem string
}

// begin starts to fetch. It goes on until everything is here, or the job is ended.
func (j *job) begin(ctx context.Context) {
	ctx, j.cancel = context.WithCancel(ctx)
	j.total = j.order.Bytes
	j.relay.all.Go(func() {
		defer j.hold.Release()
		for try := 1; ctx.Err() == nil; try++ {
			before := j.holding().Held
			err := j.fetch(ctx)
			if err == nil {
				j.relay.cfg.Say(fmt.Sprintf("transfer %d is here: %s", j.order.Transfer, units.FormatSize(j.order.Bytes)))
				<-ctx.Done() // it is held as long as it is wanted
				return
			}
			if ctx.Err() != nil {
				return
			}
			if j.holding().Held > before {
				try = 1
			}
			j.fail(err)
			if final(err) {
				<-ctx.Done()
				return
			}
			pause(ctx, time.Duration(min(try, mostTries))*firstTry)
		}
	})
}

func (j *job) end() { j.cancel() }

// final says whether trying again is no use as long as the server wants the same.
func final(err error) bool {
	var fault *pages.Fault
	return errors.As(err, &fault) && fault.Final()
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// fail notes why it does not get on, and says it if it is another reason than before.
func (j *job) fail(err error) {
	text := brief(err)
	j.mu.Lock()
	said := j.problem == text
	j.problem = text
	j.mu.Unlock()
	if !said {
		j.relay.cfg.Warn(fmt.Sprintf("transfer %d: %s", j.order.Transfer, text))
	}
}

// holding says how much is here.
func (j *job) holding() groupcast.RelayHolding {
	j.mu.Lock()
	defer j.mu.Unlock()
	return groupcast.RelayHolding{
		Transfer: j.order.Transfer, Edition: j.order.Edition, Bytes: j.total, Held: min(j.held, j.total), Whole: j.whole,
		Problem: j.problem,
	}
}

// fetch fetches the skeleton, and then pages and what they say is lacking, to the end. What came before it failed is
// not fetched again.
func (j *job) fetch(ctx context.Context) error {
	if err := j.open(ctx); err != nil {
		return err
	}
	for {
		if err := j.fill(ctx); err != nil {
			return err
		}
		if j.book.Final() {
			break
		}
		asked := time.Now()
		if err := j.pages(ctx); err != nil {
			return err
		}
		if len(j.todo) == 0 && !j.book.Final() && time.Since(asked) < pagesTurn {
			pause(ctx, pagesTurn)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.whole, j.problem, j.held, j.total = true, "", j.done, j.done
	return nil
}

// open begins the book of the transfer's pages.
func (j *job) open(ctx context.Context) error {
	if j.book != nil {
		return nil
	}
	cut, entries, err := j.skeleton(ctx)
	if err != nil {
		return err
	}
	j.cut = cut
	j.book = pages.NewBook(format2.PageTerms{
		Server: j.relay.id.Server, Group: j.order.Group, Transfer: j.order.Transfer, TransferID: j.order.TransferID,
		Skeleton: j.order.Skeleton, Edition: j.order.Edition,
	}, j.order.Pages, entries, j.key, cut)
	return nil
}

// fill fetches the blocks whose digests are known and that are not in the cache, and holds all of them.
func (j *job) fill(ctx context.Context) error {
	if len(j.todo) == 0 {
		return nil
	}
	if err := j.hold.Add(j.todo); err != nil {
		return err
	}
	there, bytes := uint64(0), uint64(0)
	for _, b := range j.todo {
		bytes += uint64(b.Length)
		if j.space.Has(b.Digest) {
			there += uint64(b.Length)
		}
	}
	j.has(j.done + there)
	_, err := j.space.Fill(ctx, blockcache.Filling{
		Blocks: j.todo, Passing: passing,
		Get: func(ctx context.Context, r protocol.Range, put func(protocol.BlockNumber, []byte) error) error {
			return j.stream(ctx, r, func(n protocol.BlockNumber, block []byte) error {
				err := put(n, block)
				if err == nil {
					j.hasMore(uint64(len(block)))
				}
				return err
			})
		},
	})
	if err != nil {
		return err
	}
	j.todo, j.done = nil, j.done+bytes
	j.has(j.done) // blocks that are alike were counted once until here
	return nil
}

// has says how many bytes are here.
func (j *job) has(n uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n > j.held {
		j.problem = ""
	}
	j.held = n
}

// hasMore says that further bytes are here.
func (j *job) hasMore(n uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.held, j.problem = j.held+n, ""
}
