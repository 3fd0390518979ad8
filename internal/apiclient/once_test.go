package apiclient_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
)

// lossyProxy passes calls on to a server's socket and cuts the connection instead of the first answers to POST.
type lossyProxy struct {
	socket string
	mu     sync.Mutex
	lose   int                    // answers
	edit   func(r *http.Response) // what is not lost
	posts  []http.Header
}

func newLossyProxy(t *testing.T, to string, lose int) *lossyProxy {
	t.Helper()
	dir, err := os.MkdirTemp("", "gc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &lossyProxy{socket: filepath.Join(dir, "p.sock"), lose: lose}
	l, err := net.Listen("unix", p.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c, to)
		}
	}()
	return p
}

func (p *lossyProxy) serve(c net.Conn, to string) {
	defer c.Close()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", to)
	}}
	defer transport.CloseIdleConnections()
	from := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(from)
		if err != nil {
			return
		}
		r.URL.Scheme, r.URL.Host = "http", "local"
		res, err := transport.RoundTrip(r)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		res.Body = io.NopCloser(bytes.NewReader(body))
		if r.Method == http.MethodPost && p.loses(r.Header) {
			return
		}
		if p.edit != nil {
			p.edit(res)
		}
		if res.Write(c) != nil {
			return
		}
	}
}

func (p *lossyProxy) loses(h http.Header) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.posts = append(p.posts, h.Clone())
	p.lose--
	return p.lose >= 0
}

// asked gives the headers of the requests so far that make something.
func (p *lossyProxy) asked() []http.Header {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.posts)
}

var creatingCalls = map[string]func(context.Context, *apiclient.Client) error{
	"AddTransfer": func(ctx context.Context, c *apiclient.Client) error {
		_, err := c.AddTransfer(ctx, groupcast.NewTransfer{Group: "lab"})
		return err
	},
	"AddUser": func(ctx context.Context, c *apiclient.Client) error {
		_, err := c.AddUser(ctx, groupcast.NewUser{Name: "mia", Password: "long enough"})
		return err
	},
	"CreateGroup": func(ctx context.Context, c *apiclient.Client) error {
		_, err := c.CreateGroup(ctx, groupcast.NewGroup{Name: "lab"})
		return err
	},
	"CreateUpload": func(ctx context.Context, c *apiclient.Client) error {
		_, err := c.CreateUpload(ctx, []groupcast.UploadEntry{{Path: "a", Kind: "file"}})
		return err
	},
	"Join": func(ctx context.Context, c *apiclient.Client) error {
		_, err := c.Join(ctx, "lab", "please")
		return err
	},
}

// A call that creates something and whose answers are lost is made again, and the server does it once.
func TestALostAnswerCreatesNothingTwice(t *testing.T) {
	for name, call := range creatingCalls {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := newLossyProxy(t, w.socket, 2)
			c := apiclient.Local(p.socket)
			defer c.Close()
			if err := call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			made := 0
			for _, done := range w.service.Calls() {
				if done.Method == name {
					made++
				}
			}
			if made != 1 || len(p.asked()) != 3 {
				t.Errorf("done %d times, asked %d times", made, len(p.asked()))
			}
			if a, b := p.asked()[0].Get("Idempotency-Key"), p.asked()[2].Get("Idempotency-Key"); a != b || len(a) < 20 {
				t.Errorf("keys %q and %q", a, b)
			}
			err := call(t.Context(), c)
			if err != nil || p.asked()[3].Get("Idempotency-Key") == p.asked()[0].Get("Idempotency-Key") {
				t.Errorf("the next call has the same key, or fails: %v", err)
			}
		})
	}
}

// Of a server that does not remember keys nobody asks twice.
func TestAServerWithoutKeysIsAskedOnce(t *testing.T) {
	w := newWorld(t)
	p := newLossyProxy(t, w.socket, 1)
	p.edit = func(r *http.Response) {
		body, _ := io.ReadAll(r.Body)
		text := strings.Replace(string(body), `"idempotency_hours"`, `"something"`, 1)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
	c := apiclient.Local(p.socket)
	defer c.Close()
	err := creatingCalls["CreateGroup"](t.Context(), c)
	if groupcast.ErrorCode(err) != groupcast.EUnavailable || len(p.asked()) != 1 {
		t.Errorf("%v after %d requests", err, len(p.asked()))
	}
}
