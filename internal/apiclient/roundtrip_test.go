package apiclient_test

import (
	"bytes"
	"context"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// trip is one method of the client, over the wire and back.
type trip struct {
	method string
	by     apiclient.Token
	args   []any // as they must reach the service
	call   func(context.Context, *apiclient.Client) (any, error)
	want   any
}

// gives makes a trip's call of a method with an answer, and its expectation.
func gives[T any](t trip, call func(context.Context, *apiclient.Client) (T, error)) trip {
	t.call = func(ctx context.Context, c *apiclient.Client) (any, error) { return call(ctx, c) }
	t.want = httpapitest.Fill[T]()
	return t
}

// lists is gives for a list that the service gives as a page.
func lists[T any](t trip, call func(context.Context, *apiclient.Client) ([]T, error)) trip {
	t = gives(t, call)
	t.want = httpapitest.Fill[groupcast.Page[T]]().Rows
	return t
}

func acts(t trip, call func(context.Context, *apiclient.Client) error) trip {
	t.call = func(ctx context.Context, c *apiclient.Client) (any, error) { return nil, call(ctx, c) }
	return t
}

// Names that must survive a path: spaces, slashes, percent signs, dots.
const oddGroup, oddUser = "a/b c%2F?#é", "..%00 x"

var (
	device = httpapitest.Fill[protocol.DeviceID]()
	pass   = groupcast.Password("p w")
	role   = groupcast.RoleAdmin
	off    = true
	at     = time.Unix(1_800_000_000, 5000).UTC()
)

func accountTrips() []trip {
	login := httpapitest.Fill[groupcast.Login]()
	change := groupcast.PasswordChange{Old: "a", New: "b"}
	return []trip{
		gives(trip{method: "Login", args: []any{"127.0.0.1", login}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.LoggedIn, error) {
				return c.Login(ctx, login)
			}),
		acts(trip{method: "Logout", by: "agent"},
			func(ctx context.Context, c *apiclient.Client) error { return c.Logout(ctx) }),
		acts(trip{method: "ChangePassword", by: "cli", args: []any{change}},
			func(ctx context.Context, c *apiclient.Client) error {
				return c.ChangePassword(ctx, change)
			}),
		gives(trip{method: "Me", by: "agent"},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Me, error) {
				me, err := c.Me(ctx)
				if me.IdempotencyHours == 24 { // the API's own word, not the service's
					me.IdempotencyHours = httpapitest.Fill[groupcast.Me]().IdempotencyHours
				}
				return me, err
			}),
		gives(trip{method: "GroupsOnOffer", by: "cli", args: []any{false}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.GroupOnOffer, error) {
				return c.GroupsOnOffer(ctx, false)
			}),
		gives(trip{method: "GroupsOnOffer", by: "cli", args: []any{true}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.GroupOnOffer, error) {
				return c.GroupsOnOffer(ctx, true)
			}),
		gives(trip{method: "Join", by: "cli", args: []any{oddGroup, "please"}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.JoinRequest, error) {
				return c.Join(ctx, oddGroup, "please")
			}),
		gives(trip{method: "MyDeliveries", by: "web"}, func(ctx context.Context, c *apiclient.Client) ([]groupcast.Received,
			error,
		) {
			return c.MyDeliveries(ctx)
		}),
		gives(trip{method: "SignIns", by: "web"}, func(ctx context.Context, c *apiclient.Client) ([]groupcast.SignIn, error) {
			return c.SignIns(ctx)
		}),
		acts(trip{method: "EndSignIn", by: "web", args: []any{oddUser}},
			func(ctx context.Context, c *apiclient.Client) error {
				return c.EndSignIn(ctx, oddUser)
			}),
		acts(trip{method: "Leave", by: "cli", args: []any{"lab"}},
			func(ctx context.Context, c *apiclient.Client) error { return c.Leave(ctx, "lab") }),
	}
}

