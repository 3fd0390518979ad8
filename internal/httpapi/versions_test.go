package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/etag"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
)

// noVersion are the calls that change or create something and take no If-Match, and why.
var noVersion = reasons(map[string]string{
	"is there or not": "revoke-relay grant-site ungrant-site",
	"of many at once": "label-devices drop-owed set-site",
	"creates": "login setup sign-in add-user create-group create-site add-transfer create-upload add-relay " +
		"enrol-relay",
	"ends what asks":        "logout sign-out",
	"has the old one in it": "change-password",
	"changes nothing": "agent-challenge plan-transfer check-transfer check check-upload " +
		"complete-upload",
	"of a device itself":                 "agent-renew",
	"members have no version of a group": "join leave",
	"a login is not changed, only ended": "end-sign-in",
	"its ticket is good once":            "enter",
	"has the offset in it":               "write-upload",
	"is not changed, only deleted":       "delete-upload delete-site",
	"of the whole server":                "confirm-memberships",
})

// reasons turns a table of a reason and the IDs that it holds for round.
func reasons(table map[string]string) map[string]string {
	out := map[string]string{}
	for why, ids := range table {
		for _, id := range strings.Fields(ids) {
			out[id] = why
		}
	}
	return out
}

// documentedOperation is what the document says of an operation, as far as tests here look at it.
type documentedOperation struct {
	operation
	Parameters []struct{ Name, In string }
	Responses  map[string]struct {
		Headers map[string]any
		Content map[string]struct{ Schema map[string]any }
	}
}

func (o documentedOperation) takes(in, name string) bool {
	for _, p := range o.Parameters {
		if p.In == in && p.Name == name {
			return true
		}
	}
	return false
}

