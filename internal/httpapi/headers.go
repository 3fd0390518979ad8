package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/groupcast/groupcast"
)

// policy is security.md W3: nothing from elsewhere, no inline code, in no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; " +
	"trusted-types svelte-trusted-html"

// securityHeaders puts the security headers on every answer.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// ownHosts answers 421 to requests that are meant for another host, before routing: a foreign name that
// resolves to this server is DNS rebinding (security.md W4).
func ownHosts(knows func(string) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r)
		if !dialled(r, host) && (knows == nil || !knows(host)) {
			writeProblem(w, &Problem{
				Title:  http.StatusText(http.StatusMisdirectedRequest),
				Status: http.StatusMisdirectedRequest,
				Code:   groupcast.EInvalid, Detail: "this server does not go by that name",
				Hint: "use its IP address, or a name that is in its certificate",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// dialled says whether host is the very address the connection came in on: that is this
// server's, whatever its certificate says.
func dialled(r *http.Request, host string) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return false
	}
	ip := local.AddrPort().Addr().Unmap().WithZone("")
	asked, err := netip.ParseAddr(host)
	if err != nil {
		return host == "localhost" && ip.IsLoopback()
	}
	return asked.Unmap().WithZone("") == ip
}
