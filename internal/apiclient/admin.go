package apiclient

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Calls that take keys away answer when nothing more is sealed with them: they are slow ones.

// AddUser adds a user.
func (c *Client) AddUser(ctx context.Context, n groupcast.NewUser) (groupcast.User, error) {
	return answered[groupcast.User](ctx, c, post("/users", n).once())
}

// Users lists users.
func (c *Client) Users(ctx context.Context) ([]groupcast.User, error) {
	return whole[groupcast.User](ctx, c, get("/users"))
}

// UpdateUser changes role, password or whether the account is disabled.
func (c *Client) UpdateUser(ctx context.Context, name string, u groupcast.UserChange) (groupcast.User, error) {
	return answered[groupcast.User](ctx, c,
		call{method: http.MethodPatch, path: "/users/" + segment(name), in: u, slow: true})
}

// DeleteUser deletes a user.
func (c *Client) DeleteUser(ctx context.Context, name string) error {
	return c.do(ctx, remove("/users/"+segment(name)).slowly(), nil)
}

// UserGroups lists a user's memberships and open requests.
func (c *Client) UserGroups(ctx context.Context, name string) ([]groupcast.GroupOnOffer, error) {
	return whole[groupcast.GroupOnOffer](ctx, c, get("/users/"+segment(name)+"/groups"))
}

// Devices lists the devices of a user; of all users for "".
func (c *Client) Devices(ctx context.Context, user string) ([]groupcast.Device, error) {
	return c.FilteredDevices(ctx, groupcast.DeviceFilter{User: user})
}

// FilteredDevices lists some devices.
func (c *Client) FilteredDevices(ctx context.Context, f groupcast.DeviceFilter) ([]groupcast.Device, error) {
	v := url.Values{}
	if f.User != "" {
		v.Set("user", f.User)
	}
	for _, label := range f.Labels {
		v.Add("label", label)
	}
	return whole[groupcast.Device](ctx, c, get("/devices").with(v))
}

// LabelDevices sets and removes labels of devices.
func (c *Client) LabelDevices(ctx context.Context, l groupcast.LabelChange) ([]groupcast.DeviceResult, error) {
	return answered[[]groupcast.DeviceResult](ctx, c, post("/devices/labels", l).slowly())
}

// DropOwed cancels what devices are still owed.
func (c *Client) DropOwed(ctx context.Context, d groupcast.DropOwed) ([]groupcast.DeviceResult, error) {
	return answered[[]groupcast.DeviceResult](ctx, c, post("/devices/drop-owed", d).slowly())
}

// User shows an account.
func (c *Client) User(ctx context.Context, name string) (groupcast.User, error) {
	return answered[groupcast.User](ctx, c, get("/users/"+segment(name)))
}

// Device shows a device with its groups and how much it is owed.
func (c *Client) Device(ctx context.Context, id protocol.DeviceID) (groupcast.Device, error) {
	return answered[groupcast.Device](ctx, c, get("/devices/"+id.String()))
}

// DeviceDeliveries lists what a device is owed and got, the newest transfer first.
func (c *Client) DeviceDeliveries(ctx context.Context, id protocol.DeviceID) ([]groupcast.Received, error) {
	return whole[groupcast.Received](ctx, c, get("/devices/"+id.String()+"/deliveries"))
}

