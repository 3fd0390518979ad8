package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// FuzzRequestWords: the parts of a request that are read before anybody is known. A token comes from
// one place only, a host is compared without its port, and nothing but JSON passes for JSON.
func FuzzRequestWords(f *testing.F) {
	f.Add("Bearer abc", "__Host-gc=def", "server:7440", "application/json", "192.0.2.1:1234")
	f.Add("bearer  x y", "__Host-gc=\"q\"; __Host-gc=z", "[::1]:7440", "application/json; charset=utf-8",
		"[fe80::1%eth0]:1")
	f.Add("Basic x", "a=b", "EXAMPLE.COM.", "text/plain; application/json", "@")
	f.Fuzz(func(t *testing.T, authorization, cookie, host, kind, from string) {
		r := &http.Request{Host: host, RemoteAddr: from, Header: http.Header{
			"Authorization": {authorization}, "Cookie": {cookie}, "Content-Type": {kind},
		}}
		token, browser := tokenOf(r)
		if browser && !strings.Contains(cookie, cookieName) || !browser && token != "" && !strings.Contains(authorization,
			token) {
			t.Fatalf("%q, %q gave %q", authorization, cookie, token)
		}
		if scheme, _, _ := strings.Cut(authorization, " "); strings.EqualFold(scheme, "bearer") &&
			strings.Contains(authorization, " ") && browser {
			t.Fatalf("%q and %q: the cookie counts", authorization, cookie)
		}
		name := hostOf(r)
		if name != strings.ToLower(name) || strings.HasSuffix(name, "]") && !strings.Contains(strings.TrimSuffix(host, "]"),
			"]") {
			t.Fatalf("%q is %q", host, name)
		}
		if h, _, err := net.SplitHostPort(host); err == nil && netip.Addr.IsValid(addrOf(h)) &&
			addrOf(name) != addrOf(strings.ToLower(h)) {
			t.Fatalf("%q is %q", host, name)
		}
		if wrongType(r, false) == nil && !strings.HasPrefix(strings.ToLower(strings.TrimSpace(kind)), "application/json") {
			t.Fatalf("%q passes for JSON", kind)
		}
		if at := remoteAddr(r); at == "" && from != "" && !strings.HasPrefix(from, ":") && !strings.HasPrefix(from, "[]") {
			t.Fatalf("%q has no address", from)
		}
	})
}

func addrOf(s string) netip.Addr {
	a, _ := netip.ParseAddr(s)
	return a
}
