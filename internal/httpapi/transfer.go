package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/paging"
	"github.com/groupcast/groupcast/internal/protocol"
)

// numbered is the path parameter of operations on one transfer.
type numbered struct {
	No protocol.TransferNo `path:"no"`
}

// numberedList is the input of a list of one transfer.
type numberedList struct {
	Window
	No protocol.TransferNo `path:"no"`
}

type transferFilter struct {
	Window
	Group string `query:"group" doc:"Only of this group"`
	Open  bool   `query:"open" doc:"Only open ones"`
	State string `query:"state" doc:"Only in this state, or with this standing.label; several stand between commas"`
	Text  string `query:"text" maxLength:"200" doc:"Only with these words in number, name, group or who made it"`
}

func (in *transferFilter) keep() func(groupcast.Transfer) bool {
	state := is(in.State, func(t groupcast.Transfer) string { return string(t.State) })
	label := is(in.State, func(t groupcast.Transfer) string { return string(t.Standing.Label) })
	var either func(groupcast.Transfer) bool
	if state != nil {
		either = func(t groupcast.Transfer) bool { return state(t) || label(t) }
	}
	return all(either, has(in.Text, func(t groupcast.Transfer) []string {
		return []string{itoa(int64(t.No)), t.Name, t.Group, t.CreatedBy}
	}))
}

type deliveryFilter struct {
	Window
	No    protocol.TransferNo `path:"no"`
	State string              `query:"state" doc:"Only in this state, or with this standing.label; several stand between commas"`
	Text  string              `query:"text" maxLength:"200" doc:"Only with these words in user or device"`
}

func (in *deliveryFilter) keep() func(groupcast.Delivery) bool {
	state := is(in.State, func(d groupcast.Delivery) string { return string(d.State) })
	label := is(in.State, func(d groupcast.Delivery) string { return string(d.Standing.Label) })
	var either func(groupcast.Delivery) bool
	if state != nil {
		either = func(d groupcast.Delivery) bool { return state(d) || label(d) }
	}
	return all(either, has(in.Text, func(d groupcast.Delivery) []string { return []string{d.User, d.Device} }))
}

type fileFilter struct {
	Window
	No   protocol.TransferNo `path:"no"`
	Text string              `query:"text" maxLength:"200" doc:"Only with these words in the path"`
}

// countedOutput is an answer that has a part of a list in it.
type countedOutput[O any] struct {
	Counted
	Body O
}

// pendingPage pages what is pending by what is owed: a row is one delivery, or a transfer that is owed to nobody.
func (a *api) pendingPage(ctx context.Context, group string, w Window) (*page[groupcast.PendingTransfer], error) {
	part, err := paging.Read(w.asked(), paging.List[groupcast.PendingTransfer]{
		Read: func(w groupcast.Window) (out groupcast.Page[groupcast.PendingTransfer], err error) {
			found, err := a.service.Pending(ctx, principalOf(ctx), group, w)
			out.Total = found.Total
			for _, p := range found.Rows {
				one := p
				for i := range max(len(p.Deliveries), 1) {
					one.Deliveries = p.Deliveries[min(i, len(p.Deliveries)):min(i+1, len(p.Deliveries))]
					out.Rows = append(out.Rows, one)
				}
			}
			return out, err
		},
		Key: func(p groupcast.PendingTransfer) string {
			key := oldest(p.Transfer.No)
			for _, d := range p.Deliveries {
				key = names(key, d.User, d.Device)
			}
			return key
		},
	})
	out := &page[groupcast.PendingTransfer]{Counted{part.Total, part.Next}, []groupcast.PendingTransfer{}}
	for _, row := range part.Rows {
		if n := len(out.Body); n > 0 && out.Body[n-1].Transfer.No == row.Transfer.No {
			out.Body[n-1].Deliveries = append(out.Body[n-1].Deliveries, row.Deliveries...)
			continue
		}
		row.Deliveries = slices.Clone(row.Deliveries)
		out.Body = append(out.Body, row)
	}
	return out, err
}

