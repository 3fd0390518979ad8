package apiclient_test

import (
	"context"
	"io"

	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// pagedTrips are the calls about paged transfers.
func pagedTrips(content []byte) []trip {
	const no = protocol.TransferNo(7)
	session, lacks := httpapitest.Fill[protocol.SessionID](), []byte("GCL2 \x00\xff")
	last := protocol.Range{First: 1<<32 - 1, Count: 4096}
	return []trip{
		streams(content, trip{method: "Skeleton", by: "agent", args: []any{no}},
			func(ctx context.Context, c *apiclient.Client) (io.ReadCloser, error) {
				return c.Skeleton(ctx, no, 1<<30)
			}),
		streams(content, trip{method: "TransferPages", by: "agent", args: []any{no, protocol.PageNo(65_535)}},
			func(ctx context.Context, c *apiclient.Client) (io.ReadCloser, error) { return c.Pages(ctx, no, 65_535) }),
		streams(content, trip{method: "Stream", by: "agent", args: []any{no, last}},
			func(ctx context.Context, c *apiclient.Client) (io.ReadCloser, error) {
				return c.Stream(ctx, no, last.First, last.Count)
			}),
		acts(trip{method: "KeepLacks", by: "agent", args: []any{no, lacks}},
			func(ctx context.Context, c *apiclient.Client) error { return c.KeepLacks(ctx, no, lacks) }),
		gives(trip{method: "SessionClock", by: "agent", args: []any{session}},
			func(ctx context.Context, c *apiclient.Client) (uint64, error) { return c.SessionClock(ctx, session) }),
	}
}

// streams makes a trip's call of a method that streams the service's content.
func streams(
	content []byte, t trip, open func(context.Context, *apiclient.Client) (io.ReadCloser, error),
) trip {
	t.want = content
	t.call = func(ctx context.Context, c *apiclient.Client) (any, error) {
		r, err := open(ctx, c)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		return b, err
	}
	return t
}
