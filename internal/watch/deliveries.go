package watch

import (
	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// Deliveries prints what devices are owed or got.
func Deliveries(s *terminal.Streams, deliveries []groupcast.Delivery) error {
	return terminal.List(
		s, deliveries, "owed to nobody", "USER|DEVICE|STATE|RECEIVED|PATH|LOSS|WHY", ui.DeliveryRow,
	)
}
