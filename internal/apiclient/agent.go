package apiclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// AgentState reads the agent's groups and what it is owed.
func (c *Client) AgentState(ctx context.Context) (groupcast.AgentState, error) {
	return answered[groupcast.AgentState](ctx, c, get("/agent/state"))
}

// Challenge asks for what a device signs to show that it has its key.
func (c *Client) Challenge(ctx context.Context, token string) (groupcast.Challenge, error) {
	in := struct {
		Token string `json:"token"`
	}{token}
	return answered[groupcast.Challenge](ctx, c, post("/agent/challenge", in))
}

// Renew wakes a token that was not used for long.
func (c *Client) Renew(ctx context.Context, r groupcast.Renewal) error {
	return c.do(ctx, post("/agent/renew", r), nil)
}

// Wake is Renew for the client's own token; sign signs a challenge with the device's key.
func (c *Client) Wake(ctx context.Context, sign func(nonce []byte) []byte) error {
	challenge, err := c.Challenge(ctx, string(c.token))
	if err != nil {
		return err
	}
	return c.Renew(ctx, groupcast.Renewal{
		Token: string(c.token), Nonce: challenge.Nonce, Signature: sign(challenge.Nonce),
	})
}

// Fork asks for a device of its own for a copied home.
func (c *Client) Fork(ctx context.Context, f groupcast.Fork) (groupcast.LoggedIn, error) {
	return answered[groupcast.LoggedIn](ctx, c, post("/agent/fork", f))
}

// Ready answers an offer.
func (c *Client) Ready(ctx context.Context, r groupcast.Ready) (groupcast.Handout, error) {
	return answered[groupcast.Handout](ctx, c, post("/agent/ready", r))
}

// Report reports the progress of a delivery.
func (c *Client) Report(ctx context.Context, r groupcast.AgentReport) error {
	return c.do(ctx, post("/agent/reports", r), nil)
}

// Entries reports a page of entries that the device does not have under their names.
func (c *Client) Entries(ctx context.Context, e groupcast.EntryPage) error {
	return c.do(ctx, post("/agent/entries", e), nil)
}

// Receipt sends the device's signed receipt.
func (c *Client) Receipt(ctx context.Context, r groupcast.Receipt) error {
	return c.do(ctx, post("/agent/receipts", r), nil)
}

// ProbesHeard answers a probe.
func (c *Client) ProbesHeard(ctx context.Context, a groupcast.ProbeAnswer) error {
	return c.do(ctx, post("/agent/probes", a), nil)
}

// sharedManifest is how large a list of files may share the connection of the calls, where it is
// there sooner.
const sharedManifest = 256 << 10

// Manifest streams the manifest of a transfer, of so many bytes.
func (c *Client) Manifest(ctx context.Context, no protocol.TransferNo, bytes uint64) (io.ReadCloser, error) {
	return c.stream(ctx, c.connFor(bytes), "/agent/transfers/"+number(no)+"/manifest", nil)
}

// connFor is the connection for a list of so many bytes.
func (c *Client) connFor(bytes uint64) *http.Client {
	if bytes <= sharedManifest {
		return c.calls
	}
	return c.bulk
}

// Blocks streams count session blocks from first on, one after another. An end before the
// last byte is an error, never a short success.
func (c *Client) Blocks(
	ctx context.Context, no protocol.TransferNo, first protocol.BlockNumber, count uint32,
) (io.ReadCloser, error) {
	path := "/agent/transfers/" + number(no) + "/blocks/" + strconv.FormatUint(uint64(first), 10)
	return c.open(ctx, path, url.Values{"count": {strconv.FormatUint(uint64(count), 10)}})
}

// Backup streams a tar of the server's state. It holds the CA's keys.
func (c *Client) Backup(ctx context.Context, o groupcast.BackupOptions) (io.ReadCloser, error) {
	return c.open(ctx, "/backup", filled("content", map[bool]string{true: "true"}[o.Content]))
}

// open starts a stream of raw bytes that fails when nothing comes for readStall.
func (c *Client) open(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	return c.stream(ctx, c.bulk, path, query)
}

func (c *Client) stream(ctx context.Context, by *http.Client, path string, query url.Values) (io.ReadCloser, error) {
	if err := c.pause.wait(ctx, path); err != nil {
		return nil, err
	}
	ctx, w := watch(ctx)
	req, err := c.raw(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		w.end()
		return nil, err
	}
	if by == c.calls {
		req = c.last.trace(req)
	}
	res, err := by.Do(req)
	if err != nil {
		defer w.end()
		return nil, c.unreachable(w.cause(err))
	}
	if res.StatusCode != http.StatusOK {
		defer w.end()
		defer res.Body.Close()
		c.pause.note(path, res, time.Now())
		return nil, decodeProblem(res, c.where)
	}
	return &streamReader{c: c, body: res.Body, watch: w}, nil
}

// streamReader is the body of a stream with its errors in words.
type streamReader struct {
	c     *Client
	body  io.ReadCloser
	watch *watchdog
}

func (s *streamReader) Read(b []byte) (int, error) {
	s.watch.alive()
	n, err := s.body.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = s.c.unreachable(s.watch.cause(err))
	}
	return n, err
}

// Close ends the stream, read to its end or not.
func (s *streamReader) Close() error {
	defer s.watch.end()
	return s.body.Close()
}
