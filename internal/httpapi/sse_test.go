package httpapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/door"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// pipeListener hands out one end of in-memory connections, on the bubble's clock.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// piped serves the API over memory and gives a connection to it that has asked for path.
func piped(t *testing.T, s groupcast.Service, token, path string) (net.Conn, *bufio.Reader, context.CancelFunc) {
	t.Helper()
	closing, end := context.WithCancel(t.Context())
	l := &pipeListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	log := slog.New(slog.DiscardHandler)
	srv := &Server{log: log}
	hs := srv.httpServer(dressed(log, newHandler(Config{Service: s, Log: log}, closing)), door.WithConn)
	go func() { _ = hs.Serve(l) }()
	here, there := net.Pipe()
	l.conns <- there
	t.Cleanup(func() { here.Close(); _ = hs.Close() })
	if _, err := io.WriteString(here,
		"GET /api/v1"+path+" HTTP/1.1\r\nHost: server\r\nAuthorization: Bearer "+token+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return here, bufio.NewReader(here), end
}

// until reads lines to the first that contains text.
func until(t *testing.T, r *bufio.Reader, text string) {
	t.Helper()
	var read strings.Builder
	for {
		s, err := r.ReadString('\n')
		read.WriteString(s)
		if strings.Contains(s, text) {
			return
		}
		if err != nil {
			t.Fatalf("no %q, %v, in\n%s", text, err, &read)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := httpapitest.New()
		_, r, _ := piped(t, s, "cli-admin", "/events")
		until(t, r, "retry:")
		start := time.Now()
		until(t, r, ": ") // the first chunk with a comment
		if waited := time.Since(start); waited != heartbeat {
			t.Errorf("the first heartbeat came after %v", waited)
		}
	})
}

// TestEventsToDevicesAreNudged: a blank line follows after each pause, so that TCP notices a lost
// segment; people's streams have nothing behind an event before the heartbeat.
func TestEventsToDevicesAreNudged(t *testing.T) {
	for path, want := range map[string][]time.Duration{
		"/agent/events": {12 * time.Millisecond, 42 * time.Millisecond, 122 * time.Millisecond, heartbeat},
		"/events":       {heartbeat},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := httpapitest.New()
			token := map[string]string{"/agent/events": "agent", "/events": "cli-admin"}[path]
			_, r, _ := piped(t, s, token, path)
			until(t, r, "retry:")
			start := time.Now()
			if token == "agent" {
				s.AgentStream().C <- groupcast.AgentEvent{Version: 1, Kind: groupcast.AgentHint}
			} else {
				s.EventStream().C <- groupcast.Event{Version: 1, Kind: groupcast.EventHello}
			}
			for _, w := range want {
				for line := ""; !strings.HasPrefix(line, ":"); {
					var err error
					if line, err = r.ReadString('\n'); err != nil {
						t.Fatal(err)
					}
				}
				if got := time.Since(start); got != w {
					t.Errorf("%s: a blank line after %v, want %v", path, got, w)
				}
			}
		})
	}
}

// TestReaderThatStopsIsCutOff: the subscription ends, whatever the reader's socket holds.
func TestReaderThatStopsIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := httpapitest.New()
		_, r, _ := piped(t, s, "agent", "/agent/events")
		until(t, r, "retry:")
		for range 256 {
			s.AgentStream().C <- groupcast.AgentEvent{Version: 1, Kind: groupcast.AgentHint}
		}
		start := time.Now()
		<-s.AgentStream().Closed
		if waited := time.Since(start); waited > 2*writeStall {
			t.Errorf("cut off only after %v", waited)
		}
	})
}

func TestStreamEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end func(*httpapitest.Service, func())
		say string
	}{
		"too far behind": {func(s *httpapitest.Service, _ func()) {
			s.AgentStream().Cut <- groupcast.Errorf(groupcast.EExhausted, "256 events behind")
		}, `"code":"exhausted"`},
		"second attach": {func(s *httpapitest.Service, _ func()) {
			s.AgentStream().Cut <- groupcast.Errorf(groupcast.EConflict, "attached elsewhere")
		}, `"code":"conflict"`},
		"server stops": {func(_ *httpapitest.Service, closing func()) { closing() }, `"code":"unavailable"`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := httpapitest.New()
				_, r, closing := piped(t, s, "agent", "/agent/events")
				s.AgentStream().C <- groupcast.AgentEvent{Version: 9, Kind: groupcast.AgentHello}
				until(t, r, "id: 9")
				c.end(s, closing)
				until(t, r, "event: cut")
				until(t, r, c.say)
				<-s.AgentStream().Closed
			})
		})
	}
}