func (a *api) transferRoutes() {
	create(a, route{
		method: http.MethodPost, path: "/transfers", id: "add-transfer", access: admins, body: maxLeftOut,
		summary: "Add a transfer: files for a group",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.NewTransfer }) (groupcast.Transfer,
			error,
		) {
			return a.service.AddTransfer(ctx, p, in.Body)
		})
	paged(a, route{
		method: http.MethodGet, path: "/transfers", id: "transfers", access: admins,
		summary: "List transfers, newest first",
	},
		rows[transferFilter, groupcast.Transfer]{
			read: func(
				ctx context.Context, p groupcast.Principal, in *transferFilter, w groupcast.Window,
			) (groupcast.Page[groupcast.Transfer], error) {
				return a.service.Transfers(ctx, p, groupcast.TransferFilter{
					Group: in.Group, Open: in.Open, Limit: w.Limit, From: w.From,
				})
			},
			key: func(t groupcast.Transfer) string { return newest(t.No) }, keep: (*transferFilter).keep,
		})
	reply(a, route{
		method: http.MethodGet, path: "/transfers/{no}", id: "transfer", access: admins,
		summary: "Show a transfer",
	},
		func(ctx context.Context, p groupcast.Principal, in *numbered) (groupcast.Transfer, error) {
			return a.service.Transfer(ctx, p, in.No)
		})
	paged(a, route{
		method: http.MethodGet, path: "/transfers/{no}/deliveries", id: "deliveries", access: admins,
		summary: "List what each device is owed or received",
	},
		rows[deliveryFilter, groupcast.Delivery]{
			read: func(
				ctx context.Context, p groupcast.Principal, in *deliveryFilter, w groupcast.Window,
			) (groupcast.Page[groupcast.Delivery], error) {
				return a.service.Deliveries(ctx, p, in.No, w)
			},
			key: func(d groupcast.Delivery) string { return names(d.User, d.Device) }, keep: (*deliveryFilter).keep,
		})
	a.transferDetails()
	a.transferRecords()
	a.leftOutRoutes()
	a.transferActions()
}

// transferDetails are the files of a transfer, and what devices lack of them.
func (a *api) transferDetails() {
	registerOutput(a, a.operation(route{
		method: http.MethodGet, path: "/transfers/{no}/deliveries/{device}/entries", id: "delivery-entries",
		access:  admins,
		summary: "List entries that a device does not have under their names",
	}),
		func(ctx context.Context, in *struct {
			No     protocol.TransferNo `path:"no"`
			Device protocol.DeviceID   `path:"device"`
			Window
		},
		) (*countedOutput[groupcast.DeliveryEntries], error) {
			out := &countedOutput[groupcast.DeliveryEntries]{}
			read := func(w groupcast.Window) (groupcast.Page[groupcast.DeliveryEntry], error) {
				var err error
				out.Body, err = a.service.DeliveryEntries(ctx, principalOf(ctx), in.No, in.Device, w)
				return groupcast.Page[groupcast.DeliveryEntry]{Rows: out.Body.Entries, Total: out.Body.Listed}, err
			}
			part, err := paging.Read(in.asked(), paging.List[groupcast.DeliveryEntry]{Read: read})
			if out.Counted = (Counted{part.Total, part.Next}); out.Body.Entries == nil {
				out.Body.Entries = []groupcast.DeliveryEntry{}
			}
			return out, err
		})
	paged(a, route{
		method: http.MethodGet, path: "/transfers/{no}/files", id: "files", access: admins,
		summary: "List the files of a transfer",
	},
		rows[fileFilter, groupcast.FileEntry]{
			read: func(
				ctx context.Context, p groupcast.Principal, in *fileFilter, w groupcast.Window,
			) (groupcast.Page[groupcast.FileEntry], error) {
				return a.service.Files(ctx, p, in.No, w)
			},
			keep: func(in *fileFilter) func(groupcast.FileEntry) bool {
				return has(in.Text, func(f groupcast.FileEntry) []string { return []string{f.Path} })
			},
		})
}

