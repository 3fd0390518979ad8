package agent

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

const (
	spaceEvery = 5 * time.Minute // between words about the room on the disk
	spaceStep  = 50              // a change of less than one part in so many is not worth one

	firstReceiptPause = 5 * time.Second // before a receipt that was not taken is sent again
	maxReceiptPause   = 5 * time.Minute
	maxRefused        = 100 // receipts that were not taken end a round
)

// deliverReceipt signs, keeps and sends a receipt; one that does not get through is sent
// again with the next connection.
func (a *Agent) deliverReceipt(ctx context.Context, j *job, out outcome) {
	ctx = context.WithoutCancel(ctx)
	number, err := a.cfg.Ledger.NextSequence(ctx, a.cfg.Server)
	if err != nil {
		a.say(Line{Kind: "warning", Text: fmt.Sprintf("no receipt for transfer %d: %v", j.offer.Transfer, err)})
		return
	}
	r := groupcast.Receipt{Transfer: j.offer.Transfer, Root: j.offer.IndexDigest, Outcome: out.state, Reason: out.reason, Path: j.path, Sequence: number,
		Tally: out.tally, Bytes: out.bytes}
	if err := a.signReceipt(&r, j.offer.Group, out.astray); err != nil {
		a.say(Line{Kind: "warning", Text: fmt.Sprintf("no receipt for transfer %d: %v", j.offer.Transfer, err)})
		return
	}
	if err := a.cfg.Ledger.KeepEntries(ctx, a.cfg.Server, r.Transfer, out.astray); err != nil {
		a.cfg.Log.Warn("entries not kept", "err", err)
	}
	if err := a.cfg.Ledger.KeepReceipt(ctx, a.cfg.Server, r); err != nil {
		a.cfg.Log.Warn("receipt not kept", "err", err)
	} else if a.postpone(j) {
		return
	}
	if a.sendReceipt(ctx, r) != receiptOver {
		a.receiptsWait()
	}
}

// signReceipt signs all of a receipt; for a server of an earlier version, which takes no more, its
// outcome.
func (a *Agent) signReceipt(r *groupcast.Receipt, group protocol.GroupID, astray []groupcast.DeliveryEntry) (err error) {
	full := seal.FullReceipt{Receipt: seal.Receipt{
		Server: a.cfg.Server, Group: group, Transfer: r.Transfer, Root: r.Root, Device: a.cfg.Device, Outcome: string(r.Outcome), Sequence: r.Sequence,
	}}
	if a.receiptVersion < groupcast.ReceiptVersion {
		r.Signature = seal.SignReceipt(a.cfg.Key, full.Receipt)
		return nil
	}
	r.Path = cmp.Or(r.Path, groupcast.PathUnknown)
	for i := range astray {
		astray[i].Reason = brief(astray[i].Reason)
	}
	r.Version, r.Reason, r.List = groupcast.ReceiptVersion, brief(r.Reason), groupcast.EntriesDigest(astray)
	full.Path, full.Bytes = string(r.Path), r.Bytes
	full.Entries, full.Missing, full.Beside = uint32(r.Entries), uint32(r.Missing), uint32(r.Beside)
	full.Reason, full.List = groupcast.ReasonDigest(r.Reason), r.List
	r.Signature, err = seal.SignFullReceipt(a.cfg.Key, full)
	return err
}

// receiptFate is what became of a receipt that was sent.
type receiptFate int

const (
	receiptOver    receiptFate = iota // taken, or of no use any more: it is forgotten
	receiptRefused                    // this one is not taken now
	receiptUnheard                    // nobody takes any now
)

// sendReceipt sends a receipt. It is forgotten when the server took it or says itself that
// the delivery is closed: what a login, another version or something on the way says against
// it may be otherwise tomorrow.
func (a *Agent) sendReceipt(ctx context.Context, r groupcast.Receipt) receiptFate {
	err := a.sendEntries(ctx, r)
	if err == nil {
		err = inTime(ctx, func(ctx context.Context) error { return a.cfg.Client.Receipt(ctx, r) })
	}
	switch fate := fateOf(err); fate {
	case receiptUnheard:
		return fate
	case receiptRefused:
		a.cfg.Log.Warn("receipt not taken, it is kept", "transfer", uint64(r.Transfer), "err", err)
		return fate
	}
	if err != nil {
		a.cfg.Log.Info("receipt came too late", "transfer", uint64(r.Transfer), "err", err)
	}
	if err := a.cfg.Ledger.DropReceipt(ctx, a.cfg.Server, r.Transfer); err != nil {
		a.cfg.Log.Warn("receipt not dropped", "err", err)
	}
	return receiptOver
}

