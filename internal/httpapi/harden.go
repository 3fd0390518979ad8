package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/groupcast/groupcast"
)

// policy is security.md W3: nothing from elsewhere, no inline code, in nobody's frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; " +
	"trusted-types svelte-trusted-html"

// harden puts the security headers on every answer.
func harden(next http.Handler) http.Handler {
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

// hosts are the names this server goes by.
type hosts map[string]bool

func newHosts(names []string) hosts {
	h := hosts{}
	for _, n := range names {
		h[canonicalHost(n)] = true
	}
	return h
}

// canonicalHost writes names in lower case and addresses in one way.
func canonicalHost(name string) string {
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Unmap().WithZone("").String()
	}
	return name
}

// check answers 421 to requests meant for somebody else, before routing: a foreign name that
// resolves to this server is DNS rebinding (security.md W4).
func (h hosts) check(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.mine(r) {
			writeProblem(w, &Problem{Title: http.StatusText(http.StatusMisdirectedRequest), Status: http.StatusMisdirectedRequest,
				Code: groupcast.EInvalid, Detail: "this server does not go by that name",
				Hint: "use an address or a name of its certificate; `groupcast serve --cert` adds names"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (h hosts) mine(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	host = canonicalHost(host)
	if h[host] {
		return true
	}
	// The address that was dialled is this server's, whatever the certificate says.
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return false
	}
	ip := local.AddrPort().Addr().Unmap()
	return host == ip.WithZone("").String() || (host == "localhost" && ip.IsLoopback())
}
