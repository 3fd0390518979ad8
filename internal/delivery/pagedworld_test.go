package delivery

import (
	"context"
	"testing/synctest"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/delivery/deliverytest"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/reading"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// readings are the sources that a world's engine opened.
type readings struct {
	fails   error // of opening, once
	steps   chan deliverytest.Step
	doubted []uint32
	all     []*deliverytest.Source
}

// openFake opens a source that does what tests say. What opens it first takes the world's steps.
func (w *world) openFake(
	ctx context.Context, tr store.Transfer, keep PageStore, doubted []uint32,
) (reading.Source, error) {
	w.reads.doubted = doubted
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.reads.fails; err != nil {
		w.reads.fails = nil
		return nil, err
	}
	s, err := deliverytest.OpenSource(ctx, tr, keep, w.reads.steps)
	w.reads.all = append(w.reads.all, s)
	return s, err
}

// step lets what is read go on.
func (w *world) step(s deliverytest.Step) {
	w.Helper()
	synctest.Wait()
	w.reads.steps <- s
	synctest.Wait()
}

// newest is the source that was opened last.
func (w *world) newest() *deliverytest.Source {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reads.all[len(w.reads.all)-1]
}

// pagedFiles is a transfer of five files of two blocks each.
func (w *world) pagedFiles(tr *store.Transfer) {
	tr.Files, tr.Bytes, tr.Blocks, tr.Root, tr.ManifestBytes, tr.ManifestBlocks = 5, 500, 10, protocol.Digest{}, 0, 0
	tr.Paged, tr.ID, tr.Edition, tr.Pages = true, protocol.TransferID{7}, 1, 8
	tr.Skeleton, tr.SkeletonBytes = protocol.Digest{8}, 100
}

// speaking is a receiver that can take paged transfers, or cannot.
func speaking(wire int) groupcast.Speaks {
	s := groupcast.Spoken()
	s.Wire.Most = wire
	return s
}

// pagedOffers gives the offers of format 2 in what the stream holds now.
func (a *agent) pagedOffers() (out []format2.Offer) {
	a.w.Helper()
	for _, e := range waiting(a.stream.Next) {
		if e.Kind == groupcast.AgentOffer {
			o, err := seal.VerifyOffer2(a.w.key.Public(), e.Offer.Offer, e.Offer.Signature)
			a.w.must(err)
			out = append(out, o)
		}
	}
	return out
}

func (a *agent) pagedOffered() format2.Offer {
	a.w.Helper()
	o := a.pagedOffers()
	if len(o) != 1 {
		a.w.Fatalf("%s: %d offers, want one", a.p.User.Name, len(o))
	}
	return o[0]
}

func (a *agent) takes(o format2.Offer, lacks ...protocol.Range) groupcast.Handout {
	a.w.Helper()
	h, err := a.w.HandOut(a.w.ctx, *a.p.Device, groupcast.Ready{
		Transfer: o.Transfer, Session: o.Session, TransferID: &o.TransferID, LacksAll: len(lacks) == 0, Lacks: lacks,
	})
	a.w.must(err)
	synctest.Wait()
	return h
}

// pagedReceipt signs what became of a paged transfer.
func (a *agent) pagedReceipt(
	o format2.Offer, root protocol.Digest, outcome groupcast.DeliveryState, tally groupcast.Tally,
) error {
	a.w.Helper()
	a.number++
	code, known := format2.OutcomeOf(string(outcome))
	if !known {
		a.w.Fatal(outcome)
	}
	r := groupcast.Receipt{
		Transfer: o.Transfer, Root: root, Outcome: outcome, Tally: tally, Path: groupcast.PathMulticast,
		Bytes: o.Bytes - 10*uint64(tally.Void), Sequence: a.number, Version: groupcast.ReceiptVersionPaged,
		List:  groupcast.EntriesDigest(nil),
		Paged: &groupcast.PagedReceipt{TransferID: o.TransferID, Skeleton: o.Skeleton, Edition: o.Edition, Site: o.Site},
	}
	_, signature, err := seal.SignReceipt2(a.key, format2.Receipt{
		Server: o.Server, Group: o.Group, Transfer: o.Transfer, TransferID: o.TransferID, Skeleton: o.Skeleton,
		Edition: o.Edition, Root: root, Device: a.id, Site: o.Site, Sequence: r.Sequence, Outcome: code,
		Path: format2.PathMulticast, Entries: uint32(tally.Entries), Missing: uint32(tally.Missing),
		Void: uint32(tally.Void), Bytes: r.Bytes, Reason: groupcast.ReasonDigest(""), List: r.List,
	})
	a.w.must(err)
	r.Signature = signature
	return a.hand(r)
}

// fiveEntries is what a device counts that has all of them.
var fiveEntries = groupcast.Tally{Entries: 5}

// sendingPaged brings agents of group g into a session of a paged transfer whose first block is hashed.
func sendingPaged(w *world, names ...string) (groupcast.Transfer, []*agent, []format2.Offer) {
	w.Helper()
	w.group("g")
	var agents []*agent
	for _, n := range names {
		agents = append(agents, w.enrol(n, "g").attachAs(speaking(2)))
	}
	tr := w.send("g", w.pagedFiles)
	w.step(deliverytest.Step{Blocks: 1})
	var offers []format2.Offer
	for _, a := range agents {
		o := a.pagedOffered()
		if h := a.takes(o); h.HTTPS || len(h.SessionSecret) == 0 {
			w.Fatalf("no keys were handed out: %+v", h)
		}
		offers = append(offers, o)
	}
	if !w.sender().Sealing() {
		w.Fatal("data does not flow though everybody answered")
	}
	return tr, agents, offers
}
