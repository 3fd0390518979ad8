package delivery

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/summary"
)

// Transfers lists transfers as they stand at this moment.
func (e *Engine) Transfers(
	ctx context.Context, f groupcast.TransferFilter,
) (out groupcast.Page[groupcast.Transfer], err error) {
	found, err := e.store.Transfers(ctx, f)
	out.Rows, out.Total = make([]groupcast.Transfer, len(found.Rows)), found.Total
	for i := range found.Rows {
		out.Rows[i] = found.Rows[i].Transfer
		e.decorate(ctx, &out.Rows[i])
	}
	return out, err
}

// Transfer shows one transfer as it stands at this moment, with those it is about.
func (e *Engine) Transfer(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error) {
	tr, err := e.store.Transfer(ctx, no)
	if err != nil {
		return groupcast.Transfer{}, err
	}
	if tr.Replaces, err = e.store.Replaced(ctx, no); err != nil {
		return groupcast.Transfer{}, err
	}
	if r := e.look(&tr.Transfer); r != nil {
		tr.Summary = e.cachedSummary(ctx, r, tr.Transfer)
	} else {
		tr.Summary = e.summary(ctx, tr.Transfer)
	}
	return tr.Transfer.Stand(), nil
}

// Deliveries lists what each device is owed or got.
func (e *Engine) Deliveries(
	ctx context.Context, no protocol.TransferNo, w groupcast.Window,
) (groupcast.Page[groupcast.Delivery], error) {
	out, err := e.store.Deliveries(ctx, no, w)
	for i := range out.Rows {
		e.Explain(&out.Rows[i])
	}
	return out, err
}

// Explain adds what only the schedule knows: progress of this moment and why it waits; and how it stands.
func (e *Engine) Explain(d *groupcast.Delivery) {
	e.reason(d)
	*d = d.Stand()
}

func (e *Engine) reason(d *groupcast.Delivery) {
	d.Active = d.Device != "" && e.agents.Has(d.DeviceID)
	d.Machines = e.agents.Machines(d.DeviceID)
	if !d.State.Owed() {
		return
	}
	if d.Device == "" {
		d.Cause = groupcast.CauseNoDevice
		d.Reason = d.User + " has no device yet that may receive it: the first to log in, or to be approved, gets it"
		return
	}
	e.explainOwed(d)
}

func (e *Engine) explainOwed(d *groupcast.Delivery) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := deliveryKey{d.Transfer, d.DeviceID}
	e.book.Show(d)
	sd, owed := e.sched.Delivery(d.Transfer, d.DeviceID)
	if !owed {
		return
	}
	if d.State = e.state(key); d.State != groupcast.DeliveryRefused {
		d.Refusal, d.Space = "", nil
	}
	p, _ := e.sched.Transfer(e.now(), d.Transfer)
	unconfirmed := e.sched.Paused()
	d.Cause = summary.Cause(p, sd, unconfirmed)
	d.Reason = summary.Why(p, sd, unconfirmed, func() string {
		r, _ := e.sched.RunOf(d.Transfer, d.DeviceID)
		return summary.Waiting(r, e.now())
	})
	switch sd.State {
	case schedule.StateAsked, schedule.StateHTTPS, schedule.StateStored, schedule.StateMulticast:
		if d.Work = e.book.Work(e.now(), d.Transfer, d.DeviceID); d.Work != nil && d.Active {
			d.Reason = summary.Work(d.Work)
		}
	default: // it works on nothing of it
	}
}

// Pending lists the open transfers with what is owed to whom and why it waits.
func (e *Engine) Pending(
	ctx context.Context, group string, w groupcast.Window,
) (out groupcast.Page[groupcast.PendingTransfer], err error) {
	open, err := e.OpenTransfers(ctx, group)
	if err != nil {
		return out, err
	}
	for _, tr := range open {
		rows := max(tr.Owed, 1) // one that is owed to nobody is a row as well
		part, wanted := overlap(w, out.Total, rows)
		out.Total += rows
		if !wanted {
			continue
		}
		item, err := e.pendingOf(ctx, tr, part)
		if err != nil {
			return out, err
		}
		out.Rows = append(out.Rows, item)
	}
	return out, nil
}

// overlap is the part of a window that is in the rows from at on, as a window of these rows, and whether
// there is one.
func overlap(w groupcast.Window, at, rows int) (groupcast.Window, bool) {
	first := max(w.From, at)
	n := at + rows - first
	if w.Limit > 0 {
		n = min(n, w.Limit-(first-w.From))
	}
	return groupcast.Window{From: first - at, Limit: n}, n > 0
}

// pendingOf is a stretch of what is owed of a transfer.
func (e *Engine) pendingOf(
	ctx context.Context, tr groupcast.Transfer, w groupcast.Window,
) (groupcast.PendingTransfer, error) {
	item := groupcast.PendingTransfer{Transfer: tr, Reason: tr.Reason}
	owed, err := e.store.OwedOf(ctx, tr.No, w)
	for i := range owed {
		if e.Explain(&owed[i]); owed[i].State.Owed() {
			item.Deliveries = append(item.Deliveries, owed[i])
		}
	}
	return item, err
}

// OpenTransfers lists what is pending, oldest first.
func (e *Engine) OpenTransfers(ctx context.Context, group string) ([]groupcast.Transfer, error) {
	if group != "" {
		if _, err := e.store.Group(ctx, group); err != nil {
			return nil, err
		}
	}
	found, err := e.store.Transfers(ctx, groupcast.TransferFilter{
		Group: group, Open: true, Oldest: true, Limit: maxOpenListed,
	})
	out := make([]groupcast.Transfer, 0, len(found.Rows))
	for i := range found.Rows {
		tr := found.Rows[i].Transfer
		e.decorate(ctx, &tr)
		out = append(out, tr)
	}
	return out, err
}

const maxOpenListed = 1000
