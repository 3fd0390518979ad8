package httpapi

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
)

func TestOwnHosts(t *testing.T) {
	knows := func(h string) bool { return h == "server.lan" || h == "0011.groupcast.internal" }
	h := ownHosts(knows,
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for host, want := range map[string]int{
		"server.lan:7440":              204,
		"SERVER.lan.":                  204,
		"0011.groupcast.internal":      204,
		"192.168.1.5:7440":             204,
		"[::ffff:192.168.1.5]:7440":    204,
		"192.168.1.6:7440":             421,
		"localhost:7440":               421, // not on the loopback address
		"evil.example":                 421,
		"server.lan.evil.example:7440": 421,
		"":                             421,
		"[::1":                         421,
	} {
		t.Run(host, func(t *testing.T) {
			r := httptest.NewRequest("GET", "https://x/", nil)
			r.Host = host
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{
				IP:   net.IPv4(192, 168, 1, 5),
				Port: 7440,
			}))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("Host %q: %d, want %d", host, w.Code, want)
			}
		})
	}
}

func TestSecurityHeaders(t *testing.T) {
	h := testHandler(newFake())
	for _, path := range []string{"/", "/nonsense", "/api/v1/me", "/api/v1/nonsense", "/api/v1/backup"} {
		t.Run(path, func(t *testing.T) {
			res := ask(h, "GET", path, "cli-admin", "")
			for k, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			} {
				if !strings.HasPrefix(res.Header().Get(k), want) {
					t.Errorf("%s: %s is %q", path, k, res.Header().Get(k))
				}
			}
			if api := strings.HasPrefix(path, "/api/"); api != (res.Header().Get("Cache-Control") == "no-store") {
				t.Errorf("%s: Cache-Control %q", path, res.Header().Get("Cache-Control"))
			}
			if strings.Contains(res.Header().Get("Access-Control-Allow-Origin"), "*") {
				t.Errorf("%s lets other origins in", path)
			}
		})
	}
}

func TestStoredBytesAreAnAttachment(t *testing.T) {
	res := ask(testHandler(newFake()), "GET", "/api/v1/agent/transfers/7/manifest", "agent", "")
	if got := res.Header(); got.Get("Content-Type") != "application/octet-stream" ||
		got.Get("Content-Disposition") != "attachment" ||
		!strings.Contains(got.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("headers %v", got)
	}
}

// TestOtherSitesCannotAct: a browser that carries the cookie is no help to them (W1).
func TestOtherSitesCannotAct(t *testing.T) {
	for name, c := range map[string]struct {
		header, value string
		status        int
	}{
		"own page":          {"Sec-Fetch-Site", "same-origin", 204},
		"another site":      {"Sec-Fetch-Site", "cross-site", 403},
		"a neighbour":       {"Sec-Fetch-Site", "same-site", 403},
		"another origin":    {"Origin", "https://evil.example", 403},
		"no browser at all": {"X-None", "", 204},
	} {
		t.Run(name, func(t *testing.T) {
			s := httpapitest.New()
			r := httptest.NewRequest("DELETE", "https://server/api/v1/users/anna", nil)
			r.AddCookie(&http.Cookie{Name: cookieName, Value: "web-admin"})
			r.Header.Set(c.header, c.value)
			w := httptest.NewRecorder()
			testHandler(s).ServeHTTP(w, r)
			if w.Code != c.status || (w.Code == 403) != (len(s.Calls()) == 0) {
				t.Errorf("%s: %d, want %d", name, w.Code, c.status)
			}
		})
	}
}

func TestBrowserSession(t *testing.T) {
	s := httpapitest.New()
	h := testHandler(s)
	res := ask(h, "POST", "/api/v1/web/login", "", `{"user":"mia","password":"canary"}`)
	cookies := res.Result().Cookies()
	if res.Code != http.StatusOK || len(cookies) != 1 || strings.Contains(res.Body.String(), "canary") {
		t.Fatalf("sign-in: %d %s %v", res.Code, res.Body, cookies)
	}
	c := cookies[0]
	if c.Name != "__Host-gc" || c.Value != "web" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode ||
		c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %+v", c)
	}
	res = ask(h, "POST", "/api/v1/web/logout", "cookie:web", "{}")
	if cookies = res.Result().Cookies(); res.Code != http.StatusNoContent || len(cookies) != 1 || cookies[0].MaxAge >= 0 {
		t.Errorf("sign-out: %d %v", res.Code, cookies)
	}
	calls := s.Calls()
	if len(calls) != 2 || calls[1].Method != "Logout" || calls[1].By.User.Name != "mia" {
		t.Errorf("the service saw %v", calls)
	}
}

// TestLogCarriesNoSecrets: patterns instead of URLs, no headers, no bodies (G1).
func TestLogCarriesNoSecrets(t *testing.T) {
	var log strings.Builder
	s := newFake()
	s.Tokens["canary-token"] = s.Tokens["cli-admin"]
	h := testHandlerLog(s, &log)
	ask(h, "GET", "/api/v1/users/canary-name/groups?x=canary-query", "canary-token", "")
	ask(h, "POST", "/api/v1/users", "canary-token", `{"name":"canary-name","role":"member","password":"canary-password"}`)
	ask(h, "GET", "/canary-path", "", "")
	ask(h, "GET", "/api/v1/me", "canary-unknown", "")
	if strings.Contains(log.String(), "canary") {
		t.Errorf("the log says\n%s", &log)
	}
	for _, want := range []string{"GET /api/v1/users/{name}/groups", "actor=ada", "status=401"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in\n%s", want, &log)
		}
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	var log strings.Builder
	res := ask(testHandlerLog(panickingService{httpapitest.New()}, &log), "GET", "/api/v1/users", "cli-admin", "")
	if res.Code != http.StatusInternalServerError || strings.Contains(res.Body.String(), "canary") ||
		!strings.Contains(log.String(), "canary") {
		t.Errorf("%d %s; log %s", res.Code, res.Body, &log)
	}
}
