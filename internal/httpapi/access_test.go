package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
)

// documented is who may use what: a change here is a change of the product's promises.
var documented = map[access]string{
	open:   "login welcome setup sign-in enter agent-challenge agent-renew enrol-relay",
	anyone: "logout me",
	agents: "agent-state agent-ready agent-report agent-entries agent-receipt agent-probes agent-manifest agent-blocks agent-events agent-fork " +
		"agent-skeleton agent-pages agent-stream agent-lacks agent-clock",
	relays: "relay-renew relay-skeleton relay-pages relay-stream",
	users: "change-password groups-on-offer my-groups join leave my-deliveries sign-ins end-sign-in devices device " +
		"device-deliveries revoke-device sign-out events",
	admins: "add-user users user sent-files update-user delete-user user-groups create-group groups group update-group delete-group members " +
		"add-member remove-member seats set-seats requests approve deny add-transfer transfers transfer deliveries delivery-entries files check-transfer left-out series loss-map transfer-proof key-holders key-sessions savings " +
		"cancel-transfer catch-up-delivery later-delivery drop-delivery drop-member retry-transfer send-transfer pause-transfer resume-transfer change-transfer pending group-pending send-pending check-upload create-upload upload " +
		"complete-upload delete-upload write-upload unfinished-uploads check audit status " +
		"label-devices drop-owed create-site sites site delete-site set-site " +
		"change-server confirm-memberships backup plan-transfer " +
		"add-relay relays revoke-relay grant-site ungrant-site",
}

// newFake gives a service whose event streams end at once.
func newFake() *httpapitest.Service {
	s := httpapitest.New()
	s.EventStream().Cut <- groupcast.Errorf(groupcast.EUnavailable, "over")
	s.AgentStream().Cut <- groupcast.Errorf(groupcast.EUnavailable, "over")
	return s
}

func testHandler(s groupcast.Service) http.Handler {
	return testHandlerLog(s, io.Discard)
}

func testHandlerLog(s groupcast.Service, to io.Writer) http.Handler {
	log := slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return dressed(log, newHandler(Config{Service: s, Calls: httpapitest.NewCalls(), Log: log}, context.Background()))
}

type operation struct {
	id, method, path string
	access           access
}

// operations reads the document as a client would.
func operations(t *testing.T, h http.Handler) []operation {
	t.Helper()
	res := ask(h, "GET", "/api/v1/openapi.json", "", "")
	var doc struct {
		Paths map[string]map[string]struct {
			ID     string `json:"operationId"`
			Access access `json:"x-groupcast-access"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(res.Body.Bytes(), &doc); err != nil {
		t.Fatalf("openapi.json: %v", err)
	}
	var out []operation
	for path, methods := range doc.Paths {
		for method, op := range methods {
			out = append(out, operation{op.ID, strings.ToUpper(method), path, op.Access})
		}
	}
	return out
}

// ask makes one request; the token "cookie:x" travels as the browser's cookie.
func ask(h http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://server"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if value, ok := strings.CutPrefix(token, "cookie:"); ok {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: value})
	} else if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var samplePath = strings.NewReplacer("{no}", "7", "{device}", "00112233445566778899aabbccddeeff", "{first}", "3",
	"{name}", "lab", "{group}", "lab", "{user}", "mia",
	"{id}", "00112233445566778899aabbccddeeff")

func TestEveryOperationSaysWhoMayUseIt(t *testing.T) {
	want := map[string]access{}
	for who, ids := range documented {
		for _, id := range strings.Fields(ids) {
			want[id] = who
		}
	}
	for _, op := range operations(t, testHandler(newFake())) {
		if want[op.id] != op.access {
			t.Errorf("%s %s (%s) is open to %q, documented %q", op.method, op.path, op.id, op.access, want[op.id])
		}
		delete(want, op.id)
	}
	for id := range want {
		t.Errorf("%s is documented and does not exist", id)
	}
}

// TestMatrix asks for every operation as everybody.
func TestMatrix(t *testing.T) {
	everybody := []struct {
		token string
		may   []access
	}{
		{"", []access{open}},
		{"unknown", []access{open}},
		{"agent", []access{open, anyone, agents}},
		{"agent-admin", []access{open, anyone, agents}},
		{"relay", []access{open, relays}},
		{"cookie:relay", []access{open}},
		{"cli", []access{open, anyone, users}},
		{"cli-admin", []access{open, anyone, users, admins}},
		{"cookie:web", []access{open, anyone, users}},
		{"cookie:web-admin", []access{open, anyone, users, admins}},
		{"cookie:cli-admin", []access{open}},
		{"cookie:agent", []access{open}},
	}
	s := httpapitest.New()
	closed, end := context.WithCancel(t.Context()) // event streams end at once
	end()
	log := slog.New(slog.DiscardHandler)
	h := dressed(log, newHandler(Config{Service: s, Log: log}, closed))
	for _, op := range operations(t, h) {
		for _, who := range everybody {
			s.Calls()
			res := ask(h, op.method, samplePath.Replace(op.path), who.token, "")
			refused := res.Code == http.StatusUnauthorized || res.Code == http.StatusForbidden
			may := false
			for _, a := range who.may {
				may = may || a == op.access
			}
			if refused == may {
				t.Errorf("%s %s as %q: status %d, may use it: %v", op.method, op.path, who.token, res.Code, may)
			}
			if calls := s.Calls(); refused && len(calls) > 0 {
				t.Errorf("%s as %q was refused and still called %v", op.id, who.token, calls)
			}
		}
	}
}

func TestDisabledAdministratorIsNone(t *testing.T) {
	s := newFake()
	p := s.Tokens["cli-admin"]
	p.User.Disabled = true
	s.Tokens["cli-admin"] = p
	if res := ask(testHandler(s), "GET", "/api/v1/users", "cli-admin", ""); res.Code != http.StatusForbidden {
		t.Errorf("status %d, want 403", res.Code)
	}
}

// TestLocalTokenIsRefused: only the socket makes a local administrator, no token does.
func TestLocalTokenIsRefused(t *testing.T) {
	s := newFake()
	s.Tokens["stolen"] = groupcast.Principal{Local: true, Scope: groupcast.ScopeCLI}
	if res := ask(testHandler(s), "GET", "/api/v1/users", "stolen", ""); res.Code != http.StatusUnauthorized {
		t.Errorf("status %d, want 401", res.Code)
	}
}

func askTyped(h http.Handler, method, path, token, body, contentType string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://server"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestAnswersCarryNoSchemaLinks: no $schema field, no Link header, no page from elsewhere.
func TestAnswersCarryNoSchemaLinks(t *testing.T) {
	h := testHandler(newFake())
	res := ask(h, "GET", "/api/v1/me", "cli", "")
	if strings.Contains(res.Body.String(), "$schema") || res.Header().Get("Link") != "" {
		t.Errorf("%v %s", res.Header(), res.Body)
	}
	for _, path := range []string{"/docs", "/schemas/Me.json", "/openapi.yaml", "/api/v1/docs"} {
		t.Run(path, func(t *testing.T) {
			if res := ask(h, "GET", path, "", ""); res.Code != http.StatusNotFound {
				t.Errorf("%s: status %d", path, res.Code)
			}
		})
	}
}
