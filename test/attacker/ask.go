//go:build linux

package attacker

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// Operation is a call of the API, as the server's document describes it.
type Operation struct {
	ID, Method, Path, Access string
}

// Asking is what became of one request.
type Asking struct {
	Operation
	Role   string
	Status int
	Body   string // its beginning
}

// Roles are whom requests come from, and the kinds of operations that each may use.
var Roles = map[string][]string{
	"nobody":              {"open"},
	"unknown token":       {"open"},
	"agent":               {"open", "anyone", "agent"},
	"administrator agent": {"open", "anyone", "agent"},
	"cli":                 {"open", "anyone", "user"},
	"administrator cli":   {"open", "anyone", "user", "admin"},
	"web":                 {"open", "anyone", "user"},
	"administrator web":   {"open", "anyone", "user", "admin"},
	"cookie of an agent":  {"open"},
}

// lastOnes end a login: they are asked after all others.
var lastOnes = []string{"logout", "sign-out", "change-password"}

// sample fills the parameters of paths with what names nothing.
var sample = strings.NewReplacer("{no}", "7", "{device}", "00112233445566778899aabbccddeeff", "{first}", "3",
	"{name}", "nowhere", "{user}", "nobody",
	"{id}", "00112233445566778899aabbccddeeff", "{file...}", "x", "{path}", "x")

// asker calls the API without the client's manners.
type asker struct {
	plan Plan
	http *http.Client
	host string
}

