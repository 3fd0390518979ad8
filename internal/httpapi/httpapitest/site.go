package httpapitest

import (
	"context"

	"github.com/groupcast/groupcast"
)

// CreateSite notes the call.
func (s *Service) CreateSite(_ context.Context, p groupcast.Principal, n groupcast.NewSite) (groupcast.Site, error) {
	return answer[groupcast.Site](s.note("CreateSite", p, n))
}

// Sites notes the call.
func (s *Service) Sites(_ context.Context, p groupcast.Principal) ([]groupcast.Site, error) {
	return answer[[]groupcast.Site](s.note("Sites", p))
}

// Site notes the call.
func (s *Service) Site(_ context.Context, p groupcast.Principal, name string) (groupcast.Site, error) {
	return answer[groupcast.Site](s.note("Site", p, name))
}

// DeleteSite notes the call.
func (s *Service) DeleteSite(_ context.Context, p groupcast.Principal, name string) error {
	return s.note("DeleteSite", p, name)
}

// SetSite notes the call.
func (s *Service) SetSite(
	_ context.Context, p groupcast.Principal, c groupcast.SiteChange,
) ([]groupcast.DeviceResult, error) {
	return answer[[]groupcast.DeviceResult](s.note("SetSite", p, c))
}