// transferRecords are the course of a transfer, who had its keys, and its proof.
func (a *api) transferRecords() {
	listed(a, route{
		method: http.MethodGet, path: "/transfers/{no}/series", id: "series", access: admins,
		summary: "Show the course of a transfer, second by second",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			No    protocol.TransferNo `path:"no"`
			After time.Time           `query:"after" doc:"Only points after this time, as RFC 3339"`
		},
		) ([]groupcast.Point, error) {
			return a.service.Series(ctx, p, in.No, in.After)
		})
	paged(a, route{
		method: http.MethodGet, path: "/transfers/{no}/keys", id: "key-holders", access: admins,
		summary: "List which devices were given the keys of a transfer's sessions",
	},
		rows[numberedList, groupcast.KeyHolder]{
			read: inMemory(func(ctx context.Context, p groupcast.Principal, in *numberedList) ([]groupcast.KeyHolder, error) {
				return a.service.KeyHolders(ctx, p, in.No)
			}),
		})
	reply(a, route{
		method: http.MethodGet, path: "/transfers/{no}/loss", id: "loss-map", access: admins,
		summary: "Show the packet loss of each device over the time of a transfer",
	},
		func(ctx context.Context, p groupcast.Principal, in *numbered) (groupcast.LossMap, error) {
			return a.service.LossMap(ctx, p, in.No)
		})
	reply(a, route{
		method: http.MethodGet, path: "/transfers/{no}/proof", id: "transfer-proof", access: admins,
		summary: "Download a proof of what became of a transfer",
	},
		func(ctx context.Context, p groupcast.Principal, in *numbered) (groupcast.Proof, error) {
			return a.service.TransferProof(ctx, p, in.No)
		})
}

// leftOutPage answers an empty list as one.
func leftOutPage(out groupcast.LeftOutPage, err error) (groupcast.LeftOutPage, error) {
	if out.Entries == nil {
		out.Entries = []groupcast.LeftOut{}
	}
	return out, err
}

func (a *api) leftOutRoutes() {
	reply(a, route{
		method: http.MethodPost, path: "/transfers/plan", id: "plan-transfer", access: admins, body: maxLeftOut,
		summary: "Say what a transfer would meet, and make none",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.PlanQuery }) (groupcast.SendPlan, error) {
			return a.service.PlanTransfer(ctx, p, in.Body)
		})
	reply(a, route{
		method: http.MethodPost, path: "/transfers/check", id: "check-transfer", access: admins,
		summary: "Check which entries of paths cannot be sent or are excluded",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Window
			Body groupcast.NewTransfer
		},
		) (groupcast.LeftOutPage, error) {
			return leftOutPage(a.service.CheckTransfer(ctx, p, in.Body, in.window()))
		})
	registerOutput(a, a.operation(route{
		method: http.MethodGet, path: "/transfers/{no}/left-out", id: "left-out", access: admins,
		summary: "List entries that were named and are not in a transfer",
	}),
		func(ctx context.Context, in *numberedList) (*countedOutput[groupcast.LeftOutPage], error) {
			out := &countedOutput[groupcast.LeftOutPage]{}
			read := func(w groupcast.Window) (groupcast.Page[groupcast.LeftOut], error) {
				var err error
				out.Body, err = leftOutPage(a.service.LeftOut(ctx, principalOf(ctx), in.No, w))
				return groupcast.Page[groupcast.LeftOut]{Rows: out.Body.Entries, Total: out.Body.Listed}, err
			}
			part, err := paging.Read(in.asked(), paging.List[groupcast.LeftOut]{Read: read})
			out.Counted = Counted{part.Total, part.Next}
			return out, err
		})
}

