package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/problems"
)

func TestEveryCodeHasItsStatus(t *testing.T) {
	for _, kind := range problems.Kinds {
		code, status := kind.Code, kind.Status
		if code == groupcast.EInternal {
			continue // TestInternalErrorsAreLoggedAndNotShown
		}
		t.Run(string(code), func(t *testing.T) {
			s := newFake()
			s.Fail(fmt.Errorf("add user: %w", groupcast.Errorf(code, "no luck with %s", "anna").WithHint("try otherwise").
				WithNext(groupcast.Next{Step: groupcast.StepRetry, Transfer: 7}).Wrap(errors.New("sql: canary"))))
			res := ask(testHandler(s), "GET", "/api/v1/users", "cli-admin", "")
			var p Problem
			if err := json.Unmarshal(res.Body.Bytes(), &p); err != nil {
				t.Fatalf("%s: %v in %s", code, err, res.Body)
			}
			want := Problem{
				Type: "urn:groupcast:problem:" + string(code), Title: kind.Title, Status: status, Detail: "no luck with anna",
				Hint: "try otherwise", Code: code,
			}
			if p.Next == nil || *p.Next != (groupcast.Next{Step: groupcast.StepRetry, Transfer: 7}) {
				t.Errorf("%s: the next step is %+v", code, p.Next)
			}
			p.Next = nil
			if res.Code != status || p != want {
				t.Errorf("%s: got %d %+v, want %+v", code, res.Code, p, want)
			}
			if ct := res.Header().Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("%s: content type %q", code, ct)
			}
			if strings.Contains(res.Body.String(), "canary") {
				t.Errorf("%s: the cause went out: %s", code, res.Body)
			}
			wants := status == 429 || status == 503 || code == groupcast.EInFlight
			if later := res.Header().Get("Retry-After") != ""; later != wants {
				t.Errorf("%s: Retry-After set: %v", code, later)
			}
		})
	}
}

// Who is to come back later is told when, to the second.
func TestRetryAfterSaysWhen(t *testing.T) {
	for after, want := range map[time.Duration]string{0: "5", 1500 * time.Millisecond: "2", 4 * time.Minute: "240"} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			s := newFake()
			late := groupcast.Errorf(groupcast.EExhausted, "too many")
			late.After = after
			s.Fail(late)
			if got := ask(testHandler(s), "GET", "/api/v1/users", "cli-admin", "").Header().Get("Retry-After"); got != want {
				t.Errorf("%v: Retry-After %q, want %q", after, got, want)
			}
		})
	}
}

func TestInternalErrorsAreLoggedAndNotShown(t *testing.T) {
	for name, err := range map[string]error{
		"foreign": errors.New("canary: disk on fire"),
		"internal": groupcast.Errorf(groupcast.EInternal,
			"the database is damaged").Wrap(errors.New("canary: malformed page")),
	} {
		t.Run(name, func(t *testing.T) {
			s := newFake()
			s.Fail(err)
			var log strings.Builder
			res := ask(testHandlerLog(s, &log), "GET", "/api/v1/users", "cli-admin", "")
			if res.Code != http.StatusInternalServerError || strings.Contains(res.Body.String(), "canary") {
				t.Errorf("got %d %s", res.Code, res.Body)
			}
			id := res.Header().Get("X-Request-Id")
			if !strings.Contains(log.String(), "canary") || !strings.Contains(res.Body.String(), id) {
				t.Errorf("request %s: log %s, answer %s", id, &log, res.Body)
			}
		})
	}
}

