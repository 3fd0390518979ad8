//go:build linux

package e2e

import (
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestPauseAndResume: in the middle nothing of the files is sent for three seconds, and in the end hardly more than
// one copy has been on the wire: what was verified before the pause is not sent again.
func TestPauseAndResume(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 3, Rate: "50mbit"})
	pcs := room(s, 3)
	for _, pc := range pcs {
		pc.receive()
	}
	const size = 32 << 20
	path, sum := s.randomFile("big.bin", size)
	sent := func() uint64 {
		n, err := s.lab.SentBytes()
		must(t, err)
		return n
	}
	before := sent()
	send, _ := s.host("s").start("send", "lab", path)
	defer s.stop(send, syscall.SIGTERM)
	awaitProgress(s, 20)
	s.host("s").run("", "transfer", "pause", "1")
	time.Sleep(200 * time.Millisecond) // what lies in the queue of the wire
	of := func() uint64 {
		tr := list[groupcast.Transfer](s.host("s"), "transfer", "list")[0]
		return tr.WireBytes + tr.HTTPSBytes
	}
	counted, paused := of(), sent()
	time.Sleep(3 * time.Second)
	if more := sent() - paused; of() != counted || more > 64<<10 { // beside the control channel
		t.Errorf("while it was paused %d bytes were sent, %d of the files", more, of()-counted)
	} else {
		t.Logf("%d bytes in 3 s of pause, all of them of the control channel", more)
	}
	if allGot(pcs, "lab/big.bin", sum) || counted < size/10 {
		t.Fatalf("it was not paused in the middle: %d bytes", counted)
	}
	s.host("s").run("", "transfer", "resume", "1")
	s.await("all to have it", func() bool { return allGot(pcs, "lab/big.bin", sum) })
	wire := float64(of()) / size
	t.Logf("×%.3f by multicast and HTTPS, ×%.3f on the server's card", wire, float64(sent()-before)/size)
	if wire > 1.1 {
		t.Errorf("×%.3f on the wire, want 1.1 at most", wire)
	}
}
