package apiclient_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/pki"
)

// counted passes connections on to a server and counts them.
func counted(t *testing.T, to string) (address string, n *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	n = new(atomic.Int32)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			go carry(c, to)
		}
	}()
	return l.Addr().String(), n
}

func carry(c net.Conn, to string) {
	defer c.Close()
	s, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer s.Close()
	go func() {
		defer c.Close()
		_, _ = io.Copy(c, s)
	}()
	_, _ = io.Copy(s, c)
}

// What follows an answer on its connection shows TCP that the answer was lost: so the event
// stream, the calls and a small manifest share one.
func TestCallsAndEventsShareAConnection(t *testing.T) {
	w := newWorld(t)
	address, connections := counted(t, w.address)
	c, err := apiclient.New(apiclient.Config{Address: address, Pin: pki.Pin{ID: w.authority.ID()}, Token: "agent"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- c.AgentEvents(ctx, groupcast.Attach{}, func(groupcast.AgentEvent) error {
			select {
			case first <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	w.service.AgentStream().C <- groupcast.AgentEvent{Version: 1, Kind: groupcast.AgentHello}
	<-first
	for range 3 {
		if _, err := c.Ready(ctx, groupcast.Ready{Transfer: 7}); err != nil {
			t.Fatal(err)
		}
		m, err := c.Manifest(ctx, 7, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, m)
		m.Close()
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	cancel()
	<-ended
}
