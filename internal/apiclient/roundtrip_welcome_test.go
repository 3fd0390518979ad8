package apiclient_test

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
)

func welcomeTrips() []trip {
	first := httpapitest.Fill[groupcast.FirstAdmin]()
	server := httpapitest.Fill[groupcast.ServerChange]()
	return []trip{
		gives(trip{method: "FirstAdmin", args: []any{"127.0.0.1", first}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.NewAdmin, error) {
				return c.FirstAdmin(ctx, first)
			}),
		gives(trip{method: "Welcome"},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Welcome, error) { return c.Welcome(ctx) }),
		gives(trip{method: "ChangeServer", args: []any{server}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.ServerStatus, error) {
				return c.ChangeServer(ctx, server)
			}),
	}
}
