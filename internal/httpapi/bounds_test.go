package httpapi

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
)

// endlessBody is a body that never ends, and counts what was read of it.
type endlessBody struct{ read int64 }

func (b *endlessBody) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	b.read += int64(len(p))
	return len(p), nil
}

// TestEveryBodyIsBounded sends a body without an end to every operation, with a length and without:
// who may use it hears 413 after the bound, everybody else a refusal before a byte was read.
func TestEveryBodyIsBounded(t *testing.T) {
	closed, end := context.WithCancel(t.Context())
	end()
	log := slog.New(slog.DiscardHandler)
	h := dressed(log, newHandler(Config{Service: httpapitest.New(), Log: log}, closed))
	token := map[access]string{
		open: "", anyone: "cli", agents: "agent", relays: "relay", users: "cli", admins: "cli-admin",
	}
	for _, op := range operations(t, h) {
		if op.id == "write-upload" {
			continue // a file's bytes go to the disk as they come
		}
		for _, length := range []int64{-1, 1 << 40} {
			body := &endlessBody{}
			res := askEndless(h, op, token[op.access], body, length)
			if res.Code != http.StatusRequestEntityTooLarge || groupcastCode(res.Body.Bytes()) == "" {
				t.Errorf("%s with a body of %d: status %d: %.200s", op.id, length, res.Code, res.Body)
			}
			if body.read > maxUpload+64<<10 {
				t.Errorf("%s: %d bytes were read", op.id, body.read)
			}
			if op.access == open {
				continue
			}
			body = &endlessBody{}
			if res := askEndless(h, op, "unknown", body, length); res.Code != http.StatusUnauthorized || body.read > 0 {
				t.Errorf("%s of a stranger: status %d, %d bytes were read", op.id, res.Code, body.read)
			}
		}
	}
}

func askEndless(
	h http.Handler, op operation, token string, body *endlessBody, length int64,
) *httptest.ResponseRecorder {
	r := httptest.NewRequest(op.method, "https://server"+samplePath.Replace(op.path), io.NopCloser(body))
	r.ContentLength = length
	r.Header.Set("Content-Type", "application/json")
	if op.id == "agent-lacks" {
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestHostileFraming sends requests whose framing is wrong: none of them reaches the service, none
// is taken for two, and each connection ends, or answers, in time.
func TestHostileFraming(t *testing.T) {
	service := httpapitest.New()
	s, err := Listen(Config{
		Service: service, Listen: "127.0.0.1:0",
		TLS: &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	head := "POST /api/v1/check HTTP/1.1\r\nHost: " + s.Addr().String() +
		"\r\nAuthorization: Bearer cli-admin\r\nContent-Type: application/json\r\n"
	inner := "POST /api/v1/confirm-memberships HTTP/1.1\r\nHost: " + s.Addr().String() +
		"\r\nAuthorization: Bearer cli-admin\r\n\r\n"
	for name, request := range map[string]string{
		"length and chunks": head + "Content-Length: 5\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" +
			inner,
		"two lengths":         head + "Content-Length: 2\r\nContent-Length: 200\r\n\r\n{}" + inner,
		"negative length":     head + "Content-Length: -2\r\n\r\n{}",
		"length in words":     head + "Content-Length: two\r\n\r\n{}",
		"length past 63 bits": head + "Content-Length: 99999999999999999999\r\n\r\n{}",
		"chunk of no number":  head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
		"chunk past 64 bits":  head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
		"chunk with a long word": head + "Transfer-Encoding: chunked\r\n\r\n2;" + strings.Repeat("x", 100_000) +
			"\r\n{}\r\n0\r\n\r\n",
		"no such encoding":       head + "Transfer-Encoding: gzip\r\n\r\n{}",
		"cut in its body":        head + "Content-Length: 200\r\n\r\n{",
		"cut in a chunk":         head + "Transfer-Encoding: chunked\r\n\r\n100\r\n{",
		"space before the colon": head + "X-Y : z\r\n\r\n",
		"NUL in a header":        head + "X-Y: a\x00b\r\n\r\n",
		"folded header":          head + "X-Y: a\r\n b\r\n\r\n\r\n",
		"too many headers":       head + strings.Repeat("X-Y: z\r\n", 10_000) + "\r\n",
		"no host":                "GET /api/v1/status HTTP/1.1\r\n\r\n",
		"two hosts":              head + "Host: x\r\n\r\n",
		"another host": "GET https://evil.example/api/v1/status HTTP/1.1\r\nHost: evil.example\r\n" +
			"Authorization: Bearer cli-admin\r\n\r\n",
		"a proxy's request":        "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"HTTP/0.9":                 "GET /api/v1/status\r\n\r\n",
		"path of somebody's files": "GET /../../etc/passwd HTTP/1.1\r\nHost: " + s.Addr().String() + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			answer := speak(t, s.Addr().String(), request)
			taken := strings.HasPrefix(answer, "HTTP/1.1 2") || strings.Contains(answer, " 500 ")
			if calls := service.Calls(); len(calls) > 0 || taken {
				t.Errorf("%s: called %v, answered %.300q", name, calls, answer)
			}
		})
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// speak says something on a connection of its own, says no more, and gives the answer.
func speak(t *testing.T, to, what string) string {
	t.Helper()
	c, err := tls.Dial("tcp", to, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * bodyTimeout))
	_, _ = c.Write([]byte(what)) // it may be cut off before all of it is out
	_ = c.CloseWrite()
	answer, err := io.ReadAll(bufio.NewReader(io.LimitReader(c, 1<<20)))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%.80q kept its connection for %v", what, 2*bodyTimeout)
	}
	return string(answer)
}
