package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// numbered is the path parameter of operations on one transfer.
type numbered struct {
	No protocol.TransferNo `path:"no"`
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
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Group string `query:"group" doc:"Only of this group"`
			Open  bool   `query:"open" doc:"Only open ones"`
			Limit int    `query:"limit" minimum:"0" maximum:"10000" doc:"Maximum number of rows; 0 means 100"`
			From  int    `query:"from" minimum:"0" doc:"How many rows to skip"`
		},
		) (groupcast.Page[groupcast.Transfer], error) {
			return a.service.Transfers(ctx, p, groupcast.TransferFilter{
				Group: in.Group, Open: in.Open, Limit: in.Limit,
				From: in.From,
			})
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
		func(ctx context.Context, p groupcast.Principal, in *struct {
			No protocol.TransferNo `path:"no"`
			Window
		},
		) (groupcast.Page[groupcast.Delivery], error) {
			return a.service.Deliveries(ctx, p, in.No, in.window())
		})
	a.transferDetails()
	a.transferRecords()
	a.leftOutRoutes()
	a.transferActions()
}

// transferDetails are the files of a transfer, and what devices lack of them.
func (a *api) transferDetails() {
	reply(a, route{
		method: http.MethodGet, path: "/transfers/{no}/deliveries/{device}/entries", id: "delivery-entries",
		access:  admins,
		summary: "List entries that a device does not have under their names",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			No     protocol.TransferNo `path:"no"`
			Device protocol.DeviceID   `path:"device"`
			Window
		},
		) (groupcast.DeliveryEntries, error) {
			out, err := a.service.DeliveryEntries(ctx, p, in.No, in.Device, in.window())
			if out.Entries == nil {
				out.Entries = []groupcast.DeliveryEntry{}
			}
			return out, err
		})
	paged(a, route{
		method: http.MethodGet, path: "/transfers/{no}/files", id: "files", access: admins,
		summary: "List the files of a transfer",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			No protocol.TransferNo `path:"no"`
			Window
		},
		) (groupcast.Page[groupcast.FileEntry], error) {
			return a.service.Files(ctx, p, in.No, in.window())
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
	listed(a, route{
		method: http.MethodGet, path: "/transfers/{no}/keys", id: "key-holders", access: admins,
		summary: "List which devices were given the keys of a transfer's sessions",
	},
		func(ctx context.Context, p groupcast.Principal, in *numbered) ([]groupcast.KeyHolder, error) {
			return a.service.KeyHolders(ctx, p, in.No)
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
			return leftOutPage(a.service.CheckTransfer(ctx, p, in.Body, groupcast.Window(in.Window)))
		})
	reply(a, route{
		method: http.MethodGet, path: "/transfers/{no}/left-out", id: "left-out", access: admins,
		summary: "List entries that were named and are not in a transfer",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			No protocol.TransferNo `path:"no"`
			Window
		},
		) (groupcast.LeftOutPage, error) {
			return leftOutPage(a.service.LeftOut(ctx, p, in.No, groupcast.Window(in.Window)))
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
	paged(a, route{
		method: http.MethodGet, path: "/pending", id: "pending", access: admins,
		summary: "List open transfers with what is owed to whom and why it waits",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Window
			Group string `query:"group" doc:"Only of this group"`
		},
		) (groupcast.Page[groupcast.PendingTransfer], error) {
			return a.service.Pending(ctx, p, in.Group, in.window())
		})
	paged(a, route{
		method: http.MethodGet, path: "/groups/{name}/pending", id: "group-pending", access: admins,
		summary: "List open transfers of a group with what is owed to whom and why it waits",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Name string `path:"name"`
			Window
		},
		) (groupcast.Page[groupcast.PendingTransfer], error) {
			return a.service.Pending(ctx, p, in.Name, in.window())
		})
	listed(a, route{
		method: http.MethodPost, path: "/groups/{name}/send", id: "send-pending", access: admins,
		summary: "Send now what is pending for a group",
	},
		func(ctx context.Context, p groupcast.Principal, in *named) ([]groupcast.Transfer, error) {
			return a.service.SendPending(ctx, p, in.Name)
		})
}
