package ready_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/groupcast/groupcast/internal/ready"
)

func TestGate(t *testing.T) {
	var away error
	gate := ready.Gate("/api/v1", func() error { return away }, func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	get := func(path string) int {
		w := httptest.NewRecorder()
		gate.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return w.Code
	}
	for path, want := range map[string][2]int{
		"/healthz": {http.StatusOK, http.StatusOK}, "/readyz": {http.StatusOK, http.StatusServiceUnavailable},
		"/api/v1/me": {http.StatusAccepted, http.StatusServiceUnavailable}, "/": {http.StatusAccepted, http.StatusAccepted},
	} {
		away = nil
		before := get(path)
		away = errors.New("the database is away")
		if got := [2]int{before, get(path)}; got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
