package apiclient

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/tcp"
)

const prefix = "/api/v1"

// Times of a connection and of a call.
const (
	dialTimeout = 10 * time.Second // of the TLS handshake too
	callTimeout = 30 * time.Second // of calls that need no work of the server worth waiting for
	idleTimeout = 30 * time.Second
	readStall   = 45 * time.Second // three heartbeats of an event stream
	pingAfter   = 20 * time.Second // of silence on the connection of the calls
	pingAnswer  = 10 * time.Second
)

// Retries of calls that change nothing.
const (
	maxTries   = 3
	firstPause = 200 * time.Millisecond
	maxPause   = 5 * time.Second // of what a server's Retry-After may ask for
)

// maxAnswer bounds a JSON answer: the file list of a million files fits.
const maxAnswer = 512 << 20

// Token is a device's key to the API. It prints as [redacted].
type Token string

const redacted = "[redacted]"

// String, GoString and LogValue keep a token out of messages and logs.
func (Token) String() string { return redacted }

// GoString is String for %#v.
func (Token) GoString() string { return redacted }

// LogValue is String for slog.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// Config says which server to talk to and as whom.
type Config struct {
	Address string  // https://HOST:PORT, HOST:PORT or HOST
	Pin     pki.Pin // the fingerprint: nothing is sent to a server that has another
	Token   Token   // empty before login
}

// Client calls one server. It is safe for concurrent use.
type Client struct {
	base  string // scheme and authority to dial
	host  string // what the server is called: SNI and Host
	where string // what to call the server in messages
	local bool
	token Token
	last  *lastConn
	pause *pause
	calls *http.Client
	bulk  *http.Client // blocks, manifests, uploads: connections of their own
}

// New makes a client for a server with a pinned fingerprint. It does not connect yet.
func New(cfg Config) (*Client, error) {
	address, err := ParseAddress(cfg.Address)
	if err != nil {
		return nil, err
	}
	if cfg.Pin.ID == (protocol.ServerID{}) {
		return nil, groupcast.Errorf(groupcast.EInvalid, "no fingerprint is pinned for %s", address).
			WithHint("log in with `groupcast login https://%s --user NAME`", address)
	}
	return &Client{
		base: "https://" + strings.Replace(address, "%", "%25", 1), host: pki.InternalName(cfg.Pin.ID), where: address,
		token: cfg.Token,
		last:  new(lastConn), pause: new(pause),
		calls: httpClient(oneConnection(transport(dialer(tcp.Watched), cfg.Pin.ClientTLS()))),
		bulk:  httpClient(transport(dialer(tcp.Control), cfg.Pin.ClientTLS())),
	}, nil
}

// Local makes a client for the server on this machine with its socket at path. Users who can open the
// socket are administrators.
func Local(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", path)
	}
	return &Client{
		base: "http://local", host: "local", where: path, local: true, last: new(lastConn), pause: new(pause),
		calls: httpClient(transport(dial, nil)), bulk: httpClient(transport(dial, nil)),
	}
}

// WithToken returns a client with another token that uses the same connections.
func (c *Client) WithToken(t Token) *Client {
	other := *c
	other.token = t
	return &other
}

// IsLocal says whether the client talks to a server on this machine, as its administrator.
func (c *Client) IsLocal() bool { return c.local }

// Address is where the client connects to.
func (c *Client) Address() string { return c.where }

// Close gives idle connections back.
func (c *Client) Close() {
	c.calls.CloseIdleConnections()
	c.bulk.CloseIdleConnections()
}

