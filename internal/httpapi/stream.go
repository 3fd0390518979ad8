package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/groupcast/groupcast"
)

// copyBuffer is the piece in which raw bytes go out.
const copyBuffer = 256 << 10

// streamed adds an operation whose answer is raw bytes.
func streamed[I any](a *api, r route, do func(context.Context, groupcast.Principal, *I) (*huma.StreamResponse, error)) {
	r.long = true
	op := a.operation(r)
	op.Responses = map[string]*huma.Response{"200": {
		Description: "bytes",
		Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{
			Type:   huma.TypeString,
			Format: "binary",
		}}},
	}}
	registerOutput(a, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		return do(ctx, principalOf(ctx), in)
	})
}

// registerOutput adds an operation with an answer of its own shape.
func registerOutput[I, O any](a *api, op huma.Operation, do func(context.Context, *I) (*O, error)) {
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, a.answer(ctx, err)
		}
		return out, nil
	})
}

// copyOut sends r to the end. Stored bytes are never anything but an attachment to a browser
// (security.md W3). A failure in the middle closes the connection, so that the client does not take
// a part for the whole.
func (a *api) copyOut(r io.ReadCloser, disposition string) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer r.Close()
		_, w := humago.Unwrap(c)
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", disposition)
		w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
		w.WriteHeader(http.StatusOK)
		if _, err := io.CopyBuffer(onlyWriter{w}, onlyReader{r}, make([]byte, copyBuffer)); err != nil {
			a.log.LogAttrs(c.Context(), slog.LevelDebug, "stream cut off",
				slog.String("request", requestID(c.Context())), slog.String("error", err.Error()))
			panic(http.ErrAbortHandler)
		}
	}}
}

// onlyWriter and onlyReader hide ReadFrom and WriteTo, which would go round the buffer and
// the write deadline of each piece.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)

// patient reads a body without a bound in time, as long as bytes keep coming.
type patient struct {
	r    io.Reader
	rc   *http.ResponseController
	wait time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.rc.SetReadDeadline(time.Now().Add(p.wait)) // only a test's recorder cannot
	return p.r.Read(b)
}

func (p *patient) done() { _ = p.rc.SetReadDeadline(time.Time{}) }
