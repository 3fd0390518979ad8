package apiclient

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Skeleton streams the skeleton of a paged transfer, of so many bytes.
func (c *Client) Skeleton(ctx context.Context, no protocol.TransferNo, bytes uint64) (io.ReadCloser, error) {
	return c.stream(ctx, c.connFor(bytes), "/agent/transfers/"+number(no)+"/skeleton", nil)
}

// Pages streams the pages there are of a paged transfer from a number on, each as its length in 3 bytes and its bytes.
// If there is none yet it waits for one for a while.
func (c *Client) Pages(ctx context.Context, no protocol.TransferNo, from protocol.PageNo) (io.ReadCloser, error) {
	return c.open(ctx, "/agent/transfers/"+number(no)+"/pages", url.Values{"from": {decimal(from)}})
}

// Stream streams count blocks of a paged transfer from first on, each as its number in 4 bytes and its bytes; those of
// void files only are left out. An end before the last byte is an error, never a short success.
func (c *Client) Stream(
	ctx context.Context, no protocol.TransferNo, first protocol.BlockNumber, count uint32,
) (io.ReadCloser, error) {
	path := "/agent/transfers/" + number(no) + "/stream/" + decimal(first)
	return c.open(ctx, path, url.Values{"count": {decimal(count)}})
}

func decimal[N ~uint32](n N) string { return strconv.FormatUint(uint64(n), 10) }

// KeepLacks sends the list of the blocks that the device lacks.
func (c *Client) KeepLacks(ctx context.Context, no protocol.TransferNo, lacks []byte) error {
	k := call{method: http.MethodPut, path: "/agent/transfers/" + number(no) + "/lacks", octets: lacks}
	return c.do(ctx, k, nil)
}

// SessionClock asks for the time of a session at its sender, in microseconds.
func (c *Client) SessionClock(ctx context.Context, id protocol.SessionID) (uint64, error) {
	out, err := answered[groupcast.SessionClock](ctx, c, get("/agent/sessions/"+id.String()+"/clock"))
	return out.Micros, err
}
