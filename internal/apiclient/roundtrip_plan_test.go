package apiclient_test

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
)

func planTrips() []trip {
	thought := groupcast.PlanQuery{
		Groups: []string{"g", "h"}, Paths: []string{"/x"}, Exclude: []string{"*.tmp"}, Hold: true, Rate: 5e6, Via: "https",
	}
	return []trip{
		gives(trip{method: "PlanTransfer", args: []any{thought}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.SendPlan, error) {
				return c.PlanTransfer(ctx, thought)
			}),
	}
}
