package tables

import (
	"context"
	"math"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// The counters.
const (
	countOffers    = "offer"
	countTransfers = "transfer"
)

// LastTransferNo is the highest number drawn so far, 0 for none.
func (s *Store) LastTransferNo(ctx context.Context) (no protocol.TransferNo, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		n, err := q.Counter(ctx, countTransfers)
		no = protocol.TransferNo(n)
		return err
	})
	return no, err
}

// SkipTransfersPast moves the counter behind a number that was seen elsewhere.
func (s *Store) SkipTransfersPast(ctx context.Context, no protocol.TransferNo) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.SkipPast(ctx, queries.SkipPastParams{Value: int64(no), Name: countTransfers})
	})
}

// AddTransfer keeps a transfer and owes it to the group.
func (s *Store) AddTransfer(
	ctx context.Context, t store.Transfer,
) (out store.Transfer, owed []groupcast.Delivery, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		g, err := q.GroupByID(ctx, t.GroupID.String())
		if err != nil {
			return missing(err, "group", t.GroupID)
		}
		t.Group = g.Group.Name
		no, err := q.Count(ctx, countTransfers)
		if err != nil {
			return err
		}
		t.No = protocol.TransferNo(no)
		row := transferRow(t)
		pagedInto(&row, t)
		if row.Selection, err = selectionText(t.Selection); err != nil {
			return err
		}
		if err := q.AddTransfer(ctx, row); err != nil {
			return err
		}
		if err := addLeftOut(ctx, q, t.No, t.Left); err != nil {
			return err
		}
		if err := oweSelected(ctx, q, t); err != nil {
			return err
		}
		if out, err = recount(ctx, q, t.No); err != nil {
			return err
		}
		if out.Owed == 0 && !t.Selection.All() {
			return nobodyBelongs(t)
		}
		if err := replace(ctx, q, t.No, t.Replaces, t.CreatedAt); err != nil {
			return err
		}
		all, err := deliveries(ctx, q, t.No, groupcast.Window{})
		owed = all.Rows
		return err
	})
	return out, owed, err
}

func transferRow(t store.Transfer) queries.AddTransferParams {
	return queries.AddTransferParams{
		No: int64(t.No), GroupID: t.GroupID.String(), GroupName: t.Group, Name: t.Name,
		Files: int64(t.Entries()), Folders: int64(t.Folders), Bytes: int64(t.Bytes), Blocks: int64(t.Blocks),
		State: string(t.State), Reason: t.Reason, CreatedAt: micros(t.CreatedAt),
		CreatedBy: t.CreatedBy, StartedAt: micros(t.StartedAt), EndedAt: micros(t.EndedAt),
		ExpiresAt: micros(t.ExpiresAt), Hold: t.Hold, Via: string(t.Via),
		RateLimit: int64(t.RateLimit), InPlace: t.InPlace, Root: t.Root.String(),
		Source: t.Source, ManifestBytes: int64(t.ManifestBytes), ManifestBlocks: int64(t.ManifestBlocks),
		Content: t.Content, LeftOut: int64(t.LeftOut),
	}
}

func recount(ctx context.Context, q *queries.Queries, no protocol.TransferNo) (store.Transfer, error) {
	if err := recountTransfer(ctx, q, int64(no)); err != nil {
		return store.Transfer{}, err
	}
	return transfer(ctx, q, no)
}

func transfer(ctx context.Context, q *queries.Queries, no protocol.TransferNo) (store.Transfer, error) {
	r, err := q.Transfer(ctx, int64(no))
	if err != nil {
		return store.Transfer{}, missing(err, "transfer", no)
	}
	return transferFrom(r)
}

// Transfer gives a transfer by its number.
func (s *Store) Transfer(ctx context.Context, no protocol.TransferNo) (t store.Transfer, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		t, err = transfer(ctx, q, no)
		return err
	})
	return t, err
}

// TransferOfContent gives the transfer that has this content now.
func (s *Store) TransferOfContent(ctx context.Context, content string) (t store.Transfer, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		r, err := q.TransferOfContent(ctx, content)
		if err != nil {
			return missing(err, "transfer with content", content)
		}
		t, err = transferFrom(r)
		return err
	})
	return t, err
}

// most and skip are a window's, as SQL bounds them.
func most(w groupcast.Window) int32 {
	if w.Limit <= 0 {
		return math.MaxInt32
	}
	return int32(min(w.Limit, math.MaxInt32))
}

func skip(from int) int32 { return int32(min(max(from, 0), math.MaxInt32)) }

// TransfersBefore lists transfers below a number, the newest first.
func (s *Store) TransfersBefore(
	ctx context.Context, no protocol.TransferNo, most int,
) (out []store.Transfer, err error) {
	before := int64(math.MaxInt64)
	if no > 0 {
		before = int64(no)
	}
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.TransfersBefore(ctx, queries.TransfersBeforeParams{Before: before, Most: int32(store.Limited(most))})
		if err != nil {
			return err
		}
		out, err = each(rows, transferFrom)
		return err
	})
	return out, err
}

// Transfers lists the newest first. What is open is never cut off by the default limit: a
// promise that is not listed would be forgotten.
func (s *Store) Transfers(
	ctx context.Context, f groupcast.TransferFilter,
) (out groupcast.Page[store.Transfer], err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		var rows []queries.CountedTransfer
		if f.Open {
			most := int64(f.Limit)
			if most <= 0 {
				most = store.MaxOpenTransfers
			}
			p := queries.OpenTransfersParams{GroupName: f.Group, Most: int32(min(most, math.MaxInt32)), Skip: skip(f.From)}
			if f.Oldest {
				rows, err = q.OldestOpenTransfers(ctx, queries.OldestOpenTransfersParams(p))
			} else {
				rows, err = q.OpenTransfers(ctx, p)
			}
		} else {
			rows, err = q.Transfers(ctx,
				queries.TransfersParams{GroupName: f.Group, Most: int32(store.Limited(f.Limit)), Skip: skip(f.From)})
		}
		if err != nil {
			return err
		}
		out, err = page(groupcast.Window{Limit: max(len(rows), 1)}, rows, transferFrom, func() (int64, error) {
			return q.CountTransfers(ctx, queries.CountTransfersParams{Open: f.Open, GroupName: f.Group})
		})
		return err
	})
	return out, err
}

