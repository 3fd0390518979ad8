package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/delivery/deliverytest"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// failsOnce is a store of which one call fails, once.
type failsOnce struct {
	Store
	mu   sync.Mutex
	call string
}

// next says which call fails.
func (f *failsOnce) next(call string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call = call
}

var errOnce = errors.New("the disk is full")

func (f *failsOnce) fail(call string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.call != call {
		return nil
	}
	f.call = ""
	return errOnce
}

func (f *failsOnce) AddPage(ctx context.Context, p store.Page) error {
	if err := f.fail("AddPage"); err != nil {
		return err
	}
	return f.Store.AddPage(ctx, p)
}

func (f *failsOnce) Pages(
	ctx context.Context, no protocol.TransferNo, e protocol.Edition, from protocol.PageNo, most int,
) ([][]byte, error) {
	if err := f.fail("Pages"); err != nil {
		return nil, err
	}
	return f.Store.Pages(ctx, no, e, from, most)
}

func (f *failsOnce) ReplaceContent(
	ctx context.Context, no protocol.TransferNo, e store.Edition,
) (store.Transfer, error) {
	if err := f.fail("ReplaceContent"); err != nil {
		return store.Transfer{}, err
	}
	return f.Store.ReplaceContent(ctx, no, e)
}

func (f *failsOnce) KeepSignedOffer(ctx context.Context, o store.SignedOffer) error {
	if err := f.fail("KeepSignedOffer"); err != nil {
		return err
	}
	return f.Store.KeepSignedOffer(ctx, o)
}

func (f *failsOnce) GroupByID(ctx context.Context, id protocol.GroupID) (groupcast.Group, error) {
	if err := f.fail("GroupByID"); err != nil {
		return groupcast.Group{}, err
	}
	return f.Store.GroupByID(ctx, id)
}

func (f *failsOnce) LeftOut(
	ctx context.Context, no protocol.TransferNo, w groupcast.Window,
) ([]groupcast.LeftOut, int, error) {
	if err := f.fail("LeftOut"); err != nil {
		return nil, 0, err
	}
	return f.Store.LeftOut(ctx, no, w)
}

func (f *failsOnce) SetTransferState(
	ctx context.Context, no protocol.TransferNo, s groupcast.TransferState, reason string, at time.Time,
) error {
	if err := f.fail("SetTransferState"); err != nil {
		return err
	}
	return f.Store.SetTransferState(ctx, no, s, reason, at)
}

// Whatever fails once at the server, in whichever edition: the transfer goes on by itself, and arrives.
func TestEveryStepMayFailOnce(t *testing.T) {
	for _, call := range []string{
		"AddPage", "Pages", "ReplaceContent", "KeepSignedOffer", "GroupByID", "LeftOut", "SetTransferState",
	} {
		for _, later := range []bool{false, true} {
			t.Run(fmt.Sprint(call, " later ", later), func(t *testing.T) {
				inBubble(t, func(w *world) {
					once := &failsOnce{}
					w.bootWith(func(c *Config) { once.Store, c.Store = c.Store, once })
					w.group("g")
					ann, bob := w.enrol("ann", "g").attachAs(speaking(2)), w.enrol("bob", "g").attachAs(speaking(2))
					if !later {
						once.next(call)
					}
					tr := w.send("g", w.pagedFiles)
					stop := w.steps(deliverytest.Step{Blocks: 10, Final: true})
					time.Sleep(time.Minute)
					if later { // while a further edition is made
						once.next(call)
					}
					for w.stored(tr.No).Edition == 1 { // whoever reads it says so until it is heeded
						w.sourceFault(tr.No, w.holds(tr.No), pages.ErrChanged)
						time.Sleep(5 * time.Minute)
					}
					stop()
					got := w.stored(tr.No)
					if got.Edition != 2 || got.Root != deliverytest.RootOf(tr.No, 2) {
						t.Fatalf("edition %d, root %s, %s: %s", got.Edition, got.Root, got.State, got.Reason)
					}
					for _, a := range []*agent{ann, bob} {
						all := a.pagedOffers()
						if len(all) == 0 || all[len(all)-1].Edition != 2 {
							t.Fatalf("%s has %d offers", a.p.User.Name, len(all))
						}
						w.must(a.pagedReceipt(all[len(all)-1], got.Root, groupcast.DeliveryVerified, fiveEntries))
					}
					if now := w.shown(tr.No); now.State != groupcast.TransferDone || now.Verified != 2 {
						t.Errorf("%s, %d verified", now.State, now.Verified)
					}
				})
			})
		}
	}
}

// stored is a transfer as the store has it.
func (w *world) stored(no protocol.TransferNo) store.Transfer {
	w.Helper()
	tr, err := w.db.Transfer(w.ctx, no)
	w.must(err)
	return tr
}

// steps lets whatever is read go on with the same step, until it is stopped.
func (w *world) steps(s deliverytest.Step) (stop func()) {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case w.reads.steps <- s:
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); w.settle() }
}
