package sender

import (
	"testing"

	"github.com/groupcast/groupcast/internal/content/contenttest"
)

func TestSharesOfAnInterface(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), 0)
	r.endpoint.cfg.MaxRate = 1000
	second, err := New(r.sender.cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.endpoint.addSession(r.sender)
	r.endpoint.addSession(second)
	if n := len(r.endpoint.running[r.sender.link]); n != 2 {
		t.Errorf("%d sessions share", n)
	}
	r.endpoint.removeSession(second)
	r.endpoint.removeSession(r.sender)
	second.Stop()
	if len(r.endpoint.tags) != 1 {
		t.Errorf("%d tags for one session", len(r.endpoint.tags))
	}
}
