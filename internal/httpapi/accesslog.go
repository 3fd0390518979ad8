package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/groupcast/groupcast"
)

// note is what the access log needs to know of a request.
type note struct {
	id, from, actor string
}

func noteOf(ctx context.Context) *note {
	if n, ok := ctx.Value(keyRequest).(*note); ok {
		return n
	}
	return &note{}
}

func requestID(ctx context.Context) string { return noteOf(ctx).id }
func addressOf(ctx context.Context) string { return noteOf(ctx).from }

func noteActor(ctx context.Context, p groupcast.Principal) {
	noteOf(ctx).actor = p.Actor()
}

// accessLog logs each request by its pattern, never by its URL, and answers for handlers that
// panic (security.md G1).
func accessLog(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var id [6]byte
		rand.Read(id[:])
		n := &note{id: hex.EncodeToString(id[:]), from: remoteAddr(r)}
		r = r.WithContext(context.WithValue(r.Context(), keyRequest, n))
		out := &answerWriter{ResponseWriter: w, rc: http.NewResponseController(w)}
		w.Header().Set("X-Request-Id", n.id)
		_ = out.rc.SetWriteDeadline(time.Time{}) // that of the request before; only a test's recorder cannot
		start := time.Now()
		defer func() {
			out.hurry(r)
			cut := recovered(log, recover(), n, r, out)
			logAccess(log, n, r, out, time.Since(start))
			if cut {
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(out, r)
	})
}

// recovered answers for a handler that panicked; cut says that the connection must be closed.
func recovered(log *slog.Logger, cause any, n *note, r *http.Request, out *answerWriter) (cut bool) {
	if cause == nil {
		return false
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return true
	}
	log.LogAttrs(r.Context(), slog.LevelError, "handler panicked", slog.String("request", n.id),
		slog.String("pattern", r.Pattern),
		slog.String("cause", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
	if out.status != 0 {
		return true
	}
	writeProblem(out, problem(groupcast.Errorf(groupcast.EInternal, "something went wrong inside the server").
		WithHint("its log says more under request %s", n.id)))
	return false
}

func logAccess(log *slog.Logger, n *note, r *http.Request, out *answerWriter, took time.Duration) {
	log.LogAttrs(r.Context(), accessLevel(out.status), "request",
		slog.String("request", n.id), slog.String("pattern", r.Pattern), slog.String("method", r.Method),
		slog.Int("status", out.status), slog.Int64("bytes", out.bytes), slog.Duration("took", took),
		slog.String("from", n.from), slog.String("actor", n.actor))
}

// accessLevel keeps frequent requests that succeed out of the log at its usual level.
func accessLevel(status int) slog.Level {
	switch {
	case status >= 500:
		return slog.LevelWarn
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// answerWriter counts bytes and sets a write deadline for each piece of an answer.
type answerWriter struct {
	http.ResponseWriter
	rc     *http.ResponseController
	status int
	bytes  int64
	until  time.Time // the deadline that is set
}

// Unwrap lets http.ResponseController through.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader keeps the status for the log.
func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.arm(0)
	w.ResponseWriter.WriteHeader(status)
}

// arm moves the write deadline for a piece of n bytes, at most once a second: it costs a lock and a
// timer. The time is in proportion to the size, for slow connections.
func (w *answerWriter) arm(n int) {
	need := max(writeStall, min(time.Duration(n)*time.Second/writeLeast, writeMost))
	until := time.Now().Add(need)
	if until.Sub(w.until) < time.Second {
		return
	}
	w.until = until
	_ = w.rc.SetWriteDeadline(until) // only a test's recorder cannot
}

// hurry sets a deadline for the rest of a body that the handler did not read: net/http reads it to
// use the connection again.
func (w *answerWriter) hurry(r *http.Request) {
	if r.ProtoMajor == 1 && r.ContentLength != 0 {
		_ = w.rc.SetReadDeadline(time.Now().Add(bodyTimeout)) // only a test's recorder cannot
	}
}

func (w *answerWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.arm(len(b))
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}
