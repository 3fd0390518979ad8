package httpapitest

import (
	"context"

	"github.com/groupcast/groupcast"
)

// LabelDevices notes the call.
func (s *Service) LabelDevices(
	_ context.Context, p groupcast.Principal, c groupcast.LabelChange,
) ([]groupcast.DeviceResult, error) {
	return answer[[]groupcast.DeviceResult](s.note("LabelDevices", p, c))
}

// DropOwed notes the call.
func (s *Service) DropOwed(
	_ context.Context, p groupcast.Principal, d groupcast.DropOwed,
) ([]groupcast.DeviceResult, error) {
	return answer[[]groupcast.DeviceResult](s.note("DropOwed", p, d))
}
