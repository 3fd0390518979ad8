package apiclient

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// AddTransfer promises files to a group. The server may hash for a long while first.
func (c *Client) AddTransfer(ctx context.Context, n groupcast.NewTransfer) (groupcast.Transfer, error) {
	return answered[groupcast.Transfer](ctx, c, post("/transfers", n).once().slowly())
}

// defaultTransfers is how many are listed without a limit.
const defaultTransfers = 100

// Transfers lists the newest first.
func (c *Client) Transfers(ctx context.Context, f groupcast.TransferFilter) ([]groupcast.Transfer, error) {
	out, err := c.TransferPage(ctx, f)
	return out.Rows, err
}

// TransferPage is Transfers, with how many there are in all.
func (c *Client) TransferPage(
	ctx context.Context, f groupcast.TransferFilter,
) (groupcast.Page[groupcast.Transfer], error) {
	v := url.Values{}
	if f.Group != "" {
		v.Set("group", f.Group)
	}
	if f.Open {
		v.Set("open", "true")
	}
	w := groupcast.Window{From: f.From, Limit: cmp.Or(f.Limit, defaultTransfers)}
	return page[groupcast.Transfer](ctx, c, get("/transfers").with(v), w)
}

// Transfer shows a transfer.
func (c *Client) Transfer(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error) {
	return answered[groupcast.Transfer](ctx, c, get("/transfers/"+number(no)))
}

// DeliveryPage lists what each device is owed or got, a stretch of it.
func (c *Client) DeliveryPage(
	ctx context.Context, no protocol.TransferNo, w groupcast.Window,
) (groupcast.Page[groupcast.Delivery], error) {
	return page[groupcast.Delivery](ctx, c, get("/transfers/"+number(no)+"/deliveries"), w)
}

// Deliveries lists what each device is owed or got, all of it.
func (c *Client) Deliveries(ctx context.Context, no protocol.TransferNo) ([]groupcast.Delivery, error) {
	return whole[groupcast.Delivery](ctx, c, get("/transfers/"+number(no)+"/deliveries"))
}

// DeliveryEntries lists what does not lie under its name at a device.
func (c *Client) DeliveryEntries(
	ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, w groupcast.Window,
) (groupcast.DeliveryEntries, error) {
	v := url.Values{"from": {strconv.Itoa(w.From)}, "limit": {strconv.Itoa(w.Limit)}}
	return answered[groupcast.DeliveryEntries](ctx, c,
		get("/transfers/"+number(no)+"/deliveries/"+dev.String()+"/entries").with(v))
}

// Files lists what a transfer holds, or held.
func (c *Client) Files(
	ctx context.Context, no protocol.TransferNo, w groupcast.Window,
) (groupcast.Page[groupcast.FileEntry], error) {
	return page[groupcast.FileEntry](ctx, c, get("/transfers/"+number(no)+"/files"), w)
}

// CheckTransfer lists what of some paths cannot be sent or is excluded.
func (c *Client) CheckTransfer(
	ctx context.Context, n groupcast.NewTransfer, w groupcast.Window,
) (groupcast.LeftOutPage, error) {
	return answered[groupcast.LeftOutPage](ctx, c, post("/transfers/check", n).slowly().with(within(w)))
}

// PlanTransfer says what a transfer would meet.
func (c *Client) PlanTransfer(ctx context.Context, q groupcast.PlanQuery) (groupcast.SendPlan, error) {
	return answered[groupcast.SendPlan](ctx, c, post("/transfers/plan", q).slowly())
}

// LeftOut lists what was asked for and is not in a transfer.
func (c *Client) LeftOut(
	ctx context.Context, no protocol.TransferNo, w groupcast.Window,
) (groupcast.LeftOutPage, error) {
	return answered[groupcast.LeftOutPage](ctx, c, get("/transfers/"+number(no)+"/left-out").with(within(w)))
}

// within names a window of a list.
func within(w groupcast.Window) url.Values {
	v := url.Values{}
	if w.From > 0 {
		v.Set("from", strconv.Itoa(w.From))
	}
	if w.Limit > 0 {
		v.Set("limit", strconv.Itoa(w.Limit))
	}
	return v
}

// CancelTransfer cancels what is still owed.
func (c *Client) CancelTransfer(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error) {
	return answered[groupcast.Transfer](ctx, c, post("/transfers/"+number(no)+"/cancel", nil).slowly())
}