// TestHiddenTransfers: whoever is not owed a transfer cannot find out that it exists (C8).
func TestHiddenTransfers(t *testing.T) {
	ready, _ := json.Marshal(httpapitest.Fill[groupcast.Ready]())
	report, _ := json.Marshal(httpapitest.Fill[groupcast.AgentReport]())
	receipt, _ := json.Marshal(httpapitest.Fill[groupcast.Receipt]())
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/agent/transfers/7/manifest", ""},
		{"GET", "/agent/transfers/7/blocks/0?count=3", ""},
		{"POST", "/agent/ready", string(ready)},
		{"POST", "/agent/reports", string(report)},
		{"POST", "/agent/receipts", string(receipt)},
	} {
		t.Run(c.path, func(t *testing.T) {
			var answers []string
			for _, err := range []error{
				groupcast.Errorf(groupcast.ENotFound, "there is no transfer 7"),
				groupcast.Errorf(groupcast.EForbidden, "transfer 7 is for the group board").WithHint("ask to join it"),
			} {
				s := newFake()
				s.Fail(err)
				res := ask(testHandler(s), c.method, "/api/v1"+c.path, "agent", c.body)
				res.Header().Del("X-Request-Id")
				answers = append(answers, fmt.Sprint(res.Code, res.Header(), res.Body))
			}
			if answers[0] != answers[1] || !strings.HasPrefix(answers[0], "404") {
				t.Errorf("%s %s:\nabsent    %s\nforbidden %s", c.method, c.path, answers[0], answers[1])
			}
		})
	}
}

func TestRequestsThatAreWrong(t *testing.T) {
	login := `{"user":"anna","password":"canary-password","device":"pc","public_key":"","os":"linux","version":"1","control_version":1,"wire_version":1}`
	for name, c := range map[string]struct {
		method, path, body, contentType string
		status                          int
	}{
		"good":      {"POST", "/login", login, "application/json", 200},
		"charset":   {"POST", "/login", login, "application/json; charset=utf-8", 200},
		"form":      {"POST", "/login", login, "text/plain", 415},
		"no type":   {"POST", "/login", login, "", 415},
		"no JSON":   {"POST", "/login", "canary-password", "application/json", 400},
		"half JSON": {"POST", "/login", login[:60], "application/json", 400},
		"wrong kind": {
			"POST", "/login", strings.Replace(login, `"linux"`, `["canary-password"]`, 1),
			"application/json", 400,
		},
		"lacks a field": {"POST", "/login", `{"password":"canary-password"}`, "application/json", 400},
		"login too large": {
			"POST", "/login", strings.Replace(login, "anna", strings.Repeat("a", maxLogin), 1),
			"application/json", 413,
		},
		"newer client": {
			"POST", "/login", strings.Replace(login, `"user"`, `"fresh":true,"user"`, 1),
			"application/json", 200,
		},
		"no such call":      {"GET", "/nonsense/canary-password", "", "", 404},
		"wrong method":      {"PUT", "/login", login, "application/json", 404},
		"number in words":   {"GET", "/transfers/seven", "", "", 400},
		"negative number":   {"GET", "/transfers/-7", "", "", 400},
		"too many blocks":   {"GET", "/agent/transfers/7/blocks/0?count=5000", "", "", 400},
		"no blocks":         {"GET", "/agent/transfers/7/blocks/0?count=0", "", "", 400},
		"block past 32 bit": {"GET", "/agent/transfers/7/blocks/4294967296", "", "", 400},
		"no device ID":      {"DELETE", "/devices/xyz", "", "", 400},
		"upload as JSON":    {"PUT", "/uploads/u/data?path=a&offset=0", "{}", "application/json", 400},
		"upload of nothing": {"PUT", "/uploads/u/data?offset=0", "x", "application/octet-stream", 400},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			s := newFake()
			h := testHandlerLog(s, &log)
			token := "cli-admin"
			if strings.HasPrefix(c.path, "/agent") {
				token = "agent"
			}
			res := askTyped(h, c.method, "/api/v1"+c.path, token, c.body, c.contentType)
			if res.Code != c.status {
				t.Errorf("status %d, want %d: %s", res.Code, c.status, res.Body)
			}
			if c.status >= 400 && len(s.Calls()) > 0 {
				t.Error("the service was called all the same")
			}
			if c.status >= 400 && groupcastCode(res.Body.Bytes()) == "" {
				t.Errorf("no code in %s", res.Body)
			}
			if both := res.Body.String() + log.String(); strings.Contains(both, "canary") {
				t.Errorf("a password got out: %s", both)
			}
		})
	}
}

func groupcastCode(body []byte) groupcast.Code {
	var p Problem
	if json.Unmarshal(body, &p) != nil {
		return ""
	}
	return p.Code
}
