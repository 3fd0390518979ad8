package apiclient_test

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
)

// fleetTrips are the calls about several devices at once.
func fleetTrips() []trip {
	some := groupcast.DeviceFilter{User: "ann", Labels: []string{"room=2,3", "kind=a&b c"}}
	labels := groupcast.LabelChange{
		Devices: []protocol.DeviceID{device}, Set: groupcast.Labels{"room": "2 é"}, Remove: []string{"kind"},
	}
	drops := groupcast.DropOwed{Devices: []protocol.DeviceID{device}, Transfer: 7}
	moves := groupcast.SiteChange{Devices: []protocol.DeviceID{device}, Site: "depot"}
	return []trip{
		lists(trip{method: "Devices", args: []any{some}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Device, error) {
				return c.FilteredDevices(ctx, some)
			}),
		lists(trip{method: "Devices", args: []any{groupcast.DeviceFilter{Labels: some.Labels}}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Device, error) {
				return c.FilteredDevices(ctx, groupcast.DeviceFilter{Labels: some.Labels})
			}),
		gives(trip{method: "LabelDevices", args: []any{labels}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.DeviceResult, error) {
				return c.LabelDevices(ctx, labels)
			}),
		gives(trip{method: "SetSite", args: []any{moves}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.DeviceResult, error) {
				return c.SetSite(ctx, moves)
			}),
		gives(trip{method: "CreateSite", args: []any{groupcast.NewSite{Name: "depot"}}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Site, error) {
				return c.CreateSite(ctx, groupcast.NewSite{Name: "depot"})
			}),
		gives(trip{method: "Sites"},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Site, error) { return c.Sites(ctx) }),
		gives(trip{method: "Site", args: []any{oddGroup}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.Site, error) { return c.Site(ctx, oddGroup) }),
		acts(trip{method: "DeleteSite", args: []any{oddGroup}},
			func(ctx context.Context, c *apiclient.Client) error { return c.DeleteSite(ctx, oddGroup) }),
		gives(trip{method: "DropOwed", args: []any{drops}},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.DeviceResult, error) {
				return c.DropOwed(ctx, drops)
			}),
	}
}