// SentFiles looks for files by name in everything that was ever sent.
func (c *Client) SentFiles(ctx context.Context, q groupcast.SentFileQuery) (groupcast.SentFiles, error) {
	v := filled("name", q.Name)
	if q.Before > 0 {
		v.Set("before", strconv.FormatUint(uint64(q.Before), 10))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return answered[groupcast.SentFiles](ctx, c, get("/files").with(v))
}

// RevokeDevice ends a device for good.
func (c *Client) RevokeDevice(ctx context.Context, id protocol.DeviceID) error {
	return c.do(ctx, remove("/devices/"+id.String()).slowly(), nil)
}

// CreateGroup makes a group.
func (c *Client) CreateGroup(ctx context.Context, n groupcast.NewGroup) (groupcast.Group, error) {
	return answered[groupcast.Group](ctx, c, post("/groups", n).once())
}

// Groups lists groups.
func (c *Client) Groups(ctx context.Context) ([]groupcast.Group, error) {
	return whole[groupcast.Group](ctx, c, get("/groups"))
}

// Group shows a group.
func (c *Client) Group(ctx context.Context, name string) (groupcast.Group, error) {
	return answered[groupcast.Group](ctx, c, get("/groups/"+segment(name)))
}

// UpdateGroup changes what becomes of new devices of a group's members.
func (c *Client) UpdateGroup(ctx context.Context, name string, g groupcast.GroupChange) (groupcast.Group, error) {
	return answered[groupcast.Group](ctx, c,
		call{method: http.MethodPatch, path: "/groups/" + segment(name), in: g, slow: true})
}

// DeleteGroup deletes a group.
func (c *Client) DeleteGroup(ctx context.Context, name string) error {
	return c.do(ctx, remove("/groups/"+segment(name)).slowly(), nil)
}

// Members lists a group's members.
func (c *Client) Members(ctx context.Context, group string) ([]groupcast.Member, error) {
	return whole[groupcast.Member](ctx, c, get("/groups/"+segment(group)+"/members"))
}

// AddMember adds a member.
func (c *Client) AddMember(ctx context.Context, group, user string) (groupcast.Member, error) {
	return answered[groupcast.Member](ctx, c, call{method: http.MethodPut, path: memberPath(group, user)})
}

// RemoveMember answers when nothing more is sealed for the user.
func (c *Client) RemoveMember(ctx context.Context, group, user string) error {
	return c.do(ctx, remove(memberPath(group, user)).slowly(), nil)
}

// Requests lists the join requests of a state; of all states for "".
func (c *Client) Requests(ctx context.Context, state groupcast.RequestState) ([]groupcast.JoinRequest, error) {
	return whole[groupcast.JoinRequest](ctx, c, get("/requests").with(filled("state", string(state))))
}

// Approve approves a join request; USER/DEVICE: that of a new device.
func (c *Client) Approve(ctx context.Context, group, user string) (groupcast.JoinRequest, error) {
	return answered[groupcast.JoinRequest](ctx, c, post(requestPath(group, user)+"/approve", nil))
}

// Deny denies a join request; USER/DEVICE: that of a new device.
func (c *Client) Deny(ctx context.Context, group, user string) (groupcast.JoinRequest, error) {
	return answered[groupcast.JoinRequest](ctx, c, post(requestPath(group, user)+"/deny", nil))
}

// Check asks devices over the control channel and over multicast. told, if it is not nil, hears of each as soon as it
// is known how it is reached; the list is by user and name.
func (c *Client) Check(
	ctx context.Context, q groupcast.CheckQuery, told func(groupcast.CheckResult),
) ([]groupcast.CheckResult, error) {
	all := []groupcast.CheckResult{}
	err := c.do(ctx, post("/check", q).slowly(), rowByRow[groupcast.CheckResult](func(r groupcast.CheckResult) {
		all = append(all, r)
		if told != nil {
			told(r)
		}
	}))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b groupcast.CheckResult) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Device, b.Device))
	})
	return all, nil
}

// Audit lists the newest entries first.
func (c *Client) Audit(ctx context.Context, q groupcast.AuditQuery) ([]groupcast.AuditEntry, error) {
	v := url.Values{}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Before > 0 {
		v.Set("before", strconv.FormatInt(q.Before, 10))
	}
	for key, value := range map[string]string{"actor": q.Actor, "action": q.Action, "object": q.Object} {
		if value != "" {
			v.Set(key, value)
		}
	}
	for key, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			v.Set(key, at.Format(time.RFC3339Nano))
		}
	}
	return answered[[]groupcast.AuditEntry](ctx, c, get("/audit").with(v))
}

// auditPiece is how many entries the server gives at most at a time.
const auditPiece = 1000

// AuditLog reads as many entries as are asked for, piece by piece.
func (c *Client) AuditLog(ctx context.Context, q groupcast.AuditQuery) ([]groupcast.AuditEntry, error) {
	var all []groupcast.AuditEntry
	for left := q.Limit; ; left = q.Limit - len(all) {
		piece := q
		piece.Limit = min(left, auditPiece)
		next, err := c.Audit(ctx, piece)
		if all = append(all, next...); err != nil || len(all) >= q.Limit || len(next) < piece.Limit {
			return all, err
		}
		q.Before = next[len(next)-1].ID
	}
}

// ConfirmMemberships lets sending begin again after a restore.
func (c *Client) ConfirmMemberships(ctx context.Context) error {
	return c.do(ctx, post("/confirm-memberships", nil), nil)
}

// ServerStatus is how the server does.
func (c *Client) ServerStatus(ctx context.Context) (groupcast.ServerStatus, error) {
	return answered[groupcast.ServerStatus](ctx, c, get("/status"))
}

func memberPath(group, user string) string {
	return "/groups/" + segment(group) + "/members/" + segment(user)
}

func requestPath(group, user string) string {
	return "/groups/" + segment(group) + "/requests/" + segment(user)
}

// filled is a query of one parameter, left out when it says nothing.
func filled(key, value string) url.Values {
	if value == "" {
		return nil
	}
	return url.Values{key: {value}}
}