func (a *api) transferActions() {
	for _, v := range []struct {
		verb, summary string
		do            func(context.Context, groupcast.Principal, protocol.TransferNo) (groupcast.Transfer, error)
	}{
		{"cancel", "Cancel what is still owed", a.service.CancelTransfer},
		{"retry", "Retry what did not arrive", a.service.RetryTransfer},
		{"send", "Send a transfer now", a.service.SendTransfer},
		{"pause", "Pause a transfer", a.service.PauseTransfer},
		{"resume", "Let a paused transfer go on", a.service.ResumeTransfer},
	} {
		reply(a, route{
			method: http.MethodPost, path: "/transfers/{no}/" + v.verb, id: v.verb + "-transfer", access: admins,
			summary: v.summary,
		},
			func(ctx context.Context, p groupcast.Principal, in *numbered) (groupcast.Transfer, error) {
				return v.do(ctx, p, in.No)
			})
	}
	reply(a, route{
		method: http.MethodPatch, path: "/transfers/{no}", id: "change-transfer", access: admins,
		summary: "Change the rate of an open transfer",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			No   protocol.TransferNo `path:"no"`
			Body groupcast.TransferChange
		},
		) (groupcast.Transfer, error) {
			return a.service.ChangeTransfer(ctx, p, in.No, in.Body)
		})
	a.deliveryActions()
	a.memberActions()
}

func (a *api) deliveryActions() {
	for action, summary := range map[groupcast.DeliveryAction]string{
		groupcast.CatchUp: "Let a device fetch over HTTPS at once",
		groupcast.PutOff:  "Put a device off: it stays owed",
		groupcast.Drop:    "Cancel what a device is owed",
	} {
		reply(a, route{
			method: http.MethodPost, path: "/transfers/{no}/deliveries/{device}/" + string(action),
			id: string(action) + "-delivery", access: admins, summary: summary,
		},
			func(ctx context.Context, p groupcast.Principal, in *struct {
				No     protocol.TransferNo `path:"no"`
				Device protocol.DeviceID   `path:"device"`
			},
			) (groupcast.Delivery, error) {
				return a.service.ActOnDelivery(ctx, p, in.No, in.Device, action)
			})
	}
}

func (a *api) memberActions() {
	reply(a, route{
		method: http.MethodPost, path: "/transfers/{no}/members/{user}/drop", id: "drop-member", access: admins,
		summary: "Cancel what a member is owed, on all devices",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			No   protocol.TransferNo `path:"no"`
			User string              `path:"user"`
		},
		) (groupcast.Transfer, error) {
			return a.service.DropMember(ctx, p, in.No, in.User)
		})
}

func (a *api) pendingRoutes() {
	registerOutput(a, a.operation(route{
		method: http.MethodGet, path: "/pending", id: "pending", access: admins,
		summary: "List open transfers with what is owed to whom and why it waits",
	}),
		func(ctx context.Context, in *struct {
			Window
			Group string `query:"group" doc:"Only of this group"`
		},
		) (*page[groupcast.PendingTransfer], error) {
			return a.pendingPage(ctx, in.Group, in.Window)
		})
	registerOutput(a, a.operation(route{
		method: http.MethodGet, path: "/groups/{name}/pending", id: "group-pending", access: admins,
		summary: "List open transfers of a group with what is owed to whom and why it waits",
	}),
		func(ctx context.Context, in *namedList) (*page[groupcast.PendingTransfer], error) {
			return a.pendingPage(ctx, in.Name, in.Window)
		})
	listed(a, route{
		method: http.MethodPost, path: "/groups/{name}/send", id: "send-pending", access: admins,
		summary: "Send now what is pending for a group",
	},
		func(ctx context.Context, p groupcast.Principal, in *named) ([]groupcast.Transfer, error) {
			return a.service.SendPending(ctx, p, in.Name)
		})
}