func userTrips() []trip {
	sought := groupcast.SentFileQuery{Name: "a&b=c/é", Before: 41, Limit: 7}
	fresh := groupcast.NewUser{Name: "anna", Password: pass}
	change := groupcast.UserChange{Role: &role, Password: &pass, Disabled: &off}
	return []trip{
		gives(trip{method: "AddUser", args: []any{fresh}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.User, error) {
				return c.AddUser(ctx, fresh)
			}),
		lists(trip{method: "Users"},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.User, error) { return c.Users(ctx) }),
		gives(trip{method: "UpdateUser", args: []any{oddUser, change}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.User, error) {
				return c.UpdateUser(ctx, oddUser, change)
			}),
		acts(trip{method: "DeleteUser", args: []any{oddUser}},
			func(ctx context.Context, c *apiclient.Client) error { return c.DeleteUser(ctx, oddUser) }),
		gives(trip{method: "UserGroups", args: []any{oddUser}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.GroupOnOffer, error) {
				return c.UserGroups(ctx, oddUser)
			}),
		lists(trip{method: "Devices", by: "cli", args: []any{groupcast.DeviceFilter{User: "a&b=c"}}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Device, error) {
				return c.Devices(ctx, "a&b=c")
			}),
		lists(trip{method: "Devices", args: []any{groupcast.DeviceFilter{}}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Device, error) {
				return c.Devices(ctx, "")
			}),
		gives(trip{method: "User", args: []any{oddUser}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.User, error) {
				return c.User(ctx, oddUser)
			}),
		gives(trip{method: "Device", by: "cli", args: []any{device}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Device, error) {
				return c.Device(ctx, device)
			}),
		lists(trip{method: "DeviceDeliveries", by: "cli", args: []any{device}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Received, error) {
				return c.DeviceDeliveries(ctx, device)
			}),
		gives(trip{method: "SentFiles", args: []any{sought}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.SentFiles, error) {
				return c.SentFiles(ctx, sought)
			}),
		acts(trip{method: "RevokeDevice", by: "cli", args: []any{device}},
			func(ctx context.Context, c *apiclient.Client) error {
				return c.RevokeDevice(ctx, device)
			}),
	}
}

func groupTrips() []trip {
	approving := groupcast.GroupChange{NewDevices: new(groupcast.NewDevicesApprove)}
	fresh := httpapitest.Fill[groupcast.NewGroup]()
	seats := httpapitest.Fill[groupcast.SeatMap]()
	return []trip{
		gives(trip{method: "CreateGroup", args: []any{fresh}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Group, error) {
				return c.CreateGroup(ctx, fresh)
			}),
		gives(trip{method: "Groups"},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Group, error) { return c.Groups(ctx) }),
		gives(trip{method: "Group", args: []any{oddGroup}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Group, error) {
				return c.Group(ctx, oddGroup)
			}),
		gives(trip{method: "UpdateGroup", args: []any{oddGroup, approving}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Group, error) {
				return c.UpdateGroup(ctx, oddGroup, approving)
			}),
		acts(trip{method: "DeleteGroup", args: []any{oddGroup}},
			func(ctx context.Context, c *apiclient.Client) error { return c.DeleteGroup(ctx, oddGroup) }),
		lists(trip{method: "Members", args: []any{oddGroup}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Member, error) {
				return c.Members(ctx, oddGroup)
			}),
		gives(trip{method: "AddMember", args: []any{oddGroup, oddUser}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Member, error) {
				return c.AddMember(ctx, oddGroup, oddUser)
			}),
		acts(trip{method: "RemoveMember", args: []any{oddGroup, oddUser}},
			func(ctx context.Context, c *apiclient.Client) error {
				return c.RemoveMember(ctx, oddGroup, oddUser)
			}),
		gives(trip{method: "Seats", args: []any{oddGroup}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.SeatMap, error) {
				return c.Seats(ctx, oddGroup)
			}),
		gives(trip{method: "SetSeats", args: []any{oddGroup, seats}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.SeatMap, error) {
				return c.SetSeats(ctx, oddGroup, seats)
			}),
		lists(trip{method: "Requests", args: []any{groupcast.RequestOpen}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.JoinRequest, error) {
				return c.Requests(ctx, groupcast.RequestOpen)
			}),
		gives(trip{method: "Approve", args: []any{oddGroup, oddUser}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.JoinRequest, error) {
				return c.Approve(ctx, oddGroup, oddUser)
			}),
		gives(trip{method: "Deny", args: []any{oddGroup, oddUser}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.JoinRequest, error) {
				return c.Deny(ctx, oddGroup, oddUser)
			}),
	}
}