// ParseAddress reads a server's address as people write it and gives HOST:PORT.
func ParseAddress(s string) (string, error) {
	rest, secure := strings.CutPrefix(strings.TrimSpace(s), "https://")
	if secure { // as it stands in a browser, with a path
		rest, _, _ = strings.Cut(rest, "/")
	}
	if _, plain := strings.CutPrefix(rest, "http://"); plain {
		return "", groupcast.Errorf(groupcast.EInvalid, "%q is an address without encryption, and a server has none", s).
			WithHint("take the address with https:// that `groupcast serve` prints on the server")
	}
	if rest == "" || strings.ContainsAny(rest, "/@?# ") {
		return "", groupcast.Errorf(groupcast.EInvalid, "%q is not the address of a server", s).
			WithHint("write it as https://HOST:%d", protocol.ControlPort)
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil { // no port
		host, port = strings.Trim(rest, "[]"), strconv.Itoa(protocol.ControlPort)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || !hostName(host) {
		return "", groupcast.Errorf(groupcast.EInvalid, "%q is not the address of a server", s).
			WithHint("write it as https://HOST:%d", protocol.ControlPort)
	}
	return net.JoinHostPort(host, port), nil
}

// hostName says whether something can be the name or the address of a machine.
func hostName(host string) bool {
	if strings.ContainsAny(host, ":%") {
		addr, err := netip.ParseAddr(host)
		if err != nil || addr.Zone() == "" {
			return err == nil
		}
		host = addr.Zone()
	}
	odd := func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._", r)
	}
	return host != "" && strings.IndexFunc(host, odd) < 0
}

// transport is HTTP/1.1 without a proxy, so that tokens are sent to the server only. Bulk data does not
// share a connection with the event stream.
func transport(dial dialFunc, config *tls.Config) *http.Transport {
	return &http.Transport{
		DialContext: dial, TLSClientConfig: config, TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: 2, DisableCompression: true,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

type dialFunc func(context.Context, string, string) (net.Conn, error)

func dialer(control func(network, address string, c syscall.RawConn) error) dialFunc {
	return (&net.Dialer{Timeout: dialTimeout, KeepAliveConfig: tcp.KeepAlive(), Control: control}).DialContext
}

// oneConnection makes a transport speak HTTP/2, so that calls and the event stream share one
// connection: what the server sends after an answer shows TCP at once that the answer is lost.
// Pings find out that the server is gone.
func oneConnection(t *http.Transport) *http.Transport {
	t.ForceAttemptHTTP2 = true
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAnswer}
	return t
}

func httpClient(t *http.Transport) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a token follows no redirect
	}}
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	in           any    // JSON, nil for none
	octets       []byte // a body of plain bytes instead
	slow         bool   // the server may work as long as it likes
	total        *int   // where to put how many rows the whole list has; nil: nowhere
	key          string // Idempotency-Key of a call that creates something
	loss         *loss  // where to note that no answer came; nil: nowhere
}

func get(path string) call          { return call{method: http.MethodGet, path: path} }
func post(path string, in any) call { return call{method: http.MethodPost, path: path, in: in} }
func remove(path string) call       { return call{method: http.MethodDelete, path: path} }

func (k call) with(q url.Values) call { k.query = q; return k }
func (k call) slowly() call           { k.slow = true; return k }

// answered makes a call and decodes its answer.
func answered[T any](ctx context.Context, c *Client, k call) (T, error) {
	var out T
	err := c.do(ctx, k, &out)
	return out, err
}

// totalHeader says how many rows the whole list has of which an answer is a stretch.
const totalHeader = "X-Total-Count"

// maxRows is how many rows are asked for at once.
const maxRows = 1000

// page reads a stretch of a list; of a window without a limit all that follows From.
func page[T any](ctx context.Context, c *Client, k call, w groupcast.Window) (out groupcast.Page[T], err error) {
	for {
		piece := groupcast.Window{From: w.From + len(out.Rows), Limit: maxRows}
		if w.Limit > 0 {
			piece.Limit = min(maxRows, w.Limit-len(out.Rows))
		}
		some, err := stretch[T](ctx, c, k, piece)
		out.Rows, out.Total = append(out.Rows, some.Rows...), some.Total
		if err != nil || len(some.Rows) < piece.Limit || len(out.Rows) == w.Limit || w.From+len(out.Rows) >= out.Total {
			return out, err
		}
	}
}

// whole reads a list to its end.
func whole[T any](ctx context.Context, c *Client, k call) ([]T, error) {
	out, err := page[T](ctx, c, k, groupcast.Window{})
	return out.Rows, err
}

// stretch makes the call for a part of a list.
func stretch[T any](ctx context.Context, c *Client, k call, w groupcast.Window) (out groupcast.Page[T], err error) {
	query := url.Values{}
	maps.Copy(query, k.query)
	if w.From > 0 {
		query.Set("from", strconv.Itoa(w.From))
	}
	if w.Limit > 0 {
		query.Set("limit", strconv.Itoa(w.Limit))
	}
	k.query, k.total = query, &out.Total
	err = c.do(ctx, k, &out.Rows)
	return out, err
}

