package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
)

type setUpPage struct {
	*testing.T
	url     string
	service *httpapitest.Service
	ended   chan error
}

func openSetUp(t *testing.T) setUpPage {
	t.Helper()
	service := httpapitest.New()
	s, err := ListenSetUp(SetUpConfig{
		Service: service, Log: slog.New(slog.DiscardHandler), SignIn: "https://192.0.2.1:7440",
		Root: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the page") }),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p := setUpPage{T: t, url: "http://" + s.host(), service: service, ended: make(chan error, 1)}
	go func() { p.ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-p.ended; err != nil {
			t.Error(err)
		}
	})
	if link := s.Link("abc"); link != p.url+"/#/first/abc" {
		t.Fatalf("the link is %s", link)
	}
	return p
}

// setUpAnswer is an answer with its body, read.
type setUpAnswer struct {
	*http.Response
	body string
}

func (p setUpPage) ask(method, path, body string, change func(*http.Request)) setUpAnswer {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(r)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	return setUpAnswer{res, string(text)}
}

const firstBody = `{"token":"t","name":"root","password":"long enough"}`

func TestTheSetUpPageIsForSetUpOnly(t *testing.T) {
	p := openSetUp(t)
	for _, c := range []struct {
		name, method, path, body string
		change                   func(*http.Request)
		status                   int
	}{
		{"the page", "GET", "/", "", nil, 200},
		{"another name", "GET", "/", "", func(r *http.Request) { r.Host = "evil.example" }, 421},
		{"localhost", "GET", "/", "", func(r *http.Request) { r.Host = "localhost" }, 421},
		{"another call", "GET", "/api/v1/me", "", nil, 404},
		{"login", "POST", "/api/v1/web/login", "{}", nil, 404},
		{"from another site", "POST", "/api/v1/setup", firstBody, func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site",
				"cross-site")
		}, 403},
		{"as a form", "POST", "/api/v1/setup", firstBody, func(r *http.Request) {
			r.Header.Set("Content-Type",
				"text/plain")
		}, 415},
		{"not JSON", "POST", "/api/v1/setup", "x", nil, 400},
		{"too large", "POST", "/api/v1/setup", strings.Repeat(" ", maxLogin+1), nil, 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			if res := p.ask(c.method, c.path, c.body, c.change); res.StatusCode != c.status {
				t.Errorf("%s: %s, want %d", c.name, res.Status, c.status)
			}
		})
	}
	if calls := p.service.Calls(); len(calls) != 0 {
		t.Errorf("the service was asked: %+v", calls)
	}
}

// Whoever opens the link again is told by the same page; no other program can take its port.
func TestTheSetUpPageStaysAfterItWasUsed(t *testing.T) {
	p := openSetUp(t)
	p.service.Fail(groupcast.Errorf(groupcast.EUnauthorized, "this token is not valid"))
	if res := p.ask("POST", "/api/v1/setup", firstBody, nil); res.StatusCode != 401 {
		t.Fatalf("with a wrong token: %s", res.Status)
	}
	p.service.Fail(nil)
	res := p.ask("POST", "/api/v1/setup", firstBody, nil)
	if res.StatusCode != 200 || !strings.Contains(res.body, `"sign_in":"https://192.0.2.1:7440"`) ||
		!strings.Contains(res.body, `"ticket":"`) {
		t.Fatalf("%s %s", res.Status, res.body)
	}
	if res.Header.Get("Set-Cookie") != "" || res.Header.Get("Content-Security-Policy") != policy {
		t.Errorf("headers %v", res.Header)
	}
	res = p.ask("GET", "/api/v1/welcome", "", nil)
	if res.StatusCode != 200 || !strings.Contains(res.body, `"set_up":`) ||
		!strings.Contains(res.body, `"sign_in":"https://192.0.2.1:7440"`) {
		t.Errorf("%s %s", res.Status, res.body)
	}
}