// no is past what a float64 holds.
const no = protocol.TransferNo(1<<53 + 1)

func transferTrips() []trip {
	fresh := httpapitest.Fill[groupcast.NewTransfer]()
	filter := groupcast.TransferFilter{Group: "lab", Open: true, Limit: 7}
	type call func(*apiclient.Client, context.Context, protocol.TransferNo) (groupcast.Transfer, error)
	one := func(method string, do call) trip {
		return gives(trip{method: method, args: []any{no}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Transfer, error) {
				return do(c, ctx, no)
			})
	}
	rate := uint64(20_000_000)
	slower := groupcast.TransferChange{Rate: &rate}
	return []trip{
		gives(trip{method: "AddTransfer", args: []any{fresh}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Transfer, error) {
				return c.AddTransfer(ctx, fresh)
			}),
		lists(trip{method: "Transfers", args: []any{filter}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Transfer, error) {
				return c.Transfers(ctx, filter)
			}),
		one("Transfer", (*apiclient.Client).Transfer), one("CancelTransfer", (*apiclient.Client).CancelTransfer),
		one("RetryTransfer", (*apiclient.Client).RetryTransfer), one("SendTransfer", (*apiclient.Client).SendTransfer),
		one("PauseTransfer", (*apiclient.Client).PauseTransfer), one("ResumeTransfer", (*apiclient.Client).ResumeTransfer),
		gives(trip{method: "ChangeTransfer", args: []any{no, slower}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Transfer, error) {
				return c.ChangeTransfer(ctx, no, slower)
			}),
		gives(trip{method: "ActOnDelivery", args: []any{no, device, groupcast.CatchUp}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Delivery, error) {
				return c.ActOnDelivery(ctx, no, device, groupcast.CatchUp)
			}),
		gives(trip{method: "ActOnDelivery", args: []any{no, device, groupcast.PutOff}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Delivery, error) {
				return c.ActOnDelivery(ctx, no, device, groupcast.PutOff)
			}),
		gives(trip{method: "ActOnDelivery", args: []any{no, device, groupcast.Drop}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Delivery, error) {
				return c.ActOnDelivery(ctx, no, device, groupcast.Drop)
			}),
		gives(trip{method: "DropMember", args: []any{no, "bob"}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Transfer, error) {
				return c.DropMember(ctx, no, "bob")
			}),
		lists(trip{method: "Deliveries", args: []any{no}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Delivery, error) {
				return c.Deliveries(ctx, no)
			}),
	}
}

func transferDetailTrips() []trip {
	window := groupcast.Window{From: 3, Limit: 7}
	named := groupcast.NewTransfer{Group: "g", Paths: []string{"/x"}, Exclude: []string{"*.tmp"}, SkipBad: true}
	return []trip{
		gives(trip{method: "DeliveryEntries", args: []any{no, device, window}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.DeliveryEntries, error) {
				return c.DeliveryEntries(ctx, no, device, window)
			}),
		gives(trip{method: "CheckTransfer", args: []any{named, window}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.LeftOutPage, error) {
				return c.CheckTransfer(ctx, named, window)
			}),
		gives(trip{method: "LeftOut", args: []any{no, window}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.LeftOutPage, error) {
				return c.LeftOut(ctx, no, window)
			}),
		gives(trip{method: "Series", args: []any{no, at}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Point, error) {
				return c.Series(ctx, no, at)
			}),
		gives(trip{method: "KeyHolders", args: []any{no}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.KeyHolder, error) {
				return c.KeyHolders(ctx, no)
			}),
		gives(trip{method: "KeySessions", args: []any{oddGroup}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.KeySession, error) {
				return c.KeySessions(ctx, oddGroup)
			}),
		gives(trip{method: "Savings"}, func(ctx context.Context, c *apiclient.Client) (groupcast.Savings, error) {
			return c.Savings(ctx)
		}),
		gives(trip{method: "TransferProof", args: []any{no}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Proof, error) {
				return c.TransferProof(ctx, no)
			}),
		gives(trip{method: "LossMap", args: []any{no}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.LossMap, error) {
				return c.LossMap(ctx, no)
			}),
		lists(trip{method: "Files", args: []any{no}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.FileEntry, error) {
				return rows(c.Files(ctx, no, groupcast.Window{}))
			}),
		lists(trip{method: "Pending", args: []any{""}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.PendingTransfer, error) {
				return rows(c.Pending(ctx, "", groupcast.Window{}))
			}),
		lists(trip{method: "Pending", args: []any{oddGroup}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.PendingTransfer, error) {
				return rows(c.Pending(ctx, oddGroup, groupcast.Window{}))
			}),
		gives(trip{method: "SendPending", args: []any{"lab"}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Transfer, error) {
				return c.SendPending(ctx, "lab")
			}),
	}
}