func documentedOperations(t *testing.T, h http.Handler) (out []documentedOperation) {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(ask(h, "GET", prefix+"/openapi.json", "", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, op := range operations(t, h) {
		one := documentedOperation{operation: op}
		if err := json.Unmarshal(doc.Paths[op.path][strings.ToLower(op.method)], &one); err != nil {
			t.Fatal(err)
		}
		out = append(out, one)
	}
	return out
}

// askWith makes a request with headers, two strings each, as an administrator.
func askWith(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://server"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer cli-admin")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Every operation that changes something takes If-Match, or is listed with the reason why not; with a version that
// is not the one it is refused before the service is asked to change anything.
func TestEveryChangeTakesAVersion(t *testing.T) {
	s := newFake()
	h := testHandler(s)
	tried := 0
	for _, op := range documentedOperations(t, h) {
		why, listed := noVersion[op.id]
		if op.method == http.MethodGet || op.access == agents || op.access == relays {
			continue
		}
		if takes := op.takes("header", "If-Match"); takes == listed {
			t.Errorf("%s takes If-Match: %v; listed as one that does not, because it %q", op.id, takes, why)
			continue
		}
		if listed {
			continue
		}
		tried++
		path, body := samplePath.Replace(op.path), ""
		if op.method == http.MethodPatch {
			body = "{}"
		}
		free := askWith(h, op.method, path, body)
		if free.Code == http.StatusPreconditionFailed {
			t.Errorf("%s without If-Match: %d", op.id, free.Code)
		}
		s.Calls()
		res := askWith(h, op.method, path, body, "If-Match", `"0000000000000000", W/"x"`)
		var p Problem
		if err := json.Unmarshal(res.Body.Bytes(), &p); err != nil || res.Code != http.StatusPreconditionFailed ||
			p.Code != groupcast.EChanged || p.Current == "" || res.Header().Get("ETag") != p.Current {
			t.Errorf("%s with another version: %d %s", op.id, res.Code, res.Body)
		}
		for _, c := range s.Calls() {
			if !strings.Contains(" User Group Transfer Device ServerStatus ", " "+c.Method+" ") {
				t.Errorf("%s was refused and called %s", op.id, c.Method)
			}
		}
		for _, good := range []string{p.Current, `"x", ` + p.Current, "*"} {
			if res := askWith(h, op.method, path, body, "If-Match", good); res.Code != free.Code {
				t.Errorf("%s with If-Match %s: %d, without %d", op.id, good, res.Code, free.Code)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d operations take If-Match", tried)
	}
}

// What shows a thing that has a version gives it, and a change gives the new one.
func TestAnswersHaveTheVersion(t *testing.T) {
	h := testHandler(newFake())
	for _, path := range []string{
		"/users/mia", "/groups/lab", "/transfers/7", "/status",
		"/devices/00112233445566778899aabbccddeeff",
	} {
		if tag := askWith(h, "GET", prefix+path, "").Header().Get("ETag"); len(tag) != 18 {
			t.Errorf("%s has the ETag %q", path, tag)
		}
	}
	for _, op := range documentedOperations(t, h) {
		if op.method != http.MethodPatch {
			continue
		}
		if _, has := op.Responses["200"].Headers["ETag"]; !has {
			t.Errorf("%s does not document its ETag", op.id)
		}
	}
}

// A version changes with what people set, and with nothing that passes.
func TestVersions(t *testing.T) {
	tr, dev, group, user := httpapitest.Fill[groupcast.Transfer](), httpapitest.Fill[groupcast.Device](),
		httpapitest.Fill[groupcast.Group](), httpapitest.Fill[groupcast.User]()
	tr.State = groupcast.TransferSending
	for what, pair := range map[string]struct {
		a, b any
		same bool
	}{
		"progress":  {tr, with(tr, func(t *groupcast.Transfer) { t.Progress, t.Verified, t.State = 1, 9, "waiting" }), true},
		"closed":    {tr, with(tr, func(t *groupcast.Transfer) { t.State = groupcast.TransferDone }), false},
		"paused":    {tr, with(tr, func(t *groupcast.Transfer) { t.Paused = false }), false},
		"rate":      {tr, with(tr, func(t *groupcast.Transfer) { t.RateLimit++ }), false},
		"seen":      {dev, with(dev, func(d *groupcast.Device) { d.Active, d.FreeBytes = false, 1 }), true},
		"renamed":   {dev, with(dev, func(d *groupcast.Device) { d.Name = "x" }), false},
		"counts":    {group, with(group, func(g *groupcast.Group) { g.Active, g.Pending = 0, 0 }), true},
		"members":   {group, with(group, func(g *groupcast.Group) { g.Version++ }), false},
		"approval":  {group, with(group, func(g *groupcast.Group) { g.NewDevices = "x" }), false},
		"disabled":  {user, with(user, func(u *groupcast.User) { u.Disabled = false }), false},
		"same name": {user, with(user, func(u *groupcast.User) { u.ID = "x" }), false},
	} {
		if a, b := etag.Of(pair.a), etag.Of(pair.b); (a == b) != pair.same || a == "" {
			t.Errorf("%s: %s and %s", what, a, b)
		}
	}
}

func with[T any](v T, change func(*T)) T {
	change(&v)
	return v
}

// switching is a service whose group has a value that is read, and then written a moment later.
type switching struct {
	*httpapitest.Service
	mu    sync.Mutex
	value groupcast.NewDevices
	made  int
}

func (s *switching) Group(_ context.Context, _ groupcast.Principal, _ string) (groupcast.Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return groupcast.Group{Name: "lab", NewDevices: s.value}, nil
}

func (s *switching) UpdateGroup(
	_ context.Context, _ groupcast.Principal, _ string, c groupcast.GroupChange,
) (groupcast.Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = *c.NewDevices
	s.made++
	return groupcast.Group{Name: "lab", NewDevices: s.value}, nil
}

// Of those who change the same version at the same time one does it, the others hear 412.
func TestOneOfManyChangesAVersion(t *testing.T) {
	s := &switching{Service: newFake(), value: "allow"}
	h := testHandler(s)
	tag := askWith(h, "GET", prefix+"/groups/lab", "").Header().Get("ETag")
	codes := make([]int, 20)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() {
			body := fmt.Sprintf(`{"new_devices":"v%d"}`, i)
			codes[i] = askWith(h, "PATCH", prefix+"/groups/lab", body, "If-Match", tag).Code
		})
	}
	all.Wait()
	refused := 0
	for _, code := range codes {
		if code == http.StatusPreconditionFailed {
			refused++
		}
	}
	if s.made != 1 || refused != len(codes)-1 {
		t.Errorf("%d changes were made, %d refused: %v", s.made, refused, codes)
	}
}

// A version of one who may not look is no oracle: access comes first.
func TestAVersionShowsNothingToOthers(t *testing.T) {
	r := httptest.NewRequest("DELETE", "https://server"+prefix+"/groups/lab", nil)
	r.Header.Set("Authorization", "Bearer cli")
	r.Header.Set("If-Match", `"0000000000000000"`)
	w := httptest.NewRecorder()
	testHandler(newFake()).ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || w.Header().Get("ETag") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
