package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/groupcast/groupcast"
)

// flushEvery is how long a row of a list that grows stays here at most.
const flushEvery = 250 * time.Millisecond

// told adds an operation that answers with a list whose rows go out as they become known. What fails before the first
// row is a problem as usual; after it the answer is cut off, so that nobody takes a part for the whole.
func told[I, T any](
	a *api, r route, do func(ctx context.Context, p groupcast.Principal, in *I, told func(T)) error,
) {
	r.long = true
	op := a.operation(r)
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[[]T](), true, "")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}}
	registerOutput(a, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		ctx, cancel := context.WithCancel(ctx)
		g := &growing[T]{rows: make(chan T), ended: make(chan error, 1), cancel: cancel}
		go func() { g.ended <- do(ctx, principalOf(ctx), in, func(row T) { g.put(ctx, row) }) }()
		select {
		case row := <-g.rows:
			return &huma.StreamResponse{Body: func(c huma.Context) { g.pour(a, c, &row) }}, nil
		case err := <-g.ended:
			if err != nil {
				cancel()
				return nil, err
			}
			g.ended <- nil
			return &huma.StreamResponse{Body: func(c huma.Context) { g.pour(a, c, nil) }}, nil
		}
	})
}

// growing is a list of which more rows come.
type growing[T any] struct {
	rows   chan T
	ended  chan error
	cancel context.CancelFunc
	w      http.ResponseWriter
	n      int
}

func (g *growing[T]) put(ctx context.Context, row T) {
	select {
	case g.rows <- row:
	case <-ctx.Done():
	}
}

// pour writes the list; first is a row that is known already.
func (g *growing[T]) pour(a *api, c huma.Context, first *T) {
	defer g.cancel()
	_, g.w = humago.Unwrap(c)
	g.w.Header().Set("Content-Type", "application/json")
	g.w.WriteHeader(http.StatusOK)
	if err := g.all(http.NewResponseController(g.w), first); err != nil {
		a.log.LogAttrs(c.Context(), slog.LevelDebug, "list cut off",
			slog.String("request", requestID(c.Context())), slog.String("error", err.Error()))
		panic(http.ErrAbortHandler)
	}
}

func (g *growing[T]) all(rc *http.ResponseController, first *T) error {
	if _, err := g.w.Write([]byte("[")); err != nil {
		return err
	}
	if first != nil {
		if err := cmp.Or(g.write(*first), rc.Flush()); err != nil {
			return err
		}
	}
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	for {
		var err error
		select {
		case row := <-g.rows:
			err = g.write(row)
		case <-flush.C:
			err = rc.Flush()
		case err := <-g.ended:
			if err == nil {
				_, err = g.w.Write([]byte("]\n"))
			}
			return err
		}
		if err != nil {
			return err
		}
	}
}

func (g *growing[T]) write(row T) error {
	b, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("encode a row: %w", err)
	}
	if g.n++; g.n > 1 {
		b = append([]byte(","), b...)
	}
	_, err = g.w.Write(b)
	return err
}
