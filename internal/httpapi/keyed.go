package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/etag"
	"github.com/groupcast/groupcast/internal/keyed"
)

const aboutKey = "A name of your choice for this request, 8 to 255 characters, best random. Sent again by the same " +
	"account with the same body it creates nothing new and answers what the first request did, for 24 hours"

// keyedOutput is the answer of a call that creates something.
type keyedOutput[O any] struct {
	ETag     string `header:"ETag" doc:"The version, for If-Match, of what has one"`
	Replayed string `header:"Idempotency-Replayed" doc:"true: the answer of the first request with this key"`
	Body     O
}

// create adds an operation that creates something. Its answer holds no secret: it may be kept.
func create[I, O any](a *api, r route, do func(context.Context, groupcast.Principal, *I) (O, error)) {
	createLarge(a, r, do, nil, nil)
}

// createLarge is create for answers that can be too large to be kept: short leaves of it what again makes the whole
// from.
func createLarge[I, O any](
	a *api, r route, do func(context.Context, groupcast.Principal, *I) (O, error), short func(O) O,
	again func(context.Context, groupcast.Principal, O) (O, error),
) {
	op := a.operation(r)
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: "Idempotency-Key", In: "header", Description: aboutKey, Schema: &huma.Schema{Type: huma.TypeString},
	})
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	op.Middlewares = append(op.Middlewares, readKey(r))
	registerOutput(a, op, func(ctx context.Context, in *I) (*keyedOutput[O], error) {
		p := principalOf(ctx)
		work := func(ctx context.Context) (O, error) { return do(ctx, p, in) }
		c, ok := ctx.Value(keyIdempotency).(groupcast.KeyedCall)
		if !ok {
			out, err := work(ctx)
			return &keyedOutput[O]{ETag: etag.Of(out), Body: out}, err
		}
		if a.keys == nil {
			return nil, groupcast.Errorf(groupcast.EUnavailable, "this server remembers no idempotency keys").
				WithHint("send the request without one")
		}
		out, replayed, err := keyed.Once(ctx, a.keys, c, work, short)
		answer := &keyedOutput[O]{Body: out}
		if replayed {
			answer.Replayed = "true"
			if again != nil && err == nil {
				answer.Body, err = again(ctx, p, out)
			}
		} else {
			answer.ETag = etag.Of(out) // the kept one's may have another by now
		}
		return answer, err
	})
}

// readKey puts the key of a request, with what it was sent with, into the context. It comes after the body was read.
func readKey(route route) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(c)
		keys := r.Header.Values("Idempotency-Key")
		if len(keys) == 0 {
			next(c)
			return
		}
		if len(keys) > 1 || !keyed.Good(keys[0]) {
			writeProblem(w, problem(groupcast.Errorf(groupcast.EInvalid, "the Idempotency-Key is wrong").
				WithHint("send one of %d to %d visible ASCII characters", keyed.MinKey, keyed.MaxKey)))
			return
		}
		body, err := io.ReadAll(r.Body) // it is in memory
		if err != nil {
			writeProblem(w, bodyProblem(err, maxJSON))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next(huma.WithValue(c, keyIdempotency, keyed.Call(principalOf(c.Context()), keys[0], route.id, r.URL, body)))
	}
}
