package agent

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool/room"
)

// receiptTime is how long the server may take for a receipt, and for each page of its entries.
var receiptTime = 10 * time.Second

// receipts signs, keeps and sends receipts. It belongs to the loop's goroutine; what it sends is sent
// beside that.
type receipts struct {
	agent *Agent
	// version is the newest version of receipts that the server takes.
	version int
	// known are those that were kept or read last, and not sent since.
	known map[protocol.TransferNo]groupcast.Receipt
}

// KeepReceipt signs and keeps a receipt. What it counts as missing and beside is kept with it.
func (r *records) KeepReceipt(offer loop.Offer, out loop.Outcome) (kept bool, err error) {
	a, ctx := r.agent, r.ctx
	number, err := a.cfg.Ledger.NextSequence(ctx, a.cfg.Server)
	if err != nil {
		return false, err
	}
	receipt := groupcast.Receipt{
		Transfer: offer.Transfer, Root: out.Root, Outcome: out.State, Reason: out.Reason, Path: out.Path,
		Sequence: number, Tally: out.Tally, Bytes: out.Bytes,
	}
	if err := a.signAny(&receipt, offer, out.Astray); err != nil {
		return false, err
	}
	a.receipts.known[offer.Transfer] = receipt
	if err := a.cfg.Ledger.KeepEntries(ctx, a.cfg.Server, offer.Transfer, out.Astray); err != nil {
		a.cfg.Log.Warn("entries not kept", "err", err)
	}
	if err := a.cfg.Ledger.KeepReceipt(ctx, a.cfg.Server, receipt); err != nil {
		a.cfg.Log.Warn("receipt not kept", "err", err)
		return false, nil
	}
	return true, nil
}

// Receipts are the transfers of which a receipt is kept.
func (r *records) Receipts() ([]protocol.TransferNo, error) {
	all, err := r.agent.cfg.Ledger.Receipts(r.ctx, r.agent.cfg.Server)
	if err != nil {
		r.agent.cfg.Log.Warn("receipts not read", "err", err)
		return nil, err
	}
	known := map[protocol.TransferNo]groupcast.Receipt{}
	out := make([]protocol.TransferNo, 0, len(all))
	for _, one := range all {
		known[one.Transfer] = one
		out = append(out, one.Transfer)
	}
	r.agent.receipts.known = known
	return out, nil
}

// signAny signs a receipt in the way of its transfer's format.
func (a *Agent) signAny(r *groupcast.Receipt, offer loop.Offer, astray []groupcast.DeliveryEntry) error {
	if offer.Paged != nil {
		return a.signPaged(r, offer.Paged, astray)
	}
	return a.signReceipt(r, offer.Group, astray)
}

// signPaged signs a receipt of a paged transfer: the root of its final page is zero if that is not here.
func (a *Agent) signPaged(r *groupcast.Receipt, o *format2.Offer, astray []groupcast.DeliveryEntry) (err error) {
	outcome, known := format2.OutcomeOf(string(r.Outcome))
	r.Path = cmp.Or(r.Path, groupcast.PathUnknown)
	path, way := format2.PathOf(string(r.Path))
	if !known || !way {
		return fmt.Errorf("no receipt says %q of what came by %q", r.Outcome, r.Path)
	}
	cutReasons(astray)
	r.Version, r.Reason, r.List = groupcast.ReceiptVersionPaged, brief(r.Reason), groupcast.EntriesDigest(astray)
	r.Paged = &groupcast.PagedReceipt{
		TransferID: o.TransferID, Skeleton: o.Skeleton, Edition: o.Edition, Site: o.Site,
	}
	_, r.Signature, err = seal.SignReceipt2(a.cfg.Key, format2.Receipt{
		Server: a.cfg.Server, Group: o.Group, Transfer: r.Transfer, TransferID: o.TransferID, Skeleton: o.Skeleton,
		Edition: o.Edition, Root: r.Root, Device: a.cfg.Device, Site: o.Site, Sequence: r.Sequence, Outcome: outcome,
		Path: path, Entries: uint32(r.Entries), Missing: uint32(r.Missing), Beside: uint32(r.Beside), Void: uint32(r.Void),
		Bytes: r.Bytes, Reason: groupcast.ReasonDigest(r.Reason), List: r.List,
	})
	return err
}

// cutReasons cuts the reasons of entries to what a receipt's list takes.
func cutReasons(astray []groupcast.DeliveryEntry) {
	for i := range astray {
		astray[i].Reason = brief(astray[i].Reason)
	}
}

