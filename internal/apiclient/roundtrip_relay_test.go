package apiclient_test

import (
	"context"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// relayTrips are the calls about relays, and those of relays.
func relayTrips(content []byte) []trip {
	const no = protocol.TransferNo(7)
	asked := protocol.Range{First: 1<<32 - 1, Count: 4096}
	n := groupcast.NewRelay{Site: "Bremen Süd", Name: "b"}
	in := groupcast.RelayEnrolment{Code: "c", PublicKey: []byte{1, 2}}
	report := httpapitest.Fill[groupcast.RelayReport]()
	return []trip{
		gives(trip{method: "AddRelay", args: []any{n}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.RelayInvitation, error) {
				return c.AddRelay(ctx, n)
			}),
		gives(trip{method: "Relays"},
			func(ctx context.Context, c *apiclient.Client) ([]groupcast.Relay, error) { return c.Relays(ctx) }),
		acts(trip{method: "RevokeRelay", args: []any{"a/b c"}},
			func(ctx context.Context, c *apiclient.Client) error { return c.RevokeRelay(ctx, "a/b c") }),
		acts(trip{method: "GrantSite", args: []any{"a/b", "lab"}},
			func(ctx context.Context, c *apiclient.Client) error { return c.GrantSite(ctx, "a/b", "lab") }),
		acts(trip{method: "UngrantSite", args: []any{"a/b", "lab"}},
			func(ctx context.Context, c *apiclient.Client) error { return c.UngrantSite(ctx, "a/b", "lab") }),
		gives(trip{method: "EnrolRelay", by: "nobody", args: []any{"127.0.0.1", in}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.RelayEnrolled, error) {
				return c.EnrolRelay(ctx, in)
			}),
		gives(trip{method: "RenewRelay", by: "relay", args: []any{report}},
			func(ctx context.Context, c *apiclient.Client) (groupcast.RelayOrders, error) {
				return c.RenewRelay(ctx, report)
			}),
		streams(content, trip{method: "RelaySkeleton", by: "relay", args: []any{no}},
			func(ctx context.Context, c *apiclient.Client) (io.ReadCloser, error) { return c.RelaySkeleton(ctx, no) }),
		streams(content, trip{method: "RelayPages", by: "relay", args: []any{no, protocol.PageNo(65_535)}},
			func(ctx context.Context, c *apiclient.Client) (io.ReadCloser, error) {
				return c.RelayPages(ctx, no, 65_535)
			}),
		streams(content, trip{method: "RelayStream", by: "relay", args: []any{no, asked}},
			func(ctx context.Context, c *apiclient.Client) (io.ReadCloser, error) {
				return c.RelayStream(ctx, no, asked.First, asked.Count)
			}),
	}
}