// RetryTransfer owes again what is incomplete, failed, was refused, expired or cancelled.
func (c *Client) RetryTransfer(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error) {
	return answered[groupcast.Transfer](ctx, c, post("/transfers/"+number(no)+"/retry", nil).slowly())
}

// TransferProof gives what shows to others what became of a transfer.
func (c *Client) TransferProof(ctx context.Context, no protocol.TransferNo) (groupcast.Proof, error) {
	return answered[groupcast.Proof](ctx, c, get("/transfers/"+number(no)+"/proof"))
}

// LossMap returns the loss of a transfer's devices over its whole time.
func (c *Client) LossMap(ctx context.Context, no protocol.TransferNo) (groupcast.LossMap, error) {
	return answered[groupcast.LossMap](ctx, c, get("/transfers/"+number(no)+"/loss"))
}

// DropMember cancels what a member is still owed of a transfer.
func (c *Client) DropMember(ctx context.Context, no protocol.TransferNo, user string) (groupcast.Transfer, error) {
	return answered[groupcast.Transfer](ctx, c, post("/transfers/"+number(no)+"/members/"+segment(user)+"/drop", nil).
		slowly())
}

// ActOnDelivery lets one device catch up over HTTPS at once, puts it off or drops it.
func (c *Client) ActOnDelivery(
	ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, a groupcast.DeliveryAction,
) (groupcast.Delivery, error) {
	return answered[groupcast.Delivery](ctx, c,
		post("/transfers/"+number(no)+"/deliveries/"+dev.String()+"/"+segment(string(a)), nil).slowly())
}

// SendTransfer sends one transfer now.
func (c *Client) SendTransfer(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error) {
	return answered[groupcast.Transfer](ctx, c, post("/transfers/"+number(no)+"/send", nil).slowly())
}

// PauseTransfer stops a transfer until it is resumed.
func (c *Client) PauseTransfer(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error) {
	return answered[groupcast.Transfer](ctx, c, post("/transfers/"+number(no)+"/pause", nil).slowly())
}

// ResumeTransfer lets a transfer go on that was paused.
func (c *Client) ResumeTransfer(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error) {
	return answered[groupcast.Transfer](ctx, c, post("/transfers/"+number(no)+"/resume", nil).slowly())
}

// ChangeTransfer changes the rate of an open transfer.
func (c *Client) ChangeTransfer(
	ctx context.Context, no protocol.TransferNo, change groupcast.TransferChange,
) (groupcast.Transfer, error) {
	return answered[groupcast.Transfer](ctx, c,
		call{method: http.MethodPatch, path: "/transfers/" + number(no), in: change, slow: true})
}

// Pending lists the open transfers of a group with what is owed of them; of every group for "". A row
// is one owed delivery.
func (c *Client) Pending(
	ctx context.Context, group string, w groupcast.Window,
) (groupcast.Page[groupcast.PendingTransfer], error) {
	path := "/pending"
	if group != "" {
		path = "/groups/" + segment(group) + "/pending"
	}
	out := groupcast.Page[groupcast.PendingTransfer]{}
	for rows := 0; ; {
		piece := groupcast.Window{From: w.From + rows, Limit: maxRows}
		if w.Limit > 0 {
			piece.Limit = min(maxRows, w.Limit-rows)
		}
		some, err := stretch[groupcast.PendingTransfer](ctx, c, get(path), piece)
		if err != nil {
			return out, err
		}
		out.Rows, out.Total = joinPending(out.Rows, some.Rows), some.Total
		got := pendingRows(some.Rows)
		if rows += got; got < piece.Limit || rows == w.Limit {
			return out, nil
		}
	}
}

// pendingRows counts the rows of a stretch of what is pending.
func pendingRows(some []groupcast.PendingTransfer) (rows int) {
	for _, p := range some {
		rows += max(len(p.Deliveries), 1)
	}
	return rows
}

// joinPending puts a stretch behind another; the transfer between may be on both.
func joinPending(all, some []groupcast.PendingTransfer) []groupcast.PendingTransfer {
	if len(all) > 0 && len(some) > 0 && all[len(all)-1].Transfer.No == some[0].Transfer.No {
		last := &all[len(all)-1]
		last.Deliveries = append(last.Deliveries, some[0].Deliveries...)
		some = some[1:]
	}
	return append(all, some...)
}

// SendPending sends everything that is pending for a group now.
func (c *Client) SendPending(ctx context.Context, group string) ([]groupcast.Transfer, error) {
	return answered[[]groupcast.Transfer](ctx, c, post("/groups/"+segment(group)+"/send", nil).slowly())
}
