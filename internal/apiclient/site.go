package apiclient

import (
	"context"

	"github.com/groupcast/groupcast"
)

// CreateSite makes a site without devices.
func (c *Client) CreateSite(ctx context.Context, n groupcast.NewSite) (groupcast.Site, error) {
	return answered[groupcast.Site](ctx, c, post("/sites", n))
}

// Sites lists all sites.
func (c *Client) Sites(ctx context.Context) ([]groupcast.Site, error) {
	return whole[groupcast.Site](ctx, c, get("/sites"))
}

// Site shows a site.
func (c *Client) Site(ctx context.Context, name string) (groupcast.Site, error) {
	return answered[groupcast.Site](ctx, c, get("/sites/"+segment(name)))
}

// DeleteSite ends a site without devices.
func (c *Client) DeleteSite(ctx context.Context, name string) error {
	return c.do(ctx, remove("/sites/"+segment(name)), nil)
}

// SetSite puts devices into a site.
func (c *Client) SetSite(ctx context.Context, change groupcast.SiteChange) ([]groupcast.DeviceResult, error) {
	return answered[[]groupcast.DeviceResult](ctx, c, post("/devices/site", change).slowly())
}
