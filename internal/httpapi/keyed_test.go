package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/keyed"
)

// creating are the calls that take an Idempotency-Key, each with a body that it takes.
var creating = map[string]string{
	"add-user": `{"name":"mia","password":"canary-password"}`, "create-group": `{"name":"lab"}`,
	"create-site":  `{"name":"depot"}`,
	"add-transfer": `{"group":"lab","paths":["/x"]}`, "create-upload": `{"entries":[]}`, "join": `{"text":"please"}`,
}

// notCreating are the other calls with POST, and why they take no key.
var notCreating = reasons(map[string]string{
	"answers tokens":          "login",
	"answers a code":          "add-relay",
	"answers a relay's token": "enrol-relay",
	"the token is good once":  "setup",
	"answers a token":         "sign-in",
	"twice is once": "logout sign-out agent-renew leave approve deny confirm-memberships cancel-transfer " +
		"retry-transfer send-transfer pause-transfer resume-transfer catch-up-delivery later-delivery " +
		"drop-delivery drop-member send-pending label-devices drop-owed set-site",
	"the old password is in it": "change-password",
	"creates nothing":           "agent-challenge check plan-transfer check-transfer check-upload complete-upload",
	"its ticket is good once":   "enter",
})

// Every call that creates something takes a key, every other with POST is listed with the reason why not.
func TestEveryCreatingCallTakesAKey(t *testing.T) {
	for _, op := range documentedOperations(t, testHandler(newFake())) {
		_, creates := creating[op.id]
		_, not := notCreating[op.id]
		if takes := op.takes("header", "Idempotency-Key"); takes != creates {
			t.Errorf("%s takes a key: %v, listed as creating: %v", op.id, takes, creates)
		}
		if op.method == http.MethodPost && op.access != agents && op.access != relays && creates == not {
			t.Errorf("%s is listed as creating: %v, as not: %v", op.id, creates, not)
		}
	}
}

const someKey = "6a1f7c1e-canary-key"

// Each of them is done once for a key, and answers the same again, of which nothing secret is kept.
func TestAKeyCreatesOnce(t *testing.T) {
	for _, op := range documentedOperations(t, testHandler(newFake())) {
		body, ok := creating[op.id]
		if !ok {
			continue
		}
		t.Run(op.id, func(t *testing.T) {
			s, calls := newFake(), httpapitest.NewCalls()
			h := keyedHandler(s, calls)
			path := samplePath.Replace(op.path)
			first := askWith(h, op.method, path, body, "Idempotency-Key", someKey)
			made := s.Calls()
			again := askWith(h, op.method, path, body, "Idempotency-Key", someKey)
			if first.Code != http.StatusOK || again.Code != http.StatusOK || first.Body.String() != again.Body.String() {
				t.Fatalf("%d %s\nthen %d %s", first.Code, first.Body, again.Code, again.Body)
			}
			if first.Header().Get("Idempotency-Replayed") != "" || again.Header().Get("Idempotency-Replayed") != "true" {
				t.Errorf("replayed: %v, then %v", first.Header(), again.Header())
			}
			for _, c := range s.Calls() {
				if c.Method == made[0].Method {
					t.Errorf("%s was called again", c.Method)
				}
			}
			if kept := fmt.Sprint(calls.Kept()); strings.Contains(kept, "canary") {
				t.Errorf("it keeps %s", kept)
			}
			other := askWith(h, op.method, path, strings.Replace(body, "{", `{"x":1,`, 1), "Idempotency-Key", someKey)
			if other.Code != http.StatusUnprocessableEntity || groupcastCode(other.Body.Bytes()) != groupcast.EKeyReused {
				t.Errorf("with another body: %d %s", other.Code, other.Body)
			}
			if res := askWith(h, op.method, path, body, "Idempotency-Key", someKey+"2"); res.Code != http.StatusOK ||
				len(s.Calls()) == 0 {
				t.Errorf("with another key: %d", res.Code)
			}
		})
	}
}

func keyedHandler(s groupcast.Service, calls keyed.Store) http.Handler {
	log := slog.New(slog.DiscardHandler)
	return dressed(log, newHandler(Config{Service: s, Calls: calls, Log: log}, context.Background()))
}

// The same key of another account, or in another call, is another key.
func TestAKeyBelongsToItsAccount(t *testing.T) {
	s := newFake()
	h := testHandler(s)
	for _, token := range []string{"cli", "cli-admin"} {
		r := httptest.NewRequest("POST", "https://server"+prefix+"/groups/lab/join", strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", someKey)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Header().Get("Idempotency-Replayed") != "" || len(s.Calls()) != 1 {
			t.Errorf("%s: %d %s", token, w.Code, w.Body)
		}
	}
	res := askWith(h, "POST", prefix+"/groups/art/join", "{}", "Idempotency-Key", someKey)
	if res.Code != http.StatusUnprocessableEntity {
		t.Errorf("in another group: %d", res.Code)
	}
}

