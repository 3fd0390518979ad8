// Package ready answers whoever watches a server: whether its process lives, and whether it does its work.
package ready

import (
	"io"
	"net/http"
	"strings"
)

// Gate answers /healthz and /readyz, and refuses calls below a prefix while ready says why the server may not answer
// them: what it knows may be of the past. Everything else is next's.
func Gate(
	prefix string, ready func() error, refuse func(w http.ResponseWriter, r *http.Request, err error), next http.Handler,
) http.Handler {
	if ready == nil {
		ready = func() error { return nil }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched := r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
		if r.URL.Path == "/readyz" || strings.HasPrefix(r.URL.Path, prefix+"/") {
			if err := ready(); err != nil {
				w.Header().Set("Retry-After", "5")
				refuse(w, r, err)
				return
			}
		}
		if !watched {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, map[string]string{"/healthz": "live\n", "/readyz": "ready\n"}[r.URL.Path])
	})
}
