package receiver

import (
	"net"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestPagedFeedbackSaysThePages: by UDP and over HTTPS it is of format 2 and says how many pages are verified.
func TestPagedFeedbackSaysThePages(t *testing.T) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(withPort(newPagedOrigin(t, 0, 1).from, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	o := newPagedOrigin(t, 0, 2<<20)
	m := newPagedMemory(o)
	var opener *seal.FeedbackOpener
	r := o.idle(m, both(withContent(m), func(c *PagedConfig) {
		c.Handout.FeedbackAddr = conn.LocalAddr().String()
		opener = seal.NewFeedbackOpener(seal.Secret(c.Handout.FeedbackKey), protocol.FeedbackID(c.Handout.FeedbackID))
	}))
	for _, raw := range o.pages[:2] {
		if err := r.SupplyPage(raw); err != nil {
			t.Fatal(err)
		}
	}
	r.mu.Lock()
	r.httpsToo = true
	r.sendFeedback(wire.Feedback{Verified: 5})
	body := r.dueReport(time.Now())
	r.mu.Unlock()
	buf := make([]byte, maxFeedback+1)
	for heard := false; !heard; {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		f, err := opener.Open2(buf[:n])
		if err != nil || f.Pages != 0 && f.Pages != 1 && f.Pages != 2 {
			t.Fatalf("%+v, %v", f, err)
		}
		heard = f.Pages == 2 && f.Verified == 5
	}
	if f, err := format2.ParseFeedback(body); err != nil || f.Pages != 2 || f.Verified != 5 {
		t.Errorf("over HTTPS: %+v, %v", f, err)
	}
}