func operationTrips() []trip {
	entries := httpapitest.Fill[[]groupcast.UploadEntry]()
	check, audit := httpapitest.Fill[groupcast.CheckQuery](), httpapitest.Fill[groupcast.AuditQuery]()
	oneMore := audit
	oneMore.Limit++ // to find out whether there are more
	return []trip{
		gives(trip{method: "CreateUpload", args: []any{entries}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Upload, error) {
				return c.CreateUpload(ctx, entries)
			}),
		gives(trip{method: "CheckUpload", args: []any{entries, []string{"*.tmp"}}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.LeftOutPage, error) {
				return c.CheckUpload(ctx, entries, []string{"*.tmp"})
			}),
		gives(trip{method: "Upload", args: []any{"u/1"}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Upload, error) {
				return c.Upload(ctx, "u/1")
			}),
		gives(trip{method: "CompleteUpload", args: []any{"u1"}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Upload, error) {
				return c.CompleteUpload(ctx, "u1")
			}),
		acts(trip{method: "DeleteUpload", args: []any{"u1"}},
			func(ctx context.Context, c *apiclient.Client) error { return c.DeleteUpload(ctx, "u1") }),
		gives(trip{method: "UnfinishedUploads"}, func(ctx context.Context, c *apiclient.Client) ([]groupcast.UnfinishedUpload,
			error,
		) {
			return c.UnfinishedUploads(ctx)
		}),
		gives(trip{method: "Check", args: []any{check}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.CheckResult, error) {
				return c.Check(ctx, check, nil)
			}),
		lists(trip{method: "Audit", args: []any{oneMore}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.AuditEntry, error) {
				return c.Audit(ctx, audit)
			}),
		acts(trip{method: "ConfirmMemberships"},
			func(ctx context.Context, c *apiclient.Client) error { return c.ConfirmMemberships(ctx) }),
		gives(trip{method: "ServerStatus"}, func(ctx context.Context, c *apiclient.Client) (groupcast.ServerStatus, error) {
			return c.ServerStatus(ctx)
		}),
	}
}

func agentTrips() []trip {
	ready, report := httpapitest.Fill[groupcast.Ready](), httpapitest.Fill[groupcast.AgentReport]()
	receipt, probes := httpapitest.Fill[groupcast.Receipt](), httpapitest.Fill[groupcast.ProbeAnswer]()
	blank, page := groupcast.Ready{LacksAll: true}, httpapitest.Fill[groupcast.EntryPage]()
	renewal, fork := httpapitest.Fill[groupcast.Renewal](), httpapitest.Fill[groupcast.Fork]()
	return []trip{
		gives(trip{method: "Challenge", by: "agent", args: []any{"token"}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Challenge, error) {
				return c.Challenge(ctx, "token")
			}),
		acts(trip{method: "Renew", by: "agent", args: []any{renewal}},
			func(ctx context.Context, c *apiclient.Client) error { return c.Renew(ctx, renewal) }),
		gives(trip{method: "Fork", by: "agent", args: []any{fork}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.LoggedIn, error) {
				return c.Fork(ctx, fork)
			}),
		gives(trip{method: "AgentState", by: "agent"}, func(ctx context.Context, c *apiclient.Client) (groupcast.AgentState,
			error,
		) {
			return c.AgentState(ctx)
		}),
		gives(trip{method: "Ready", by: "agent", args: []any{ready}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Handout, error) {
				return c.Ready(ctx, ready)
			}),
		gives(trip{method: "Ready", by: "agent", args: []any{blank}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Handout, error) {
				return c.Ready(ctx, blank)
			}),
		acts(trip{method: "Report", by: "agent", args: []any{report}},
			func(ctx context.Context, c *apiclient.Client) error { return c.Report(ctx, report) }),
		acts(trip{method: "Entries", by: "agent", args: []any{page}},
			func(ctx context.Context, c *apiclient.Client) error { return c.Entries(ctx, page) }),
		acts(trip{method: "Receipt", by: "agent", args: []any{receipt}},
			func(ctx context.Context, c *apiclient.Client) error { return c.Receipt(ctx, receipt) }),
		acts(trip{method: "ProbesHeard", by: "agent", args: []any{probes}},
			func(ctx context.Context, c *apiclient.Client) error {
				return c.ProbesHeard(ctx, probes)
			}),
	}
}