// do makes a call. One that changes nothing is repeated after an error of the network or of a busy server.
func (c *Client) do(ctx context.Context, k call, out any) error {
	switch {
	case strings.HasPrefix(k.path, agentCalls):
		return c.agentCall(ctx, k, out)
	case k.key != "":
		return c.createOnce(ctx, k, out)
	}
	pause := firstPause
	for try := 1; ; try++ {
		again, err := c.once(ctx, k, out)
		if err == nil || again < 0 || k.method != http.MethodGet || try == maxTries || ctx.Err() != nil {
			return err
		}
		wait := max(again, rand.N(pause))
		if sleep(ctx, wait) != nil {
			return err
		}
		pause *= 2
	}
}

// never says that trying again is no use.
const never = time.Duration(-1)

// once makes a call one time and says after how long another try makes sense.
func (c *Client) once(ctx context.Context, k call, out any) (again time.Duration, err error) {
	if !k.slow {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	req, err := c.request(ctx, k)
	if err != nil {
		return never, err
	}
	res, err := c.calls.Do(c.last.trace(req))
	if err != nil {
		k.noteLost(err)
		return 0, c.unreachable(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		c.pause.note(k.path, res, time.Now())
		return retryAfter(res), decodeProblem(res, c.where)
	}
	if out == nil || res.StatusCode == http.StatusNoContent {
		return never, nil
	}
	if k.total != nil {
		*k.total, _ = strconv.Atoi(res.Header.Get(totalHeader)) // 0: a server that does not count
	}
	if err := decode(res.Body, out); err != nil {
		k.noteLost(err)
		return 0, c.unreachable(err)
	}
	return never, nil
}

func decode(r io.Reader, out any) error {
	limited := &io.LimitedReader{R: r, N: maxAnswer}
	from := json.NewDecoder(limited)
	take := func() error { return from.Decode(out) }
	if rows, ok := out.(interface{ takeFrom(*json.Decoder) error }); ok {
		take = func() error { return rows.takeFrom(from) }
	}
	if err := take(); err != nil {
		if limited.N <= 0 {
			return errors.New("the answer is too large")
		}
		return err
	}
	return nil
}

// rowByRow takes the rows of a list one by one, as they come.
type rowByRow[T any] func(T)

func (told rowByRow[T]) takeFrom(d *json.Decoder) error {
	if begin, err := d.Token(); err != nil || begin != json.Delim('[') {
		return cmp.Or(err, errors.New("the answer is not a list"))
	}
	for d.More() {
		var row T
		if err := d.Decode(&row); err != nil {
			return err
		}
		told(row)
	}
	_, err := d.Token()
	return err
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	var body io.Reader
	kind := "application/json"
	switch {
	case k.octets != nil:
		body, kind = bytes.NewReader(k.octets), "application/octet-stream"
	case k.in != nil:
		b, err := json.Marshal(k.in)
		if err != nil {
			return nil, groupcast.Errorf(groupcast.EInternal, "cannot write the request").Wrap(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := c.raw(ctx, k.method, k.path, k.query, body)
	if err == nil && body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if err == nil && k.key != "" {
		req.Header.Set("Idempotency-Key", k.key)
		req.GetBody = nil // net/http would send it again by itself, also to a server that does not remember keys
	}
	return req, err
}

func (c *Client) raw(
	ctx context.Context, method, path string, query url.Values, body io.Reader,
) (*http.Request, error) {
	target := c.base + prefix + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, groupcast.Errorf(groupcast.EInvalid, "cannot write the request").Wrap(err)
	}
	req.Host = c.host
	req.Header.Set("User-Agent", "groupcast/"+groupcast.Version)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+string(c.token))
	}
	return req, nil
}

// retryAfter reads how long a busy server wants to be left alone.
func retryAfter(res *http.Response) time.Duration {
	switch res.StatusCode {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout:
	default:
		return never
	}
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	wait := time.Duration(seconds) * time.Second
	if wait > maxPause {
		return never
	}
	return wait
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// segment writes a name as one segment of a path.
func segment(s string) string { return url.PathEscape(s) }

func number(n protocol.TransferNo) string { return strconv.FormatUint(uint64(n), 10) }