// Nothing is kept of who is refused, and of keys that are none.
func TestKeysOfStrangersAreNotKept(t *testing.T) {
	s, calls := newFake(), httpapitest.NewCalls()
	h := keyedHandler(s, calls)
	for _, token := range []string{"", "unknown", "agent", "cli"} {
		r := httptest.NewRequest("POST", "https://server"+prefix+"/groups", strings.NewReader(`{"name":"lab"}`))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", someKey)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized && w.Code != http.StatusForbidden {
			t.Errorf("%q: %d", token, w.Code)
		}
	}
	for _, headers := range [][]string{
		{"Idempotency-Key", ""},
		{"Idempotency-Key", "short"},
		{"Idempotency-Key", strings.Repeat("x", 256)},
		{"Idempotency-Key", "with a space"},
		{"Idempotency-Key", "grüße-und-mehr"},
		{"Idempotency-Key", someKey, "Idempotency-Key", someKey},
	} {
		if res := askWith(h, "POST", prefix+"/groups", `{"name":"lab"}`, headers...); res.Code != http.StatusBadRequest {
			t.Errorf("%q: %d %s", headers, res.Code, res.Body)
		}
	}
	if kept := calls.Kept(); len(kept) > 0 || len(s.Calls()) > 0 {
		t.Errorf("kept %v", kept)
	}
}

// A refusal is not remembered; an error of which nobody knows what it left is, also past a restart.
func TestAKeyAfterAnError(t *testing.T) {
	s, calls := newFake(), httpapitest.NewCalls()
	post := func() *httptest.ResponseRecorder { // each on a server of its own
		return askWith(keyedHandler(s, calls), "POST", prefix+"/groups", `{"name":"lab"}`, "Idempotency-Key", someKey)
	}
	s.Fail(groupcast.Errorf(groupcast.EConflict, "the name is taken"))
	if res := post(); res.Code != http.StatusConflict || len(calls.Kept()) > 0 {
		t.Fatalf("%d, kept %v", res.Code, calls.Kept())
	}
	s.Fail(errors.New("the disk broke"))
	if res := post(); res.Code != http.StatusInternalServerError {
		t.Fatal(res.Code)
	}
	s.Fail(nil)
	if res := post(); groupcastCode(res.Body.Bytes()) != groupcast.EInterrupted {
		t.Fatalf("%d %s", res.Code, res.Body)
	}
}

// slowGroups makes a group as soon as it may, and does not if its caller has gone.
type slowGroups struct {
	*httpapitest.Service
	begun, may chan struct{}
}

func (s slowGroups) CreateGroup(
	ctx context.Context, p groupcast.Principal, n groupcast.NewGroup,
) (groupcast.Group, error) {
	close(s.begun)
	<-s.may
	if ctx.Err() != nil {
		return groupcast.Group{}, ctx.Err()
	}
	return s.Service.CreateGroup(ctx, p, n)
}

// Who asks again while the first request runs hears so. The first ends also if its caller has gone.
func TestAKeyInFlight(t *testing.T) {
	s := slowGroups{newFake(), make(chan struct{}), make(chan struct{})}
	h := testHandler(s)
	ctx, gone := context.WithCancel(t.Context())
	var first sync.WaitGroup
	first.Go(func() {
		r := httptest.NewRequestWithContext(ctx, "POST", "https://server"+prefix+"/groups",
			io.NopCloser(strings.NewReader(`{"name":"lab"}`)))
		r.Header.Set("Authorization", "Bearer cli-admin")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", someKey)
		h.ServeHTTP(httptest.NewRecorder(), r)
	})
	<-s.begun
	gone()
	res := askWith(h, "POST", prefix+"/groups", `{"name":"lab"}`, "Idempotency-Key", someKey)
	if res.Code != http.StatusConflict || groupcastCode(res.Body.Bytes()) != groupcast.EInFlight ||
		res.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v %s", res.Code, res.Header(), res.Body)
	}
	close(s.may)
	first.Wait()
	res = askWith(h, "POST", prefix+"/groups", `{"name":"lab"}`, "Idempotency-Key", someKey)
	if res.Code != http.StatusOK || res.Header().Get("Idempotency-Replayed") != "true" || len(s.Calls()) != 1 {
		t.Errorf("%d %v %s", res.Code, res.Header(), res.Body)
	}
}

// What is kept does not depend on how the answer is written: it is what the first caller got.
func TestTheKeptAnswerIsJSON(t *testing.T) {
	calls := httpapitest.NewCalls()
	res := askWith(keyedHandler(newFake(), calls), "POST", prefix+"/groups", `{"name":"lab"}`, "Idempotency-Key", someKey)
	var a, b groupcast.Group
	if json.Unmarshal(res.Body.Bytes(), &a) != nil || json.Unmarshal(calls.Kept()[0].Answer, &b) != nil || a != b {
		t.Errorf("answered %+v, kept %+v", a, b)
	}
}