// signReceipt signs all of a receipt; for a server of an earlier version, which takes no more, its
// outcome.
func (a *Agent) signReceipt(
	r *groupcast.Receipt, group protocol.GroupID, astray []groupcast.DeliveryEntry,
) (err error) {
	full := seal.FullReceipt{Receipt: seal.Receipt{
		Server: a.cfg.Server, Group: group, Transfer: r.Transfer, Root: r.Root, Device: a.cfg.Device,
		Outcome: string(r.Outcome), Sequence: r.Sequence,
	}}
	if a.receipts.version < groupcast.ReceiptVersion {
		r.Signature = seal.SignReceipt(a.cfg.Key, full.Receipt)
		return nil
	}
	r.Path = cmp.Or(r.Path, groupcast.PathUnknown)
	cutReasons(astray)
	r.Version, r.Reason, r.List = groupcast.ReceiptVersion, brief(r.Reason), groupcast.EntriesDigest(astray)
	full.Path, full.Bytes = string(r.Path), r.Bytes
	full.Entries, full.Missing, full.Beside = uint32(r.Entries), uint32(r.Missing), uint32(r.Beside)
	full.Reason, full.List = groupcast.ReasonDigest(r.Reason), r.List
	r.Signature, err = seal.SignFullReceipt(a.cfg.Key, full)
	return err
}

// send sends the receipt of a transfer after the entries that it counts. It drops the receipt when the
// server took it or answers that the delivery is closed. After other errors, of a login, a version or the
// network, the receipt is kept: they may be gone tomorrow.
func (s *receipts) send(no protocol.TransferNo) {
	a := s.agent
	r, known := s.known[no]
	delete(s.known, no)
	a.calls.post(lane{receiptCalls, no}, call{do: func(ctx context.Context) {
		fate := loop.Over
		if known {
			fate = a.sendReceipt(ctx, r)
		}
		a.answer(ctx, func(now time.Time) { a.loop.ReceiptSent(now, no, fate) })
	}})
}

func (a *Agent) sendReceipt(ctx context.Context, r groupcast.Receipt) loop.Fate {
	err := a.sendEntries(ctx, r)
	if err == nil {
		err = inTime(ctx, func(ctx context.Context) error { return a.cfg.Client.Receipt(ctx, r) })
	}
	switch fate := fateOf(err); fate {
	case loop.Unheard:
		return fate
	case loop.Refused:
		a.cfg.Log.Warn("receipt not taken, it is kept", "transfer", uint64(r.Transfer), "err", err)
		return fate
	case loop.Over:
	}
	if err != nil {
		a.cfg.Log.Info("receipt came too late", "transfer", uint64(r.Transfer), "err", err)
	}
	if err := a.cfg.Ledger.DropReceipt(ctx, a.cfg.Server, r.Transfer); err != nil {
		a.cfg.Log.Warn("receipt not dropped", "err", err)
	}
	return loop.Over
}

func fateOf(err error) loop.Fate {
	if err == nil {
		return loop.Over
	}
	switch groupcast.ErrorCode(err) {
	case groupcast.EClosed:
		return loop.Over
	case groupcast.EUnavailable, groupcast.EExhausted, groupcast.EInternal, groupcast.EUnauthorized, groupcast.EForbidden:
		return loop.Unheard
	}
	return loop.Refused
}

// sendEntries reports the entries that a receipt counts as missing or beside, page by page. The receipt
// is sent even if the server keeps no more of them, or takes no more about the delivery.
func (a *Agent) sendEntries(ctx context.Context, r groupcast.Receipt) error {
	for from := 0; from < r.Missing+r.Beside; from += groupcast.MaxEntryPage {
		page, err := a.cfg.Ledger.Entries(ctx, a.cfg.Server, r.Transfer, from, groupcast.MaxEntryPage)
		if err != nil || len(page) == 0 {
			a.cfg.Log.Warn("entries not read", "transfer", uint64(r.Transfer), "err", err)
			return nil
		}
		for i := range page {
			page[i].Reason = brief(page[i].Reason)
		}
		err = inTime(ctx, func(ctx context.Context) error {
			return a.cfg.Client.Entries(ctx, groupcast.EntryPage{Transfer: r.Transfer, From: from, Entries: page})
		})
		switch groupcast.ErrorCode(err) {
		case groupcast.ENotFound, groupcast.EConflict, groupcast.EClosed, groupcast.EInvalid:
			a.cfg.Log.Info("entries not taken", "transfer", uint64(r.Transfer), "err", err)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inTime gives one call of a receipt its time.
func inTime(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, receiptTime)
	defer cancel()
	return call(ctx)
}

// maxReason bounds the reason of a receipt, and of one entry.
const maxReason = groupcast.MaxReason

func brief(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxReason)], "")
}

// room looks at the disk of DIR: what is free, how large it is, and what of it is kept free. All are 0 if that
// is unknown.
func (a *Agent) room() (free, size, reserve uint64) {
	f, err := a.openDir(context.Background())
	if err != nil {
		return 0, 0, 0
	}
	defer f.Close()
	if free, size, err = f.Free(); err != nil {
		return 0, 0, 0
	}
	return free, size, room.Spare(a.cfg.Reserve, size)
}
