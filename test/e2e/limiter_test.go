//go:build linux

package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestACapAboveTheLineIsNotNamed: ports that carry 18 Mbit/s hold a transfer that may use 50, whether the cap is the
// server's or the transfer's own; a cap that the line does carry is named. The first second is left out: the ports'
// queues fill up before anybody can know.
func TestACapAboveTheLineIsNotNamed(t *testing.T) {
	for _, c := range []struct {
		name   string
		port   string
		serve  []string
		send   []string
		capped bool
	}{
		{"the server's", "18mbit", []string{"--max-rate", "50M"}, nil, false},
		{"its own", "18mbit", nil, []string{"--rate", "50M"}, false},
		{"below the line", "100mbit", nil, []string{"--rate", "18M"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, netlab.Config{Receivers: 3, PortRate: c.port}, c.serve...)
			for _, pc := range room(s, 3) {
				pc.receive()
			}
			path, _ := s.randomFile("image.bin", 30<<20)
			s.host("s").run("", append([]string{"send", "lab", path, "--detach"}, c.send...)...)
			named := map[string]int{}
			for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
				var tr groupcast.Transfer
				must(t, json.Unmarshal([]byte(s.host("s").run("", "transfer", "show", "1", "--json")), &tr))
				if v := tr.Session; v != nil && tr.WireBytes > 2<<20 {
					named[v.Limiter]++
				}
			}
			t.Logf("named: %v", named)
			caps, line := named["cap"], named["wire"]+named["network loss"]
			if least := 4; c.capped && caps < least || !c.capped && (caps > 0 || line < least) {
				t.Errorf("named: %v", named)
			}
		})
	}
}
