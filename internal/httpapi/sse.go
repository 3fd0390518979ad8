package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/tcp"
)

// heartbeat is the longest silence on an event stream.
const heartbeat = 15 * time.Second

// blank is a line that readers of events skip.
var blank = []byte(": \n\n")

// line is one event as the stream carries it.
type line struct {
	version uint64
	kind    string
	data    any
}

// source waits for the next event as long as wait allows; ok says whether this client may see it.
type source func(ctx, wait context.Context) (l line, ok bool, err error)

// eventStream adds an operation that answers with server-sent events. shape documents them.
// Each event is followed by blank lines after the given pauses.
func eventStream[I any](
	a *api, r route, shape *huma.Schema, after []time.Duration,
	subscribe func(context.Context, groupcast.Principal, *I) (source, func(), error),
) {
	r.long = true
	op := a.operation(r)
	op.Responses = map[string]*huma.Response{"200": {
		Description: "Server-sent events. The first is hello with the version to read the state at; a last one of kind " +
			"`cut` says why the stream ends. Events are hints: a client that misses some reads the state again.",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: shape}},
	}}
	op.Middlewares = append(op.Middlewares, func(c huma.Context, next func(huma.Context)) {
		var later pouring
		next(huma.WithValue(c, keyPouring, &later))
		if later.next != nil {
			defer later.end()
			a.pour(c, later.next, after)
		}
	})
	registerOutput(a, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		// A stream's life is the request's, not that of anything the service does for it.
		next, end, err := subscribe(ctx, principalOf(ctx), in)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(huma.Context) {
			*ctx.Value(keyPouring).(*pouring) = pouring{next, end}
		}}, nil
	})
}

// pouring is a stream that was subscribed to. It is written after the handler of its operation has returned: a
// stream's goroutine waits for hours, and holds twice the stack if it does so within the handler.
type pouring struct {
	next source
	end  func()
}

// pour writes events until the source ends, the client is gone or the server closes. It is the only goroutine of a
// stream: there are as many streams as devices.
func (a *api) pour(c huma.Context, next source, after []time.Duration) {
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	s := startStream(c)
	beat, probe := time.Now().Add(heartbeat), tcp.NewTailProbe(after)
	for s.err == nil {
		until := beat
		if due := probe.Due(); !due.IsZero() && due.Before(until) {
			until = due
		}
		wait, end := context.WithDeadline(ctx, until)
		l, ok, err := next(ctx, wait)
		end()
		switch now := time.Now(); {
		case err == nil && !ok:
		case err == nil:
			s.send(l)
			probe.Begin(now)
		case a.closing.Err() != nil:
			s.send(stopping())
			return
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			s.send(a.cut(ctx, err))
			return
		default:
			s.write(blank)
			if !now.Before(until) && until.Before(beat) {
				probe.Next(now)
			}
			if !now.Before(beat) {
				beat = now.Add(heartbeat)
			}
		}
	}
}

func stopping() line {
	return cutLine(problem(groupcast.Errorf(groupcast.EUnavailable, "the server is stopping").
		WithHint("connect again in a while")))
}

func (a *api) cut(ctx context.Context, err error) line {
	return cutLine(a.answer(ctx, err))
}

func cutLine(p *Problem) line { return line{kind: "cut", data: p} }

// stream writes server-sent events. A client that stops reading is cut off after writeStall; what
// waits for it meanwhile is bounded by the service's subscription (256 events).
type stream struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	err error
}

func startStream(c huma.Context) *stream {
	_, w := humago.Unwrap(c)
	s := &stream{w: w, rc: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s.write([]byte("retry: 5000\n\n"))
	return s
}

func (s *stream) send(l line) {
	data, err := json.Marshal(l.data)
	if err != nil {
		s.err = fmt.Errorf("encode event: %w", err)
		return
	}
	var b bytes.Buffer
	if l.version > 0 {
		fmt.Fprintf(&b, "id: %d\n", l.version)
	}
	fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", l.kind, data)
	s.write(b.Bytes())
}

func (s *stream) write(b []byte) {
	if _, err := s.w.Write(b); err != nil {
		s.err = err
		return
	}
	s.err = s.rc.Flush()
}
