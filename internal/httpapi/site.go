package httpapi

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
)

// siteRoutes are about the parts of the network, and which devices are in them.
func (a *api) siteRoutes() {
	create(a, route{
		method: http.MethodPost, path: "/sites", id: "create-site", access: admins,
		summary: "Create a site",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.NewSite }) (groupcast.Site, error) {
			return a.service.CreateSite(ctx, p, in.Body)
		})
	paged(a, route{method: http.MethodGet, path: "/sites", id: "sites", access: admins, summary: "List sites"},
		rows[textFilter, groupcast.Site]{
			read: inMemory(func(ctx context.Context, p groupcast.Principal, _ *textFilter) ([]groupcast.Site, error) {
				return a.service.Sites(ctx, p)
			}),
			key: func(s groupcast.Site) string { return s.Name },
			keep: func(in *textFilter) func(groupcast.Site) bool {
				return has(in.Text, func(s groupcast.Site) []string { return []string{s.Name} })
			},
		})
	reply(a, route{method: http.MethodGet, path: "/sites/{name}", id: "site", access: admins, summary: "Show a site"},
		func(ctx context.Context, p groupcast.Principal, in *named) (groupcast.Site, error) {
			return a.service.Site(ctx, p, in.Name)
		})
	act(a, route{
		method: http.MethodDelete, path: "/sites/{name}", id: "delete-site", access: admins,
		summary: "Delete a site",
	},
		func(ctx context.Context, p groupcast.Principal, in *named) error {
			return a.service.DeleteSite(ctx, p, in.Name)
		})
	listed(a, route{
		method: http.MethodPost, path: "/devices/site", id: "set-site", access: admins,
		summary: "Put devices into a site",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.SiteChange }) ([]groupcast.DeviceResult,
			error,
		) {
			return a.service.SetSite(ctx, p, in.Body)
		})
}