// SetTransferState moves an open transfer.
func (s *Store) SetTransferState(
	ctx context.Context, no protocol.TransferNo, state groupcast.TransferState, reason string, at time.Time,
) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return moveTransfer(ctx, q, closing{no: int64(no), state: state, reason: reason, at: micros(at)})
	})
}

// moveTransfer answers ENotFound for no transfer and EConflict for one that is closed.
func moveTransfer(ctx context.Context, q *queries.Queries, c closing) error {
	n, err := q.SetTransferState(ctx, queries.SetTransferStateParams{
		State: string(c.state), Reason: c.reason, Starts: c.state == groupcast.TransferSending,
		Ends: !c.state.Open(), At: c.at, No: c.no,
	})
	return ifOpen(ctx, q, c.no, n, err)
}

func ifOpen(ctx context.Context, q *queries.Queries, no, changed int64, err error) error {
	if err != nil || changed > 0 {
		return err
	}
	t, err := transfer(ctx, q, protocol.TransferNo(no))
	if err != nil {
		return err
	}
	return groupcast.Errorf(groupcast.EConflict, "transfer %d is %s", no, t.State)
}

// closing is how a transfer moves, and how its deliveries end with it.
type closing struct {
	no       int64
	state    groupcast.TransferState
	delivery groupcast.DeliveryState
	reason   string
	at       int64
}

func closeTransfer(ctx context.Context, q *queries.Queries, c closing) error {
	if err := moveTransfer(ctx, q, c); err != nil {
		return err
	}
	if err := q.CloseAllDeliveries(ctx, queries.CloseAllDeliveriesParams{
		State: string(c.delivery), Reason: c.reason, UpdatedAt: c.at, TransferNo: c.no,
	}); err != nil {
		return err
	}
	return recountTransfer(ctx, q, c.no)
}

// CloseTransfer ends a transfer with everything it still owes.
func (s *Store) CloseTransfer(
	ctx context.Context, no protocol.TransferNo, state groupcast.TransferState, d groupcast.DeliveryState, reason string,
	at time.Time,
) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return closeTransfer(ctx, q, closing{int64(no), state, d, reason, micros(at)})
	})
}

// ReleaseTransfer ends the hold; no device is put off any more.
func (s *Store) ReleaseTransfer(
	ctx context.Context, no protocol.TransferNo, replaces []protocol.TransferNo, at time.Time,
) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.ReleaseTransfer(ctx, int64(no))
		if err := ifOpen(ctx, q, int64(no), n, err); err != nil {
			return err
		}
		if err := q.TakeUp(ctx, int64(no)); err != nil {
			return err
		}
		return replace(ctx, q, no, replaces, at)
	})
}

// PauseTransfer notes that an open transfer is paused, or is not any more.
func (s *Store) PauseTransfer(ctx context.Context, no protocol.TransferNo, paused bool) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.SetPaused(ctx, queries.SetPausedParams{Paused: paused, No: int64(no)})
		return ifOpen(ctx, q, int64(no), n, err)
	})
}

// SetRateLimit changes the rate limit of an open transfer.
func (s *Store) SetRateLimit(ctx context.Context, no protocol.TransferNo, bits uint64) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.SetRateLimit(ctx, queries.SetRateLimitParams{RateLimit: int64(bits), No: int64(no)})
		return ifOpen(ctx, q, int64(no), n, err)
	})
}

// RetryTransfer owes again what did not come to a good end. Of a paged transfer that is read whole, or of which devices
// have something, only what they lack is sent then.
func (s *Store) RetryTransfer(
	ctx context.Context, no protocol.TransferNo, expires, at time.Time,
) (out []groupcast.Delivery, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		t, err := transfer(ctx, q, no)
		if err != nil {
			return err
		}
		if t.ContentGone {
			return groupcast.Errorf(groupcast.EConflict, "the content of transfer %d is gone", no).
				WithHint("send the files again").WithNext(groupcast.Next{Step: groupcast.StepSendAgain, Group: t.Group})
		}
		if err := q.SendLacks(ctx, queries.SendLacksParams{
			No: int64(no), Unread: protocol.Digest{}.String(),
		}); err != nil {
			return err
		}
		if _, err := q.RetryDeliveries(ctx,
			queries.RetryDeliveriesParams{UpdatedAt: micros(at), TransferNo: int64(no)}); err != nil {
			return err
		}
		if err := q.DropEntriesOfOwed(ctx, int64(no)); err != nil {
			return err
		}
		if t, err = recount(ctx, q, no); err != nil {
			return err
		}
		if t.Owed > 0 {
			if _, err := q.ReopenTransfer(ctx,
				queries.ReopenTransferParams{ExpiresAt: micros(expires), No: int64(no)}); err != nil {
				return err
			}
		}
		all, err := deliveries(ctx, q, no, groupcast.Window{})
		out = all.Rows
		return err
	})
	return out, err
}

// SetContentGone notes that the content was deleted.
func (s *Store) SetContentGone(ctx context.Context, no protocol.TransferNo) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if err := q.ForgetPages(ctx, int64(no)); err != nil {
			return err
		}
		n, err := q.SetContentGone(ctx, int64(no))
		return touched(n, err, "transfer", no)
	})
}
