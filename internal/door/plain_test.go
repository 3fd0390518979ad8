package door

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestAPlainRequestIsToldWhereToGo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := New(l, Default)
	defer d.Close()
	go func() {
		for {
			c, err := d.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadAll(c)
			_ = c.Close()
		}
	}()
	for request, want := range map[string]string{
		"GET /x?y=1 HTTP/1.1\r\nHost: server.lab:7440\r\n\r\n":      "Location: https://server.lab:7440/x?y=1\r\n",
		"GET / HTTP/1.0\r\n\r\n":                                    "Location: https://" + l.Addr().String() + "/\r\n",
		"GET //evil/ HTTP/1.1\r\nHost: a b\r\nX: y\r\n\r\n":         "Location: https://" + l.Addr().String() + "/\r\n",
		"POST /api/v1/login HTTP/1.1\r\nhost: [::1]:7440\r\n\r\n{}": "This port speaks HTTPS, not plain HTTP: https://[::1]:7440/api/v1/login",
		"\x16\x03\x01\x00\x05GET /":                                 "",
	} {
		t.Run(request, func(t *testing.T) {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.WriteString(c, request); err != nil {
				t.Fatal(err)
			}
			_ = c.(*net.TCPConn).CloseWrite()
			got, _ := io.ReadAll(c)
			_ = c.Close()
			if want == "" && len(got) > 0 || !strings.Contains(string(got), want) {
				t.Errorf("%q: %q, want %q", request, got, want)
			}
		})
	}
}
