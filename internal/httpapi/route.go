package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/etag"
)

// Sizes of JSON bodies (security.md C4, C6).
const (
	maxLogin   = 4 << 10
	maxJSON    = 64 << 10
	maxRanges  = 256 << 10 // an answer with up to 4,096 ranges of blocks
	maxEntries = 2 << 20   // a page of entries that the device does not have under their names
	maxUpload  = 32 << 20  // the list of an upload's files
	maxLeftOut = 8 << 20   // what an upload leaves out, by name
)

// bodyTimeout is how long a JSON body may take to arrive.
const bodyTimeout = 10 * time.Second

const prefix = "/api/v1"

// route is one operation of the API. access says who may use it: gate enforces it, the OpenAPI
// document shows it, and a test checks it for every operation.
type route struct {
	method, path string
	id, summary  string
	access       access
	body         int64 // largest JSON body; 0: maxJSON
	octets       bool  // the body is plain bytes
	raw          bool  // the handler reads the body itself
	long         bool  // it has no bound in time here
	unchecked    bool  // too large to be parsed twice: the schema is not enforced
}

type nothing struct{}

type output[O any] struct{ Body O }

// reply adds an operation that answers with JSON.
func reply[I, O any](a *api, r route, do func(context.Context, groupcast.Principal, *I) (O, error)) {
	if etag.Has[O]() {
		registerOutput(a, a.operation(r), func(ctx context.Context, in *I) (*versionedOutput[O], error) {
			out, err := do(ctx, principalOf(ctx), in)
			return &versionedOutput[O]{etag.Of(out), out}, err
		})
		return
	}
	huma.Register(a.huma, a.operation(r), func(ctx context.Context, in *I) (*output[O], error) {
		out, err := do(ctx, principalOf(ctx), in)
		if err != nil {
			return nil, a.answer(ctx, err)
		}
		return &output[O]{out}, nil
	})
}

// act adds an operation with an empty answer.
func act[I any](a *api, r route, do func(context.Context, groupcast.Principal, *I) error) {
	op := a.operation(r)
	op.DefaultStatus = http.StatusNoContent
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*struct{}, error) {
		if err := do(ctx, principalOf(ctx), in); err != nil {
			return nil, a.answer(ctx, err)
		}
		return nil, nil
	})
}

// listed adds an operation that answers with a list, which is never null.
func listed[I, T any](a *api, r route, do func(context.Context, groupcast.Principal, *I) ([]T, error)) {
	reply(a, r, func(ctx context.Context, p groupcast.Principal, in *I) ([]T, error) {
		out, err := do(ctx, p, in)
		if out == nil {
			out = []T{}
		}
		return out, err
	})
}

func (a *api) operation(r route) huma.Operation {
	if r.body == 0 {
		r.body = maxJSON
	}
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: prefix + r.path, Summary: r.summary, Description: operationAbout[r.id],
		Extensions:       map[string]any{"x-groupcast-access": string(r.access)},
		MaxBodyBytes:     -1, // readBody has bounded it
		BodyReadTimeout:  -1,
		SkipValidateBody: r.unchecked,
		Errors:           []int{http.StatusBadRequest},
	}
	if r.access != open {
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	op.Middlewares = huma.Middlewares{a.gate(r)}
	if !r.raw {
		op.Middlewares = append(op.Middlewares, a.readBody(r))
	}
	if path := r.versionedPath(); path != "" {
		a.conditional(&op, path)
	}
	return op
}

// readBody reads a body whole, within its bound and its time, before anything looks at it.
// The deadline is lifted again: left in force it would end the request while the service is
// still working on it.
func (a *api) readBody(op route) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(c)
		if r.ContentLength == 0 || r.Body == nil {
			next(c)
			return
		}
		if p := wrongType(r, op.octets); p != nil {
			writeProblem(w, p)
			return
		}
		rc := http.NewResponseController(w)
		_ = rc.SetReadDeadline(time.Now().Add(bodyTimeout)) // only a test's recorder cannot
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, op.body))
		_ = rc.SetReadDeadline(time.Time{})
		if err != nil {
			writeProblem(w, bodyProblem(err, op.body))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next(c)
	}
}

// wrongType refuses what a form of a foreign web page could send (security.md W1).
func wrongType(r *http.Request, octets bool) *Problem {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case octets && err == nil && kind == "application/octet-stream":
		return nil
	case octets:
		return problem(groupcast.Errorf(groupcast.EMediaType, "the body must be plain bytes").
			WithHint("send Content-Type: application/octet-stream"))
	case err == nil && kind == "application/json":
		return nil
	}
	return problem(groupcast.Errorf(groupcast.EMediaType, "the body must be JSON").
		WithHint("send Content-Type: application/json"))
}

func bodyProblem(err error, most int64) *Problem {
	var large *http.MaxBytesError
	if !errors.As(err, &large) {
		return problem(groupcast.Errorf(groupcast.EInvalid, "the request's body did not arrive whole").WithHint("try again"))
	}
	return problem(groupcast.Errorf(groupcast.ETooLarge, "the request is too large").
		WithHint("send at most %s", bytesText(most)))
}

func bytesText(n int64) string {
	if n >= 1<<20 {
		return itoa(n>>20) + " MiB"
	}
	return itoa(n>>10) + " KiB"
}