func TestMemberSeesOnlyHisOwn(t *testing.T) {
	transfer := httpapitest.Fill[groupcast.Transfer]()
	for name, c := range map[string]struct {
		e            groupcast.Event
		member, seen bool
	}{
		"hello": {groupcast.Event{Kind: groupcast.EventHello}, false, true},
		"his request": {groupcast.Event{
			Kind: groupcast.EventRequest, Group: "lab", User: "mia",
			Text: "approved",
		}, false, true},
		"another's request": {groupcast.Event{Kind: groupcast.EventRequest, Group: "lab", User: "ada"}, true, false},
		"transfer of his group": {groupcast.Event{
			Kind: groupcast.EventTransfer, Transfer: 7, Released: true, Group: "lab",
			Text: "secret.pdf", Data: transfer,
		}, true, true},
		"held one of his group": {groupcast.Event{Kind: groupcast.EventTransfer, Transfer: 7, Group: "lab"}, true, false},
		"his held delivery": {
			groupcast.Event{Kind: groupcast.EventDelivery, Transfer: 7, Group: "lab", User: "mia"},
			true, false,
		},
		"transfer of another": {
			groupcast.Event{Kind: groupcast.EventTransfer, Group: "board", Text: "secret.pdf"},
			false,
			false,
		},
		"progress of his group": {
			groupcast.Event{Kind: groupcast.EventProgress, Group: "lab", Data: transfer},
			true,
			false,
		},
		"another's delivery":      {groupcast.Event{Kind: groupcast.EventDelivery, Group: "lab", User: "ada"}, true, false},
		"another's device":        {groupcast.Event{Kind: groupcast.EventDevice, User: "ada"}, false, false},
		"a user without a name":   {groupcast.Event{Kind: groupcast.EventUser}, false, false},
		"member joins his group":  {groupcast.Event{Kind: groupcast.EventMember, Group: "lab", User: "ada"}, true, false},
		"his group has a new one": {groupcast.Event{Kind: groupcast.EventGroup, Group: "lab"}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, seen := memberSees(c.e, c.e.User == "mia", c.member)
			if seen != c.seen || got.Data != nil || strings.Contains(got.Text, "secret") {
				t.Errorf("%s: seen %v (want %v): %+v", name, seen, c.seen, got)
			}
		})
	}
}

// approving is a service in which the user is a member from the second look on.
type approving struct {
	*httpapitest.Service
	looks int
}

func (a *approving) groups() []groupcast.GroupOnOffer {
	a.looks++
	if a.looks == 1 {
		return nil
	}
	return []groupcast.GroupOnOffer{{Name: "lab", Membership: groupcast.MembershipMember}}
}

func TestMemberSeesHisGroupOnceHeIsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &approvingService{approving{Service: httpapitest.New()}}
		_, r, _ := piped(t, s, "cli", "/events")
		s.EventStream().C <- groupcast.Event{Version: 1, Kind: groupcast.EventTransfer, Group: "lab"}
		s.EventStream().C <- groupcast.Event{Version: 2, Kind: groupcast.EventMember, Group: "lab", User: "mia"}
		s.EventStream().C <- groupcast.Event{Version: 3, Kind: groupcast.EventTransfer, Group: "lab"}
		until(t, r, "retry:")
		var seen []string
		for len(seen) < 2 {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				seen = append(seen, strings.TrimSpace(id))
			}
		}
		if got := strings.Join(seen, " "); got != "2 3" {
			t.Errorf("saw %s, want 2 3", got)
		}
	})
}

func TestAttachLimits(t *testing.T) {
	l, now := newAttachLimits(), time.Unix(1_800_000_000, 0)
	a, b := attacher{protocol.DeviceID{1}, "x"}, attacher{protocol.DeviceID{1}, "y"}
	for i := range attachBurst {
		if !l.allow(a, now) {
			t.Errorf("attach %d was refused", i+1)
		}
	}
	if l.allow(a, now) || !l.allow(b, now) {
		t.Error("the limit is not the process's own")
	}
	if !l.allow(a, now.Add(attachEvery)) || l.allow(a, now.Add(attachEvery)) {
		t.Error("want one more after each pause")
	}
}

func TestAttachingTooOften(t *testing.T) {
	s := httpapitest.New()
	s.Fail(groupcast.Errorf(groupcast.EUnavailable, "no"))
	h := testHandler(s)
	var last int
	for range attachBurst + 1 {
		last = ask(h, "GET", "/api/v1/agent/events", "agent", "").Code
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("status %d, want 429", last)
	}
}

// broken is content that ends in an error.
type broken struct{ io.Reader }

func (broken) Close() error { return nil }

// TestBrokenContentIsNoCleanEnd: whoever reads half of it must not take it for the whole.
func TestBrokenContentIsNoCleanEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &breakingService{httpapitest.New()}
		conn, _, _ := piped(t, s, "agent", "/agent/transfers/7/blocks/0")
		req, _ := http.NewRequest("GET", "http://server/", nil)
		res, err := http.ReadResponse(bufio.NewReader(conn), req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if b, err := io.ReadAll(res.Body); err == nil || len(b) != 1<<20 {
			t.Errorf("read %d bytes, %v", len(b), err)
		}
	})
}

var errDisk = errors.New("disk on fire")
