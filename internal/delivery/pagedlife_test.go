package delivery

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/delivery/deliverytest"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/source"
)

func TestThePagedLife(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := sendingPaged(w, "ann", "bob")
		o := offers[0]
		if o.Flags != format2.OfferMulticast || o.Edition != 1 || o.Pages != 8 || o.Skeleton != (protocol.Digest{8}) ||
			o.TransferID != (protocol.TransferID{7}) || o.SiteEpoch == 0 || o.Entries != 5 || o.Blocks != 10 {
			t.Errorf("%+v", o)
		}
		if w.plain == nil || w.plain[0][0]>>4 != 2 {
			t.Errorf("it was announced with %x", w.plain)
		}
		now := w.shown(tr.No)
		if now.FileHash != groupcast.BLAKE3 || now.Hashing == nil || now.Hashing.Bytes != 50 || now.Hashing.Pages != 1 {
			t.Errorf("%s, hashed %+v", now.FileHash, now.Hashing)
		}
		w.step(deliverytest.Step{Blocks: 9, Final: true})
		root := deliverytest.RootOf(tr.No, 1)
		if now = w.shown(tr.No); now.Hashing != nil || now.Root != root {
			t.Errorf("it is hashed to the end: %+v, root %s", now.Hashing, now.Root)
		}
		for i, a := range agents {
			w.must(a.pagedReceipt(offers[i], root, groupcast.DeliveryVerified, fiveEntries))
		}
		if now = w.shown(tr.No); now.State != groupcast.TransferDone || now.Verified != 2 {
			t.Errorf("%s, %d verified", now.State, now.Verified)
		}
		w.settle()
		if !w.newest().Closed() {
			t.Error("its source is open still")
		}
	})
}

// What changes while it is read is named, and the others arrive.
func TestAFileThatChangesInTheStreamIsNamed(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := sendingPaged(w, "ann", "bob")
		screen := w.watching()
		lost := []groupcast.LeftOut{{Path: "b", Why: groupcast.WhyChanged}}
		w.step(deliverytest.Step{Blocks: 3, Lost: lost})
		if now := w.shown(tr.No); now.Lost != 1 || now.State != groupcast.TransferSending {
			t.Errorf("%d lost, %s", now.Lost, now.State)
		}
		if !slices.ContainsFunc(waiting(screen.Next), func(e groupcast.Event) bool {
			return strings.HasPrefix(e.Text, "1 file changed, went ")
		}) {
			t.Error("nobody was told")
		}
		w.step(deliverytest.Step{Blocks: 6, Final: true})
		for i, a := range agents {
			w.must(a.pagedReceipt(offers[i], deliverytest.RootOf(tr.No, 1), groupcast.DeliveryVerified,
				groupcast.Tally{Entries: 5, Void: 1}))
		}
		d := w.deliveryOf(tr.No, "ann")
		if d.State != groupcast.DeliveryIncomplete || d.Missing != 1 || d.Entries != 5 || d.Bytes != tr.Bytes-10 {
			t.Errorf("%s, %d of %d missing, %d bytes of %d came", d.State, d.Missing, d.Entries, d.Bytes, tr.Bytes)
		}
		page, err := w.Entries(w.ctx, tr.No, d.DeviceID, groupcast.Window{})
		w.must(err)
		if len(page.Entries) != 1 || page.Entries[0].Path != "b" {
			t.Errorf("%+v", page)
		}
		if now := w.shown(tr.No); now.State != groupcast.TransferDone || now.Incomplete != 2 {
			t.Errorf("%s, %d incomplete", now.State, now.Incomplete)
		}
	})
}

func TestATransferOfWhichNothingIsLeftFailsInWords(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, _ := sendingPaged(w, "ann", "bob")
		var lost []groupcast.LeftOut
		for i := range 5 {
			lost = append(lost, groupcast.LeftOut{Path: fmt.Sprintf("f%d", i), Why: groupcast.WhyChanged})
		}
		w.step(deliverytest.Step{Lost: lost, Final: true})
		now := w.shown(tr.No)
		if now.State != groupcast.TransferFailed || !strings.Contains(now.Reason, "all of its 5 files changed") {
			t.Errorf("%s: %s", now.State, now.Reason)
		}
		agents[0].told(groupcast.AgentEnd)
		if !w.newest().Closed() {
			t.Error("its source is open still")
		}
	})
}

