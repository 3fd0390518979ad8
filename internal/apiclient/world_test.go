package apiclient_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/httpapi"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/pki"
)

// world is a server of the API on loopback with its own CA, in front of a fake service.
type world struct {
	service   *httpapitest.Service
	api       groupcast.Service // what answers: service, or something around it
	authority *pki.Authority
	address   string
	socket    string
	stop      func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := httpapitest.New()
	return newWorldOf(t, s, s)
}

func newWorldOf(t *testing.T, s *httpapitest.Service, api groupcast.Service) *world {
	t.Helper()
	// Paths of sockets are short; t.TempDir's are not.
	dir, err := os.MkdirTemp("", "gc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	authority, err := pki.Open(pki.Options{Folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{service: s, api: api, authority: authority, socket: filepath.Join(dir, "server.sock")}
	w.serve(t, "127.0.0.1:0")
	return w
}

// serve starts the API; stop, also at the test's end, waits for its end.
func (w *world) serve(t *testing.T, listen string) {
	t.Helper()
	server, err := httpapi.Listen(httpapi.Config{
		Service: w.api, Calls: httpapitest.NewCalls(), Listen: listen,
		TLS: w.authority.ServerTLS(), Knows: w.authority.KnowsHost,
		Socket: w.socket, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.address = server.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		done <- nil
	}
	t.Cleanup(w.stop)
}

func (w *world) client(t *testing.T, token apiclient.Token) *apiclient.Client {
	t.Helper()
	c, err := apiclient.New(apiclient.Config{Address: w.address, Pin: pki.Pin{ID: w.authority.ID()}, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
