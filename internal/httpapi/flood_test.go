package httpapi

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/door"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/pace"
)

// stuckService answers nobody until it is told to.
type stuckService struct {
	*httpapitest.Service
	go_ chan struct{}
}

func (s stuckService) GroupsOnOffer(
	ctx context.Context, _ groupcast.Principal, _ bool,
) ([]groupcast.GroupOnOffer, error) {
	select {
	case <-s.go_:
	case <-ctx.Done():
	}
	return nil, nil
}

// Calls of one user wait behind each other, then are refused in words; an administrator's are not
// held up by them.
func TestCallsAtOnceAreBoundedPerUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stuckService{httpapitest.New(), make(chan struct{})}
		h := testHandler(s)
		most := pace.CallsAtOnce()
		codes := map[int]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for range most.Each + 5 {
			all.Go(func() {
				code := ask(h, "GET", "/api/v1/my/groups", "cli", "").Code
				mu.Lock()
				defer mu.Unlock()
				codes[code]++
			})
		}
		synctest.Wait()
		if res := ask(h, "GET", "/api/v1/users", "cli-admin", ""); res.Code != http.StatusOK {
			t.Errorf("an administrator: %d %s", res.Code, res.Body)
		}
		refused := func(want int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if codes[http.StatusTooManyRequests] != want || len(codes) > want {
				t.Errorf("%v, want %d refused", codes, want)
			}
		}
		refused(0)
		time.Sleep(most.Wait)
		synctest.Wait()
		refused(5)
		close(s.go_)
		all.Wait()
		if codes[http.StatusOK] != most.Each {
			t.Errorf("%v, want %d served", codes, most.Each)
		}
	})
}

// A login that calls all the time is slowed down, with the time to come back in the answer.
func TestCallsInARowAreBoundedPerUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // however long a call takes here, no time passes
		h := testHandler(newFake())
		var last *httptest.ResponseRecorder
		for range pace.CallsBurst + pace.CallsSecond {
			if last = ask(h, "GET", "/api/v1/my/groups", "cli", ""); last.Code != http.StatusOK {
				break
			}
		}
		if last.Code != http.StatusTooManyRequests || last.Header().Get("Retry-After") == "" ||
			!strings.Contains(last.Body.String(), "times a second") {
			t.Errorf("%d %v %s", last.Code, last.Header(), last.Body)
		}
		if res := ask(h, "GET", "/api/v1/users", "cli-admin", ""); res.Code != http.StatusOK {
			t.Errorf("an administrator: %d", res.Code)
		}
	})
}

var fewStrangers = door.Limits{PerSecond: 20, Burst: 40, AllSecond: 100, PerAddress: 16, Waiting: 64}

// flooded is a server on loopback with small limits.
func flooded(t *testing.T) (address string, d *door.Listener) {
	t.Helper()
	s, err := Listen(Config{
		Service: newFake(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler),
		TLS:    &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, MinVersion: tls.VersionTLS13},
		Limits: fewStrangers,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Addr().String(), s.port.(*door.Listener)
}

// from dials from an address of this machine.
func from(t *testing.T, ip string) *net.Dialer {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Skipf("this system has no address %s: %v", ip, err)
	}
	l.Close()
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: 5 * time.Second}
}

// call makes one call over a connection of its own.
func call(d *net.Dialer, address, path, token string) (status int, err error) {
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: d.DialContext, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	req, _ := http.NewRequest("GET", "https://"+address+"/api/v1"+path, nil)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// flood does something over and over from many addresses until the test says so.
func flood(t *testing.T, addresses int, do func(d *net.Dialer) io.Closer) (end func()) {
	t.Helper()
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range addresses {
		d := from(t, fmt.Sprintf("127.0.1.%d", i+1))
		all.Go(func() {
			var open []io.Closer
			defer func() {
				for _, c := range open {
					c.Close()
				}
			}()
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond): // 200 a second and address
				}
				if c := do(d); c != nil && len(open) < 500 {
					open = append(open, c)
				} else if c != nil {
					c.Close()
				}
			}
		})
	}
	return func() { close(stop); all.Wait() }
}

// While handshakes get stuck, headers trickle and wrong tokens are tried from many addresses, an
// administrator is answered from the address where they work, and what the server keeps of
// the flood is bounded.
func TestAnAdministratorIsAnsweredDuringAFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	address, d := flooded(t)
	admin := from(t, "127.0.0.1")
	if status, err := call(admin, address, "/users", "cli-admin"); err != nil || status != http.StatusOK {
		t.Fatalf("in peace: %d, %v", status, err)
	}
	insecure := &tls.Config{InsecureSkipVerify: true}
	for name, do := range map[string]func(d *net.Dialer) io.Closer{
		"stuck handshakes": func(d *net.Dialer) io.Closer {
			c, err := d.Dial("tcp", address)
			if err != nil {
				return nil
			}
			_, _ = c.Write([]byte{0x16, 3, 1, 2, 0}) // the head of a record, and no more
			return c
		},
		"slow headers": func(d *net.Dialer) io.Closer {
			c, err := tls.DialWithDialer(d, "tcp", address, insecure)
			if err != nil {
				return nil
			}
			_, _ = io.WriteString(c, "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-A: ")
			return c
		},
		"wrong tokens": func(d *net.Dialer) io.Closer {
			_, _ = call(d, address, "/me", "no such token")
			return nil
		},
		"a member's connections": func(d *net.Dialer) io.Closer {
			_, _ = call(d, address, "/my/groups", "cli")
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			end := flood(t, 12, do)
			defer end()
			var longest time.Duration
			for range 8 {
				time.Sleep(150 * time.Millisecond)
				start := time.Now()
				status, err := call(admin, address, "/users", "cli-admin")
				if err != nil || status != http.StatusOK {
					t.Errorf("an administrator: %d, %v", status, err)
				}
				longest = max(longest, time.Since(start))
			}
			waiting := d.Waiting()
			t.Logf("answered after %v at the latest, %d wait for a login", longest, waiting)
			if waiting > fewStrangers.Waiting+1 || longest > 5*time.Second {
				t.Errorf("%d connections wait, the longest call took %v", waiting, longest)
			}
		})
	}
}
