package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/groupcast/groupcast"
)

// health adds two pages for what watches servers: whether the process lives, and whether it does its work.
func health(mux *http.ServeMux, ready func() error) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "live\n") // an error means that nobody listens any more
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if ready != nil {
			if err := ready(); err != nil {
				w.Header().Set("Retry-After", "5")
				http.Error(w, unready(err).Detail, http.StatusServiceUnavailable)
				return
			}
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "ready\n") // as above
	})
}

// whenReady answers no call while the server may not: what it knows may be of the past.
func whenReady(ready func() error, next http.Handler) http.Handler {
	if ready == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, prefix+"/") {
			if err := ready(); err != nil {
				w.Header().Set("Retry-After", "5")
				writeProblem(w, unready(err))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func unready(err error) *Problem {
	var known *groupcast.Error
	if !errors.As(err, &known) {
		known = groupcast.Errorf(groupcast.EUnavailable, "the server does no work at present").Wrap(err)
	}
	return problem(known)
}
