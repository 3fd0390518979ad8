package tables

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/engine"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// CloseDelivery ends an owed delivery.
func (s *Store) CloseDelivery(ctx context.Context, c store.Closing, at time.Time) (owed int, err error) {
	closed := s.CloseDeliveries(ctx, []store.Closing{c}, at)[0]
	return closed.Owed, closed.Err
}

// CloseDeliveries ends owed deliveries in few transactions.
func (s *Store) CloseDeliveries(ctx context.Context, closings []store.Closing, at time.Time) []store.Closed {
	out := make([]store.Closed, 0, len(closings))
	for some := range slices.Chunk(closings, engine.MostTogether) {
		out = append(out, s.closeTogether(ctx, some, at)...)
	}
	return out
}

// closeTogether ends deliveries in one transaction, and counts them with one row for each transfer and site.
func (s *Store) closeTogether(ctx context.Context, closings []store.Closing, at time.Time) []store.Closed {
	out, sites := make([]store.Closed, len(closings)), make([]string, len(closings))
	changes := make([]change, len(closings))
	for i, c := range closings {
		changes[i] = func(ctx context.Context, q *queries.Queries) (err error) {
			sites[i], err = closeDelivery(ctx, q, c, at)
			return err
		}
	}
	failed := s.engine.Together(ctx, changes, func(ctx context.Context, q *queries.Queries, failed []error) error {
		owed, err := countClosed(ctx, q, closings, sites, failed)
		for i, c := range slices.Backward(closings) { // each sees those after it still owed
			if err == nil && failed[i] == nil {
				out[i].Owed = owed[c.Transfer]
				owed[c.Transfer]++
			}
		}
		return err
	}, true)
	for i, err := range failed {
		if err != nil {
			out[i] = store.Closed{Err: err}
		}
	}
	return out
}

// closeDelivery ends an owed delivery and gives the site that it is counted in.
func closeDelivery(ctx context.Context, q *queries.Queries, c store.Closing, at time.Time) (site string, err error) {
	path := c.Path
	p := queries.CloseDeliveryParams{
		State: string(c.State), Reason: c.Reason, Receipt: c.Receipt, Whole: c.State.Delivered(),
		Entries: int64(c.Entries), Missing: int64(c.Missing), Beside: int64(c.Beside), Void: int64(c.Void),
		UpdatedAt: micros(at), TransferNo: int64(c.Transfer), DeviceID: deviceText(c.Device), UserID: c.UserID,
		Signed: string(c.Covers),
	}
	if l := c.Last; l != nil {
		p.Told, p.Blocks, p.Bytes, p.Loss, p.Bar = true, int64(l.Blocks), int64(l.Bytes), l.LossPercent, l.Bar
		if path == groupcast.PathUnknown || path == "" {
			path = l.Path
		}
	}
	if path != groupcast.PathUnknown {
		p.Path = string(path)
	}
	if site, err = q.CloseDelivery(ctx, p); errors.Is(err, sql.ErrNoRows) {
		return "", notOwed(ctx, q, c)
	}
	if err != nil {
		return "", err
	}
	if err := putReceipt(ctx, q, c.Signed); err != nil {
		return "", err
	}
	return site, q.DropEntries(ctx, queries.DropEntriesParams{
		TransferNo: int64(c.Transfer), DeviceID: deviceText(c.Device), FromN: int64(c.Missing + c.Beside),
	})
}

func notOwed(ctx context.Context, q *queries.Queries, c store.Closing) error {
	d, err := delivery(ctx, q, c.Transfer, c.Device, c.UserID)
	if err != nil {
		return err
	}
	return groupcast.Errorf(groupcast.EConflict, "the delivery is closed: %s", d.State)
}

// place is where deliveries are counted.
type place struct {
	no   int64
	site string
}

// countClosed adds to the counts what those that did not fail add to them, without counting 10,000
// rows each time, and says how many of each transfer are still owed.
func countClosed(
	ctx context.Context, q *queries.Queries, closings []store.Closing, sites []string, failed []error,
) (owed map[protocol.TransferNo]int, err error) {
	add := map[place]queries.CountClosedParams{}
	for i, c := range closings {
		if failed[i] != nil {
			continue
		}
		at := place{int64(c.Transfer), sites[i]}
		p := add[at]
		p.TransferNo, p.Site = at.no, at.site
		p.Closed++
		switch {
		case c.State.Delivered():
			p.Verified++
		case c.State == groupcast.DeliveryFailed, c.State == groupcast.DeliveryExpired:
			p.Failed++
		case c.State == groupcast.DeliveryIncomplete:
			p.Incomplete++
		}
		add[at] = p
	}
	owed = map[protocol.TransferNo]int{}
	order := slices.SortedFunc(maps.Keys(add), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.no, b.no), cmp.Compare(a.site, b.site))
	})
	for _, at := range order {
		if err := q.CountClosed(ctx, add[at]); err != nil {
			return nil, err
		}
		n, err := q.StillOwed(ctx, at.no)
		if err != nil {
			return nil, err
		}
		owed[protocol.TransferNo(at.no)] = int(n)
	}
	return owed, nil
}
