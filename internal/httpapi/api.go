package httpapi

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/groupcast/groupcast"
)

// api is what the handlers share.
type api struct {
	service groupcast.Service
	log     *slog.Logger
	huma    huma.API
	closing <-chan struct{} // streams end when it is closed
	attach  *attachLimits
	turns   *turns
	paces   *agentPaces
}

// newAPI puts all operations on mux.
func newAPI(service groupcast.Service, log *slog.Logger, mux *http.ServeMux, closing <-chan struct{}) *api {
	a := &api{service: service, log: log, closing: closing, attach: newAttachLimits(), turns: newTurns(), paces: newAgentPaces()}
	a.huma = humago.New(mux, document())
	a.accountRoutes()
	a.webRoutes()
	a.userRoutes()
	a.deviceRoutes()
	a.groupRoutes()
	a.keyRoutes()
	a.requestRoutes()
	a.transferRoutes()
	a.pendingRoutes()
	a.uploadRoutes()
	a.operationRoutes()
	a.eventRoutes()
	a.agentRoutes()
	a.contentRoutes()
	for _, schema := range a.huma.OpenAPI().Components.Schemas.Map() {
		lenientBytes(schema)
	}
	mux.HandleFunc("GET "+prefix+"/openapi.json", a.documentHandler())
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem(groupcast.Errorf(groupcast.ENotFound, "there is no such call").
			WithHint("%s/openapi.json lists all of them", prefix)))
	})
	return a
}

// document describes the API. No documentation page and no schema links: both would load
// or point to things elsewhere.
func document() huma.Config {
	c := huma.DefaultConfig("groupcast", groupcast.Version)
	c.CreateHooks = nil // they add $schema to every answer
	c.DocsPath, c.SchemasPath, c.OpenAPIPath = "", "", ""
	c.AllowAdditionalPropertiesByDefault = true // an older server reads a newer client
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "A token of a login: of scope agent, cli or web."},
	}
	c.Info.Description = "x-groupcast-access says who may use an operation: open (nobody is logged in yet), " +
		"anyone (every token), agent (a receiving device's token, no other), user (every user's cli or web token) " +
		"or admin (an administrator's)."
	return c
}

// documentHandler serves the OpenAPI document, written once.
func (a *api) documentHandler() http.HandlerFunc {
	text, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		panic(err) // it holds nothing but what the routes said
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text) // a client that is gone cannot be told
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
