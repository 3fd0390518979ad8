package apiclient

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
)

// Welcome says which server answers.
func (c *Client) Welcome(ctx context.Context) (groupcast.Welcome, error) {
	return answered[groupcast.Welcome](ctx, c, get("/welcome"))
}

// FirstAdmin makes the first administrator with the one-time token.
func (c *Client) FirstAdmin(ctx context.Context, f groupcast.FirstAdmin) (groupcast.NewAdmin, error) {
	return answered[groupcast.NewAdmin](ctx, c, post("/setup", f))
}

// ChangeServer changes what the server is called.
func (c *Client) ChangeServer(ctx context.Context, change groupcast.ServerChange) (groupcast.ServerStatus, error) {
	return answered[groupcast.ServerStatus](ctx, c,
		call{method: http.MethodPatch, path: "/server", in: change, slow: true})
}