func fateOf(err error) receiptFate {
	if err == nil {
		return receiptOver
	}
	switch groupcast.ErrorCode(err) {
	case groupcast.EClosed:
		return receiptOver
	case groupcast.EUnavailable, groupcast.EExhausted, groupcast.EInternal, groupcast.EUnauthorized, groupcast.EForbidden:
		return receiptUnheard
	}
	return receiptRefused
}

// receiptsWait puts the next try of what was not taken off, longer each time.
func (a *Agent) receiptsWait() {
	a.receiptPause = min(max(2*a.receiptPause, firstReceiptPause), maxReceiptPause)
	a.receiptsDue, a.receiptsFrom = true, time.Now().Add(a.receiptPause/2+rand.N(a.receiptPause/2))
}

// resendReceipts sends what was not taken yet, so many at a time, each round from where the
// last one ended: one that is never taken does not keep others back.
func (a *Agent) resendReceipts(ctx context.Context) {
	waiting, err := a.cfg.Ledger.Receipts(ctx, a.cfg.Server)
	if err != nil {
		a.cfg.Log.Warn("receipts not read", "err", err)
		a.receiptsWait()
		return
	}
	a.receiptsDue, a.receiptTurn = false, nil
	clear(a.unsent)
	if first := slices.IndexFunc(waiting, func(r groupcast.Receipt) bool { return r.Transfer > a.receiptLast }); first > 0 {
		waiting = slices.Concat(waiting[first:], waiting[:first])
	}
	refused := 0
	for _, r := range waiting {
		fate := a.sendReceipt(ctx, r)
		if a.receiptLast = r.Transfer; fate == receiptRefused {
			refused++
		}
		if fate == receiptUnheard || refused == maxRefused {
			a.receiptsWait()
			return
		}
	}
	if a.receiptLast = 0; refused > 0 {
		a.receiptsWait()
		return
	}
	a.receiptPause = 0
}

// report tells the server over HTTPS how a delivery stands.
func (a *Agent) report(ctx context.Context, j *job, reason string) {
	r := groupcast.AgentReport{Transfer: j.offer.Transfer, Path: j.path, Reason: reason, FreeBytes: a.freeBytes()}
	if g := j.staging(); g != nil {
		first, has := g.Layout().FirstStream(), g.Has()
		bar := has.Bar(first)
		r.Blocks, r.Bytes, r.Bar = max(has.Count()-int(first), 0), g.Bytes(), bar[:]
	}
	if err := a.cfg.Client.Report(ctx, r); err != nil {
		a.cfg.Log.Debug("report not sent", "err", err)
	}
}

// tellSpace tells the server how much room there is: when the connection is new, and now and
// then when it has changed. It is for listings only, and not worth a second try.
func (a *Agent) tellSpace(ctx context.Context, fresh bool) {
	if !fresh && time.Since(a.spaceAt) < spaceEvery {
		return
	}
	free := a.freeBytes()
	changed := max(free, a.space) - min(free, a.space)
	if free == 0 || !fresh && changed <= a.space/spaceStep {
		return
	}
	a.space, a.spaceAt = free, time.Now()
	if err := a.cfg.Client.Report(ctx, groupcast.AgentReport{FreeBytes: free}); err != nil {
		a.cfg.Log.Debug("free space not told", "err", err)
	}
}

// freeBytes is what the disk of DIR has free; 0 if it cannot be told.
func (a *Agent) freeBytes() uint64 {
	f, err := a.openDir(context.Background())
	if err != nil {
		return 0
	}
	defer f.Close()
	free, _, err := f.Free()
	if err != nil {
		return 0
	}
	return free
}

// size writes bytes for a human.
func size(n uint64) string {
	v, units, i := float64(n), []string{"B", "kB", "MB", "GB", "TB", "PB"}, 0
	for ; v >= 1000 && i < len(units)-1; i++ {
		v /= 1000
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
