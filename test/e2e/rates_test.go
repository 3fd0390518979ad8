//go:build linux

package e2e

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/test/netlab"
)

// TestRatesHoldOverHTTPS: one receiver is served over HTTPS, and no faster than --rate says.
func TestRatesHoldOverHTTPS(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 1})
	pcs := room(s, 1)
	pcs[0].receive()
	path, sum := s.randomFile("image.bin", 2<<20)
	start := time.Now()
	s.host("s").run("", "send", "lab", path, "--rate", "8M")
	took := time.Since(start)
	if !allGot(pcs, "lab/image.bin", sum) {
		t.Fatal("send came back and the file is not there")
	}
	if least := 1900 * time.Millisecond; took < least { // 2 MiB at 1 MB/s, less what may leave at once
		t.Errorf("2 MiB at 8 Mbit/s took %v", took)
	}
}
