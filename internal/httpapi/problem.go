package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/problems"
)

// retryAfter is how long a client should wait if the error does not say.
const retryAfter = 5 * time.Second

// Problem is the body of every error: RFC 9457 with the domain's code and the next step.
type Problem struct {
	Type   string          `json:"type" doc:"What kind of error it is, as a URN: urn:groupcast:problem: and the code"`
	Title  string          `json:"title" doc:"What kind of error it is, in words"`
	Status int             `json:"status" doc:"The HTTP status"`
	Detail string          `json:"detail" doc:"What went wrong, as a sentence"`
	Hint   string          `json:"hint,omitempty" doc:"What to do next, as words"`
	Next   *groupcast.Next `json:"next,omitempty" doc:"What to do next, as a code"`
	Code   groupcast.Code  `json:"code" doc:"What kind of error it is"`

	Bad *groupcast.BadEntries `json:"bad,omitempty" doc:"The entries of a transfer that cannot be sent"`

	Current string `json:"current,omitempty" doc:"With changed: the version that it has now, as in ETag"`

	after time.Duration // for Retry-After; 0: retryAfter
}

// badShown is how many entries that cannot be sent an error names.
const badShown = 20

func (p *Problem) Error() string  { return p.Detail }
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders adds Retry-After where the client should try again, and WWW-Authenticate.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	switch {
	case p.Status == http.StatusTooManyRequests, p.Status == http.StatusServiceUnavailable, p.Code == groupcast.EInFlight:
		h.Set("Retry-After", itoa(int64(math.Ceil(cmp.Or(p.after, retryAfter).Seconds()))))
	case p.Status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	}
	if p.Current != "" {
		h.Set("ETag", p.Current)
	}
	return h
}

// ContentType says that a JSON answer is a problem.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// newProblem is a problem of a kind, without what to do about this one.
func newProblem(k problems.Kind, detail string) *Problem {
	return &Problem{
		Type: "urn:groupcast:problem:" + string(k.Code), Title: k.Title, Status: k.Status, Code: k.Code,
		Detail: brief(detail),
	}
}

// problem turns an error of the domain into its answer, without the cause.
func problem(e *groupcast.Error) *Problem {
	p := newProblem(problems.Of(e.Code), e.Message)
	p.Hint, p.Next, p.after = brief(e.Hint), e.Next, e.After
	if e.Bad != nil {
		p.Bad = &groupcast.BadEntries{Count: e.Bad.Count}
		for _, entry := range e.Bad.Entries[:min(badShown, len(e.Bad.Entries))] {
			entry.Path, entry.Detail = brief(entry.Path), brief(entry.Detail)
			p.Bad.Entries = append(p.Bad.Entries, entry)
		}
	}
	return p
}

// maxWords bounds each text of an error, in bytes: messages repeat names from the request, and a
// name can be as long as a request.
const maxWords = 4 << 10

func brief(text string) string {
	if len(text) <= maxWords {
		return text
	}
	cut := maxWords
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// huma has no other means to change the errors that it raises itself.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return newProblem(problems.OfStatus(status), explain(message, errs))
	}
}

// explain says what is wrong with a request and where. The value is left out: it may be a password.
func explain(message string, errs []error) string {
	const most = 5
	var b strings.Builder
	b.WriteString(message)
	for i, err := range errs {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(errs)-most)
			break
		}
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			fmt.Fprintf(&b, "; %s: %s", d.Location, d.Message)
		}
	}
	return b.String()
}

// errGone answers for transfers that do not exist and for those that are not owed to the device: a
// device cannot distinguish them (security.md C8).
var errGone = groupcast.Errorf(groupcast.ENotFound, "nothing is owed to this device under that number").
	WithHint("read the state again")

// hide replaces errors that would show whether a transfer exists by errGone.
func hide(err error) error {
	switch groupcast.ErrorCode(err) {
	case groupcast.ENotFound, groupcast.EForbidden:
		return errGone
	}
	return err
}

// answer makes the error that a client may see. Other errors are logged here and answered as internal.
func (a *api) answer(ctx context.Context, err error) *Problem {
	var e *groupcast.Error
	switch {
	case errors.As(err, &e) && e.Code != groupcast.EInternal:
		return problem(e)
	case disk.Trouble(err) != nil:
		a.log.LogAttrs(ctx, slog.LevelWarn, "the disk failed a request", slog.String("request", requestID(ctx)),
			slog.String("error", chain(err)))
		return problem(disk.Trouble(err))
	case errors.Is(err, context.Canceled) || ctx.Err() != nil: // whatever error the interrupted work returned
		a.log.LogAttrs(ctx, slog.LevelDebug, "request was given up", slog.String("request", requestID(ctx)),
			slog.String("error", chain(err)))
		return problem(groupcast.Errorf(groupcast.EUnavailable, "the request ended before its answer").WithHint("try again"))
	case errors.Is(err, context.DeadlineExceeded):
		return problem(groupcast.Errorf(groupcast.EUnavailable, "the server took too long").
			WithHint("try again; the server's log says what it was busy with"))
	}
	id := requestID(ctx)
	a.log.LogAttrs(ctx, slog.LevelError, "request went wrong", slog.String("request", id),
		slog.String("error", chain(err)))
	p := problem(groupcast.Errorf(groupcast.EInternal, "something went wrong inside the server").
		WithHint("its log says more under request %s", id))
	if e != nil {
		p.Detail = e.Message
	}
	return p
}

// chain writes an error with its causes, which Error.Error leaves out on purpose.
func chain(err error) string {
	text := err.Error()
	var e *groupcast.Error
	if errors.As(err, &e) && e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// writeProblem answers where huma does not: before routing and after a panic.
func writeProblem(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	for k, v := range p.GetHeaders() {
		h[k] = v
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // an error means that the client is gone
}
