package apiclient

import (
	"context"

	"github.com/groupcast/groupcast"
)

// Login logs a device in. The connection is pinned: no byte of l goes to another server.
func (c *Client) Login(ctx context.Context, l groupcast.Login) (groupcast.LoggedIn, error) {
	return answered[groupcast.LoggedIn](ctx, c, post("/login", l))
}

// Logout ends the device.
func (c *Client) Logout(ctx context.Context) error { return c.do(ctx, post("/logout", nil), nil) }

// ChangePassword changes one's own password.
func (c *Client) ChangePassword(ctx context.Context, p groupcast.PasswordChange) error {
	return c.do(ctx, post("/password", p), nil)
}

// Me says who is asking.
func (c *Client) Me(ctx context.Context) (groupcast.Me, error) {
	return answered[groupcast.Me](ctx, c, get("/me"))
}

// GroupsOnOffer lists the groups that the user may ask to join or is in; mine: only those that they are
// in or have asked to join.
func (c *Client) GroupsOnOffer(ctx context.Context, mine bool) ([]groupcast.GroupOnOffer, error) {
	path := "/offers"
	if mine {
		path = "/my/groups"
	}
	return whole[groupcast.GroupOnOffer](ctx, c, get(path))
}

// Join asks to join a group.
func (c *Client) Join(ctx context.Context, group, text string) (groupcast.JoinRequest, error) {
	in := struct {
		Text string `json:"text,omitempty"`
	}{text}
	return answered[groupcast.JoinRequest](ctx, c, post("/groups/"+segment(group)+"/join", in).once())
}

// Leave leaves a group.
func (c *Client) Leave(ctx context.Context, group string) error {
	return c.do(ctx, post("/groups/"+segment(group)+"/leave", nil).slowly(), nil)
}