// What changes after its page makes a further edition, under offers of its own. Receipts count of that one only.
func TestAFurtherEditionReplacesAnOffer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := sendingPaged(w, "ann", "bob")
		first := w.sender()
		first.End(fmt.Errorf("block 3: %w", &source.ChangedError{Entries: []uint32{4, 2}}))
		w.settle()
		if got, err := w.db.Transfer(w.ctx, tr.No); err != nil || got.Edition != 2 || got.Skeleton != offers[0].Skeleton {
			t.Fatalf("edition %d, %v", got.Edition, err)
		}
		if !slices.Equal(w.reads.doubted, []uint32{2, 4}) {
			t.Errorf("these are read again: %v", w.reads.doubted)
		}
		w.step(deliverytest.Step{Blocks: 10, Final: true})
		for i, a := range agents {
			o := a.pagedOffered()
			if o.Edition != 2 || o.Number <= offers[i].Number || o.Skeleton != offers[i].Skeleton {
				t.Fatalf("edition %d under %d after %d", o.Edition, o.Number, offers[i].Number)
			}
			if h := a.takes(o); len(h.SessionSecret) == 0 {
				t.Fatalf("%+v", h)
			}
			// What it says of the edition before is not taken, nor that it has it.
			err := a.pagedReceipt(offers[i], deliverytest.RootOf(tr.No, 1), groupcast.DeliveryVerified, fiveEntries)
			wantCode(t, err, groupcast.EClosed)
			there := o
			there.Site[0]++ // nor what it says it was given at another site
			err = a.pagedReceipt(there, deliverytest.RootOf(tr.No, 2), groupcast.DeliveryVerified, fiveEntries)
			wantCode(t, err, groupcast.EClosed)
			w.must(a.pagedReceipt(o, deliverytest.RootOf(tr.No, 2), groupcast.DeliveryVerified, fiveEntries))
		}
		if now := w.shown(tr.No); now.State != groupcast.TransferDone || now.Verified != 2 {
			t.Errorf("%s, %d verified", now.State, now.Verified)
		}
	})
}

// A server that is started anew goes on after the last durable page; one whose files changed begins a further edition.
func TestAPagedTransferOverARestart(t *testing.T) {
	for name, changed := range map[string]bool{"as it was": false, "changed": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				tr, _, _ := sendingPaged(w, "ann", "bob")
				if changed {
					w.mu.Lock()
					w.reads.fails = pages.ErrChanged
					w.mu.Unlock()
				}
				w.reboot()
				w.step(deliverytest.Step{Blocks: 9, Final: true})
				want, hashed := protocol.Edition(1), 2
				if changed {
					want, hashed = 2, 1
				}
				got, err := w.db.Transfer(w.ctx, tr.No)
				w.must(err)
				kept, err := w.db.Pages(w.ctx, tr.No, got.Edition, 0, 100)
				w.must(err)
				if got.Edition != want || len(kept) != hashed || got.Root != deliverytest.RootOf(tr.No, want) {
					t.Errorf("edition %d with %d pages", got.Edition, len(kept))
				}
			})
		})
	}
}

// A disk that is away is waited for: the transfer says so, and nobody is given up.
func TestAPagedTransferWaitsForItsDisk(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := sendingPaged(w, "ann", "bob")
		w.step(deliverytest.Step{Err: &content.UnavailableError{Path: "f3", Why: groupcast.WhyForbidden}})
		now := w.shown(tr.No)
		if now.State != groupcast.TransferWaiting || !strings.Contains(now.Reason, "may not read f3; it is tried again") {
			t.Errorf("%s: %s", now.State, now.Reason)
		}
		time.Sleep(6 * time.Second)
		w.step(deliverytest.Step{Blocks: 9, Final: true})
		for i, a := range agents {
			o := a.pagedOffered()
			if o.Edition != 1 || o.Number <= offers[i].Number || o.Flags&format2.OfferStaged != 0 {
				t.Errorf("edition %d, offer %d, flags %d", o.Edition, o.Number, o.Flags)
			}
			if h := a.takes(o, protocol.Range{First: 1, Count: 9}); len(h.SessionSecret) == 0 {
				t.Fatalf("%+v", h)
			}
		}
		if lacks, ok := w.sender().Lacks(agents[0].id); !ok || lacks[0] != (protocol.Range{First: 1, Count: 9}) {
			t.Errorf("it lacks %v", lacks)
		}
	})
}

func TestMembersChangeInAPagedSession(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := sendingPaged(w, "ann", "bob", "cid")
		w.remove("bob", "g")
		time.Sleep(3 * time.Second)
		w.settle()
		if o := agents[1].pagedOffers(); len(o) != 0 {
			t.Errorf("who was removed is offered %+v", o)
		}
		o := agents[0].pagedOffers()
		if len(o) == 0 || o[len(o)-1].Number <= offers[0].Number || o[len(o)-1].Edition != 1 {
			t.Fatalf("%+v", o)
		}
		if _, err := w.HandOut(w.ctx, *agents[1].p.Device, groupcast.Ready{
			Transfer: tr.No, Session: o[0].Session, LacksAll: true,
		}); err == nil {
			t.Error("who was removed got keys")
		}
		if h := agents[0].takes(o[len(o)-1], protocol.Range{First: 1, Count: 9}); h.HTTPS {
			t.Errorf("%+v", h)
		}
		// Nothing is hashed again for that.
		if n := len(w.reads.all); n > 3 {
			t.Errorf("%d sources were opened", n)
		}
	})
}

