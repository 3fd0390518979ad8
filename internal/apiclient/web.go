package apiclient

import (
	"context"
	"net/url"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// MyDeliveries lists what the user's devices are owed and got, newest first.
func (c *Client) MyDeliveries(ctx context.Context) ([]groupcast.Received, error) {
	return whole[groupcast.Received](ctx, c, get("/my/deliveries"))
}

// SignIns lists where the user is logged in.
func (c *Client) SignIns(ctx context.Context) ([]groupcast.SignIn, error) {
	return whole[groupcast.SignIn](ctx, c, get("/my/signins"))
}

// EndSignIn ends one of the user's own logins.
func (c *Client) EndSignIn(ctx context.Context, id string) error {
	return c.do(ctx, remove("/my/signins/"+segment(id)), nil)
}

// Series returns the course of a transfer, second by second, after a time; zero: from its start.
func (c *Client) Series(ctx context.Context, no protocol.TransferNo, after time.Time) ([]groupcast.Point, error) {
	path := "/transfers/" + number(no) + "/series"
	if !after.IsZero() {
		path += "?after=" + url.QueryEscape(after.Format(time.RFC3339Nano))
	}
	return answered[[]groupcast.Point](ctx, c, get(path))
}

// KeyHolders lists which devices were handed the keys of a transfer's sessions.
func (c *Client) KeyHolders(ctx context.Context, no protocol.TransferNo) ([]groupcast.KeyHolder, error) {
	return whole[groupcast.KeyHolder](ctx, c, get("/transfers/"+number(no)+"/keys"))
}

// KeySessions lists a group's last sessions that keys were given out for.
func (c *Client) KeySessions(ctx context.Context, group string) ([]groupcast.KeySession, error) {
	return whole[groupcast.KeySession](ctx, c, get("/groups/"+segment(group)+"/sessions"))
}

// Savings sums what multicast spared.
func (c *Client) Savings(ctx context.Context) (groupcast.Savings, error) {
	return answered[groupcast.Savings](ctx, c, get("/savings"))
}
