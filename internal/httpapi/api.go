package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/etag"
	"github.com/groupcast/groupcast/internal/keyed"
	"github.com/groupcast/groupcast/internal/pace"
	"github.com/groupcast/groupcast/internal/problems"
)

// api is what the handlers share.
type api struct {
	service groupcast.Service
	log     *slog.Logger
	huma    huma.API
	closing context.Context // streams end with it
	attach  *attachLimits
	turns   *pace.Turns
	paces   *pace.Agents
	locks   *etag.Locks
	keys    *keyed.Calls // nil: none are remembered
}

// newAPI puts all operations on mux.
func newAPI(cfg Config, mux *http.ServeMux, closing context.Context) *api {
	a := &api{
		service: cfg.Service, log: cfg.Log, closing: closing, attach: newAttachLimits(), turns: pace.NewTurns(),
		paces: pace.NewAgents(), locks: etag.NewLocks(), keys: keyed.New(cfg.Calls, closing.Done(), cfg.Log),
	}
	a.huma = humago.New(mux, document())
	a.accountRoutes()
	a.welcomeRoutes()
	a.webRoutes()
	a.userRoutes()
	a.deviceRoutes()
	a.machineRoutes()
	a.fleetRoutes()
	a.groupRoutes()
	a.keyRoutes()
	a.seatRoutes()
	a.siteRoutes()
	a.requestRoutes()
	a.transferRoutes()
	a.pendingRoutes()
	a.uploadRoutes()
	a.operationRoutes()
	a.eventRoutes()
	a.agentRoutes()
	a.contentRoutes()
	a.pagedRoutes()
	a.relayRoutes()
	schemas := a.huma.OpenAPI().Components.Schemas.Map()
	for _, schema := range schemas {
		lenientBytes(schema)
	}
	describe(schemas)
	document := a.documentHandler()
	mux.HandleFunc("GET "+prefix+"/openapi.json", document)
	mux.HandleFunc("GET /openapi.json", document) // where tools look for it
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem(groupcast.Errorf(groupcast.ENotFound, "there is no such call").
			WithHint("%s/openapi.json lists all of them", prefix)))
	})
	return a
}

// aboutAPI is what holds for all operations.
const aboutAPI = `x-groupcast-access says who may use an operation: open (no login), anyone (every token but a
relay's), agent (a receiver's token, no other), relay (a relay's token, no other), user (a user's cli or web token) or
admin (an administrator's).

Users, groups and devices are named by their names, devices also by their IDs. Sizes are bytes, rates are bits a second,
fields that end in _ns are nanoseconds, times are RFC 3339 in UTC.

An error is application/problem+json (RFC 9457), the schema Problem: detail says what went wrong, code says of which
kind, hint and next say what to do. With 429 and 503 the header Retry-After says how many seconds to wait.
x-groupcast-problems lists the codes, with what to do: %s. Clients must expect codes, fields and
values that they do not know.`

// document describes the API. No documentation page and no schema links: both would load
// or point to things elsewhere.
func document() huma.Config {
	c := huma.DefaultConfig("groupcast", groupcast.Version)
	c.CreateHooks = nil // they add $schema to every answer
	c.DocsPath, c.SchemasPath, c.OpenAPIPath = "", "", ""
	c.AllowAdditionalPropertiesByDefault = true // an older server reads a newer client
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "A token of a login, or a relay's."},
	}
	c.Info.Description = fmt.Sprintf(aboutAPI, problems.Codes())
	c.Extensions = map[string]any{"x-groupcast-problems": problems.Kinds}
	return c
}

// documentHandler serves the OpenAPI document, which is encoded once.
func (a *api) documentHandler() http.HandlerFunc {
	text, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		panic(err) // it holds nothing but what the routes said
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text) // an error means that the client is gone
	}
}

// lenientBytes lets bytes be empty or null, as Go writes them; huma's check takes neither.
func lenientBytes(s *huma.Schema) {
	if s.ContentEncoding == "base64" {
		s.ContentEncoding, s.Format, s.Nullable = "", "byte", true
	}
	if s.Items != nil {
		lenientBytes(s.Items)
	}
	for _, p := range s.Properties {
		lenientBytes(p)
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
