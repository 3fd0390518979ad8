package cli

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever comes to a wrong door is told what is there and where the right one may be.
func TestWrongDoors(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS12}
	old.StartTLS()
	t.Cleanup(old.Close)
	at := func(url string) string { _, host, _ := strings.Cut(url, "://"); return host }
	usual := "or the address that `groupcast serve` prints on the server"
	login := func(address string) []string { return []string{"login", address, "--user", "a", "--password-stdin"} }
	for name, c := range map[string]struct {
		args        []string
		said, hints string
	}{
		"a web server": {
			login("https://" + at(plain.URL)), at(plain.URL) + " does not speak HTTPS: it is a web server", usual,
		},
		"another HTTPS": {
			login(secure.URL), at(secure.URL) + ` is another server with HTTPS: its certificate is for "example.com"`, usual,
		},
		"an old HTTPS": {login(old.URL), "speaks HTTPS, but not as a groupcast server does", usual},
		"SSH":          {login("https://" + speaks(t, "SSH-2.0-OpenSSH_9.6\r\n")), "does not speak HTTPS: it is SSH", usual},
		"a wrong port": {login("https://127.0.0.1:1"), "nothing listens at 127.0.0.1:1", "try https://127.0.0.1:7440"},
		"the address of a page": {
			login("https://127.0.0.1:1/#/overview"), "nothing listens at 127.0.0.1:1", "try https://127.0.0.1:7440",
		},
		"no such name": {login("no-such-host.invalid"), "no machine of the name no-such-host.invalid", "IP address"},
		"without encryption": {
			login("http://127.0.0.1:7440"), "is an address without encryption", "the address with https://",
		},
		"send, and no server": {
			[]string{"send", "lab", "doors_test.go"}, "no server runs with the home", "start one with `groupcast serve`",
		},
		"receive before login": {[]string{"receive"}, "this machine is not logged in", "groupcast login https://HOST:7440"},
		"join before login":    {[]string{"join", "lab"}, "this machine is not logged in", "login https://HOST:7440"},
		"server name, and no server": {
			[]string{"server", "name"}, "no server runs with the home", "start one with `groupcast serve`",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs strings.Builder
			home := filepath.Join(t.TempDir(), "home")
			code := Main(append([]string{"--home", home}, c.args...), strings.NewReader("pw\n"), &out, &errs)
			said, next, _ := strings.Cut(errs.String(), "next: ")
			if code != 1 || !strings.Contains(said, c.said) || !strings.Contains(next, c.hints) || out.Len() != 0 {
				t.Errorf("ended with %d and\n%s%s\nwant %q, next: %q", code, &errs, &out, c.said, c.hints)
			}
		})
	}
}

// speaks gives an address where a program greets everybody so.
func speaks(t *testing.T, greeting string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(greeting))
			_, _ = c.Read(make([]byte, 1)) // until the other end is gone: its first bytes are not answered by a reset
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}
