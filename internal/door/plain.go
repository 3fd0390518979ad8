package door

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// plainTimeout is how long the answer to a plain request may take to leave.
const plainTimeout = 2 * time.Second

// Read reads from the connection. Plain HTTP is answered with a redirect: the port speaks HTTPS only.
func (g *conn) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if n > 0 && g.met.CompareAndSwap(false, true) && isPlain(b[:n]) {
		_ = g.SetWriteDeadline(time.Now().Add(plainTimeout))
		_, _ = g.Write(elsewhere(b[:n], g.LocalAddr().String())) // the connection is closed in any case
		return 0, io.EOF
	}
	return n, err
}

// isPlain distinguishes a plain HTTP request from a TLS record.
func isPlain(b []byte) bool {
	for _, method := range []string{
		"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ",
		"PRI ",
	} {
		if bytes.HasPrefix(b, []byte(method)) {
			return true
		}
	}
	return false
}

// elsewhere is the answer to a plain HTTP request: a redirect to the same path over HTTPS.
func elsewhere(request []byte, local string) []byte {
	host, path := local, "/"
	for i, line := range strings.Split(string(request), "\r\n") {
		if i == 0 {
			if words := strings.Fields(line); len(words) == 3 && isPath(words[1]) {
				path = words[1]
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); ok && strings.EqualFold(name, "host") && isHost(value) {
			host = value
		}
	}
	text := fmt.Sprintf("This port speaks HTTPS, not plain HTTP: https://%s%s\n", host, path)
	return fmt.Appendf(nil,
		"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://%s%s\r\nContent-Type: text/plain; charset=utf-8\r\n"+
			"Cache-Control: no-store\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		host, path, len(text), text)
}

func isHost(s string) bool {
	return s != "" && len(s) < 300 && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-.:[]_", r))
	}) < 0
}

// isPath says whether a request's target is a path of this host: "//" begins the name of another.
func isPath(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") && isPrintable(s)
}

func isPrintable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}
