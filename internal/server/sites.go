package server

import (
	"context"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/sites"
)

// CreateSite makes a site without devices.
func (s *Server) CreateSite(ctx context.Context, p groupcast.Principal, n groupcast.NewSite) (groupcast.Site, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Site{}, err
	}
	if err := checkName("site", n.Name); err != nil {
		return groupcast.Site{}, err
	}
	if err := s.store.AddSite(ctx, protocol.NewSiteID(), n.Name); err != nil {
		return groupcast.Site{}, err
	}
	s.audit(ctx, p, "site.create", n.Name, "")
	return groupcast.Site{Name: n.Name}, nil
}

// Sites lists all sites.
func (s *Server) Sites(ctx context.Context, p groupcast.Principal) ([]groupcast.Site, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	devices, err := s.store.Devices(ctx, "", groupcast.Window{Limit: 1})
	if err != nil {
		return nil, err
	}
	return s.sites.List(ctx, devices.Total)
}

// Site shows one site.
func (s *Server) Site(ctx context.Context, p groupcast.Principal, name string) (groupcast.Site, error) {
	all, err := s.Sites(ctx, p)
	if err != nil {
		return groupcast.Site{}, err
	}
	return sites.Of(all, name)
}

// DeleteSite ends a site without devices.
func (s *Server) DeleteSite(ctx context.Context, p groupcast.Principal, name string) error {
	if err := mustAdmin(p); err != nil {
		return err
	}
	at, err := s.sites.Find(ctx, name)
	if err != nil {
		return err
	}
	if err := s.store.RemoveSite(ctx, at.Site); err != nil {
		return err
	}
	s.audit(ctx, p, "site.delete", name, "")
	return nil
}

// SetSite puts devices into a site.
func (s *Server) SetSite(
	ctx context.Context, p groupcast.Principal, c groupcast.SiteChange,
) ([]groupcast.DeviceResult, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	at, err := s.sites.Find(ctx, c.Site)
	if err != nil {
		return nil, err
	}
	out, done := s.sites.Put(ctx, unique(c.Devices), at, s.resultOf)
	for names := range slices.Chunk(done, auditNames) {
		s.audit(ctx, p, "device.site", counted(names), at.Name+": "+strings.Join(names, ", "))
	}
	if len(done) > 0 {
		s.events.Publish(groupcast.Event{Kind: groupcast.EventDevice, Text: "site: " + at.Name})
	}
	return out, nil
}
