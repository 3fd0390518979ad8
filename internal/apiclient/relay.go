package apiclient

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// AddRelay announces a relay of a site.
func (c *Client) AddRelay(ctx context.Context, n groupcast.NewRelay) (groupcast.RelayInvitation, error) {
	return answered[groupcast.RelayInvitation](ctx, c, post("/relays", n))
}

// Relays lists relays.
func (c *Client) Relays(ctx context.Context) ([]groupcast.Relay, error) {
	return whole[groupcast.Relay](ctx, c, get("/relays"))
}

// RevokeRelay ends a relay for good.
func (c *Client) RevokeRelay(ctx context.Context, name string) error {
	return c.do(ctx, remove("/relays/"+segment(name)), nil)
}

// GrantSite lets the relays of a site have what a group is sent; UngrantSite ends that.
func (c *Client) GrantSite(ctx context.Context, site, group string) error {
	return c.do(ctx, call{method: http.MethodPut, path: "/sites/" + segment(site) + "/groups/" + segment(group)}, nil)
}

// UngrantSite takes a group from the relays of a site.
func (c *Client) UngrantSite(ctx context.Context, site, group string) error {
	return c.do(ctx, remove("/sites/"+segment(site)+"/groups/"+segment(group)), nil)
}

// EnrolRelay uses the code of a relay, once.
func (c *Client) EnrolRelay(ctx context.Context, e groupcast.RelayEnrolment) (groupcast.RelayEnrolled, error) {
	return answered[groupcast.RelayEnrolled](ctx, c, post("/relays/enrol", e))
}

// RenewRelay says what the relay holds, and gives what it should hold.
func (c *Client) RenewRelay(ctx context.Context, r groupcast.RelayReport) (groupcast.RelayOrders, error) {
	return answered[groupcast.RelayOrders](ctx, c, post("/relay/renew", r))
}

// RelaySkeleton, RelayPages and RelayStream are Skeleton, Pages and Stream for relays.
func (c *Client) RelaySkeleton(ctx context.Context, no protocol.TransferNo) (io.ReadCloser, error) {
	return c.open(ctx, "/relay/transfers/"+number(no)+"/skeleton", nil)
}

// RelayPages streams the pages there are of a transfer from a number on.
func (c *Client) RelayPages(
	ctx context.Context, no protocol.TransferNo, from protocol.PageNo,
) (io.ReadCloser, error) {
	return c.open(ctx, "/relay/transfers/"+number(no)+"/pages", url.Values{"from": {decimal(from)}})
}

// RelayStream streams count blocks of a transfer from first on.
func (c *Client) RelayStream(
	ctx context.Context, no protocol.TransferNo, first protocol.BlockNumber, count uint32,
) (io.ReadCloser, error) {
	path := "/relay/transfers/" + number(no) + "/stream/" + decimal(first)
	return c.open(ctx, path, url.Values{"count": {decimal(count)}})
}
