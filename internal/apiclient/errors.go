package apiclient

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"

	"github.com/groupcast/groupcast"
)

// maxProblem bounds the body of an error.
const maxProblem = 512 << 10

// problem is RFC 9457 with the domain's code and the next step.
type problem struct {
	Title  string         `json:"title"`
	Detail string         `json:"detail"`
	Hint   string         `json:"hint"`
	Code   groupcast.Code `json:"code"`

	Next *groupcast.Next       `json:"next"`
	Bad  *groupcast.BadEntries `json:"bad"`
}

func (p problem) err() *groupcast.Error {
	return &groupcast.Error{Code: p.Code, Message: p.Detail, Hint: p.Hint, Next: p.Next, Bad: p.Bad}
}

// decodeProblem gives the server's error back as it was thrown.
func decodeProblem(res *http.Response, where string) error {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	var p problem
	if err == nil && json.Unmarshal(body, &p) == nil && p.Code != "" && p.Detail != "" {
		return p.err()
	}
	return groupcast.Errorf(groupcast.EUnavailable, "what answers at %s is not a groupcast server (%s)", where,
		res.Status).
		WithHint("check the address and the port")
}

// unreachable says in words why no answer came, and what to look at. What the pin had against
// the server's certificate is in words already.
func (c *Client) unreachable(err error) error {
	var known *groupcast.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled):
		return err
	case c.local:
		return c.localUnreachable(err)
	}
	return networkTrouble(err, c.where).Wrap(err)
}

func (c *Client) localUnreachable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), refused(err):
		return groupcast.Errorf(groupcast.EUnavailable, "no server runs on this machine in this home").
			WithHint("start it with `groupcast serve`, or name its folder with `--home`").Wrap(err)
	case errors.Is(err, fs.ErrPermission):
		return groupcast.Errorf(groupcast.EForbidden, "this user may not open the server's socket").
			WithHint("run the command as the user that runs `groupcast serve`").Wrap(err)
	}
	return groupcast.Errorf(groupcast.EUnavailable, "the server on this machine did not answer to the end").
		WithHint("look at its log, or run `groupcast doctor`").Wrap(err)
}

func networkTrouble(err error, where string) *groupcast.Error {
	var dns *net.DNSError
	if e := stranger(err, where); e != nil {
		return e
	}
	switch {
	case errors.As(err, &dns):
		return groupcast.Errorf(groupcast.EUnavailable, "no machine of the name %s is known", dns.Name).
			WithHint("check the spelling, or use the server's IP address")
	case refused(err):
		return groupcast.Errorf(groupcast.EUnavailable, "nothing listens at %s", where).
			WithHint("is `groupcast serve` running there? %s", anotherDoor(where))
	case timedOut(err):
		return groupcast.Errorf(groupcast.EUnavailable, "%s does not answer", where).
			WithHint("is the machine on and in this network? does a firewall on the way let TCP through to that port?")
	}
	return groupcast.Errorf(groupcast.EUnavailable, "the connection to %s broke", where).
		WithHint("try again; if it stays so, look at the server's log")
}

// isNetwork distinguishes errors of the network from those of the peer.
func isNetwork(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) || stranger(err, "") != nil || refused(err) || timedOut(err)
}

// Broken says that a connection was made and cut: a server that lets in so many at once does so.
func Broken(err error) bool {
	var e *groupcast.Error
	cut := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || reset(err)
	return cut && errors.As(err, &e) && e.Code == groupcast.EUnavailable
}

func timedOut(err error) bool {
	var t net.Error
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &t) && t.Timeout()) || unroutable(err)
}
