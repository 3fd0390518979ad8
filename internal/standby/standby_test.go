package standby_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/standby"
)

const internalName = "server.groupcast.internal"

// pair is an active server, and one that stands by for it.
func pair(t *testing.T, active string) (at string, feedback net.PacketConn, known *atomic.Pointer[string]) {
	t.Helper()
	mine := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	t.Cleanup(mine.Close)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	known = new(atomic.Pointer[string])
	known.Store(&active)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- standby.Serve(ctx, standby.Config{
			TCP: tcp, UDP: udp, TLS: &tls.Config{Certificates: mine.TLS.Certificates},
			Internal: func(name string) bool { return name == internalName },
			Active:   func() string { return *known.Load() }, Log: slog.New(slog.DiscardHandler),
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return tcp.Addr().String(), udp, known
}

func client(name string) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{ServerName: name, InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       10 * time.Second,
	}
}

func TestClientsArePassedOn(t *testing.T) {
	gone := make(chan struct{})
	active := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			fmt.Fprintln(w, "first")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			close(gone)
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}))
	defer active.Close()
	at, _, _ := pair(t, strings.TrimPrefix(active.URL, "https://"))

	much := strings.NewReader(strings.Repeat("x", 3<<20))
	res, err := client(internalName).Post("https://"+at+"/up", "text/plain", much)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != fmt.Sprint(3<<20) {
		t.Fatalf("%q %v", body, err)
	}
	stream, err := client(internalName).Get("https://" + at + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stream.Body).ReadString('\n')
	_ = stream.Body.Close()
	if err != nil || line != "first\n" {
		t.Fatalf("%q %v", line, err)
	}
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Fatal("the active server does not notice that a client has gone")
	}
}

func TestOthersAreToldWhereToGo(t *testing.T) {
	at, _, known := pair(t, "10.0.0.1:7440")
	get := func(path string) (status int, location, text string) {
		t.Helper()
		res, err := client("files.example").Get("https://" + at + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, res.Header.Get("Location"), string(body)
	}
	if status, _, text := get("/healthz"); status != http.StatusOK || !strings.Contains(text, "10.0.0.1:7440") {
		t.Fatal(status, text)
	}
	if status, _, text := get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "standing") {
		t.Fatal(status, text)
	}
	// the path cannot name another host
	for _, path := range []string{"/x?y=1", "//evil.example/x"} {
		status, location, _ := get(path)
		if status != http.StatusTemporaryRedirect || location != "https://10.0.0.1:7440"+path {
			t.Fatal(status, location)
		}
	}
	nobody := ""
	known.Store(&nobody)
	if status, _, _ := get("/"); status != http.StatusServiceUnavailable {
		t.Fatal(status)
	}
	if res, err := client(internalName).Get("https://" + at + "/"); err == nil {
		_ = res.Body.Close()
		t.Fatal("a call is answered though nobody is active")
	}
}

func TestFeedbackIsPassedOn(t *testing.T) {
	active, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer active.Close()
	_, udp, _ := pair(t, active.LocalAddr().String())
	from, err := net.Dial("udp", udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if _, err := from.Write([]byte("lost blocks")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	_ = active.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, _, err := active.ReadFrom(b)
	if err != nil || string(b[:n]) != "lost blocks" {
		t.Fatalf("%q %v", b[:n], err)
	}
}

func TestWhatIsNoTLSIsClosed(t *testing.T) {
	at, _, _ := pair(t, "10.0.0.1:7440")
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := c.Read(make([]byte, 10)); err == nil {
		t.Fatal(n)
	}
}