func TestOldReceiversAreTurnedAwayFromPagedTransfers(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob := w.enrol("ann", "g"), w.enrol("bob", "g")
		tr := w.send("g", w.pagedFiles)
		w.step(deliverytest.Step{Blocks: 10, Final: true})
		ann.attachAs(speaking(1))
		bob.attachAs(speaking(2))
		w.settle()
		d := w.deliveryOf(tr.No, "ann")
		if d.State != groupcast.DeliveryRefused || d.Refusal != groupcast.RefusedVersion ||
			!strings.Contains(d.Reason, "too old for this transfer") {
			t.Errorf("%s, %s: %s", d.State, d.Refusal, d.Reason)
		}
		if n := len(ann.inStates()); n != 0 {
			t.Errorf("it is offered %d", n)
		}
		ann.stream.Close()
		ann.attachAs(speaking(2))
		time.Sleep(time.Minute)
		if n := len(ann.pagedOffers()); n == 0 {
			t.Error("it is new enough and is offered nothing")
		}
	})
}

// inStates gives what its state would offer, whatever its format.
func (a *agent) inStates() []groupcast.Offered { return a.w.Offers(a.id) }

// Over HTTPS a paged transfer has an offer of format 2, too.
func TestADirectOfferOfAPagedTransfer(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g").attachAs(speaking(2))
		tr := w.send("g", w.pagedFiles)
		w.step(deliverytest.Step{Blocks: 10, Final: true})
		time.Sleep(2 * time.Minute)
		o := ann.pagedOffered()
		if o.Flags != 0 || o.Transfer != tr.No || o.Edition != 1 || o.Session == (protocol.SessionID{}) {
			t.Errorf("%+v", o)
		}
		if h := ann.takes(o); !h.HTTPS {
			t.Errorf("%+v", h)
		}
		w.must(ann.pagedReceipt(o, deliverytest.RootOf(tr.No, 1), groupcast.DeliveryVerified, fiveEntries))
		if now := w.shown(tr.No); now.State != groupcast.TransferDone {
			t.Error(now.State)
		}
	})
}

// Cancelling, expiring and deleting end the reading, at any time.
func TestWhatEndsAPagedTransferEndsItsReading(t *testing.T) {
	for name, end := range map[string]func(w *world, tr groupcast.Transfer) error{
		"cancelled": func(w *world, tr groupcast.Transfer) error { _, err := w.Cancel(w.ctx, tr.No, by); return err },
		"expired": func(w *world, _ groupcast.Transfer) error {
			w.ahead.Add(int64(31 * 24 * time.Hour))
			w.Sweep(w.ctx)
			return nil
		},
		"group deleted": func(w *world, tr groupcast.Transfer) error {
			return w.GroupGone(w.ctx, func() ([]protocol.TransferNo, error) {
				return w.db.DeleteGroup(w.ctx, tr.GroupID, w.now())
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				tr, _, _ := sendingPaged(w, "ann", "bob")
				w.must(end(w, tr))
				w.settle()
				if !w.newest().Closed() {
					t.Error("its source is open still")
				}
				if _, known := w.sources.Hashed(tr.No); known {
					t.Error("it is known still")
				}
				select {
				case w.reads.steps <- deliverytest.Step{}:
					t.Error("it is read still")
				default:
				}
			})
		})
	}
}

// The keys of a session last an hour: another one follows it at once, and nobody is sent to HTTPS for it.
func TestASessionWhoseTimeIsUsedUpIsFollowedByAnother(t *testing.T) {
	inBubble(t, func(w *world) {
		_, agents, offers := sendingPaged(w, "ann", "bob")
		w.sender().End(sender.ErrLifeOver)
		time.Sleep(3 * time.Second)
		for i, a := range agents {
			o := a.pagedOffered()
			if o.Flags&format2.OfferMulticast == 0 || o.Number <= offers[i].Number || o.Edition != 1 {
				t.Fatalf("%+v", o)
			}
			if h := a.takes(o, protocol.Range{First: 1, Count: 9}); len(h.SessionSecret) == 0 {
				t.Fatalf("%+v", h)
			}
		}
	})
}

// After the server was set back, editions are left out that devices may know.
func TestEditionsThatWereSkipped(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, _, _ := sendingPaged(w, "ann", "bob")
		w.must(w.db.SkipEditions(w.ctx, 1<<16))
		w.Halt()
		w.step(deliverytest.Step{Blocks: 9, Final: true}) // of the edition that is none any more
		w.step(deliverytest.Step{Blocks: 10, Final: true})
		got, err := w.db.Transfer(w.ctx, tr.No)
		w.must(err)
		root := deliverytest.RootOf(tr.No, got.Edition)
		if got.Edition < 1<<16 || got.Root != root || got.State == groupcast.TransferFailed {
			t.Errorf("edition %d, root %s, %s", got.Edition, got.Root, got.State)
		}
	})
}

// What a session counts of a device are blocks of the stream.
func TestProgressOfAPagedTransfer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, _ := sendingPaged(w, "ann", "bob")
		w.sender().Report(sender.DeviceStatus{Device: agents[0].id, Blocks: 5})
		time.Sleep(time.Second)
		if d := w.deliveryOf(tr.No, "ann"); d.Blocks != 5 || d.Bytes != 250 || d.State != groupcast.DeliveryReceiving {
			t.Errorf("%d blocks, %d bytes, %s", d.Blocks, d.Bytes, d.State)
		}
	})
}