// byteTrips stream the service's content.
func byteTrips(content []byte) []trip {
	all := func(t trip, open func(context.Context, *apiclient.Client) (io.ReadCloser, error)) trip {
		return streams(content, t, open)
	}
	return []trip{
		all(trip{method: "Backup", args: []any{groupcast.BackupOptions{Content: true}}},
			func(ctx context.Context, c *apiclient.Client) (io.ReadCloser, error) {
				return c.Backup(ctx, groupcast.BackupOptions{Content: true})
			}),
		all(trip{method: "Manifest", by: "agent", args: []any{protocol.TransferNo(7)}},
			func(ctx context.Context, c *apiclient.Client) (io.ReadCloser, error) {
				return c.Manifest(ctx, 7, 1<<10)
			}),
		all(trip{
			method: "Blocks", by: "agent",
			args: []any{protocol.TransferNo(7), protocol.BlockNumber(1<<32 - 1), uint32(4096)},
		},
			func(ctx context.Context, c *apiclient.Client) (io.ReadCloser, error) {
				return c.Blocks(ctx, 7, 1<<32-1, 4096)
			}),
	}
}

// TestRoundTrip sends every method of the service over the wire and looks at what arrives on
// either side.
func TestRoundTrip(t *testing.T) {
	w := newWorld(t)
	trips := accountTrips()
	for _, more := range [][]trip{
		welcomeTrips(), userTrips(), fleetTrips(),
		groupTrips(), transferTrips(), transferDetailTrips(), planTrips(), operationTrips(),
		agentTrips(),
		byteTrips(w.service.Content), pagedTrips(w.service.Content), relayTrips(w.service.Content),
	} {
		trips = append(trips, more...)
	}
	seen := map[string]bool{
		"Authenticate": true, "LoginWeb": true, "EnterWeb": true, "WriteUpload": true, "Events": true,
		"AgentEvents": true,
	} // tests of their own
	clients := map[apiclient.Token]*apiclient.Client{} // a server takes so many connections of one address
	for _, tr := range trips {
		seen[tr.method] = true
		if tr.by == "" {
			tr.by = "cli-admin"
		}
		if clients[tr.by] == nil {
			clients[tr.by] = w.client(t, tr.by)
		}
		got, err := tr.call(t.Context(), clients[tr.by])
		if err != nil {
			t.Errorf("%s: %v", tr.method, err)
			continue
		}
		if !same(got, tr.want) {
			t.Errorf("%s answered\n%+v, want\n%+v", tr.method, got, tr.want)
		}
		calls := w.service.Calls()
		if len(calls) != 1 || calls[0].Method != tr.method || !reflect.DeepEqual(calls[0].Args, tr.args) {
			t.Errorf("%s reached the service as\n%+v, want\n%+v", tr.method, calls, tr.args)
		}
	}
	service := reflect.TypeFor[groupcast.Service]()
	for i := range service.NumMethod() {
		if m := service.Method(i).Name; !seen[m] {
			t.Errorf("%s has no round trip", m)
		}
	}
}

func same(a, b any) bool {
	x, isBytes := a.([]byte)
	if y, ok := b.([]byte); ok && isBytes {
		return bytes.Equal(x, y)
	}
	return reflect.DeepEqual(a, b)
}

// rows gives the rows of a page.
func rows[T any](p groupcast.Page[T], err error) ([]T, error) { return p.Rows, err }