func newAsker(p Plan) *asker {
	return &asker{plan: p, host: internalName(p), http: &http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{InsecureSkipVerify: true, ServerName: internalName(p)},
			MaxIdleConnsPerHost: 4, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// do makes a request; an event stream is left after its header.
func (a *asker) do(ctx context.Context, method, path string, body []byte, dress func(*http.Request)) (int,
	http.Header, []byte, error,
) {
	req, err := http.NewRequestWithContext(ctx, method, a.plan.Server+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Host = a.host
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	dress(req)
	res, err := a.http.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close()
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return res.StatusCode, res.Header, nil, nil
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	return res.StatusCode, res.Header, text, err
}

func (a *asker) document(ctx context.Context) ([]Operation, error) {
	_, _, text, err := a.do(ctx, "GET", "/api/v1/openapi.json", nil, func(*http.Request) {})
	if err != nil {
		return nil, err
	}
	var doc struct {
		Paths map[string]map[string]struct {
			ID     string `json:"operationId"`
			Access string `json:"x-groupcast-access"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	var out []Operation
	for path, methods := range doc.Paths {
		for method, op := range methods {
			out = append(out, Operation{op.ID, strings.ToUpper(method), path, op.Access})
		}
	}
	slices.SortFunc(out, func(x, y Operation) int {
		if a, b := slices.Index(lastOnes, x.ID), slices.Index(lastOnes, y.ID); a != b {
			return a - b
		}
		return strings.Compare(x.ID, y.ID)
	})
	return out, nil
}

// bearer and cookie add a token to a request.
func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func cookie(token string) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "__Host-gc", Value: token}) }
}

// signIn gives a browser's cookie.
func (a *asker) signIn(ctx context.Context, user string) (string, error) {
	body, err := json.Marshal(map[string]string{"user": user, "password": a.plan.Password})
	if err != nil {
		return "", err
	}
	status, header, text, err := a.do(ctx, "POST", "/api/v1/web/login", body, func(*http.Request) {})
	if err != nil || status != http.StatusOK {
		return "", fmt.Errorf("sign in: %d %s %w", status, text, err)
	}
	c, err := http.ParseSetCookie(header.Get("Set-Cookie"))
	if err != nil {
		return "", err
	}
	return c.Value, nil
}

// dresses has a function for every role that adds its token: p.User is no administrator, p.Source is one.
func (a *asker) dresses(ctx context.Context) (map[string]func(*http.Request), error) {
	out := map[string]func(*http.Request){
		"nobody": func(*http.Request) {}, "unknown token": bearer(strings.Repeat("A", 43)),
	}
	for prefix, user := range map[string]string{"": a.plan.User, "administrator ": a.plan.Source} {
		as := a.plan
		as.User = user
		m, err := Login(ctx, as)
		if err != nil {
			return nil, err
		}
		web, err := a.signIn(ctx, user)
		if err != nil {
			return nil, err
		}
		out[prefix+"agent"], out[prefix+"cli"] = bearer(m.In.AgentToken), bearer(m.In.CLIToken)
		out[prefix+"web"] = cookie(web)
		if prefix == "" {
			out["cookie of an agent"] = cookie(m.In.AgentToken)
		}
	}
	return out, nil
}

// again logs in anew for a role; where the server asks for a moment, it gets it.
func (a *asker) again(ctx context.Context, role string) (func(*http.Request), error) {
	for tries := 0; ; tries++ {
		all, err := a.dresses(ctx)
		if err == nil || tries == 10 {
			return all[role], err
		}
		time.Sleep(time.Second)
	}
}

// matrix asks for every operation of the document in every role, with what names nothing and an empty
// object where a body is wanted, and writes what was answered to p.File.
func matrix(ctx context.Context, p Plan, r *Report) error {
	a := newAsker(p)
	operations, err := a.document(ctx)
	if err != nil {
		return err
	}
	dresses, err := a.dresses(ctx)
	if err != nil {
		return err
	}
	all, err := a.others(ctx, dresses["administrator web"], dresses["administrator cli"])
	if err != nil {
		return err
	}
	for _, op := range operations {
		for role, dress := range dresses {
			var body []byte
			if op.Method == http.MethodPost || op.Method == http.MethodPut || op.Method == http.MethodPatch {
				body = []byte("{}")
			}
			if slices.Contains(lastOnes, op.ID) && slices.Contains(Roles[role], op.Access) { // it may end a login
				if dress, err = a.again(ctx, role); err != nil {
					return err
				}
			}
			status, _, text, err := a.do(ctx, op.Method, sample.Replace(op.Path), body, dress)
			if err != nil {
				return fmt.Errorf("%s as %s: %w", op.ID, role, err)
			}
			r.Sent++
			all = append(all, Asking{op, role, status, string(text[:min(len(text), 200)])})
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(p.File, text, 0o600)
}

// others are requests that no operation is meant for: of other sites, for other hosts, by paths of
// the server's disk (p.Group is the server's folder, p.Folder its --source). Their role says what they are.
func (a *asker) others(ctx context.Context, web, cli func(*http.Request)) ([]Asking, error) {
	var out []Asking
	with := func(who func(*http.Request), more func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) { who(r); more(r) }
	}
	group := []byte(`{"name":"stolen"}`)
	for _, x := range []struct {
		role, method, path string
		body               []byte
		dress              func(*http.Request)
	}{
		{"cross-site POST", "POST", "/api/v1/groups", group, with(web,
			func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })},
		{"POST of another origin", "POST", "/api/v1/groups", group, with(web,
			func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })},
		{"POST of a form", "POST", "/api/v1/groups", []byte("name=stolen"), with(web, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		})},
		{"foreign Host", "GET", "/api/v1/groups", nil, with(web, func(r *http.Request) { r.Host = "evil.example" })},
		{"EventSource of a foreign Host", "GET", "/api/v1/events", nil, with(web,
			func(r *http.Request) { r.Host = "rebound.example" })},
		{"path of the CA's key", "POST", "/api/v1/transfers", paths(a.plan.Group + "/ca.key"), cli},
		{"link below --source to it", "POST", "/api/v1/transfers", paths(a.plan.Folder + "/link"), cli},
		{
			"way up out of --source", "POST", "/api/v1/transfers",
			paths(a.plan.Folder + "/../../.." + a.plan.Group + "/ca.key"), cli,
		},
		{"the page", "GET", "/", nil, func(*http.Request) {}},
	} {
		status, header, text, err := a.do(ctx, x.method, x.path, x.body, x.dress)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", x.role, err)
		}
		said := string(text[:min(len(text), 300)])
		if x.path == "/" {
			said = header.Get("Content-Security-Policy") + " | " + header.Get("X-Content-Type-Options")
		}
		out = append(out, Asking{Operation{ID: "", Method: x.method, Path: x.path}, x.role, status, said})
	}
	return out, nil
}

func paths(path string) []byte {
	text, _ := json.Marshal(map[string]any{"group": "lab", "paths": []string{path}}) // strings always encode
	return text
}
